"""Moves the journal into the database, exactly once, in a process of its own (step 9).

``python -m cti.records.forwarder --site FILE``, started by the server, follows the journal while it is written. It may
be killed at any moment: how far it came lies in the database, in the same transaction as what it brought there. While
the database cannot be reached the journal grows and the forwarder tries again, after 1 s, then more rarely, at most
30 s apart. Journal files that are wholly in the database are deleted, all but the newest ``journal_files``. Imports the
site's customer file at start, when it has changed. Ends on SIGTERM or SIGINT, or when the server is gone, having
brought over what is there. What it has to say it writes to standard error, one JSON object a line.

Stepped runs call ``Forwarder.forward_once`` themselves.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from cti.errors import StoreError, TipringError
from cti.records.frames import Damage
from cti.records.journal_read import Tail, files, first_serial, last_boot
from cti.records.store import Store, open_store

BATCH = 1000
IDLE_S = 0.2
RETRY_S = 1.0
RETRY_MAX_S = 30.0
BACK = "the database is back"
Say = Callable[[str, str, str], None]
"""(level, text, event): event is away when the database cannot be reached, back when it can again, else empty."""


class Forwarder:
    """Journal to store."""

    def __init__(
        self, store: Store, journal: Path, *, on_damage: Callable[[Damage], None] | None = None, keep_files: int = 64
    ) -> None:
        """journal: the journal's folder. The store must have been migrated."""
        self._store = store
        self._journal = journal
        self._on_damage = on_damage
        self._keep_files = keep_files
        self._tail: Tail | None = None
        self.forwarded = 0

    def forward_once(self) -> int:
        """Brings over everything that the journal holds now; returns how many events. Raises StoreError."""
        count = 0
        while self._batch():
            count += 1
        self.forwarded += (done := self._done)
        self._done = 0
        if done:
            self._delete_old()
        return done

    _done = 0

    def _batch(self) -> bool:
        if self._tail is None:
            if (boot := last_boot(self._journal)) is not None:
                self._store.belongs(boot)
            self._tail = Tail(self._journal, self._store.position(), self._on_damage)
        entries = self._tail.poll(BATCH)
        if not entries:
            return False
        try:
            self._done += self._store.forward(entries)
        except StoreError:
            self._tail = None  # read again from where the database is
            raise
        return True

    def _delete_old(self) -> None:
        """Files whose every record is in the database, but not the newest keep_files."""
        listing = files(self._journal)
        surplus = listing[: -self._keep_files] if self._keep_files else []
        if not surplus:
            return
        at = self._store.position()
        for file, following in zip(surplus, listing[1:], strict=False):
            if first_serial(following) > at + 1:
                break
            file.unlink(missing_ok=True)


def follow(forwarder: Forwarder, wait: Callable[[float], bool], say: Say) -> None:
    """Forwards until wait(seconds) returns True, and once more. A database that fails, or a disk that does not give the
    journal's files, is tried ever more rarely."""
    retry = 0.0
    away = stop = False
    while not stop:
        pause = IDLE_S
        try:
            forwarder.forward_once()
        except (StoreError, OSError) as error:
            retry = pause = min(retry * 2 or RETRY_S, RETRY_MAX_S)
            away = away or isinstance(error, StoreError)
            say("error", f"{error}; tried again in {retry:g} s", _away(error))
        else:
            if away:
                say("info", BACK, "back")
            retry, away = 0.0, False
        stop = wait(pause)
    try:
        forwarder.forward_once()
    except (StoreError, OSError) as error:
        say("error", f"{error}; the rest stays in the journal", _away(error))


def _away(error: Exception) -> str:
    return "away" if isinstance(error, StoreError) else ""


def main(argv: Sequence[str] | None = None) -> int:
    """The process."""
    parser = argparse.ArgumentParser(prog="python -m cti.records.forwarder", description="Journal to database.")
    parser.add_argument("--site", required=True, type=Path, metavar="FILE")
    args = parser.parse_args(argv)
    from cti.customers.numbering import NumberPlan
    from cti.site.config import load_site

    with suppress(PermissionError):  # leads a session: then nobody's Ctrl-C is ours
        os.setpgid(0, 0)  # Ctrl-C is for the server, which ends us after its own last words
    wait = _waiter()
    try:
        site = load_site(args.site)
        plan = NumberPlan(site.site.country, site.site.area_code)
    except TipringError as error:
        _say("error", str(error))
        return 2
    pause = RETRY_S
    while True:
        try:
            store = open_store(site.database_url, plan)
            break
        except StoreError as error:
            _say("error", f"{error}; tried again in {pause:g} s", "away")
            if wait(pause):
                return 1
            pause = min(pause * 2, RETRY_MAX_S)
    _say("info", BACK if pause > RETRY_S else "records go to the database", "back")  # one before us may have missed it
    try:
        if site.customers is not None:
            imported = store.import_customers(Path(site.customers))
            for fault in imported.faults:
                _say("warning", str(fault))
    except StoreError as error:
        _say("error", f"customers were not imported: {error}")
    forwarder = Forwarder(
        store, site.journal, on_damage=lambda damage: _say("error", str(damage)), keep_files=site.limits.journal_files
    )
    follow(forwarder, wait, _say)
    store.close()
    return 0


def _waiter() -> Callable[[float], bool]:
    """wait(seconds): True when the process shall end: a signal came, or the parent is gone."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    parent = os.getppid()
    asked = False

    def wait(seconds: float) -> bool:
        nonlocal asked
        if not asked:
            asked = bool(select.select([read], [], [], seconds)[0])
        return asked or os.getppid() != parent

    return wait


def _say(level: str, text: str, event: str = "") -> None:
    line = msgspec.json.encode({"part": "forwarder", "level": level, "text": text, "event": event})
    sys.stderr.buffer.write(line + b"\n")
    sys.stderr.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())

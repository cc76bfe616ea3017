"""`tipring bench journal`: how fast events are written down, safe, and brought into the database.

The events of answered calls, with their names and numbers, in the order in which calls that overlap make them. Written
with the thread that brings them onto the disk, as in production. References in the same run: the bare system call
with the same bytes (append), and sqlite3 with one bare table of the same payloads (forward).
"""

from __future__ import annotations

import argparse
import os
import queue
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cti.records.events import Event
    from cti.records.journal import Journal
    from drivers.clock import SteppedClock

HELP = "events a second appended and brought into SQLite, and how soon one is on the disk"
TOGETHER = 30
BATCH = 1000
CALL: tuple[tuple[float, str, str, dict[str, Any]], ...] = (
    (0.0, "step", "inferred", {"n": 1}),
    (0.0, "step", "smdi", {"n": 2}),
    (0.0, "ani", "smdi", {"ani": "13800138000", "dnis": "2000", "form": "smdi", "truncated": False}),
    (0.0, "step", "smdi", {"n": 3}),
    (0.0, "port", "port", {"extension": "2001", "desk": 1, "line": 1}),
    (0.1, "step", "smdi", {"n": 4}),
    (0.5, "answered", "vru", {}),
    (0.5, "step", "vru", {"n": 5}),
    (6.0, "menu", "vru", {"choice": "1", "group": "sales", "language": "zh"}),
    (6.0, "step", "acd", {"n": 6}),
    (6.0, "queued", "acd", {"group": "sales", "place": 1}),
    (6.5, "step", "vru", {"n": 7}),
    (6.5, "offered", "acd", {"agent": "1002", "extension": "8002"}),
    (6.6, "step", "desk", {"n": 8}),
    (11.0, "connected", "port", {"agent": "1002"}),
    (71.3, "smdr", "smdr", {"raw": "01/05/26 09:01AM 8002", "fields": {"extension": "8002", "duration_s": 60}}),
    (71.3, "step", "smdr", {"n": 9}),
    (71.3, "talk_ended", "smdr", {}),
    (71.3, "outcome", "smdr", {"outcome": "answered"}),
    (71.3, "ended", "smdr", {}),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How much and where."""
    parser.add_argument("--calls", type=int, default=1500, help=f"of {len(CALL)} events each, a round (default 1500)")
    parser.add_argument("--rounds", type=int, default=3, help="medians are told (default 3)")
    parser.add_argument("--dir", type=Path, help="a folder on the disk in question (default: temporary files)")


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Events a second of both, with their references, and the time to the disk."""
    from cti.errors import TipringError

    if args.calls < 1 or args.rounds < 1:
        raise TipringError("--calls and --rounds are 1 or more")
    rounds = []
    for _ in range(args.rounds):
        try:
            with tempfile.TemporaryDirectory(prefix="tipring-bench-", dir=args.dir) as folder:
                rounds.append(_round(Path(folder), args.calls))
        except OSError as error:
            raise TipringError(f"{error.filename or args.dir}: {error.strerror}") from error
    found: dict[str, Any] = {"events": args.calls * len(CALL)}
    for key in rounds[0]:
        found[key] = round(median(row[key] for row in rounds), 2)
    return found


def show(result: dict[str, Any]) -> None:
    """For people."""
    print(f"append   {result['append_per_s']:9.0f} events a second, {result['append_ratio']:.2f} of bare write()")
    print(f"on disk  {result['durable_ms']:9.1f} ms later (median; longest {result['durable_max_ms']:.1f})")
    print(
        f"forward  {result['forward_per_s']:9.0f} events a second into SQLite, {result['forward_ratio']:.2f} of sqlite3"
    )
    print(f"         {result['calls_per_hour']:9.0f} calls an hour")


def _events(clock: SteppedClock, calls: int) -> Iterator[Event]:
    from cti.records.events import Event

    began = clock.now()
    for first in range(0, calls, TOGETHER):
        for after_s, kind, source, data in CALL:
            for number in range(first, min(calls, first + TOGETHER)):
                at = began + timedelta(seconds=number * 4 + after_s)
                yield Event(f"1-{number + 1:06d}", kind, at, source, None, number % TOGETHER, data)  # type: ignore[arg-type]


def _round(folder: Path, calls: int) -> dict[str, float]:
    from cti.records.forwarder import Forwarder
    from cti.records.journal import Journal
    from cti.records.journal_read import files
    from cti.records.store import open_store
    from drivers.clock import SteppedClock

    clock = SteppedClock()
    events = list(_events(clock, calls))
    count = len(events)
    turn: queue.SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]]] = queue.SimpleQueue()
    journal = Journal(clock, folder / "journal", "thread", from_thread=lambda f, *args: turn.put((f, args)))
    try:
        append_s = _took(lambda: [journal.append(event) for event in events])
        durable = _durable(journal, events[0], turn)
    finally:
        journal.close()
    payloads = [entry.read_bytes() for entry in files(folder / "journal")]
    size = max(1, sum(map(len, payloads)) // count)
    fd = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    record = bytes(size)
    write_s = _took(lambda: [os.write(fd, record) for _ in range(count)])
    os.close(fd)
    store = open_store(f"sqlite:///{folder}/records.db")
    try:
        forwarder = Forwarder(store, folder / "journal")
        forward_s = _took(forwarder.forward_once)
        rows = store.count()
    finally:
        store.close()
    assert rows == calls, f"{rows} rows of {calls} calls"
    bare_s = _took(lambda: _bare_sqlite(folder / "bare.db", record, count))
    return {
        "append_per_s": count / append_s,
        "append_ratio": write_s / append_s,
        "durable_ms": 1e3 * median(durable),
        "durable_max_ms": 1e3 * max(durable),
        "forward_per_s": count / forward_s,
        "forward_ratio": bare_s / forward_s,
        "calls_per_hour": calls / forward_s * 3600,
    }


def _took(what: Callable[[], object]) -> float:
    began = time.perf_counter()
    what()
    return time.perf_counter() - began


def _durable(journal: Journal, event: Event, turn: queue.SimpleQueue[Any]) -> list[float]:
    """From append to the news that the disk has it, one event at a time."""
    found = []
    for _ in range(20):
        began = time.perf_counter()
        serial = journal.append(event)
        while journal.safe < serial:
            function, args = turn.get(timeout=10)
            function(*args)
        found.append(time.perf_counter() - began)
    return found


def _bare_sqlite(path: Path, record: bytes, count: int) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("CREATE TABLE event (serial INTEGER PRIMARY KEY, payload BLOB)")
    for first in range(0, count, BATCH):
        connection.execute("BEGIN IMMEDIATE")
        many = ((number, record) for number in range(first, min(count, first + BATCH)))
        connection.executemany("INSERT INTO event VALUES (?, ?)", many)
        connection.execute("COMMIT")
    connection.close()

"""What `tipring recordings` and `tipring messages` share: who asks, what is done with the files found, until when they
are kept (step 9)."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cti.recordings.rights import Listener
    from cti.records.store import Store
    from cti.site.config import Site

ACTS = ("play", "export", "hold", "release")
Heading = tuple[str, bool]
"""Its text, and whether its column holds numbers."""


def add_arguments(parser: argparse.ArgumentParser, look: str, which: str, noun: str) -> None:
    """look: the word for listing them; which: how one is named."""
    parser.add_argument(
        "do",
        choices=(look, *ACTS),
        help=f"{look} them, hear one, copy them; put them under hold (保全), or not any more",
    )
    parser.add_argument("which", nargs="*", metavar=which, help="these alone")
    parser.add_argument("-c", "--config", default="conf/site.yaml", metavar="FILE", help="site file (conf/site.yaml)")
    parser.add_argument("--since", metavar="TIME", help="30m, 2h, 1d, today, 2026-01-05 or 2026-01-05T09:00")
    parser.add_argument("--ani", metavar="NUMBER", help="only this caller's: any way of writing, or the number's end")
    parser.add_argument("--limit", type=int, default=100, metavar="N", help="at most so many (100)")
    parser.add_argument("--json", action="store_true", help=f"{look}: one JSON object a {noun}")
    parser.add_argument("--going", action="store_true", help=f"{look}: those that are removed in the coming night")
    parser.add_argument("--to", metavar="FOLDER", help="export: where they are copied, with index.jsonl")
    parser.add_argument("--why", metavar="TEXT", help="hold: why they are kept, as a file number")
    parser.add_argument("--as", dest="who", metavar="AGENT", help="as this agent, by password")
    parser.add_argument("--password-file", metavar="FILE", help="with --as: its first line is the password")


def check(args: argparse.Namespace, look: str, named: str) -> None:
    """What belongs together; named: what one is named by. TipringError."""
    from cti.errors import TipringError

    if args.do == "play" and len(args.which) != 1:
        raise TipringError(f"play hears one: write its {named}, as `{look}` shows it")
    if args.do == "export" and args.to is None:
        raise TipringError("export needs --to FOLDER")
    if args.do in ("hold", "release") and not args.which:
        raise TipringError(f"{args.do} needs to know which: write the {named}, as `{look}` shows it")
    if args.do == "hold" and not args.why:
        raise TipringError('hold needs a reason: --why "complaint 2026-17"')


def listener(
    args: argparse.Namespace,
    site: Site,
    folder: Path,
    agent: Callable[[Site, str, str, Callable[[str, str], bool]], Listener],
) -> Listener:
    """Who asks: the server's user, or with --as an agent (by `agent` of cti.recordings.rights). NotAllowed."""
    from cti.commands.agent import Keyboard, read_password
    from cti.desk.passwords import verify
    from cti.recordings import rights

    if args.who is None:
        return rights.on_the_server(folder, os.geteuid())
    if args.do in ("hold", "release"):
        raise rights.NotAllowed(f"only the server's user may {args.do} what is kept")
    return agent(site, args.who, read_password(args.password_file, Keyboard(0)), verify)


@dataclass(frozen=True, slots=True)
class Asked:
    """By whom, and where it is looked for."""

    site: Site
    who: Listener
    since: datetime | None
    store: Store


@contextmanager
def asked(
    args: argparse.Namespace,
    look: str,
    named: str,
    folder: Callable[[Site], Path],
    agent: Callable[[Site, str, str, Callable[[str, str], bool]], Listener],
) -> Iterator[Asked]:
    """Who asks may do so; the records are open meanwhile. TipringError as of `check` and `listener`."""
    from cti.commands.calls import asked_since
    from cti.customers.numbering import NumberPlan
    from cti.records.store import existing_store
    from cti.site.config import load_site

    site = load_site(args.config)
    check(args, look, named)
    who, since = listener(args, site, folder(site), agent), asked_since(args, site)
    store = existing_store(site.database_url, NumberPlan(site.site.country, site.site.area_code))
    try:
        yield Asked(site, who, since, store)
    finally:
        store.close()


def why_none(args: argparse.Namespace, look: str, left: str, *, hears_all: bool) -> str:
    """left: what there is none of, in words; who may not hear all is not told which of the others there are."""
    within = [f"--{name}" for name in ("since", "ani") if getattr(args, name)]
    found = left if hears_all else "there is none that you may hear"
    return found + (f" within {' and '.join(within)}" if within else "") + f"; `{look}` shows what there is"


@dataclass(frozen=True, slots=True)
class Kept:
    """Until when a file stays: ``until``, the day before whose night it goes; None: for ever, or it is under hold."""

    until: date | None = None
    hold: str | None = None
    there: bool = True

    @property
    def text(self) -> str:
        """For a table."""
        if not self.there:
            return "removed 已删除"
        if self.hold is not None:
            return f"held 保全: {self.hold}"
        return "" if self.until is None else self.until.isoformat()

    @property
    def about(self) -> dict[str, Any]:
        """For JSON."""
        return {"removed": not self.there, "goes_on": self.until, "hold": self.hold}


def kept(path: Path, day: Callable[[], date], keep_days: int | None) -> Kept:
    """Of this file, which is of that day."""
    from cti.recordings import holds
    from cti.recordings.aging import goes_on

    if not path.is_file():
        return Kept(there=False)
    held = holds.held(path)
    if held is not None or keep_days is None:
        return Kept(hold=held.why if held is not None else None)
    return Kept(goes_on(day(), keep_days))


def going(kept: Kept, site: Site) -> bool:
    """In the coming night, or overdue."""
    from datetime import timedelta

    tomorrow = (datetime.now(UTC).astimezone(site.zone) + timedelta(days=1)).date()
    return kept.until is not None and kept.until <= tomorrow


def act(
    args: argparse.Namespace, folder: Path, who: Listener, files: Sequence[tuple[Path, dict[str, Any]]], **how: Any
) -> int:
    """Plays, exports, holds or releases these."""
    from cti.errors import TipringError
    from cti.recordings import hearing, holds, rights

    def now() -> datetime:
        return datetime.now(UTC)

    for path, _ in files:
        if not path.is_file():
            raise TipringError(f"{path} is not there; was it moved, or taken away?")
    if args.do == "play":
        hearing.play(folder, now, who, [path for path, _ in files])
        return 0
    if args.do == "export":
        hearing.export(folder, now, who, files, Path(args.to), **how)
        print(f"{len(files)} exported to {args.to}")
        return 0
    done = again = 0
    try:
        for path, _ in files:
            name, was = path.relative_to(folder).as_posix(), holds.held(path) is not None
            if args.do == "hold":
                rights.note(folder, now(), who, args.do, name, args.why)
                holds.hold(path, holds.Hold(now(), who.name, args.why))
                done, again = done + 1, again + was
            elif was:
                rights.note(folder, now(), who, args.do, name)
                done += holds.release(path)
    except OSError as error:
        raise TipringError(f"{error.filename}: {error.strerror}") from error
    if args.do == "hold":
        before = f"; {again} held before, now for this reason 原已保全，改记新原因" if again else ""
        print(f"{done} under hold 保全{before}")
    else:
        rest = len(files) - done
        print(f"{done} released 解除保全" + (f"; {rest} not under hold 未保全" if rest else ""))
    return 0


def show(headings: Iterable[Heading], rows: Iterable[Sequence[str]], noun: str, last: str = "") -> None:
    """A table, and under it how many there are."""
    from rich import box
    from rich.table import Table

    from cti.commands.pages import cells, page

    console = page(200)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading, number in headings:
        table.add_column(heading, no_wrap=True, justify="right" if number else "left")
    count = 0
    for row in rows:
        table.add_row(*cells(*row))
        count += 1
    console.print(table)
    console.print(f"{count} {noun}{'s' if count != 1 else ''}{last}")

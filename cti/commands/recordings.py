"""`tipring recordings`: finds recorded conversations, plays one, exports some; each by right (recordings.rights)."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cti.recordings.rights import Listener
    from cti.records.recorded import RecordingRow
    from cti.records.store import Store
    from cti.site.config import Site

NAME = "recordings"
HELP = "recorded conversations: find, play, export (录音查询、播放、导出)"

EXAMPLES = """\
examples:
  tipring recordings find --since today --agent 1001
  tipring recordings find --ani 13800138000 --json
  tipring recordings play 12-000034                      a call's, by its number (tipring calls)
  tipring recordings play 2026-11-22/093015-12-000034.wav
  tipring recordings export --since 7d --agent 1001 --to /mnt/audit
  tipring recordings find --as 1001                      as an agent, by password: what `recordings:` allows
left is the caller, right are all agents. Who played or exported what is noted in access.jsonl of the folder.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, with which, as whom."""
    parser.epilog = EXAMPLES
    parser.add_argument("do", choices=("find", "play", "export"), help="list them, hear one, copy them")
    parser.add_argument("which", nargs="*", metavar="CALL|FILE", help="of these calls, or these files")
    parser.add_argument("-c", "--config", default="conf/site.yaml", metavar="FILE", help="site file (conf/site.yaml)")
    parser.add_argument("--since", metavar="TIME", help="30m, 2h, 1d, today, 2026-01-05 or 2026-01-05T09:00")
    parser.add_argument("--ani", metavar="NUMBER", help="only this caller's: any way of writing, or the number's end")
    parser.add_argument("--agent", metavar="ID", help="only those in which this agent speaks")
    parser.add_argument("--limit", type=int, default=100, metavar="N", help="at most so many (100)")
    parser.add_argument("--json", action="store_true", help="find: one JSON object a recording")
    parser.add_argument("--to", metavar="FOLDER", help="export: where they are copied, with index.jsonl")
    parser.add_argument("--mono", action="store_true", help="export: both sides mixed into one channel")
    add_who(parser)


def add_who(parser: argparse.ArgumentParser) -> None:
    """Who wants to hear."""
    parser.add_argument("--as", dest="who", metavar="AGENT", help="as this agent, by password")
    parser.add_argument("--password-file", metavar="FILE", help="with --as: its first line is the password")


def run(args: argparse.Namespace) -> int:
    """Reads the database and the files; the server need not be running."""
    from cti.commands.calls import asked_since
    from cti.customers.numbering import NumberPlan
    from cti.errors import TipringError
    from cti.records.store import existing_store
    from cti.site.config import load_site

    site = load_site(args.config)
    if args.do == "play" and len(args.which) != 1:
        raise TipringError("play hears one: write its call or file, as `tipring recordings find` shows them")
    if args.do == "export" and args.to is None:
        raise TipringError("export needs --to FOLDER")
    who = _listener(args, site)
    since = asked_since(args, site)
    store = existing_store(site.database_url, NumberPlan(site.site.country, site.site.area_code))
    try:
        rows = _wanted(args, store, who, since)
    finally:
        store.close()
    if args.do == "find":
        _show(rows, site, args.json)
        return 0
    kept = [row for row in rows if row.seconds is not None and not row.removed]
    if not kept:
        raise TipringError(_why_none(rows, site))
    return _play(site, who, kept) if args.do == "play" else _export(site, who, kept, Path(args.to), args.mono)


def _listener(args: argparse.Namespace, site: Site) -> Listener:
    from cti.desk.passwords import verify
    from cti.recordings import rights

    if args.who is None:
        return rights.on_the_server(site.recordings, os.geteuid())
    return rights.agent(site, args.who, asked_password(args), verify)


def now() -> datetime:
    """When it is heard."""
    return datetime.now(UTC)


def asked_password(args: argparse.Namespace) -> str:
    """With --as: from the file, or the terminal."""
    from cti.commands.agent import Keyboard, read_password

    return read_password(args.password_file, Keyboard(0))


def _wanted(args: argparse.Namespace, store: Store, who: Listener, since: datetime | None) -> list[RecordingRow]:
    from cti.recordings.rights import NotAllowed

    agents = who.agents
    if args.agent is not None:
        if agents is not None and args.agent not in agents:
            raise NotAllowed(f"{who.name} may not hear agent {args.agent}")
        agents = (args.agent,)
    if not args.which:
        return store.recordings(since=since, ani=args.ani, agents=agents, limit=args.limit)
    rows: list[RecordingRow] = []
    for name in args.which:
        by: Any = {"file": name} if name.endswith(".wav") else {"call": name}
        rows += store.recordings(**by, since=since, ani=args.ani, agents=agents, limit=args.limit)
    return rows


def _why_none(rows: list[RecordingRow], site: Site) -> str:
    if any(row.removed for row in rows):
        return f"there was one; it was removed after {site.recording.keep_days} days (recording.keep_days)"
    if rows:
        return "it is still being recorded"
    if site.switch != "card":
        return "nothing is recorded behind a PBX: caller and agent talk where no port of ours hears them"
    return "there is none that you may hear; `tipring recordings find` shows what there is"


def as_json(row: RecordingRow) -> dict[str, Any]:
    """A recording as others read it."""
    return {name: getattr(row, name) for name in row.__struct_fields__}


def _show(rows: list[RecordingRow], site: Site, json: bool) -> None:
    import msgspec
    from rich import box
    from rich.console import Console
    from rich.table import Table

    if json:
        for row in rows:
            print(msgspec.json.encode(as_json(row)).decode())
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("began 开始", "call 呼叫", "ANI 主叫", "agents 坐席", "file 文件"):
        table.add_column(heading, no_wrap=True)
    table.add_column("s 秒", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for row in rows:
        table.add_row(
            f"{row.began_at.astimezone(site.zone):%Y-%m-%d %H:%M:%S}",
            row.call or "",
            row.ani or "",
            " ".join(row.agents),
            row.file,
            "…" if row.seconds is None else f"{row.seconds:.1f}",
            "removed 已删除" if row.removed else "" if row.why in (None, "stopped") else row.why,
        )
    console.print(table)
    console.print(f"{len(rows)} recording{'s' if len(rows) != 1 else ''}")
    if not rows and site.switch != "card":
        console.print(_why_none(rows, site))


def _play(site: Site, who: Listener, rows: list[RecordingRow]) -> int:
    from cti.recordings.hearing import play

    # the parts of a call in their order
    play(site.recordings, now, who, [_path(site, row) for row in reversed(rows)])
    return 0


def _export(site: Site, who: Listener, rows: list[RecordingRow], to: Path, mono: bool) -> int:
    from cti.recordings.hearing import export

    export(site.recordings, now, who, [(_path(site, row), as_json(row)) for row in rows], to, mono=mono)
    print(f"{len(rows)} exported to {to}")
    return 0


def _path(site: Site, row: RecordingRow) -> Path:
    from cti.errors import TipringError

    path = site.recordings / row.file
    if not path.is_file():
        raise TipringError(f"{path} is not there; was recording.folder changed, or the file taken away?")
    return path

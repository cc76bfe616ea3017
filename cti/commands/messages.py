"""`tipring messages`: the messages that callers left: lists them, plays one, copies some; each by right (step 9)."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from cti.commands.recordings import add_who, asked_password, now

if TYPE_CHECKING:
    from cti.recordings.rights import Listener
    from cti.records.row import CallRow
    from cti.site.config import Site

NAME = "messages"
HELP = "messages that callers left: list, play, export (留言查询、播放、导出)"

EXAMPLES = """\
examples:
  tipring messages list --since today
  tipring messages list --group sales --json
  tipring messages play 12-000034                       by the call's number
  tipring messages export --since 7d --to /mnt/messages
  tipring messages play 12-000034 --as 1001             as an agent, by password: those left for the agent's groups
Who played or exported which is noted in messages/access.jsonl of the state folder.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, with which, as whom."""
    parser.epilog = EXAMPLES
    parser.add_argument("do", choices=("list", "play", "export"), help="list them, hear one, copy them")
    parser.add_argument("which", nargs="*", metavar="CALL", help="left by these calls")
    parser.add_argument("-c", "--config", default="conf/site.yaml", metavar="FILE", help="site file (conf/site.yaml)")
    parser.add_argument("--since", metavar="TIME", help="30m, 2h, 1d, today, 2026-01-05 or 2026-01-05T09:00")
    parser.add_argument("--ani", metavar="NUMBER", help="only this caller's: any way of writing, or the number's end")
    parser.add_argument("--group", metavar="NAME", help="only those left for this group")
    parser.add_argument("--limit", type=int, default=100, metavar="N", help="at most so many (100)")
    parser.add_argument("--json", action="store_true", help="list: one JSON object a message")
    parser.add_argument("--to", metavar="FOLDER", help="export: where they are copied, with index.jsonl")
    add_who(parser)


def run(args: argparse.Namespace) -> int:
    """Reads the database and the files; the server need not be running."""
    from cti.commands.calls import asked_since
    from cti.customers.numbering import NumberPlan
    from cti.errors import TipringError
    from cti.recordings import hearing
    from cti.records.store import existing_store
    from cti.site.config import load_site

    site = load_site(args.config)
    if args.do == "play" and len(args.which) != 1:
        raise TipringError("play hears one: write its call, as `tipring messages list` shows it")
    if args.do == "export" and args.to is None:
        raise TipringError("export needs --to FOLDER")
    who = _listener(args, site)
    groups = _groups(args, site, who)
    since = asked_since(args, site)
    store = existing_store(site.database_url, NumberPlan(site.site.country, site.site.area_code))
    try:
        rows = store.messages(
            since=since, calls=args.which or None, ani=args.ani, groups=groups, limit=args.limit
        )  # fmt: skip
    finally:
        store.close()
    if args.do == "list":
        _show(rows, site, args.json)
        return 0
    if not rows:
        raise TipringError("there is none that you may hear; `tipring messages list` shows what there is")
    files = [(_path(site, row), as_json(row)) for row in rows]
    if args.do == "play":
        hearing.play(site.messages, now, who, [path for path, _ in files])
    else:
        hearing.export(site.messages, now, who, files, Path(args.to))
        print(f"{len(rows)} exported to {args.to}")
    return 0


def _listener(args: argparse.Namespace, site: Site) -> Listener:
    from cti.desk.passwords import verify
    from cti.recordings import rights

    if args.who is None:
        return rights.on_the_server(site.messages, os.geteuid())
    return rights.of_messages(site, args.who, asked_password(args), verify)


def _groups(args: argparse.Namespace, site: Site, who: Listener) -> tuple[str, ...] | None:
    """Left for which groups; None: for any, or for none."""
    from cti.errors import TipringError
    from cti.recordings.rights import NotAllowed

    if args.group is None:
        return who.groups
    names = [group.name for group in site.groups]
    if args.group not in names:
        raise TipringError(f"there is no group {args.group!r}; there are {', '.join(names)}")
    if who.groups is not None and args.group not in who.groups:
        raise NotAllowed(f"{who.name} is not in group {args.group}")
    return (args.group,)


def _path(site: Site, row: CallRow) -> Path:
    from cti.errors import TipringError

    path = site.messages / Path(row.message_path or "").name
    if not path.is_file():
        raise TipringError(f"{path} is not there; was the file taken away?")
    return path


def as_json(row: CallRow) -> dict[str, object]:
    """A message as others read it."""
    return {
        "call": row.id,
        "at": row.started_at,
        "ani": row.ani,
        "dnis": row.dnis,
        "group": row.group_name,
        "seconds": row.message_s,
        "file": Path(row.message_path or "").name,
    }


def _show(rows: list[CallRow], site: Site, json: bool) -> None:
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
    for heading in ("call began 来电", "call 通话编号", "ANI 主叫", "group 技能组"):
        table.add_column(heading, no_wrap=True)
    table.add_column("s 秒", justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            f"{row.started_at.astimezone(site.zone):%Y-%m-%d %H:%M:%S}",
            row.id,
            row.ani or "",
            row.group_name or "",
            "" if row.message_s is None else f"{row.message_s:.1f}",
        )
    console.print(table)
    console.print(f"{len(rows)} message{'s' if len(rows) != 1 else ''}")

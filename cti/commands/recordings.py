"""`tipring recordings`: finds recorded conversations, plays one, exports some; each by right (recordings.rights)."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cti.commands import listening

if TYPE_CHECKING:
    from cti.commands.listening import Kept
    from cti.recordings.rights import Listener
    from cti.records.recorded import RecordingRow
    from cti.records.store import Store
    from cti.site.config import Site

NAME = "recordings"
FIND = "tipring recordings find"
HELP = "recorded conversations: find, play, export, hold (录音查询、播放、导出、保全)"

EXAMPLES = """\
examples:
  tipring recordings find --since today --agent 1001
  tipring recordings find --ani 13800138000 --json
  tipring recordings find --going                        what the server removes in the coming night
  tipring recordings play 12-000034                      a call's, by its number (tipring calls)
  tipring recordings play 2026-11-22/093015-12-000034.wav
  tipring recordings export --since 7d --agent 1001 --to /mnt/audit
  tipring recordings find --as 1001                      as an agent, by password: what `recordings:` allows
  tipring recordings hold 12-000034 --why "complaint 17" is not removed by its age, until `release`
left is the caller, right are all agents. Who played, exported or held what is noted in access.jsonl of the folder.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, with which, as whom."""
    parser.epilog = EXAMPLES
    listening.add_arguments(parser, "find", "CALL|FILE", "recording")
    parser.add_argument("--agent", metavar="ID", help="only those in which this agent speaks")
    parser.add_argument("--mono", action="store_true", help="export: both sides mixed into one channel")


def run(args: argparse.Namespace) -> int:
    """Reads the database and the files; the server need not be running."""
    from cti.errors import TipringError
    from cti.recordings import rights

    with listening.asked(args, FIND, "call or file", lambda site: site.recordings, rights.agent) as to:
        site, rows = to.site, _wanted(args, to.store, to.who, to.since)
    if args.do == "find":
        _show(rows, site, args)
        return 0
    kept = [row for row in rows if row.seconds is not None and not row.removed]
    if not kept:
        raise TipringError(_why_none(args, rows, site, hears_all=to.who.agents is None))
    if args.do == "play":
        kept.reverse()  # the parts of a call in their order
    files = [(site.recordings / row.file, as_json(row)) for row in kept]
    return listening.act(args, site.recordings, to.who, files, mono=args.mono)


def _wanted(args: argparse.Namespace, store: Store, who: Listener, since: datetime | None) -> list[RecordingRow]:
    from cti.recordings.rights import NotAllowed

    agents = who.agents
    if args.agent is not None:
        if agents is not None and args.agent not in agents:
            raise NotAllowed(f"{who.name} may not hear agent {args.agent}")
        agents = (args.agent,)
    limit = None if args.going else args.limit
    if not args.which:
        return store.recordings(since=since, ani=args.ani, agents=agents, limit=limit)
    rows: list[RecordingRow] = []
    for name in args.which:
        by: Any = {"file": name} if name.endswith(".wav") else {"call": name}
        rows += store.recordings(**by, since=since, ani=args.ani, agents=agents, limit=limit)
    return rows


def _why_none(args: argparse.Namespace, rows: list[RecordingRow], site: Site, *, hears_all: bool = True) -> str:
    if any(row.removed for row in rows):
        return "there was one; it was removed by its age (recording.keep_days)"
    if rows:
        return "it is still being recorded"
    if site.switch != "card":
        return "nothing is recorded behind a PBX: caller and agent talk where no port of ours hears them"
    left = f"nothing is recorded of {', '.join(args.which)}" if args.which else "there is no recording"
    left += f" with agent {args.agent}" if args.agent else ""
    return listening.why_none(args, FIND, left, hears_all=hears_all)


def as_json(row: RecordingRow) -> dict[str, Any]:
    """A recording as others read it."""
    return {name: getattr(row, name) for name in row.__struct_fields__}


def _kept(site: Site, row: RecordingRow) -> Kept:
    from cti.recordings.files import day_of

    if row.seconds is None or row.removed:
        return listening.Kept(there=not row.removed)
    path = site.recordings / row.file
    return listening.kept(path, lambda: day_of(row.file), site.recording.keep_days)


def _show(rows: list[RecordingRow], site: Site, args: argparse.Namespace) -> None:
    import msgspec

    kept = [(row, _kept(site, row)) for row in rows]
    if args.going:
        kept = [(row, how) for row, how in kept if listening.going(how, site)]
    if args.json:
        for row, how in kept:
            print(msgspec.json.encode({**as_json(row), **how.about}).decode())
        return
    listening.show(
        [(text, False) for text in ("began 开始", "call 通话编号", "ANI 主叫", "agents 坐席", "file 文件")]
        + [("s 秒", True), ("", False), ("kept until 保留至", False)],
        (
            (
                f"{row.began_at.astimezone(site.zone):%Y-%m-%d %H:%M:%S}",
                row.call or "",
                row.ani or "",
                " ".join(row.agents),
                row.file,
                "…" if row.seconds is None else f"{row.seconds:.1f}",
                "" if row.why in (None, "stopped") else str(row.why),
                how.text,
            )
            for row, how in kept
        ),
        "recording",
        "" if rows or site.switch == "card" else f"\n{_why_none(args, rows, site)}",
    )

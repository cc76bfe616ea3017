"""`tipring messages`: the messages that callers left: lists them, plays one, copies some; each by right (step 9)."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cti.commands import listening

if TYPE_CHECKING:
    from cti.commands.listening import Kept
    from cti.recordings.rights import Listener
    from cti.records.row import CallRow
    from cti.site.config import Site

NAME = "messages"
LIST = "tipring messages list"
HELP = "messages that callers left: list, play, export, hold (留言查询、播放、导出、保全)"

EXAMPLES = """\
examples:
  tipring messages list --since today
  tipring messages list --group sales --json
  tipring messages list --going                         what the server removes in the coming night
  tipring messages play 12-000034                       by the call's number
  tipring messages export --since 7d --to /mnt/messages
  tipring messages play 12-000034 --as 1001             as an agent, by password: those left for the agent's groups
  tipring messages hold 12-000034 --why "complaint 17"  is not removed by its age, until `release`
Who played, exported or held which is noted in messages/access.jsonl of the state folder.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, with which, as whom."""
    parser.epilog = EXAMPLES
    listening.add_arguments(parser, "list", "CALL", "message")
    parser.add_argument("--group", metavar="NAME", help="only those left for this group")


def run(args: argparse.Namespace) -> int:
    """Reads the database and the files; the server need not be running."""
    from cti.errors import TipringError
    from cti.recordings import rights

    with listening.asked(args, LIST, "call", lambda site: site.messages, rights.of_messages) as to:
        site, limit = to.site, None if args.going else args.limit
        groups = _groups(args, site, to.who)
        rows = to.store.messages(since=to.since, calls=args.which or None, ani=args.ani, groups=groups, limit=limit)
    if args.do == "list":
        _show(rows, site, args)
        return 0
    if not rows:
        left = f"call {', '.join(args.which)} left no message" if args.which else "there is no message"
        left += f" for {args.group}" if args.group else ""
        raise TipringError(listening.why_none(args, LIST, left, hears_all=to.who.groups is None))
    files = [(path_of(site, row), as_json(row)) for row in rows]
    return listening.act(args, site.messages, to.who, files)


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


def path_of(site: Site, row: CallRow) -> Path:
    """Where its sound is, or was."""
    return site.messages / Path(row.message_path or "").name


def as_json(row: CallRow) -> dict[str, Any]:
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


def _kept(site: Site, row: CallRow) -> Kept:
    from cti.recordings.messages import day_of

    path = path_of(site, row)
    return listening.kept(path, lambda: day_of(path, site.zone), site.limits.messages_keep_days)


def _show(rows: list[CallRow], site: Site, args: argparse.Namespace) -> None:
    import msgspec

    kept = [(row, _kept(site, row)) for row in rows]
    if args.going:
        kept = [(row, how) for row, how in kept if listening.going(how, site)]
    if args.json:
        for row, how in kept:
            print(msgspec.json.encode({**as_json(row), **how.about}).decode())
        return
    listening.show(
        [(text, False) for text in ("call began 来电", "call 通话编号", "ANI 主叫", "group 技能组")]
        + [("s 秒", True), ("kept until 保留至", False)],
        (
            (
                f"{row.started_at.astimezone(site.zone):%Y-%m-%d %H:%M:%S}",
                row.id,
                row.ani or "",
                row.group_name or "",
                "" if row.message_s is None else f"{row.message_s:.1f}",
                how.text,
            )
            for row, how in kept
        ),
        "message",
    )

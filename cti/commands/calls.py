"""`tipring calls`: the calls in the records, newest first, as a table or one JSON object a line."""

from __future__ import annotations

import argparse
import re
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

from cti.records.outcome import OUTCOMES

if TYPE_CHECKING:
    from cti.records.row import CallRow
    from cti.site.config import Site

NAME = "calls"
HELP = "the calls in the records, newest first"


KINDS = {"inward": "呼入", "outward": "呼出", "internal": "内部"}
EXAMPLES = """\
examples:
  tipring calls -c site.yaml                              the last hundred
  tipring calls -c site.yaml --since today --outcome abandoned_queue
  tipring calls -c site.yaml --since today --recorded missing
  tipring calls -c site.yaml --ani 13800138000            one caller's
  tipring calls -c site.yaml --agent 1001 --kind outward  what an agent called outside
  tipring calls -c site.yaml --since 1d --json --limit 100000 > calls.jsonl
steps: 1 central office, 2 ANI and DNIS, 3 port, 4 RS232, 5 menu, 6 queue, 7 transfer, 8 pop-up, 9 record; · never came
"""


MOST = 1_000_000_000
"""Of rows, in one answer."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which site, which calls, how to print."""
    parser.epilog = EXAMPLES
    parser.add_argument("-c", "--config", default="conf/site.yaml", metavar="FILE", help="site file (conf/site.yaml)")
    parser.add_argument(
        "--since", metavar="TIME", help="30m, 2h, 1d, today, 2026-01-05 or 2026-01-05T09:00, site's time"
    )
    parser.add_argument(
        "--kind",
        choices=("inward", "outward", "internal", "all"),
        default="all",
        help="callers' (inward), or what agents called: outside (outward), inside (internal)",
    )
    parser.add_argument("--outcome", choices=OUTCOMES, help="only calls that ended like this")
    parser.add_argument(
        "--recorded",
        choices=("smdr", "doubtful", "missing"),
        help="only calls of which the PBX's record came (smdr), may be damaged or another's (doubtful), did not come",
    )
    parser.add_argument("--ani", metavar="NUMBER", help="only with this number: any way of writing, or its end")
    parser.add_argument("--agent", metavar="ID", help="only this agent's")
    parser.add_argument("--limit", type=int, default=100, metavar="N", help="at most so many (100)")
    parser.add_argument("--json", action="store_true", help="one JSON object a call")


def run(args: argparse.Namespace) -> int:
    """Reads the database; the server need not be running."""

    from cti.customers.numbering import NumberPlan
    from cti.records.store import existing_store
    from cti.site.config import load_site

    site = load_site(args.config)
    since = asked_since(args, site)
    store = existing_store(site.database_url, NumberPlan(site.site.country, site.site.area_code))
    kind = None if args.kind == "all" else args.kind
    rows = store.calls(
        since=since,
        outcome=args.outcome,
        ani=args.ani,
        agent=args.agent,
        kind=kind,
        recorded=args.recorded,
        limit=args.limit,
    )
    store.close()
    if args.json:
        import msgspec

        for row in rows:
            print(msgspec.json.encode(as_json(row)).decode())
    else:
        _table(rows, site.zone)
    return 0


def asked_since(args: argparse.Namespace, site: Site) -> datetime | None:
    """What --since means at this site, None for all. Raises TipringError for that, a --limit, or an --ani, that cannot
    be."""
    from datetime import UTC

    from cti.errors import TipringError

    if not 1 <= args.limit <= MOST:
        raise TipringError(f"--limit {args.limit}: write a number from 1 to {MOST}")
    ani = getattr(args, "ani", None)
    if ani is not None and not any(map(str.isdecimal, ani)):
        raise TipringError(f"--ani {ani!r}: has no digit; write a number, or its end")
    try:
        return None if args.since is None else moment(args.since, datetime.now(UTC).astimezone(site.zone))
    except ValueError as error:
        raise TipringError(str(error)) from error


def moment(text: str, now: datetime) -> datetime:
    """The time that --since means. Raises ValueError for anything else, and what lies before 1970."""
    if text == "today":
        return now.replace(hour=0, minute=0, second=0, microsecond=0)
    ago = re.fullmatch(r"(\d{1,6})([mhd])", text)
    units = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
    try:
        at = now - int(ago[1]) * units[ago[2]] if ago else datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        at = datetime.min
    if at.year < 1970:
        raise ValueError(f"--since {text}: write 30m, 2h, 1d, today, 2026-01-05 or 2026-01-05T09:00")
    return at if at.tzinfo is not None else at.replace(tzinfo=now.tzinfo)


def as_json(row: CallRow) -> dict[str, Any]:
    """A row as others read it: without serial numbers and clocks; steps as {"1": {"at", "source"}}."""
    import msgspec

    hidden = ("first_serial", "last_serial", "queue_clock", "talk_clock", "smdr_fields", "steps", "id")
    shown: dict[str, Any] = {"call": row.id}
    shown |= {name: getattr(row, name) for name in row.__struct_fields__ if name not in hidden}
    shown["smdr"] = None if row.smdr_fields is None else msgspec.json.decode(row.smdr_fields)
    shown["steps"] = {str(n): {"at": step.at, "source": step.source} for n, step in sorted(row.steps.items())}
    return shown


def of_record(row: CallRow) -> str:
    """Why the PBX's record is doubtful or missing, in words; "": it is neither."""
    if row.recorded not in ("doubtful", "missing"):
        return ""
    return row.recorded + (f": {row.recorded_why}" if row.recorded_why else "")


def _table(rows: list[CallRow], zone: tzinfo) -> None:
    from rich import box
    from rich.table import Table

    from cti.commands.pages import cells, page

    console = page(200)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in (
        "call 通话编号",
        "kind 类别",
        "began 开始",
        "ANI 主叫",
        "DNIS 被叫",
        "group 技能组",
        "agent 坐席",
        "outcome 结果",
    ):
        table.add_column(heading, no_wrap=True)
    for heading in ("wait 等待 s", "talk 通话 s", "steps 步骤"):
        table.add_column(heading, justify="right", no_wrap=True)
    marked = any(map(of_record, rows))
    if marked:
        table.add_column("record 话单")
    for row in rows:
        ani = (row.ani or "") + ("…" if row.ani_truncated else "") + ("?" if row.ani_doubt else "")
        table.add_row(
            *cells(
                row.id,
                KINDS.get(row.kind, row.kind),
                f"{row.started_at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
                ani,
                row.dnis,
                row.group_name,
                row.agent,
                row.outcome or "…",
                "" if row.wait_s is None else f"{row.wait_s:.1f}",
                "" if row.talk_s is None or row.ended_at is None else f"{row.talk_s:.1f}",
                "".join(str(n) if n in row.steps else "·" for n in range(1, 10)),
                *([of_record(row)] if marked else []),
            )
        )
    console.print(table)
    console.print(f"{len(rows)} call{'s' if len(rows) != 1 else ''}")

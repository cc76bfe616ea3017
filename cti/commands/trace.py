"""`tipring trace CALL`: one call through the nine steps, with times and sources, and then every event of it."""

from __future__ import annotations

import argparse
from datetime import tzinfo
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cti.records.events import Entry
    from cti.records.row import CallRow

NAME = "trace"
HELP = "one call through the nine steps, with times and sources, and every event of it"

STEPS: Final = (
    ("enters the central office", "电话进入市话局"),
    ("PBX has ANI and DNIS", "取得主叫、被叫号码"),
    ("hunted to a VRU port", "选中 VRU 端口"),
    ("PBX tells the VRU", "通知 VRU"),
    ("menu", "VRU 播放菜单"),
    ("queue", "进入技能组队列"),
    ("transfer to the agent", "转接坐席"),
    ("pop-up", "坐席弹屏"),
    ("record, agent idle", "话单，坐席空闲"),
)


EXAMPLES = """\
examples:
  tipring calls -c site.yaml --limit 5         which calls there are
  tipring trace -c site.yaml 1-000042
  tipring trace -c site.yaml 1-000042 --json
  tipring trace -c site.yaml 1-000042 --signalling       on an E1: R2 codes and tones, or PRI messages in hex
sources: port (heard or seen on the line), smdi, mci and smdr (the PBX's serial lines), dtmf (digits on the line), trunk
(the signalling of our own line), switch (our own cards), vru, acd, desk, server, inferred
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which call of which site."""
    parser.epilog = EXAMPLES
    parser.add_argument("call", metavar="CALL", help="the call's id, as `tipring calls` shows it")
    parser.add_argument("-c", "--config", default="conf/site.yaml", metavar="FILE", help="site file (conf/site.yaml)")
    parser.add_argument(
        "--signalling", action="store_true", help="a ladder of what was said on the trunk: bits and tones, or messages"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object: the row, its steps, its events")


def run(args: argparse.Namespace) -> int:
    """Reads the database; the server need not be running. 1 when there is no such call."""
    import sys

    from cti.commands.calls import as_json
    from cti.records.store import existing_store
    from cti.site.config import load_site

    site = load_site(args.config)
    store = existing_store(site.database_url)
    row, events = store.call(args.call), store.events(args.call)
    store.close()
    if row is None:
        print(f"tipring trace: there is no call {args.call}; `tipring calls` lists them", file=sys.stderr)
        return 1
    if args.signalling:
        found = [entry.event.data for entry in events if entry.event.kind == "signalling"]
        if not found:
            text = "nothing of its signalling was kept: no E1, not over yet, or keep_signalling in the site file"
            print(f"tipring trace: call {args.call}: {text}", file=sys.stderr)
            return 1
        from cti.trunks.signals import shown

        print("\n\n".join(map(shown, found)))
        return 0
    if args.json:
        import msgspec

        print(msgspec.json.encode({**as_json(row), "events": events}).decode())
        return 0
    told = [*steps(row, events, site.zone), ""] if row.kind == "inward" else []
    print("\n".join([*head(row, site.zone), "", *told, *lines(events, site.zone)]))
    return 0


def head(row: CallRow, zone: tzinfo) -> list[str]:
    """What the call was, in three lines, and a fourth where the PBX's record is doubtful or missing."""
    from cti.commands.calls import of_record
    from cti.errors import printable
    from cti.records.outcome import MEANING

    words = next((meaning for outcome, meaning in MEANING.items() if outcome == row.outcome), ("under way", "进行中"))
    cause = f" ({row.cause})" if row.cause else ""
    ani = (row.ani or "unknown") + (" cut off" if row.ani_truncated else "") + (" late" if row.ani_late else "")
    ani += f" in doubt ({row.ani_doubt})" if row.ani_doubt else ""
    seconds = "  ".join(
        f"{name} {value:.1f} s"
        for name, value in (("waited", row.wait_s), ("talked", row.talk_s if row.ended_at else None))
        if value is not None
    )
    ani = ani if row.kind == "inward" else row.agent_extension or "unknown"
    record = [f"record 话单: {printable(of_record(row))}"] if of_record(row) else []
    return [
        f"call {row.id}  {row.started_at.astimezone(zone):%Y-%m-%d %H:%M:%S}  ANI {ani}  DNIS {row.dnis or 'unknown'}",
        f"{row.outcome or '…'}: {words[0]} {words[1]}{cause}",
        "  ".join(part for part in (f"agent {row.agent}" if row.agent else "", seconds) if part) or "no agent",
        *record,
    ]


def steps(row: CallRow, events: list[Entry], zone: tzinfo) -> list[str]:
    """The nine steps; those that the call never came to are shown as such."""
    began = [(entry, at) for entry, at in _began(events) if entry.boot == events[0].boot]  # each boot counts anew
    clocks = {entry.event.data.get("n"): at for entry, at in began if entry.event.kind == "step"}
    start = min((at for _, at in began), default=0.0)
    found = []
    for n, (english, chinese) in enumerate(STEPS, 1):
        step = row.steps.get(n)
        when = "-" if step is None else f"{step.at.astimezone(zone):%H:%M:%S.%f}"[:-3]
        after = "" if step is None or n not in clocks else f"+{clocks[n] - start:.2f} s"
        source = "" if step is None else step.source
        found.append(f"  {n}  {when:>12}  {after:>10}  {source:<8}  {english} {chinese}".rstrip())
    return found


def _began(events: list[Entry]) -> list[tuple[Entry, float]]:
    """Each event with the moment at which it happened, by the clock of durations: a step may be told later, as one that
    began so long ago or with an earlier step."""
    found, steps = [], dict[object, float]()
    for entry in events:
        at, data = entry.seconds - _ago(entry), entry.event.data
        if entry.event.kind == "step":
            at = steps.setdefault(data.get("n"), steps.get(data.get("with"), at))
        found.append((entry, at))
    return found


def _ago(entry: Entry) -> float:
    """A step that was told later: by how much."""
    ago = entry.event.data.get("ago", 0.0)
    return float(ago) if isinstance(ago, int | float) else 0.0


def lines(events: list[Entry], zone: tzinfo) -> list[str]:
    """Every event on a line, as they were told: seconds since the call began and time of day at which it happened, and
    where it was told later, when; source, kind, data."""
    import msgspec

    from cti.errors import printable

    found = []
    moments = _began(events)
    start = min((at for entry, at in moments if entry.boot == events[0].boot), default=0.0)
    for entry, at in moments:
        event = entry.event
        if event.kind == "signalling":  # see --signalling
            event = msgspec.structs.replace(event, data={**event.data, "steps": len(event.data.get("steps", ()))})
        where = "".join(
            [f" agent {event.agent}" if event.agent else "", "" if event.port is None else f" port {event.port}"]
        )
        data = printable(msgspec.json.encode(event.data).decode()) if event.data else ""
        boot = entry.boot != events[0].boot
        after = "restart" if boot else f"+{at - start:.2f}"
        late = "" if boot or entry.seconds - at < 0.01 else f" (told +{entry.seconds - start:.2f})"
        when = f"{event.t.astimezone(zone):%H:%M:%S.%f}"[:-3]
        found.append(f"  {after:>9}  {when}  {event.source:<8}  {event.kind:<10} {data}{where}{late}".rstrip())
    return found

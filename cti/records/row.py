"""From a call's events to its row: a pure function, so that every row can be made again from the events at any time.

``reduce(row, entries)`` may be fed all events at once or a few at a time, the result is the same. It trusts nothing in
an event's data: a field of the wrong type counts as absent, and no event can make it raise. Durations come from the
journal's monotonic seconds, so a wall clock set back or forward during a call does not touch them; the times of day are
what the clock said. Serves step 9.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from cti.database.values import clean, name, whole
from cti.records.events import BOOT_SPAN, Entry, Event
from cti.records.outcome import MEANING


class StepAt(msgspec.Struct, frozen=True):
    """When one of the nine steps began, and from whom we know it."""

    at: datetime
    source: str


class CallRow(msgspec.Struct):
    """One call as the reports see it. The columns of the table ``call`` are these fields, steps aside."""

    id: str
    first_serial: int
    last_serial: int
    started_at: datetime  # of the first event
    kind: str = "inward"  # a caller's; or an agent's own: outward, to somebody outside, or internal
    answered_at: datetime | None = None  # the VRU went off-hook
    queued_at: datetime | None = None
    connected_at: datetime | None = None  # caller and agent began to talk
    talk_ended_at: datetime | None = None
    ended_at: datetime | None = None
    ani: str | None = None
    ani_source: str | None = None
    ani_form: str | None = None
    ani_truncated: bool = False
    ani_late: bool = False
    ani_doubt: str | None = None  # why it is nobody's for certain: serial_damaged, port_map, sources_differ ...
    dnis: str | None = None
    port: int | None = None  # of the card
    extension: str | None = None  # of that port at the PBX
    desk: int | None = None
    line: int | None = None
    language: str | None = None
    menu_choice: str | None = None
    group_name: str | None = None
    place: int | None = None  # in the queue, at entry
    agent: str | None = None  # who talked, or was offered the call last
    agent_extension: str | None = None
    offers: int = 0
    no_answers: int = 0
    busies: int = 0
    outcome: str | None = None
    cause: str | None = None
    wait_s: float | None = None  # from the queue to the agent's answer, or to the end
    talk_s: float | None = None  # null: no talk, or one in which the server was killed
    message_path: str | None = None
    message_s: float | None = None
    smdr_raw: str | None = None
    smdr_fields: str | None = None  # JSON
    # smdr: by the PBX's own record; doubtful: by one that may be damaged; missing: none came in time; null: not known
    recorded: str | None = None
    recorded_why: str | None = None  # why it is doubtful, or missing
    alarms: int = 0
    queue_clock: float | None = None  # monotonic seconds at which the wait began; null when it is over
    talk_clock: float | None = None
    steps: dict[int, StepAt] = {}


def reduce(row: CallRow | None, entries: Iterable[Entry]) -> CallRow | None:
    """The row after these events of one call. Events that it has already seen (by serial number) change nothing."""
    if row is not None:
        row = copy.copy(row)
        row.steps = dict(row.steps)
    for entry in entries:
        event = entry.event
        if row is None:
            if event.call is None:
                continue
            row = CallRow(name(event.call), entry.serial, entry.serial, event.t, steps={})
        elif entry.serial <= row.last_serial:
            continue
        row.last_serial = entry.serial
        apply = _BY_KIND.get(event.kind)
        if apply is not None:
            apply(row, entry, event, event.data)
    return row


def _text(data: dict[str, Any], field: str) -> str | None:
    value = data.get(field)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return clean(str(value)) or None


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return round(float(value), 3) if 0 <= value < 1e9 and math.isfinite(value) else None


def _since(row: CallRow, mark: float | None, entry: Entry) -> float | None:
    """Seconds since a mark; None without one, or after a restart of the server (its clock began anew)."""
    if mark is None or entry.boot != row.first_serial // BOOT_SPAN:
        return None
    return _seconds(entry.seconds - mark)


def _own(row: CallRow, entry: Entry, event: Event, data: dict[str, Any]) -> None:
    row.kind = "outward" if data.get("kind") == "outward" else "internal"
    row.dnis = _text(data, "to") or row.dnis
    _who(row, event, data)


def _step(row: CallRow, entry: Entry, event: Event, data: dict[str, Any]) -> None:
    n = whole(data.get("n"))
    if n is not None and 1 <= n <= 9 and n not in row.steps:
        row.steps[n] = StepAt(event.t, event.source)
    if n == 9 and event.source == "smdr":
        row.recorded, row.recorded_why = "smdr", None


def _ani(row: CallRow, entry: Entry, event: Event, data: dict[str, Any]) -> None:
    ani = _text(data, "ani")
    if ani is not None:
        row.ani, row.ani_source, row.ani_form = ani, event.source, _text(data, "form")
        row.ani_truncated = data.get("truncated") is True
        row.ani_doubt = _text(data, "doubt")
        row.ani_late = row.ani_late or data.get("late") is True
    row.dnis = _text(data, "dnis") or row.dnis


def _port(row: CallRow, entry: Entry, event: Event, data: dict[str, Any]) -> None:
    port = whole(event.port)
    row.port = row.port if port is None else port
    row.extension = _text(data, "extension") or row.extension
    row.desk, row.line = whole(data.get("desk")), whole(data.get("line"))


def _answered(row: CallRow, entry: Entry, event: Event, data: dict[str, Any]) -> None:
    row.answered_at = row.answered_at or event.t


def _menu(row: CallRow, entry: Entry, event: Event, data: dict[str, Any]) -> None:
    row.menu_choice = _text(data, "choice") or row.menu_choice
    row.group_name = _text(data, "group") or row.group_name
    row.language = _text(data, "language") or row.language


def _queued(row: CallRow, entry: Entry, event: Event, data: dict[str, Any]) -> None:
    row.group_name = _text(data, "group") or row.group_name
    if row.queued_at is None:
        row.queued_at, row.place = event.t, whole(data.get("place"))
        if row.wait_s is None:
            row.queue_clock = entry.seconds


def _offered(row: CallRow, entry: Entry, event: Event, data: dict[str, Any]) -> None:
    row.offers += 1
    _who(row, event, data)


def _who(row: CallRow, event: Event, data: dict[str, Any]) -> None:
    agent = _text(data, "agent") or event.agent
    if agent:
        agent = name(agent)
        if agent != row.agent:
            row.agent_extension = None
        row.agent = agent
    row.agent_extension = _text(data, "extension") or row.agent_extension


def _given_back(row: CallRow, entry: Entry, event: Event, data: dict[str, Any]) -> None:
    row.group_name = _text(data, "group") or row.group_name


def _no_answer(row: CallRow, entry: Entry, event: Event, data: dict[str, Any]) -> None:
    row.no_answers += 1


def _busy(row: CallRow, entry: Entry, event: Event, data: dict[str, Any]) -> None:
    row.busies += 1


def _connected(row: CallRow, entry: Entry, event: Event, data: dict[str, Any]) -> None:
    _who(row, event, data)
    row.connected_at = row.connected_at or event.t
    _wait_over(row, entry)
    row.talk_clock = entry.seconds
    row.talk_s = row.talk_s or 0.0


def _wait_over(row: CallRow, entry: Entry) -> None:
    waited = _since(row, row.queue_clock, entry)
    row.queue_clock = None
    row.wait_s = row.wait_s if waited is None else waited


def _talk_over(row: CallRow, entry: Entry, told: float | None) -> None:
    if row.talk_clock is None and told is None:
        return
    talked = _since(row, row.talk_clock, entry) if told is None else told
    row.talk_clock = None
    # of a talk in which the server was killed nobody knows the length
    row.talk_s = None if talked is None else _seconds((row.talk_s or 0.0) + talked)


def _talk_ended(row: CallRow, entry: Entry, event: Event, data: dict[str, Any]) -> None:
    """Seconds told by the event (the PBX measured them) count before our own."""
    row.talk_ended_at = event.t
    _talk_over(row, entry, _seconds(data.get("seconds")))


def _message(row: CallRow, entry: Entry, event: Event, data: dict[str, Any]) -> None:
    row.message_path = _text(data, "path") or row.message_path
    row.message_s = _seconds(data.get("seconds"))


def _smdr(row: CallRow, entry: Entry, event: Event, data: dict[str, Any]) -> None:
    """A record that came after the end of the talk may tell better how long it was (``talk_s``) than what we measured
    (``instead_of``). That of our own port's part does not replace the agent's."""
    if data.get("leg") == "vru":
        if row.recorded in ("smdr", "doubtful"):
            return
    elif (doubt := _text(data, "doubt")) is not None:
        row.recorded, row.recorded_why = "doubtful", doubt
    row.smdr_raw = _text(data, "raw") or row.smdr_raw
    told, measured = _seconds(data.get("talk_s")), _seconds(data.get("instead_of"))
    if told is not None and measured is not None and row.talk_s is not None:
        row.talk_s = _seconds(max(row.talk_s - measured, 0.0) + told)
    fields = data.get("fields")
    if isinstance(fields, dict):
        try:
            row.smdr_fields = clean(msgspec.json.encode(fields, order="sorted").decode())
        except (TypeError, ValueError, RecursionError):
            row.smdr_fields = None


def _doubted(row: CallRow, entry: Entry, event: Event, data: dict[str, Any]) -> None:
    if row.recorded == "smdr":
        row.recorded, row.recorded_why = "doubtful", _text(data, "why")


def _unrecorded(row: CallRow, entry: Entry, event: Event, data: dict[str, Any]) -> None:
    if row.recorded is None:
        row.recorded, row.recorded_why = "missing", _text(data, "why")


def _alarm(row: CallRow, entry: Entry, event: Event, data: dict[str, Any]) -> None:
    row.alarms += 1


def _outcome(row: CallRow, entry: Entry, event: Event, data: dict[str, Any]) -> None:
    """What a server writes that was started again after it had stopped in the middle of a call is not all of the truth:
    a caller who talked to an agent goes on talking behind the PBX."""
    told = _text(data, "outcome")
    if told == "failed" and event.source == "server" and (had := _judge(row)) in ("answered", "message"):
        row.outcome, row.cause = had, _text(data, "cause")
    elif told in MEANING:
        row.outcome, row.cause = told, _text(data, "cause")
    else:
        row.outcome, row.cause = "failed", f"unknown outcome {told}"
    _wait_over(row, entry)


def _ended(row: CallRow, entry: Entry, event: Event, data: dict[str, Any]) -> None:
    row.ended_at = row.ended_at or event.t
    if row.outcome is None:
        row.outcome, row.cause = _judge(row), "inferred"
    _wait_over(row, entry)
    _talk_over(row, entry, None)


def _judge(row: CallRow) -> str:
    """The outcome of a call that ended without anyone saying it."""
    if row.connected_at is not None:
        return "answered"
    if row.message_path is not None:
        return "message"
    if row.queued_at is not None:
        return "abandoned_queue"
    return "abandoned_ring" if row.answered_at is None else "abandoned_menu"


_BY_KIND = {
    "own": _own,
    "step": _step,
    "ani": _ani,
    "port": _port,
    "answered": _answered,
    "menu": _menu,
    "queued": _queued,
    "offered": _offered,
    "given_back": _given_back,
    "no_answer": _no_answer,
    "busy": _busy,
    "connected": _connected,
    "talk_ended": _talk_ended,
    "message": _message,
    "smdr": _smdr,
    "doubted": _doubted,
    "unrecorded": _unrecorded,
    "alarm": _alarm,
    "outcome": _outcome,
    "ended": _ended,
}

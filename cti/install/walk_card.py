"""Judges the steps of the checklist that only a site has whose own cards are the switch: telephones, trunks, calls out.

As in cti.install.walk: from the server's `status` (None: it does not run; with the
trunks of `tipring span show`) and the rows of calls since the walk began.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cti.install.walk_steps import few
from cti.records.row import CallRow
from cti.site.config import Site
from cti.site.emergency import emergency_of
from cti.site.trunks import FxoTrunk, R2Trunk, Trunk

Judged = tuple[bool, str]
NOT_RUNNING = "the server does not run"


def _cards(site: Site, status: Mapping[str, Any] | None, rows: Sequence[CallRow]) -> Judged:
    """Channels and telephones; a handset that is up rings for nobody."""
    if status is None:
        return False, NOT_RUNNING
    alarms = [str(port["extension"]) for port in status["ports"] if port["state"] == "alarm"]
    alarms += [f"{seat['seat']} ({', '.join(seat['alarms'])})" for seat in status["seats"] if seat["alarms"]]
    lifted = [str(seat["seat"]) for seat in status["seats"] if seat["off_hook"] and not seat["connections"]]
    wrong = [f"in alarm: {few(alarms)}"] if alarms else []
    wrong += [f"off-hook without a call: {few(lifted)}"] if lifted else []
    right = f"{len(status['ports'])} channels, {len(status['seats'])} telephones, none in alarm"
    return not wrong, "; ".join(wrong) or right


def _trunks(site: Site, status: Mapping[str, Any] | None, rows: Sequence[CallRow]) -> Judged:
    if status is None:
        return False, NOT_RUNNING
    said, good = [], bool(status["trunks"])
    for trunk in status["trunks"]:
        wrong = [f"{trunk[what]} {what}" for what in ("blocked", "alarmed") if trunk[what]] + list(trunk["alarms"])
        good = good and not wrong
        amiss = f" ({', '.join(wrong)}: tipring span show {trunk['trunk']} --channels)" if wrong else ""
        said.append(f"{trunk['trunk']}: {trunk['channels']} channels{amiss}")
    return good, "; ".join(said) or "the site has no trunk"


def _incoming(site: Site, status: Mapping[str, Any] | None, rows: Sequence[CallRow]) -> Judged:
    """A trunk whose line does not say who calls needs no number."""
    wanted = [trunk for trunk in site.trunks if _brings(trunk)]
    came = [row for row in rows if row.kind == "inward" and row.answered_at is not None]
    reached = {_trunk_of(row.extension) for row in came}
    named = {_trunk_of(row.extension) for row in came if row.ani}
    missing = [trunk.name for trunk in wanted if trunk.name not in reached]
    nameless = [trunk.name for trunk in wanted if trunk.name in reached - named and _names_callers(trunk)]
    wrong = [f"none yet over {few(missing)}"] if missing else []
    wrong += [f"no caller's number over {few(nameless)}"] if nameless else []
    channels = sorted({row.extension for row in came if row.extension})
    return not wrong, "; ".join([*wrong, f"channels reached: {few(channels) if channels else 'none'}"])


def _seats(site: Site, status: Mapping[str, Any] | None, rows: Sequence[CallRow]) -> Judged:
    """Rang and was lifted: by a caller's call that was answered there, or by that of another telephone."""
    wanted = [extension for row in site.seats for extension in row.extensions()]
    answered = [row for row in rows if row.outcome == "answered"]
    lifted = {row.agent_extension for row in answered if row.kind == "inward"}
    lifted |= {row.dnis for row in answered if row.kind == "internal"}
    missing = [extension for extension in wanted if extension not in lifted]
    if missing:
        return False, f"{len(wanted) - len(missing)} of {len(wanted)}; not yet {few(missing)}"
    return True, f"all {len(wanted)} telephones"


def _out(site: Site, status: Mapping[str, Any] | None, rows: Sequence[CallRow]) -> Judged:
    if not site.routes:
        return (
            False,
            "the site file has no routes: only emergency numbers can be called; leave this step out?",
        )
    tried = [row for row in rows if row.kind == "outward"]
    good = [row for row in tried if row.outcome == "answered"]
    if good:
        return True, f"call {good[0].id} from {good[0].agent_extension} to {good[0].dnis} was answered"
    last = f"; the last one, to {tried[0].dnis}: {tried[0].outcome} ({tried[0].cause})" if tried else ""
    return False, "no such call yet" + last


def _emergency(site: Site, status: Mapping[str, Any] | None, rows: Sequence[CallRow]) -> Judged:
    """Nobody calls the police to try a line: what can be said beforehand is which trunks may carry the number. They go
    over every trunk, those of the routes first (cti.trunks.routes)."""
    numbers = sorted(emergency_of(site))
    ways = [trunk.name for trunk in site.trunks if _goes_out(trunk)]
    if not numbers:
        return False, "the site file names no emergency number"
    if not ways:
        return (
            False,
            f"no trunk may call out: {few(numbers)} cannot be called; see `direction` of the trunks",
        )
    kept = max((route.keep_free for route in site.routes), default=0)
    full = f"{kept} channels kept free" if kept else "see preempt" if site.preempt else "busy (see keep_free)"
    return (
        True,
        f"{few(numbers)} over {few(ways)}; when all are taken: {full}",
    )


def _trunk_of(extension: str | None) -> str:
    """A channel is named TRUNK/SLOT."""
    return (extension or "").rpartition("/")[0]


def _directions(trunk: Trunk) -> set[str]:
    return {trunk.directions.get(slot, trunk.direction) for slot in trunk.slots()}


def _brings(trunk: Trunk) -> bool:
    return _directions(trunk) != {"out"}


def _goes_out(trunk: Trunk) -> bool:
    return _directions(trunk) != {"in"}


def _names_callers(trunk: Trunk) -> bool:
    match trunk:
        case FxoTrunk():
            return trunk.caller_id
        case R2Trunk():
            return trunk.ask_caller != "never"
        case _:
            return True


CARD_JUDGES: dict[str, Callable[[Site, Mapping[str, Any] | None, Sequence[CallRow]], Judged]] = {
    "cards": _cards,
    "trunks": _trunks,
    "incoming": _incoming,
    "seats": _seats,
    "out": _out,
    "emergency": _emergency,
}

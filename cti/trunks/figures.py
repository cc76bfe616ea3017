"""What trunks carry and what their channels do, for people (`tipring span show`) and for Prometheus. Steps 1 to 3."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from drivers.signalling.interface import Trunk


def status(trunks: Iterable[Trunk]) -> list[dict[str, Any]]:
    """Each trunk: its channels by what they do, alarms, seizures, failures by cause, erlang since the start."""
    return [_status(trunk) for trunk in trunks]


def _status(trunk: Trunk) -> dict[str, Any]:
    state, done = trunk.span.state(), trunk.span.statistics()
    return {
        "trunk": trunk.name,
        "channels": state.channels,
        "free": state.free,
        "busy": state.busy,
        "blocked": state.blocked,
        "alarmed": state.alarmed,
        "alarms": list(state.alarms),
        "in": done.seized_in,
        "out": done.seized_out,
        "refused": done.refused,
        "failures": dict(sorted(done.failures.items())),
        "erlang": round(done.erlang, 3),
        "hours": round(done.seconds / 3600, 3),
        "slots": {
            str(slot): {
                "state": trunk.span.is_now(slot),
                "blocked_by": list(trunk.span.blocked_by(slot)),
                "direction": trunk.span.directions[slot],
                "alarms": list(port.state().alarms),
            }
            for slot, port in trunk.span.channels.items()
        },
    }


def channels(trunks: Iterable[Trunk]) -> dict[tuple[str, str], float]:
    """(trunk, state) -> channels."""
    found: dict[tuple[str, str], float] = {}
    for trunk in trunks:
        state = trunk.span.state()
        for name in ("free", "busy", "blocked", "alarmed"):
            found[trunk.name, name] = getattr(state, name)
    return found


def seizures(trunks: Iterable[Trunk]) -> dict[tuple[str, str], float]:
    """(trunk, in, out or refused) -> how many so far; refused: we wanted a channel and none was free."""
    found: dict[tuple[str, str], float] = {}
    for trunk in trunks:
        done = trunk.span.statistics()
        found[trunk.name, "in"], found[trunk.name, "out"] = done.seized_in, done.seized_out
        found[trunk.name, "refused"] = done.refused
    return found


def failures(trunks: Iterable[Trunk]) -> dict[tuple[str, str], float]:
    """(trunk, cause) -> calls that ended before an answer."""
    return {(trunk.name, why): count for trunk in trunks for why, count in trunk.span.statistics().failures.items()}


def busy_seconds(trunks: Iterable[Trunk]) -> dict[str, float]:
    """Trunk -> seconds of seizure, summed over its channels: its rate is the traffic in erlang."""
    return {trunk.name: trunk.span.statistics().busy_s for trunk in trunks}


def erlang(trunks: Iterable[Trunk]) -> dict[str, float]:
    """Trunk -> mean traffic since the start."""
    return {trunk.name: trunk.span.statistics().erlang for trunk in trunks}

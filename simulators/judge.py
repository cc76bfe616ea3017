"""Compares what the server says of its calls with what the world saw: the last word on a simulated run.

The server's calls are plain mappings, as `tipring demo --json` prints them: call, ani, dnis, outcome, steps (number to
seconds), agent, port, wait_s, talk_s. A call is matched to a caller by the VRU port it came to and the time at which it
did, never by its number: that may be what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulators.scenario import Scenario
from simulators.truth import CallTruth, Truth

NEAR_S = 8.0  # a call is looked for so long around the ring of its VRU extension
SAME: dict[str, frozenset[str]] = {
    "answered": frozenset({"answered"}),
    "message": frozenset({"message"}),
    "abandoned_ring": frozenset({"abandoned_ring"}),
    "abandoned_menu": frozenset({"abandoned_menu", "no_choice"}),
    "abandoned_queue": frozenset({"abandoned_queue", "gone_by_choice"}),
    "lost_in_transfer": frozenset({"lost_in_transfer", "abandoned_queue"}),
    "released": frozenset({"no_choice", "gone_by_choice", "queue_full", "overdue", "failed", "lost_in_transfer"}),
}
TALK_TOLERANCE_S = 3.0


@dataclass(frozen=True)
class Finding:
    """One disagreement. `call` is the server's name of the call, None where it has none for this caller."""

    number: int
    call: str | None
    what: str

    def __str__(self) -> str:
        return f"caller {self.number} (call {self.call}): {self.what}"


def match(calls: Sequence[Mapping[str, Any]], truth: Truth, scenario: Scenario) -> dict[int, Mapping[str, Any] | None]:
    """Each caller whose call rang a VRU extension, with the server's call for it, None where there is none."""
    found: dict[int, Mapping[str, Any] | None] = {}
    taken: set[int] = set()
    for number in sorted(truth.calls):
        rings = [
            ring for ring in truth.calls[number].all("rings") if ring.data.get("extension") in scenario.vru_extensions
        ]
        if not rings:
            continue
        found[number] = None
        ring = rings[0]
        port = scenario.vru_extensions.index(str(ring.data["extension"]))
        best: tuple[float, int] | None = None
        for index, call in enumerate(calls):
            began = _step(call, 3)
            if index in taken or call.get("port") != port or began is None:
                continue
            away = abs(began - ring.at_s)
            if away <= NEAR_S and (best is None or away < best[0]):
                best = (away, index)
        if best is not None:
            taken.add(best[1])
            found[number] = calls[best[1]]
    return found


def _step(call: Mapping[str, Any], number: int) -> float | None:
    steps = call.get("steps") or {}
    value = steps.get(str(number), steps.get(number))
    return None if value is None else float(value)


def judge(calls: Sequence[Mapping[str, Any]], truth: Truth, scenario: Scenario) -> list[Finding]:
    """Every disagreement, in the order of the callers. An empty list is a good run."""
    findings: list[Finding] = []
    matched = match(calls, truth, scenario)
    for number, call in matched.items():
        mine = truth.calls[number]
        if call is None:
            findings.append(Finding(number, None, "the server has no call for it"))
        else:
            findings.extend(_compare(number, call, mine, scenario))
    named = {str(call["call"]) for call in matched.values() if call is not None}
    for call in calls:
        if str(call["call"]) not in named:
            findings.append(Finding(0, str(call["call"]), "nobody made this call"))
    return findings


def _compare(number: int, call: Mapping[str, Any], mine: CallTruth, scenario: Scenario) -> list[Finding]:
    name = str(call["call"])
    out: list[Finding] = []

    def differs(what: str) -> None:
        out.append(Finding(number, name, what))

    outcome = str(call.get("outcome"))
    if outcome not in SAME.get(mine.outcome, frozenset()):
        differs(f"outcome {outcome}, the world saw {mine.outcome}")
    lost = mine.first("smdi", fault="lost") is not None or mine.first("caller id") is None
    if call.get("ani") != mine.ani and not (call.get("ani") is None and (lost or mine.outcome == "abandoned_ring")):
        differs(f"ani {call.get('ani')}, the caller's is {mine.ani}")
    if call.get("dnis") is not None and call.get("dnis") != mine.dnis:
        differs(f"dnis {call.get('dnis')}, called was {mine.dnis}")
    extension = mine.agent_extension
    agent = next((plan.desk.agent for plan in scenario.agents if plan.desk.extension == extension), None)
    if call.get("agent") != agent and mine.outcome == "answered":
        differs(f"agent {call.get('agent')}, put through to {agent} ({extension})")
    talked = _talked(mine)
    said = call.get("talk_s")
    if talked is not None and said is not None and mine.outcome == "answered" and abs(said - talked) > TALK_TOLERANCE_S:
        differs(f"talked {said} s, the world saw {talked:.1f} s")
    return out


def _talked(mine: CallTruth) -> float | None:
    through = [happening.at_s for happening in mine.all("through") if happening.data["kind"] == "agent"]
    released = mine.at("released")
    return released - through[-1] if through and released is not None else None


def popups(truth: Truth) -> list[str]:
    """Desks whose telephone rang before the pop-up was shown. Only rings at a desk that is logged in count."""
    wrong = []
    for happening in truth.log:
        if happening.who.startswith("desk ") and happening.what == "rings" and not happening.data["popup"]:
            wrong.append(f"{happening.at_s:.2f} s: {happening.who} rang without a pop-up")
    return wrong

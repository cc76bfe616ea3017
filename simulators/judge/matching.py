"""Which of the server's calls is whose: by the VRU port it came to and the time at which it did, never by its number,
which may be what is wrong. And who left nothing that the server could have seen (steps 1 to 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simulators.judge.told import tellings, whole
from simulators.scenario.scenario import Scenario
from simulators.truth import CallTruth, Truth

NEAR_S = 8.0  # a call is looked for so long around the ring of its VRU extension
# A line that rings again so soon rings on, for who cannot see whose ring it is: the longest pause between two bursts.
RING_PAUSE_S = 6.0
# So long at least a number takes that an extension is sent by DTMF before it rings.
DTMF_S = 2.5
# An unanswered transfer brings its caller back within this time: a ring of which nothing is told may be that.
RECALL_S = 90.0
# Whom the PBX holds rings so soon after the VRU has hung up.
AT_ONCE_S = 6.0


def match(calls: Sequence[Mapping[str, Any]], truth: Truth, scenario: Scenario) -> dict[int, list[Mapping[str, Any]]]:
    """Each caller for whom a VRU extension rang, with the server's calls for it: one for the first ring, and one more
    where a recall found the call already given up."""
    found: dict[int, list[Mapping[str, Any]]] = {}
    near: list[tuple[float, int, int, int]] = []  # how far in time, whether a recall, caller, call
    for number in sorted(truth.calls):
        rings = [
            ring for ring in truth.calls[number].all("rings") if ring.data.get("extension") in scenario.vru_extensions
        ]
        if rings:
            found[number] = []
        for place, ring in enumerate(rings):
            port = scenario.vru_extensions.index(str(ring.data["extension"]))
            for index, call in enumerate(calls):
                began = step(call, 3)
                if call.get("port") == port and began is not None and abs(began - ring.at_s) <= NEAR_S:
                    near.append((abs(began - ring.at_s), place, number, index))
    taken: set[int] = set()
    rung: set[tuple[int, int]] = set()
    for _, place, number, index in sorted(near):
        if index not in taken and (number, place) not in rung:
            taken.add(index)
            rung.add((number, place))
            found[number].append(calls[index])
    for before, after in rang_on(truth, scenario):
        if found.get(before) and not found.get(after, [0]):
            found[after] = found.pop(before)
    for mine in found.values():
        mine.sort(key=lambda call: str(call["call"]))
    return found


def rang_on(truth: Truth, scenario: Scenario) -> list[tuple[int, int]]:
    """Callers who gave up while a VRU extension rang, and those for whom it rang next, before a burst was missing: on
    the line that is one ring, and both have one call, the second caller's."""
    last: dict[str, tuple[int, float]] = {}
    pairs = []
    for one in truth.log:
        extension = str(one.data.get("extension"))
        if one.call is None or one.what != "rings" or extension not in scenario.vru_extensions:
            continue
        before = last.get(extension)
        if before is not None and before[0] != one.call and one.at_s - before[1] <= RING_PAUSE_S:
            pairs.append((before[0], one.call))
        mine = truth.calls[one.call]
        gone = mine.at("released") if mine.outcome == "abandoned_ring" else None
        if gone is not None and not (scenario.pbx.in_band == "dtmf" and gone - one.at_s < DTMF_S):  # had not rung yet
            last[extension] = (one.call, gone)
        else:
            last.pop(extension, None)
    return pairs


def like_a_recall(mine: CallTruth, truth: Truth) -> bool:
    """Was nothing told until the call was answered, or given up, at an extension which the PBX may ring to bring back
    somebody whose transfer failed? It looks like that. In-band caller ID, which is heard out before the answer, says
    who it is; but not in the moment in which the PBX brings back one whose number was never told."""
    rings, lifted = mine.first("rings", extension=mine.rang), mine.first("through")
    first = lifted or mine.first("released")
    if rings is None or first is None:
        return False
    ways = {one.data["way"] for one in whole(mine) if one.at_s < first.at_s} - {"digits"}
    if ways - {"caller id"}:
        return False
    who, since = f"ext {mine.rang}", rings.at_s - RECALL_S
    moves = [one for one in truth.log if one.who == who and since <= one.at_s < rings.at_s]
    tried = [one for one in moves if one.what == "flash" or (one.what == "transfers" and one.data["answered"])]
    if not tried or tried[-1].what != "flash":
        return False
    down = max((one.at_s for one in moves if one.what == "on-hook"), default=0.0)
    return not ways or lifted is None or rings.at_s - down <= AT_ONCE_S


def taken_for(one: CallTruth, other: CallTruth, truth: Truth) -> bool:
    """Did somebody ring and leave, unnamed, where the VRU had hung up on another whom the PBX might bring back?"""
    return one.outcome == "abandoned_ring" and one.rang in other.vru_extensions and like_a_recall(one, truth)


def heard(mine: CallTruth, truth: Truth, scenario: Scenario) -> bool:
    """Was there anything to hear of this caller? A dead port does not ring, and caller ID by DTMF comes before the
    ring: who hangs up meanwhile has not rung."""
    if like_a_recall(mine, truth):
        return False
    if scenario.pbx.in_band == "dtmf" and mine.outcome == "abandoned_ring":
        return False
    live = set(scenario.vru_extensions) - scenario.pbx.no_ring
    cut = {scenario.vru_extensions[port]: at_s for port, at_s in scenario.cuts}
    rings = [one for one in mine.all("rings") if one.data.get("extension") in live]
    return any(one.at_s < cut.get(str(one.data["extension"]), float("inf")) for one in rings)


def message_alone(call: Mapping[str, Any], truth: Truth) -> bool:
    """Is this no call but the message of one, kept and doubted? Where message lines are exchanged, a message names the
    port of another caller, who may have one already: then it is nobody's."""
    if not call.get("ani_doubt") or (call.get("sources") or {}).get("3") == "port":
        return False
    crossed = [one for mine in truth.calls.values() for one in tellings(mine) if one.data["fault"] == "crossed"]
    return any(one.data["calling"] == call["ani"] for one in crossed)


def step(call: Mapping[str, Any], number: int) -> float | None:
    steps = call.get("steps") or {}
    value = steps.get(str(number), steps.get(number))
    return None if value is None else float(value)

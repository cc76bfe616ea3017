"""What the server's row of a call says beside how it ended and who called: the place that rang, the group that the
caller chose, the agent, the nine steps, how long the caller waited (steps 3, 5, 6, 7, 8).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from simulators.scenario.scenario import KEYS, Scenario
from simulators.truth import CallTruth

GROUP_OF = {key: group for group, key in KEYS.items()}
# A call that an agent took has made these. Who calls (2, 4) may be told by nobody; a record (9) may be lost.
MADE = ("1", "3", "5", "6", "7", "8")
# The welcome begins when the PBX has seen the port lifted, and its digits have been heard out.
LIFTED_S = (-1.0, 6.0)
# The flash takes most of a second, and may begin a word later.
FLASHED_S = (-0.5, 2.0)
# The server counts from the key to the agent's answer as it hears it, the world to the joining of both.
WAITED_S = (-4.0, 1.0)


def row_faults(call: Mapping[str, Any], mine: CallTruth, scenario: Scenario) -> Iterator[str]:
    """Every difference but in outcome, numbers, agent and length of the talk."""
    port, extension = call.get("port"), call.get("extension")
    if port is not None and extension not in (None, scenario.vru_extensions[port]):
        yield f"extension {extension}, port {port} is {scenario.vru_extensions[port]}"
    ended = call.get("outcome") in ("answered", "lost_in_transfer")
    if call.get("agent") is not None and not ended and mine.first("recall") is None:  # handed over, and brought back
        yield f"agent {call['agent']} with outcome {call['outcome']}"
    yield from _group(call, mine, scenario)
    if call.get("outcome") == "answered" and mine.outcome == "answered":
        yield from _answered(call, mine, scenario)


def _group(call: Mapping[str, Any], mine: CallTruth, scenario: Scenario) -> Iterator[str]:
    """Who handed a caller on by a button may have chosen another group."""
    chose = mine.first("chose")
    chosen = GROUP_OF.get(str(chose.data["keys"])) if chose is not None else None
    group = call.get("group")
    if not scenario.deeds and group is not None and chosen is not None and group != chosen:
        yield f"group {group}, the caller chose {chosen}"


def _answered(call: Mapping[str, Any], mine: CallTruth, scenario: Scenario) -> Iterator[str]:
    steps = call.get("steps") or {}
    made = (*MADE, *(("2", "4") if call.get("ani") else ()))
    if missing := [number for number in made if number not in steps]:
        yield f"answered without step {', '.join(missing)}"
        return
    if call.get("talk_s") is None or call.get("wait_s") is None:
        yield "answered, and no time waited or talked"
        return
    first = next((one for one in mine.all("answers") if one.data["extension"] == call.get("extension")), None)
    if first is not None and not LIFTED_S[0] <= steps["5"] - first.at_s <= LIFTED_S[1]:
        yield f"step 5 at {steps['5']:.1f} s, the VRU's extension was lifted at {first.at_s:.1f} s"
    flashes = [one.at_s for one in mine.all("flash")]
    if flashes and not any(FLASHED_S[0] <= at_s - steps["7"] <= FLASHED_S[1] for at_s in flashes):
        yield f"step 7 at {steps['7']:.1f} s, the VRU flashed at {flashes[0]:.1f} s"
    through = mine.first("through", kind="agent")
    chose = [one for one in mine.all("chose") if through is not None and one.at_s <= through.at_s]
    if chose and through is not None and not scenario.deeds:
        waited = through.at_s - chose[-1].at_s  # anew, where the server lost the call and had it back
        if not WAITED_S[0] <= call["wait_s"] - waited <= WAITED_S[1]:
            yield f"waited {call['wait_s']:.1f} s, the world saw {waited:.1f} s"

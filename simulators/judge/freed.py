"""When the server took an agent to be free again, against when the agent's talk was really over (step 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulators.judge.judge import match
from simulators.scenario.scenario import Scenario
from simulators.truth import Truth

# The PBX prints a record when the line is released; the world notes it in the same tick.
SAME_S = 1.0
# Nobody needs so long to say that a call is over, and no limit of the server is so long in a simulated run.
STUCK_S = 600.0


@dataclass
class Freed:
    """Of every answered call: how long after its end the agent was freed (seconds, in order), and what went wrong."""

    late_s: list[float] = field(default_factory=list)
    wrongly: list[str] = field(default_factory=list)  # while the agent still talked
    stuck: list[str] = field(default_factory=list)  # much too late, or by the end of the run only

    def __str__(self) -> str:
        if not self.late_s:
            return "nobody talked to an agent"
        late = sorted(self.late_s)
        return (
            f"{len(late)} talks, {len(self.wrongly)} agents freed wrongly, {len(self.stuck)} stuck; freed "
            f"{late[len(late) // 2]:.1f} s after the end (median), {late[len(late) * 99 // 100]:.1f} s (99 %), "
            f"{late[-1]:.1f} s (longest)"
        )


def agents_freed(calls: Sequence[Mapping[str, Any]], truth: Truth, scenario: Scenario) -> Freed:
    """Every talk with an agent that both the server and the world know of."""
    found = Freed()
    for number, theirs in match(calls, truth, scenario).items():
        mine = truth.calls[number]
        released = mine.at("released")
        if mine.agent_extension is None or released is None:
            continue
        for call in theirs:
            name, ended = f"call {call['call']} (caller {number})", call.get("talk_ended")
            if call.get("outcome") != "answered":
                continue
            if ended is None or call.get("cause") == "the server stops":
                found.stuck.append(f"{name}: its agent was not freed before the end of the run")
                continue
            late = float(ended) - released
            found.late_s.append(late)
            if late < -SAME_S:
                found.wrongly.append(f"{name}: its agent was freed {-late:.1f} s before the talk was over")
            elif late > STUCK_S:
                found.stuck.append(f"{name}: its agent was kept {late:.0f} s too long")
    return found

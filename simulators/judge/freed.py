"""When the server took an agent to be free again, against when the agent's talk was really over (step 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from simulators.judge.matching import match
from simulators.scenario.scenario import Scenario
from simulators.truth import CallTruth, Truth

# The PBX prints a record when the line is released; the world notes it in the same tick.
SAME_S = 1.0
# Nobody needs so long to say that a call is over, and no limit of the server is so long in a simulated run.
STUCK_S = 600.0
# An agent with a PC says so five seconds after the handset is down; where the PC was off, it is asked first.
KEPT_S = 20.0


@dataclass
class Freed:
    """Of every answered call: how long after its end the agent was freed (seconds, in order), and what went wrong."""

    late_s: list[float] = field(default_factory=list)
    wrongly: list[str] = field(default_factory=list)  # while the agent still talked; so by the row, or on the screen
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
            elif late > STUCK_S or float(ended) > _says_so(mine, truth, scenario) + KEPT_S:
                found.stuck.append(f"{name}: its agent was kept {late:.0f} s too long")
            shown = _shown_over(str(call["call"]), mine, truth)
            if shown is not None and shown - released < -SAME_S:
                found.wrongly.append(
                    f"{name}: its agent's screen said {released - shown:.1f} s too early that it is over"
                )
    return found


def _says_so(mine: CallTruth, truth: Truth, scenario: Scenario) -> float:
    """When the caller had gone and the agent's handset was down: then the PC tells, if there is one all the time."""
    plan = next((plan for plan in scenario.agents if plan.desk.extension == mine.agent_extension), None)
    through, released = mine.all("through")[-1].at_s, mine.at("released")
    who = f"ext {mine.agent_extension}"
    down = next(
        (one.at_s for one in truth.log if one.who == who and one.what == "on-hook" and one.at_s > through), None
    )
    if plan is None or not plan.pc or scenario.desk_drops or down is None or released is None:
        return inf
    return max(released, down)


def _shown_over(name: str, mine: CallTruth, truth: Truth) -> float | None:
    """When the screen of the agent with whom the caller talks said first that the call is over."""
    through = mine.all("through")[-1].at_s
    over = (one for one in truth.log if one.what == "ended" and one.data.get("call") == name and one.at_s > through)
    return next((one.at_s for one in over), None)

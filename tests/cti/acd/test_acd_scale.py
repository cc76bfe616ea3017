"""A routing decision among very many agents takes hardly more steps than one among a hundred.

`tipring bench acd` times it.
"""

from __future__ import annotations

import sys
from types import FrameType

from cti.acd.centre import Acd
from drivers.clock import SteppedClock
from tests.cti.acd.acd_site import GroupOf, ProfileOf

GROUPS = 10
CALLS = 300


def busy_floor(agents: int) -> Acd:
    """All ready, each in three of ten groups."""
    names = [f"g{n}" for n in range(GROUPS)]
    people = [ProfileOf(str(n), [names[(n + k) % GROUPS] for k in range(3)], str(n)) for n in range(agents)]
    acd = Acd(SteppedClock(), [GroupOf(name, wrap_up_s=0) for name in names], people, lambda *event: None)
    for agent in acd.agents.values():
        acd.login(agent)
        acd.ready(agent)
    return acd


def steps(acd: Acd) -> int:
    """Function calls made for so many calls' lives: queued, offered, answered, over."""
    count = 0

    def called(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(called)
    try:
        for number in range(CALLS):
            entry = acd.enqueue(f"c{number}", f"g{number % GROUPS}")
            assert entry.agent is not None
            acd.offer_result(entry.call, entry.agent, "answered")
            acd.line(entry.agent, "idle", "smdr", entry.call)
    finally:
        sys.setprofile(None)
    return count


def test_a_hundred_thousand_agents() -> None:
    small, large = busy_floor(100), busy_floor(100_000)
    few, many = steps(small), steps(large)
    small.close()
    large.close()
    assert few > CALLS
    assert many < 1.5 * few

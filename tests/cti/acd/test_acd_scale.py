"""A routing decision among very many agents costs hardly more than one among a hundred."""

from __future__ import annotations

import gc
import time

from cti.acd.centre import Acd
from drivers.clock import SteppedClock
from tests.cti.acd.acd_site import GroupOf, ProfileOf

GROUPS = 10
CALLS = 300
BLOCKS = 7


def busy_floor(agents: int) -> Acd:
    """All ready, each in three of ten groups."""
    names = [f"g{n}" for n in range(GROUPS)]
    people = [ProfileOf(str(n), [names[(n + k) % GROUPS] for k in range(3)], str(n)) for n in range(agents)]
    acd = Acd(SteppedClock(), [GroupOf(name, wrap_up_s=0) for name in names], people, lambda *event: None)
    for agent in acd.agents.values():
        acd.login(agent)
        acd.ready(agent)
    return acd


def cost_s(acd: Acd) -> float:
    """Of one call's life: queued, offered, answered, over. The best of some blocks, as others use this machine too."""
    best = float("inf")
    number = 0
    for _ in range(BLOCKS):
        began = time.perf_counter()
        for _ in range(CALLS):
            number += 1
            entry = acd.enqueue(f"c{number}", f"g{number % GROUPS}")
            assert entry.agent is not None
            acd.offer_result(entry.call, entry.agent, "answered")
            acd.line(entry.agent, "idle", "smdr", entry.call)
        best = min(best, time.perf_counter() - began)
    return best / CALLS


def test_a_hundred_thousand_agents() -> None:
    small, large = busy_floor(100), busy_floor(100_000)
    gc.disable()
    try:
        ratio = cost_s(large) / cost_s(small)
    finally:
        gc.enable()
        small.close()
        large.close()
    assert ratio < 3, f"{ratio:.1f} times the cost"

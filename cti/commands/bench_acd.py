"""`tipring bench acd`: what routing a call costs, among a hundred agents and among a hundred thousand.

A call's life in the ACD: queued, the longest idle agent found and offered, answered, over. Each agent is in three of
ten groups and ready. The reference is the floor of a hundred, measured in turn with the large one.
"""

from __future__ import annotations

import argparse
import gc
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cti.acd.centre import Acd

HELP = "cost of routing a call among 100 and among 100,000 agents, and their ratio"
GROUPS = 10
SIZES = (100, 100_000)


@dataclass
class _Group:
    name: str
    ring_s: float = 15.0
    wrap_up_s: float = 0.0
    max_wait_s: float = 60.0
    max_queue: int = 100


@dataclass
class _Person:
    id: str
    groups: list[str]
    extension: str | None
    name: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How much."""
    parser.add_argument("--calls", type=int, default=2000, help="of a round (default 2000)")
    parser.add_argument("--rounds", type=int, default=7, help="medians are told (default 7)")
    parser.add_argument("--agents", type=int, default=SIZES[1], help=f"of the large floor (default {SIZES[1]})")


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Microseconds a call on both floors, and the ratio round by round."""
    from cti.errors import TipringError

    if args.calls < 1 or args.rounds < 1 or args.agents < GROUPS:
        raise TipringError(f"--calls and --rounds are 1 or more, --agents {GROUPS} or more")
    small, large = _floor(SIZES[0]), _floor(args.agents)
    gc.disable()
    try:
        rounds = [(_cost_s(small, args.calls, n), _cost_s(large, args.calls, n)) for n in range(args.rounds)]
    finally:
        gc.enable()
        small.close()
        large.close()
    return {
        "agents": [SIZES[0], args.agents],
        "call_us": [round(1e6 * median(row[side] for row in rounds), 1) for side in (0, 1)],
        "ratio": round(median(b / a for a, b in rounds), 2),
    }


def show(result: dict[str, Any]) -> None:
    """For people."""
    for agents, cost in zip(result["agents"], result["call_us"], strict=True):
        print(f"{agents:8} agents {cost:8.1f} us a call")
    print(f"ratio    {result['ratio']:.2f}")


def _floor(agents: int) -> Acd:
    """All ready."""
    from cti.acd.centre import Acd
    from drivers.clock import SteppedClock

    names = [f"g{n}" for n in range(GROUPS)]
    people = [_Person(str(n), [names[(n + k) % GROUPS] for k in range(3)], str(n)) for n in range(agents)]
    acd = Acd(SteppedClock(), [_Group(name) for name in names], people, lambda *event: None)
    for agent in acd.agents.values():
        acd.login(agent)
        acd.ready(agent)
    return acd


def _cost_s(acd: Acd, calls: int, turn: int) -> float:
    began = time.perf_counter()
    for number in range(calls):
        entry = acd.enqueue(f"{turn}-{number}", f"g{number % GROUPS}")
        assert entry.agent is not None
        acd.offer_result(entry.call, entry.agent, "answered")
        acd.line(entry.agent, "idle", "smdr", entry.call)
    return (time.perf_counter() - began) / calls

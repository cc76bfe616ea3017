"""A caller of a queue who rings at one telephone and is made to ring at another (deflected, picked up): the one who was
called first is free at once, the other sees the caller, and what nobody lifts is the other's missed call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cti.switch.card_bench import CardBench

THREE = (
    "setup | agent 1001 | sales 8001 does not answer\n"
    "setup | agent 1002 | sales 8002 does not answer\n"
    "setup | role 1002 | supervisor\n"
    "4.0 | caller 1 | 13800138001 by fsk: choose 1 after 1.5; talk 20; patience 600\n"
)


@pytest.fixture
def rings(tmp_path: Path) -> tuple[CardBench, Any]:
    """At 8001; 8002 is there, and not ready."""
    world = CardBench(THREE, tmp_path)
    acd = world.centre.acd
    world.until(lambda: acd.agent("1001").line == "ringing", 60.0)
    acd.not_ready("1002", "supervises")
    world.run(1.0)
    return world, next(iter(world.centre.calls.values()))


@pytest.mark.parametrize(("who", "verb", "to"), [("1001", "deflect", "8002"), ("1002", "take_ringing", "8001")])
def test_the_other_agent_is_called(rings: tuple[CardBench, Any], who: str, verb: str, to: str) -> None:
    world, call = rings
    acd = world.centre.acd
    told: list[tuple[str, str]] = []
    notify = world.centre.desks.notify

    def noted(agent: str, method: str, params: Any) -> bool:
        told.append((agent, method))
        return notify(agent, method, params)

    world.centre.desks.notify = noted  # type: ignore[method-assign]
    world.side.verb(who, verb, to)
    world.run(0.5)
    assert acd.agent("1001").truths == ("ready", "idle", "none")
    assert acd.agent("1002").truths == ("not_ready", "ringing", "none") and acd.agent("1002").call == call.id
    assert (call.state, call.agent, call.extension) == ("transferring", "1002", "8002")
    assert ("1001", "ended") in told and ("1002", "popup") in told
    misses = acd.agent("1001").misses
    world.until(lambda: call.state != "transferring", 60.0)
    assert (acd.agent("1001").misses, acd.agent("1002").misses) == (misses, 1)
    assert acd.agent("1002").line == "idle"
    world.stop()


def test_the_other_agent_lifts(rings: tuple[CardBench, Any]) -> None:
    world, call = rings
    world.side.verb("1001", "deflect", "8002")
    world.until(lambda: world.phone("8002").state == "ringing", 10.0)
    world.phone("8002").lift()
    world.run(1.0)
    assert (call.state, call.agent, call.extension) == ("talking", "1002", "8002")
    assert world.centre.acd.agent("1002").call == call.id and world.centre.acd.agent("1001").line == "idle"
    world.stop()

"""A caller whom an agent handed on, and nobody took: rings at that agent's telephone again; where that is in use, or is
not lifted, the caller waits in the queue again, and is never let go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cti.switch.card_bench import CardBench

STAFF = (
    "setup | agent 1001 | sales 8001 answers after 2 talks 300\n"
    "setup | agent 1002 | service 8002 does not answer\n"
    "4.0 | caller 1 | 13800138001 by fsk: choose 1 after 1.5; talk 400; patience 600\n"
)
SECOND = "12.0 | caller 2 | 13800138002 by fsk: choose 1 after 1.5; talk 200; patience 600\n"


def bench(folder: Path, text: str) -> tuple[CardBench, Any]:
    world = CardBench(text, folder)
    world.talking()
    call = next(iter(world.centre.calls.values()))
    world.run(1.0)
    return world, call


def hands_on(world: CardBench, how: str) -> None:
    world.side.verb("1001", how, {"blind_transfer": "8002", "park": "1"}[how])
    world.phone("8001").hang_up("handed on")


@pytest.mark.parametrize("how", ["blind_transfer", "park"])
def test_the_agent_has_the_next_caller(tmp_path: Path, how: str) -> None:
    world, call = bench(tmp_path, STAFF + SECOND)
    hands_on(world, how)
    world.until(lambda: world.centre.acd.agent("1001").call not in (None, call.id), 60.0)
    world.run(130.0)
    assert not call.ended and call.state == "queued" and call.line is not None
    assert world.centre.acd.entries[call.id].place == 1
    world.phone("8001").hang_up("done")
    world.until(lambda: call.state == "talking" and call.agent == "1001", 60.0)
    world.run(1.0)
    world.phone("8001").hang_up("done")
    world.until(lambda: call.ended, 60.0)
    assert call.outcome == "answered"
    world.stop()
    assert not world.faults()


def test_the_agent_does_not_lift(tmp_path: Path) -> None:
    world, call = bench(tmp_path, STAFF)
    phone = world.phone("8001")
    hands_on(world, "blind_transfer")
    phone.plan = phone.plan.__class__(usual=phone.plan.usual.__class__(answer_s=None))
    world.centre.acd.not_ready("1001", "lunch")
    world.until(lambda: phone.state == "ringing", 60.0)
    world.until(lambda: phone.state == "idle", 60.0)
    world.run(1.0)
    assert not call.ended and call.state == "queued"
    world.until(lambda: call.ended, 700.0)
    assert call.outcome == "abandoned_queue"
    world.stop()
    assert not world.faults()


def test_a_slot_has_one_name(tmp_path: Path) -> None:
    world, call = bench(tmp_path, STAFF)
    assert world.side.verb("1001", "park", "01") == {"slot": "1"}
    world.phone("8001").hang_up("parked")
    world.run(3.0)
    world.side.verb("1001", "pick_up", "001")
    world.until(lambda: call.agent == "1001", 30.0)
    world.stop()


@pytest.mark.parametrize("who_ends", ["caller", "colleague"])
def test_whoever_handed_it_on_out_of_a_conference_is_not_rung_when_the_others_end(
    tmp_path: Path, who_ends: str
) -> None:
    """Nobody took it, but the caller and a colleague talked on: it is theirs."""
    world, call = bench(tmp_path, STAFF + "setup | agent 1003 | service 8003 answers after 2 talks 300\n")
    world.centre.acd.not_ready("1001", "lunch")
    world.side.verb("1001", "conference", "8003")
    world.until(lambda: world.phone("8003").state == "talking", 20.0)
    world.run(1.0)
    world.side.verb("1001", "blind_transfer", "8002")
    world.phone("8001").hang_up("handed on")
    world.run(60.0)
    assert world.phone("8002").state == "idle" and call.state == "talking"
    if who_ends == "colleague":
        world.phone("8003").hang_up("done")
    else:
        world.world.callers[0].hang_up("done")
    world.run(5.0)
    assert call.ended and call.outcome == "answered"
    assert len(world.happened("rings", "phone 8001")) <= 1 and world.phone("8001").state == "idle"
    world.stop()
    assert not world.faults()

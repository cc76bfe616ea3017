"""On-hook with conversations on hold: each rings in its turn; none is spoken with while the handset is down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cti.switch.errors import WrongState
from tests.cti.switch.card_bench import CardBench

TWO = (
    "setup | agent 1001 | sales 8001 answers after 2 talks 300\n"
    "setup | agent 1002 | service 8002 answers after 1 talks 300\n"
    "4.0 | caller 1 | 13800138001 by fsk: choose 1 after 1.5; talk 400; patience 600\n"
)


@pytest.fixture
def hung_up(tmp_path: Path) -> tuple[CardBench, Any]:
    """8001 has a caller on hold, then a colleague, and hangs up."""
    world = CardBench(TWO, tmp_path)
    world.talking()
    call = next(iter(world.centre.calls.values()))
    world.run(1.0)
    seat, phone = world.switch.seats["8001"], world.phone("8001")
    phone.stay()
    world.side.verb("1001", "consult", "8002")
    world.until(lambda: world.phone("8002").state == "talking")
    world.run(1.0)
    world.side.verb("1001", "hold", None)
    assert [one.state for one in seat.connections] == ["hold", "hold"]
    phone.hang_up("forgot them")
    world.until(lambda: seat.alerting is not None, 10.0)
    return world, call


def test_they_ring_one_after_the_other(hung_up: tuple[CardBench, Any]) -> None:
    """The colleague first, who is not lifted for; then the caller, who is."""
    world, call = hung_up
    seat, phone = world.switch.seats["8001"], world.phone("8001")
    plan = phone.plan
    phone.plan = type(plan)(usual=type(plan.usual)(answer_s=None))
    assert seat.alerting is not None and seat.alerting.conversation.call is None
    world.until(lambda: seat.alerting is not None and seat.alerting.conversation.call is call, 40.0)
    world.until(lambda: phone.state == "ringing", 10.0)
    phone.lift()
    world.run(1.0)
    assert call.state == "talking" and call.agent == "1001" and len(seat.connections) == 1
    phone.hang_up("done")
    world.run(10.0)
    assert call.ended and seat.idle and world.centre.acd.agent("1001").line == "idle"
    world.stop()


def test_the_one_who_rings_hangs_up(hung_up: tuple[CardBench, Any]) -> None:
    world, call = hung_up
    seat = world.switch.seats["8001"]
    world.phone("8002").hang_up("waited too long")
    world.until(lambda: seat.alerting is not None and seat.alerting.conversation.call is call, 10.0)
    world.stop()


def test_nobody_is_taken_back_while_the_handset_is_down(hung_up: tuple[CardBench, Any]) -> None:
    world, _ = hung_up
    with pytest.raises(WrongState, match="lift"):
        world.side.verb("1001", "retrieve", None)
    world.stop()

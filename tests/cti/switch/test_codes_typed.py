"""Star codes typed on a telephone that is lifted for nothing else: done or refused, and what is heard then."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import LoggedFailures
from tests.cti.switch.card_bench import CardBench

TWO = (
    "setup | agent 1001 | sales 8001 answers after 2 talks 60\n"
    "setup | agent 1002 | sales 8002 does not answer\n"
    "setup | role 1002 | supervisor\n"
    "4.0 | caller 1 | 13800138000 by fsk: choose 1 after 1.5; talk 40\n"
)


@pytest.mark.parametrize("code", ["*64", "*42", "*61"])
def test_a_code_that_leaves_nothing_to_dial(tmp_path: Path, code: str, logged_failures: LoggedFailures) -> None:
    """Forced release from a telephone (*64): done, which silence says, then busy tone; the howler follows where nobody
    hangs up. *42 finds nothing that rings; *61 goes on with listening."""
    world = CardBench(TWO, tmp_path)
    world.run(1.0)
    world.centre.acd.not_ready("1002", "supervises")
    world.talking()
    phone, seat = world.phone("8002"), world.switch.seats["8002"]
    world.run(2.0)
    phone.lift()
    phone.stay()
    world.run(1.0)
    phone.key(code + "8001")
    world.run(3.0)
    (call,) = world.centre.calls.values() or (None,)
    if code == "*64":
        assert call is None, "the caller was released with the agent"
    assert seat.present is not None and seat.present.state == ("connected" if code == "*61" else "failed")
    world.run(6.0)
    phone.hang_up("done")
    world.run(3.0)
    assert seat.idle and not world.switch.tones
    world.stop()
    assert not logged_failures.flush()

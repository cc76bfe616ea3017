"""A PBX that puts nobody through, as we ask it to: told, and callers hear so in place of being tried again (step 7)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cti.sides.pbx_transfers import IN_VAIN, TRY_AGAIN_S
from cti.sides.sign_of_life import SIGN_OF_LIFE_S
from cti.switch.interface import Caller, Transfer
from drivers import events as ev
from tests.cti.centre_bench import CentreBench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[CentreBench]:
    made = CentreBench(tmp_path, agents=12)
    yield made
    made.stop()
    assert not made.faults(), made.faults()


def refused(bench: CentreBench, how: Transfer = Transfer.REFUSED) -> None:
    """One call whose first transfer fails so; then the caller hangs up."""
    bench.transferring()
    bench.switch.ends(how, Caller.WITH_US, "info")
    bench.port.tell(ev.LoopDrop)
    bench.run(3.0)


def test_it_is_told_after_some_in_a_row_and_callers_are_not_kept(bench: CentreBench) -> None:
    for _ in range(IN_VAIN):
        assert bench.centre.alarms == {}
        refused(bench)
    assert "came to nothing, the last one: info. Was the PBX changed?" in bench.centre.alarms["transfers_fail"]
    call = bench.queued()
    bench.run(2.0)
    assert bench.switch.under_way == [] and ("play", "cannot_transfer") in bench.port.log
    assert bench.outcome(call) == ("failed", f"{IN_VAIN} transfers in a row came to nothing")
    bench.run(TRY_AGAIN_S)
    call = bench.transferring()
    bench.switch.ends(Transfer.REFUSED, Caller.WITH_US, "info")
    bench.run(2.0)
    assert bench.outcome(call) == ("failed", f"{IN_VAIN + 1} transfers in a row came to nothing")
    bench.run(TRY_AGAIN_S)
    bench.talking()
    assert bench.centre.alarms == {}, "one was tried: it is in order again"


def test_a_busy_telephone_says_that_the_pbx_understands_us(bench: CentreBench) -> None:
    for how in (Transfer.REFUSED, Transfer.BUSY) * IN_VAIN:
        refused(bench, how)
    assert bench.centre.alarms == {}


@pytest.mark.parametrize("there", [True, False])
def test_who_was_refused_twice_is_asked_before_the_next_agent(bench: CentreBench, there: bool) -> None:
    """Some PBXs give the dial tone to a flash after the caller has gone, and are silent when it is taken back."""
    call = bench.transferring()
    for _ in range(2):
        bench.switch.ends(Transfer.REFUSED, Caller.WITH_US, "info")
        bench.run(1.5)
    assert ("play", "are_you_there") in bench.port.log and bench.switch.under_way == []
    if there:
        bench.port.tell(ev.NotTone)
    bench.run(SIGN_OF_LIFE_S + 1.5)
    assert call.state == ("transferring" if there else "recall")

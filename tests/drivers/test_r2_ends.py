"""Calls by R2 that end before anybody was told of them, and calls out that fail: why, and how far they had come."""

from __future__ import annotations

import pytest

from drivers.signalling.causes import Cause
from drivers.signalling.interface import Numbers
from drivers.signalling.r2 import R2Call
from tests.conftest import LoggedFailures
from tests.drivers.r2_rig import IDLE, SEIZE, Hand, R2Line
from tests.drivers.test_r2_timers import In, Out


def only(call: In) -> R2Call:
    [gone] = call.failed
    return gone


def digits(call: In, codes: str) -> None:
    for code in codes:
        call.hand.cycle(int(code))


def test_the_caller_hangs_up_between_two_digits() -> None:
    call = In()
    digits(call, "12")
    call.gone()
    gone = only(call)
    assert gone.cause == Cause(16) and gone.state == "cleared" and not gone.offered
    assert gone.numbers == Numbers("12", complete=False)
    assert gone.reached.startswith("after 2 called digits, 0.") and gone.reached.endswith("last signal")
    assert gone.begun_s == pytest.approx(0.74, abs=0.1) and gone.signalling()
    assert call.line.span.statistics().failures == {"16 normal clearing": 1}


@pytest.mark.parametrize(
    ("codes", "reached"),
    [
        ("", "before the first digit"),
        ("1", "after 1 called digit"),
        ("123", "after 3 called digits, at the caller's category"),
        ("1231", "after 3 called digits and 0 of the caller's"),
        ("123178", "after 3 called digits and 2 of the caller's"),
    ],
)
def test_the_exchange_gives_up_where_nothing_moves(codes: str, reached: str) -> None:
    call = In(caller=0)
    digits(call, codes)
    call.line.time.run_for(11.0)
    call.gone()
    gone = only(call)
    assert gone.cause == Cause(102, "the far end gave up")
    assert gone.reached.split(", 1")[0] == reached
    assert float(gone.reached.rpartition(", ")[2].split(" ")[0]) == pytest.approx(11.3, abs=0.3)


def test_our_own_timer_says_where() -> None:
    call = In()
    digits(call, "12")
    call.line.time.run_for(20.0)
    call.gone()
    gone = only(call)
    assert gone.cause == Cause(102, "timer no_forward") and gone.reached.startswith("after 2 called digits, 1")


def test_a_seizure_of_a_channel_out_of_service() -> None:
    """What had come of it is told, and it is counted as a failure, not as a seizure."""
    call = R2Line(channels=1)
    hand = Hand(call)
    failed: list[R2Call] = []
    call.trunk.failed = lambda gone: failed.append(gone)  # type: ignore[arg-type]
    call.span.block(1)
    hand.bits(SEIZE, 0.14)
    hand.cycle(6)
    hand.bits(IDLE, 0.5)
    [gone] = failed
    assert gone.cause == Cause(44, "span e1: channel 1 is blocked") and gone.refused
    done = call.span.statistics()
    assert done.failures == {"44 requested channel not available": 1} and done.seized_in == 0


def test_a_call_out_says_how_far_it_came() -> None:
    out = Out("8059").acknowledged()
    for code in (1, 1):
        out.hand.answer_cycle(code)
    out.line.time.run_for(16.0)
    call = out.told.call
    assert call.cause == Cause(102, "timer forward") and call.reached.startswith("after 3 called digits, 15.")


def test_a_listener_that_fails_frees_the_channel_all_the_same(logged_failures: LoggedFailures) -> None:
    call = In()

    def fails(gone: object) -> None:
        raise RuntimeError("no records")

    call.line.trunk.failed = fails
    call.gone()
    assert call.line.span.is_now(1) == "free"
    assert len(logged_failures.flush(RuntimeError)) == 1


def test_the_first_wait_of_a_call_knows_nothing_of_the_call_before() -> None:
    """The last one ended among the caller's digits, whose silence is allowed 3 s; the first digit has 15 s."""
    call = In()
    digits(call, "12317")
    call.gone()
    call.line.time.run_for(1.0)
    call.hand.bits(SEIZE, 5.0)
    digits(call, "1")
    call.gone()
    assert [gone.cause for gone in call.failed] == [Cause(16), Cause(16)]
    assert call.failed[1].numbers.called == "1"

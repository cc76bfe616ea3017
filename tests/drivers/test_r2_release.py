"""Who releases a call by R2, and in which order; blocking, both ends seizing at once, alarms, a server that is gone.

Codes are bits a and b: 0011 seizure, 1011 idle, 0111 answer, 1111 acknowledgement, clear back, blocked.
"""

from __future__ import annotations

import pytest

from drivers.errors import PortBusy
from drivers.signalling.causes import NORMAL, Cause
from drivers.signalling.interface import Numbers, TrunkCall
from drivers.signalling.r2 import R2Settings
from tests.drivers.r2_rig import ANSWER, BUSY, IDLE, SEIZE, Hand, R2Line, Told


def answered(settings: R2Settings) -> tuple[R2Line, Told]:
    line = R2Line(settings)
    out = line.call()
    line.until_offered().answer()
    line.until(out, "answered")
    line.time.run_for(1)
    return line, out


def test_mutual_release_the_called_party_first() -> None:
    line, out = answered(R2Settings(called_length=8, control="mutual"))
    line.offered[0].call.clear()
    line.settle(1)
    assert out.words[-2:] == ["suspended", "cleared"] and out.call.cause == NORMAL


def test_the_caller_controls() -> None:
    """The called party may lift again for a minute; then the call is over."""
    line, out = answered(R2Settings(called_length=8, control="caller"))
    call = line.offered[0].call
    call.clear()
    line.time.run_for(30)
    assert out.words[-1] == "suspended" and call.state == "answered"
    line.time.run_for(31)
    line.settle()
    assert "cleared" in out.words


def test_the_caller_controls_and_hangs_up() -> None:
    line, out = answered(R2Settings(called_length=8, control="caller"))
    out.call.clear()
    line.settle(1)
    assert line.offered[0].words == ["cleared"] and line.offered[0].call.cause == NORMAL


def test_the_called_party_controls() -> None:
    """110 and 119: the caller's hanging up changes nothing until the called party hangs up, whenever that is."""
    line, out = answered(R2Settings(called_length=8, control="called"))
    call = line.offered[0].call
    out.call.clear()
    line.time.run_for(300)
    assert [str(word) for word in line.offered[0].words] == ["suspended"] and "cleared" not in out.words
    assert line.span.state().busy == line.office_span.state().busy == 1
    call.clear()
    line.settle(1)
    assert "cleared" in line.offered[0].words and "cleared" in out.words


def test_the_office_is_told_of_a_line_that_stays_held() -> None:
    line, out = answered(R2Settings(called_length=8, control="called"))
    told: list[int] = []
    line.office.stuck = told.append
    out.call.clear()
    line.time.run_for(65)
    assert told == [1, 1]
    line.offered[0].call.clear()
    line.settle(1)


@pytest.mark.parametrize("when_s", [0.05, 0.3, 1.0, 1.7, 2.35, 2.6, 3.0])
def test_the_caller_gives_up_at_any_moment(when_s: float) -> None:
    line = R2Line()
    out = line.call()
    line.time.run_for(when_s)
    out.call.clear()
    line.settle()
    assert out.words[-1] == "cleared" and all(told.words == ["cleared"] for told in line.offered)


@pytest.mark.parametrize("when_s", [0.0, 0.1, 0.2, 0.5, 3.0])
def test_an_accepted_call_can_only_wait_for_the_caller(when_s: float) -> None:
    line = R2Line()
    out = line.call()
    call = line.until_offered()
    call.alerting()
    line.time.run_for(when_s)
    call.clear()
    line.time.run_for(5)
    assert out.words[-1] == "alerting" and line.span.state().busy == 1
    out.call.clear()
    line.settle()


@pytest.mark.parametrize("when_s", [0.3, 1.0])
def test_nobody_listens(when_s: float) -> None:
    line = R2Line()
    line.trunk.offered = None
    out = line.call()
    line.until(out, "cleared")
    assert out.call.cause is not None and out.call.cause.number == 17
    line.settle()


# ---- out of service ----------------------------------------------------------------------------


def test_blocking_is_seen_by_the_far_end_and_taken_back() -> None:
    line = R2Line(channels=2)
    line.trunk.block(1)
    line.time.run_for(0.3)
    assert line.office_span.is_now(1) == "blocked" and line.span.is_now(1) == "blocked"
    assert line.office.call(Numbers("62001234")).slot == 2
    with pytest.raises(PortBusy):
        line.office.call(Numbers("62001234"))
    line.trunk.unblock(1)
    line.time.run_for(0.3)
    assert line.office_span.is_now(1) == "free"


def test_blocking_waits_for_the_end_of_the_call() -> None:
    line, out = answered(R2Settings(called_length=8))
    line.trunk.block(1)
    line.time.run_for(5)
    assert out.call.state == "answered"
    out.call.clear()
    line.time.run_for(1)
    assert out.words[-1] == "cleared"
    assert line.office_span.is_now(1) == "blocked" and line.span.is_now(1) == "blocked"
    line.trunk.unblock(1)
    line.settle()


def test_a_seizure_that_crosses_our_blocking() -> None:
    """The far end has not seen it yet: the call is refused, not left hanging."""
    line = R2Line(channels=1)
    line.trunk.block(1)
    out = line.call()
    line.time.run_for(8)
    assert out.words == ["cleared"] and out.call.cause is not None and out.call.cause.number == 42
    line.trunk.unblock(1)
    line.settle()


def test_calls_the_wrong_way_are_refused() -> None:
    line = R2Line(channels=1, directions={1: "out"})
    out = line.call()
    line.time.run_for(8)
    assert out.words == ["cleared"] and not line.offered
    line.settle()


def test_a_closed_trunk_shows_blocked() -> None:
    line, out = answered(R2Settings(called_length=8))
    line.trunk.close()
    line.time.run_for(1)
    assert out.words[-1] == "suspended" or out.words[-1] == "cleared"
    line.time.run_for(2)
    assert line.office_span.state().blocked == 2
    assert line.offered[0].call.cause == Cause(27, "trunk closed")
    with pytest.raises(PortBusy):
        line.trunk.call(Numbers("1"))


# ---- both at once --------------------------------------------------------------------------------


def test_both_ends_seize_one_channel() -> None:
    line = R2Line(channels=1)
    mine = Told(line, line.trunk.call(Numbers("62005678")))
    theirs = line.call()
    line.settle(3)
    for told in (mine, theirs):
        assert told.words == ["cleared"] and told.call.cause == Cause(44, "both ends seized")
    again = line.call()
    line.until_offered().answer()
    line.until(again, "answered")
    again.call.clear()
    line.settle()


def test_the_far_end_was_a_moment_earlier() -> None:
    """Its seizure is recognised, ours was on its way to the engine: theirs is served."""
    line = R2Line(channels=1)
    theirs = line.call()
    line.time.run_for(0.04)
    mine = Told(line, line.trunk.call(Numbers("62005678")))
    assert line.until_offered().numbers.called == "62001234"
    assert mine.words == ["cleared"] and mine.call.cause == Cause(44, "seized by the far end first")
    theirs.call.clear()
    line.settle()


def test_both_ways_at_once_on_other_channels() -> None:
    line = R2Line(channels=8)
    outs = [line.call(f"6200{n:04}", f"1380000{n:04}") for n in range(4)]
    got: list[str] = []

    def serve(call: TrunkCall) -> None:
        got.append(call.numbers.called)
        call.answer()

    line.office.offered = serve
    mine = [Told(line, line.trunk.call(Numbers(f"8800{n:04}", "62001000"), slot=8 - n)) for n in range(4)]
    line.until_offered(4)
    for told in line.offered:
        told.call.answer()
    for told in [*outs, *mine]:
        line.until(told, "answered")
    assert sorted(told.call.numbers.called for told in line.offered) == [f"6200{n:04}" for n in range(4)]
    assert sorted(got) == [f"8800{n:04}" for n in range(4)]
    for told in [*outs, *mine]:
        told.call.clear()
    line.settle()


# ---- trouble on the span -------------------------------------------------------------------------


def test_a_short_alarm_ends_no_conversation() -> None:
    line, out = answered(R2Settings(called_length=8))
    line.cut(True)
    line.time.run_for(2)
    line.cut(False)
    line.time.run_for(10)
    assert out.call.state == "answered" and line.offered[0].words == []
    out.call.clear()
    line.settle()


def test_a_long_alarm_ends_calls_and_the_channel_comes_back() -> None:
    line, out = answered(R2Settings(called_length=8))
    line.cut(True)
    line.time.run_for(12)
    assert line.offered[0].words == out.words[-1:] == ["cleared"]
    assert line.offered[0].call.cause == out.call.cause == Cause(38, "alarm")
    with pytest.raises(PortBusy):
        line.office.call(Numbers("62001234"), slot=1)
    line.cut(False)
    line.settle(5)
    again = line.call()
    line.until_offered(2).answer()
    line.until(again, "answered")


def test_an_alarm_in_the_middle_of_the_number() -> None:
    line = R2Line()
    out = line.call()
    line.time.run_for(1)
    line.cut(True)
    line.time.run_for(30)
    line.cut(False)
    line.settle(5)
    assert out.call.cause is not None and out.call.cause.number in (38, 102)
    assert not line.offered


def test_a_start_in_the_middle_of_a_call_of_the_far_end() -> None:
    """Our process was restarted: the far end still holds a call; its channel is used when it has become idle."""
    line = R2Line(channels=1)
    hand = Hand(line)
    hand.bits(SEIZE, 2.0)
    line.trunk.close()
    line.time.run_for(0.2)
    assert line.card.ports[0].state().bits == SEIZE
    again = line.serve()
    line.time.run_for(1)
    with pytest.raises(PortBusy):
        again.call(Numbers("1"))
    hand.bits(BUSY)
    assert line.span.is_now(1) == "blocked"
    hand.bits(IDLE)
    assert line.span.is_now(1) == "free"


def test_bits_that_make_no_sense_at_rest() -> None:
    """0111 without a call, then idle again; bit c moves (an operator's re-ring), which is no business of ours."""
    line = R2Line(channels=1)
    hand = Hand(line)
    hand.bits(ANSWER)
    with pytest.raises(PortBusy):
        line.trunk.call(Numbers("1"))
    hand.bits(0b1001)
    assert line.span.is_now(1) == "free"

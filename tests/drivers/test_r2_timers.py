"""Every timer of R2 expires, in stepped time, at its time and with its own cause; the far end is worked by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drivers.errors import PortBusy
from drivers.signalling.causes import Cause
from drivers.signalling.interface import Numbers
from drivers.signalling.r2 import R2Call, R2Settings
from drivers.signalling.r2_variants import TIMERS
from tests.drivers.r2_rig import ANSWER, BUSY, IDLE, LOCAL, SEIZE, Hand, R2Line, Told

SHOWN: set[str] = set()


def shows(*names: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Marks which timers a test is about."""
    SHOWN.update(names)
    return lambda test: test


class Out:
    """We call; the exchange's register is worked by hand."""

    def __init__(self, called: str = "12", **timers: int) -> None:
        self.line = R2Line(R2Settings(called_length=3, timers=timers), LOCAL, channels=1)
        self.hand = Hand(self.line)
        self.began = self.line.clock.seconds()
        self.told = Told(self.line, self.line.trunk.call(Numbers(called, "7")))

    def acknowledged(self) -> Out:
        self.line.time.run_for(0.1)
        self.hand.bits(BUSY, 0.14)
        return self

    def free(self) -> Out:
        self.acknowledged()
        for code in (3, 1):
            self.hand.answer_cycle(code)
        assert self.told.words == ["proceeding", "alerting"]
        return self

    def ended(self, cause: Cause, least_s: float, most_s: float, *, since: float | None = None) -> None:
        """So long after, the call has failed for this cause, and is over when the far end is idle."""
        start = self.line.clock.seconds() if since is None else since
        sent = self.line.card.ports[0].state
        self.line.time.run(lambda: self.told.call.cause is not None, most_s + 30)
        assert least_s <= self.line.clock.seconds() - start <= most_s and self.told.call.cause == cause
        self.line.time.run_for(0.1)
        assert self.line.far_card.ports[0].state().bits == IDLE, sent()
        self.hand.quiet()
        self.hand.bits(IDLE, 0.5)
        assert self.told.words[-1] == "cleared" and self.line.span.is_now(1) == "free"


class In:
    """The exchange calls us, by hand."""

    def __init__(self, settings: R2Settings | None = None, **timers: int) -> None:
        self.line = R2Line(settings or R2Settings(called_length=3, timers=timers), LOCAL, channels=1)
        self.failed: list[R2Call] = []
        self.line.trunk.failed = lambda call: self.failed.append(call)  # type: ignore[arg-type]
        self.hand = Hand(self.line)
        self.hand.bits(SEIZE, 0.14)
        assert self.line.far_card.ports[0].state().bits == BUSY

    def gone(self) -> None:
        """The exchange clears; the channel is free again."""
        self.hand.quiet()
        self.hand.bits(IDLE, 0.5)
        assert self.line.span.is_now(1) == "free" and self.line.far_card.ports[0].state().bits == IDLE

    def fails(self, cause: Cause) -> list[tuple[int, int]]:
        """Why, and what we sent: ms and signal."""
        self.gone()
        [call] = self.failed
        assert call.cause == cause
        return [(step.ms, step.value) for step in call.steps if step.kind == "tone" and step.sent]


# ---- outgoing ----------------------------------------------------------------------------------


@shows("ack")
def test_no_acknowledgement() -> None:
    out = Out()
    out.ended(Cause(44, "timer ack"), 1.95, 2.05)


@shows("forward")
def test_nobody_answers_the_first_digit() -> None:
    out = Out().acknowledged()
    out.ended(Cause(102, "timer forward"), 12, 15.05)


@shows("between")
def test_a_backward_signal_that_never_ends() -> None:
    out = Out().acknowledged()
    out.hand.tone(1, forward=False)
    out.ended(Cause(102, "timer between"), 24, 24.2)


@shows("between")
def test_a_next_digit_is_wanted_and_there_is_none() -> None:
    out = Out("1").acknowledged()
    out.hand.answer_cycle(1)
    out.ended(Cause(102, "timer between"), 23.5, 24.2)


@shows("answer")
def test_it_rings_a_minute() -> None:
    out = Out().free()
    out.ended(Cause(19, "timer answer"), 59, 61)


@shows("reanswer")
def test_the_called_party_does_not_lift_again() -> None:
    for kb, least_s in ((6, 60.0), (1, 0.0)):
        out = Out().acknowledged()
        out.hand.answer_cycle(3)
        out.hand.answer_cycle(kb)
        out.hand.bits(ANSWER)
        assert out.told.words[-1] == "answered"
        out.hand.bits(BUSY, 0.04)
        start = out.line.clock.seconds()
        out.line.time.run(lambda out=out: out.line.far_card.ports[0].state().bits == IDLE, 90)  # type: ignore[misc]
        assert least_s <= out.line.clock.seconds() - start < least_s + 0.2
        out.hand.bits(IDLE, 0.5)
        assert out.told.words[-2:] == ["suspended", "cleared"]


@shows("reply_min")
def test_the_rest_of_a_backward_signal_is_no_second_answer() -> None:
    """A1 is chopped up by the line: its rest falls into the next forward signal, and must not count as its answer."""
    out = Out("12345").acknowledged()
    out.hand.tone(1, forward=False)
    out.line.time.run_for(0.1)
    out.hand.quiet(0.04)
    out.hand.tone(1, forward=False)  # the rest
    out.line.time.run_for(0.04)
    out.hand.quiet(0.2)
    for _ in range(4):
        out.hand.answer_cycle(1)
    out.hand.answer_cycle(3)
    out.line.trunk.calls[0].clear()
    out.hand.bits(IDLE, 0.5)
    call = out.told.call
    sent = [step.value for step in call.steps if step.kind == "tone" and step.sent and step.value]  # type: ignore[attr-defined]
    assert sent == [1, 2, 3, 4, 5, 3]


@shows("double")
def test_our_seizure_stands_long_enough_to_be_seen() -> None:
    out = Out()
    out.hand.bits(SEIZE, 0.0)
    out.line.time.run_for(0.1)
    assert out.line.far_card.ports[0].state().bits == SEIZE
    out.ended(Cause(44, "both ends seized"), 0.0, 0.2)


@shows("guard")
def test_a_rest_before_the_next_seizure() -> None:
    out = Out(guard=1000)
    out.line.trunk.calls[0].clear()
    out.line.time.run_for(0.9)
    with pytest.raises(PortBusy):
        out.line.trunk.call(Numbers("1"))
    out.line.time.run_for(0.3)
    out.line.trunk.call(Numbers("1"))


# ---- incoming ----------------------------------------------------------------------------------


@shows("no_forward")
def test_no_digit_at_all() -> None:
    call = In()
    call.line.time.run_for(16)
    sent = call.fails(Cause(102, "timer no_forward"))
    assert [code for _, code in sent] == [4, 0]
    assert 15000 <= sent[0][0] <= 15200


@shows("no_forward")
def test_no_second_digit() -> None:
    call = In()
    call.hand.cycle(5)
    call.line.time.run_for(16)
    assert [code for _, code in call.fails(Cause(102, "timer no_forward"))] == [1, 0, 4, 0]


@shows("backward")
def test_a_digit_that_never_ends() -> None:
    call = In()
    call.hand.tone(5, forward=True)
    call.line.time.run_for(6)
    [on, off] = call.fails(Cause(102, "timer backward"))
    assert (on[1], off[1]) == (1, 0) and 5000 <= off[0] - on[0] <= 5040


@shows("called", "pulse", "pulse_gap")
def test_silence_ends_a_number_of_unknown_length() -> None:
    call = In(R2Settings(ask_caller="never", timers={"called": 2000, "pulse": 200, "pulse_gap": 300}))
    for code in (1, 1, 4):
        call.hand.cycle(code)
    silent = call.line.clock.seconds()
    call.line.time.run_for(2.6)
    call.hand.tone(3, forward=True)
    told = call.line.until_offered()
    call.line.time.run_for(0.1)
    assert told.numbers.called == "114" and call.line.clock.seconds() - silent < 3
    told.clear()
    call.line.time.run_for(0.2)
    call.gone()
    pulse = [step for step in told.steps if step.kind == "tone" and step.sent][6:8]
    assert pulse[0].value == 3 and pulse[1].ms - pulse[0].ms == 200
    last = [step for step in told.steps if step.kind == "tone" and step.sent][5]
    assert 2300 <= pulse[0].ms - last.ms <= 2340


@shows("caller")
def test_the_callers_digits_stop() -> None:
    call = In()
    for code in (1, 1, 9, 1, 6, 2):  # 119, KA 1, caller 62...
        call.hand.cycle(code)
    call.line.time.run_for(3.3)
    call.hand.tone(3, forward=True)
    told = call.line.until_offered()
    assert told.numbers == Numbers("119", "62", category="KA 1 KD 3 cut short")
    told.clear()
    call.line.time.run_for(0.2)
    call.gone()


@shows("accept")
def test_nobody_decides() -> None:
    call = In(R2Settings(called_length=3, ask_caller="never"))
    for code in (1, 1, 9):
        call.hand.cycle(code)
    call.hand.tone(3, forward=True)
    told = call.line.until_offered()
    start = call.line.clock.seconds()
    call.line.time.run(lambda: told.cause is not None)
    assert 7.9 <= call.line.clock.seconds() - start <= 8.1 and told.cause == Cause(102, "timer accept")
    told.answer()
    call.line.time.run_for(0.2)
    call.gone()
    assert [step.value for step in told.steps if step.kind == "tone" and step.sent][-2:] == [4, 0]


@shows("backward_min")
def test_a_digit_chopped_up_by_the_line_is_one_digit() -> None:
    call = In(backward_min=200)
    call.hand.tone(5, forward=True)
    call.line.time.run_for(0.08)
    call.hand.quiet(0.04)
    call.hand.tone(5, forward=True)
    call.line.time.run_for(0.2)
    call.hand.quiet()
    call.hand.cycle(6)
    call.hand.cycle(7)
    call.hand.cycle(1)
    call.hand.cycle(15)
    call.hand.tone(3, forward=True)
    assert call.line.until_offered().numbers.called == "567"
    call.gone()


@shows("answer_delay")
def test_a_rest_before_the_answer() -> None:
    line = R2Line(R2Settings(called_length=3, timers={"answer_delay": 500}))
    out = line.call("119")
    line.until_offered().answer()
    line.until(out, "answered")
    out.call.clear()
    line.settle()
    steps = line.offered[0].call.steps  # type: ignore[attr-defined]
    [answer] = [step.ms for step in steps if step.kind == "bits" and step.sent and step.value == ANSWER]
    last = max(step.ms for step in steps if step.kind == "tone" and step.sent)
    assert answer - last == 500


@shows("alarm", "recognise")
def test_bits_that_flicker_and_alarms_that_pass() -> None:
    """One sample of other bits in a conversation is noise; the alarm's own timer is shown with the calls it ends."""
    line = R2Line(R2Settings(called_length=3, timers={"recognise": 40, "alarm": 1000}), channels=1)
    hand = Hand(line)
    hand.bits(SEIZE, 0.02)
    hand.bits(IDLE, 1.0)
    assert line.span.is_now(1) == "free" and line.far_card.ports[0].state().bits == IDLE
    hand.bits(SEIZE, 0.3)
    assert line.span.is_now(1) == "busy"
    line.cut(True)
    start = line.clock.seconds()
    line.time.run(lambda: line.span.statistics().failures != {})
    assert 3.4 <= line.clock.seconds() - start <= 3.7  # 2.5 s of the card's, 1 s of ours
    assert line.span.statistics().failures == {"38 network out of order": 1}


@shows("stuck")
def test_a_caller_that_does_not_release() -> None:
    call = In(stuck=2000)
    told: list[int] = []
    call.line.trunk.stuck = told.append
    call.line.time.run_for(20)
    assert told == [1, 1]
    call.gone()


def test_every_timer_is_shown() -> None:
    assert set(TIMERS) == SHOWN

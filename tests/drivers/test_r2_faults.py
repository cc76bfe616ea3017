"""R2 with a far end, or a line, that does what it should not: signals out of turn, lost and damaged tones, bits that
make no sense, noise of all sorts. Calls end with a named cause, channels are free afterwards, nothing hangs."""

from __future__ import annotations

import random

import pytest

from drivers.engine import Engine
from drivers.signalling.causes import Cause
from drivers.signalling.interface import Numbers, TrunkCall
from drivers.signalling.r2 import Control, R2Settings
from tests.drivers.r2_rig import ANSWER, BUSY, IDLE, LOCAL, SEIZE, Hand, R2Line, Told
from tests.drivers.test_r2_timers import In, Out


def sent(call: TrunkCall) -> list[int]:
    return [step.value for step in call.steps if step.kind == "tone" and step.sent and step.value]  # type: ignore[attr-defined]


def ended(out: Out, cause: Cause) -> None:
    """It failed for this cause at once; the exchange shows idle."""
    out.line.time.run_for(0.3)
    assert out.told.call.cause == cause
    out.hand.bits(IDLE, 0.5)
    assert out.told.words[-1] == "cleared" and out.line.span.is_now(1) == "free"


# ---- what the exchange's register may say ------------------------------------------------------------


@pytest.mark.parametrize(
    ("signals", "cause"),
    [
        ([4], Cause(42, "A4")),
        ([1, 5], Cause(1, "A5")),
        ([1, 9], Cause(111, "signal 9 out of turn")),
        ([7], Cause(111, "signal 7 out of turn")),
        ([3, 4], Cause(17, "KD 3 KB 4, busy or congestion")),
        ([3, 5], Cause(1, "KD 3 KB 5, vacant number")),
        ([3, 2], Cause(111, "KD 3 KB 2, spare")),
        ([3, 10], Cause(111, "KD 3 KB 10, spare")),
        ([1, 6, 1, 3, 4], Cause(17, "KD 3 KB 4, busy or congestion")),
    ],
)
def test_every_answer_has_its_cause(signals: list[int], cause: Cause) -> None:
    out = Out("12").acknowledged()
    for code in signals:
        out.hand.answer_cycle(code)
    ended(out, cause)


@pytest.mark.parametrize(
    ("kd", "kb", "number"), [(1, 2, 17), (2, 3, 17), (6, 4, 42), (2, 5, 1), (1, 6, 111), (9, 2, 17)]
)
def test_group_b_by_the_kd_of_the_same_call(kd: int, kb: int, number: int) -> None:
    line = R2Line(LOCAL, channels=1)
    hand = Hand(line)
    told = Told(line, line.trunk.call(Numbers("12", category=f"KD {kd}")))
    line.time.run_for(0.1)
    hand.bits(BUSY, 0.14)
    for code in (3, kb):
        hand.answer_cycle(code)
    line.time.run_for(0.3)
    hand.bits(IDLE, 0.5)
    assert told.call.cause is not None and told.call.cause.number == number and sent(told.call) == [1, kd]


def test_a2_wants_all_digits_again() -> None:
    out = Out("8059").acknowledged()
    for code in (1, 1, 2, 1, 1, 1, 6, 1, 1, 2, 1, 1, 1, 3):  # after 805; after KA, 7 and 15
        out.hand.answer_cycle(code)
    out.told.call.clear()
    out.hand.bits(IDLE, 0.5)
    assert sent(out.told.call) == [8, 10, 5, 8, 10, 5, 9, 1, 7, 15, 8, 10, 5, 9, 3]


def test_a_register_that_never_has_enough() -> None:
    """A2 for ever: after 120 signals the call is given up."""
    out = Out("12").acknowledged()
    for _ in range(125):
        out.hand.answer_cycle(2)
        if out.told.call.cause is not None:
            break
    ended(out, Cause(111, "signal 2 out of turn"))


def test_itu_digits_before_the_last_and_free_without_group_b() -> None:
    line = R2Line(R2Settings(variant="itu"), channels=1)
    hand = Hand(line)
    told = Told(line, line.trunk.call(Numbers("12345678", "9")))
    line.time.run_for(0.1)
    hand.bits(0b1101, 0.14)
    for code in (1, 1, 1, 2, 1, 7, 1, 8, 2, 5, 5, 5, 1, 6):
        hand.answer_cycle(code)
    assert told.words == ["alerting"]
    hand.bits(0b0101)
    assert told.words == ["alerting", "answered"]
    told.call.clear()
    hand.bits(0b1001, 0.5)
    # 1234, n-1, next, n-2, next, n-3: the first there is; n-1; category, caller, end; next
    assert sent(told.call) == [1, 2, 3, 4, 3, 4, 2, 3, 1, 1, 1, 9, 15, 2]
    assert told.words[-1] == "cleared"


def test_congestion_of_the_international_network() -> None:
    line = R2Line(R2Settings(variant="itu"), channels=1)
    hand = Hand(line)
    told = Told(line, line.trunk.call(Numbers("1234")))
    line.time.run_for(0.1)
    hand.bits(0b1101, 0.14)
    hand.answer_cycle(15)
    line.time.run_for(0.3)
    assert told.call.cause == Cause(42, "A15")
    hand.bits(0b1001, 0.5)
    assert told.words == ["cleared"]


@pytest.mark.parametrize(("bits", "cause"), [(ANSWER, 41), (IDLE, 41)])
def test_bits_in_the_middle_of_the_number(bits: int, cause: int) -> None:
    out = Out("12").acknowledged()
    out.hand.answer_cycle(1)
    out.hand.bits(bits)
    out.line.time.run_for(0.3)
    assert out.told.call.cause is not None and out.told.call.cause.number == cause
    out.hand.bits(IDLE, 0.5)
    assert out.told.words == ["cleared"]


@pytest.mark.parametrize("bits", [SEIZE, IDLE])
def test_bits_in_the_conversation(bits: int) -> None:
    out = Out().free()
    out.hand.bits(ANSWER)
    out.hand.bits(bits, 0.5)
    out.hand.bits(IDLE, 0.5)
    assert out.told.words[-2:] == ["answered", "cleared"]


# ---- what the caller's register may say --------------------------------------------------------------


def test_codes_11_to_14_in_the_called_number_are_no_digits() -> None:
    call = In()
    for code in (11, 1, 12, 1, 13, 14, 9, 14, 6, 11, 2, 12, 15):  # KA 14; 62, with 11 and 12 in it
        call.hand.cycle(code)
    call.hand.tone(15, forward=True)
    told = call.line.until_offered()
    assert told.numbers == Numbers("119", "62", category="KA 14 KD 15")
    told.clear()
    call.line.time.run_for(0.2)
    call.gone()


def test_digits_without_end() -> None:
    call = In(R2Settings(ask_caller="never"))
    for _ in range(19):
        call.hand.cycle(5)
    call.hand.cycle(6)
    call.hand.tone(3, forward=True)
    assert call.line.until_offered().numbers.called == "5" * 19 + "6"
    call.line.offered[0].call.clear()
    call.line.time.run_for(0.2)
    call.gone()


def test_a_caller_without_end() -> None:
    """The caller's digits never stop, and the called number is not complete: refused after 120 signals."""
    call = In(R2Settings(called_length=8, ask_caller=1))
    for _ in range(125):
        call.hand.cycle(5)
    assert [code for _, code in call.fails(Cause(111, "signal 5 out of turn"))][-2:] == [4, 0]


def test_signals_without_silence_between() -> None:
    call = In()
    for code in (1, 9, 5, 1, 15, 3):  # 195, KA 1, no caller, KD 3
        call.hand.tone(code, forward=True)
        call.line.time.run_for(0.3)
    assert call.line.until_offered().numbers == Numbers("195", "", category="KA 1 KD 3")
    call.line.offered[0].call.clear()
    call.line.time.run_for(0.2)
    call.gone()


def test_the_callers_equipment_is_faulty() -> None:
    """f = 1111 in the middle: no more digits come, and b stays 1 until f is idle."""
    call = In()
    call.hand.cycle(1)
    call.hand.bits(BUSY, 16.0)
    assert call.line.far_card.ports[0].state().bits == BUSY and call.line.span.is_now(1) == "busy"
    call.fails(Cause(102, "timer no_forward"))


@pytest.mark.parametrize("tones", [(1,), (1, 1, 9), (1, 1, 9, 1), (1, 1, 9, 1, 15)])
def test_the_tone_is_lost_in_the_middle(tones: tuple[int, ...]) -> None:
    call = In()
    for code in tones:
        call.hand.cycle(code)
    call.line.time.run_for(45)
    call.gone()
    assert [one.cause.number for one in call.failed if one.cause] == [102]


# ---- the line ----------------------------------------------------------------------------------------


def many_calls(line: R2Line, count: int, seed: int) -> list[Told]:
    """Calls from the office, one after the other on free channels; answered, and cleared by whoever chance picks."""
    draw = random.Random(seed)
    outs: list[Told] = []

    def serve(call: TrunkCall) -> None:
        line.offered.append(Told(line, call))
        line.clock.callLater(draw.uniform(0.1, 3), call.answer)
        line.clock.callLater(draw.uniform(3, 9), call.clear)

    line.trunk.offered = serve
    for number in range(count):
        if line.office_span.state().free:
            out = line.call(f"62{number:06}", f"138{draw.randrange(10**8):08}")
            line.clock.callLater(draw.uniform(8, 14), out.call.clear)
            outs.append(out)
        line.time.run_for(draw.uniform(0.2, 2))
    line.time.run_for(60)
    return outs


@pytest.mark.parametrize("rate", [1e-4, 1e-3, 1e-2])
def test_bit_errors(rate: float) -> None:
    line = R2Line(channels=6)
    for index in range(6):
        line.card.faults(index, bit_error_rate=rate, seed=5 + index)
    outs = many_calls(line, 40, 3)
    line.settle()
    truth = {(out.call.numbers.called, out.call.numbers.calling) for out in outs}
    right = [told for told in line.offered if (told.call.numbers.called, told.call.numbers.calling) in truth]
    causes = [out.call.cause for out in outs]
    assert all(cause is not None and cause.number in (16, 17, 42, 102, 111, 41) for cause in causes)
    if rate <= 1e-3:
        assert len(right) == len(outs) == len(line.offered)


def test_tones_torn_out() -> None:
    """Several times a second 60 ms of one channel are missing: most calls come through with the right numbers, none
    hangs."""
    line = R2Line(channels=6)
    draw = random.Random(8)

    def tear() -> None:
        index = draw.randrange(6)
        line.cut(True, index)
        line.clock.callLater(0.06, line.cut, False, index)
        if line.clock.seconds() < 60:
            line.clock.callLater(draw.uniform(0.1, 0.4), tear)

    tear()
    outs = many_calls(line, 40, 4)
    line.settle()
    truth = {out.call.numbers.called: out.call.numbers.calling for out in outs}
    right = [told for told in line.offered if truth.get(told.call.numbers.called) == told.call.numbers.calling]
    assert len(right) >= 0.8 * len(outs)


@pytest.mark.parametrize("seed", range(12))
def test_a_far_end_that_plays_dice(seed: int) -> None:
    """Random bits and tones for minutes, our calls in between; then it behaves, and everything works again."""
    draw = random.Random(seed)
    variant = ("china", "itu")[seed % 2]
    controls: tuple[Control, ...] = ("mutual", "caller", "called")
    settings = R2Settings(variant=variant, called_length=draw.choice((0, 3, 8)), control=draw.choice(controls))
    line = R2Line(settings, channels=1)
    hand = Hand(line)
    line.trunk.offered = lambda call: draw.choice((call.answer, call.alerting, call.clear))()
    cd = 0b11 if variant == "china" else 0b01
    for _ in range(250):
        match draw.randrange(5):
            case 0:
                hand.bits(draw.randrange(4) << 2 | cd, draw.uniform(0, 0.5))
            case 1:
                hand.tone(draw.randrange(1, 16), forward=draw.random() < 0.7)
                line.time.run_for(draw.uniform(0.02, 0.4))
            case 2:
                hand.quiet(draw.uniform(0.02, 0.3))
            case 3:
                if line.span.state().free:
                    line.trunk.call(Numbers("12345", "678"))
            case 4:
                for call in line.trunk.calls:
                    draw.choice((call.clear, lambda: None))()
                line.time.run_for(draw.uniform(0, 2))
    hand.quiet()
    hand.bits(0b1000 | cd, 1)
    for call in line.trunk.calls:
        call.clear()
    line.time.run_for(2)
    assert line.span.is_now(1) == "free" and not line.trunk.calls
    call = line.trunk.call(Numbers("12", "7"))
    line.time.run_for(0.3)
    hand.bits(0b1100 | cd, 0.3)
    assert line.far_card.ports[0].state().bits == cd and call.cause is None
    call.clear()
    hand.bits(0b1000 | cd, 1)
    assert line.span.is_now(1) == "free"


def test_reports_that_were_lost() -> None:
    """The event ring overflows while calls come and go: what is over there is over here."""
    line = R2Line(channels=4)
    engine: Engine = line.engines[1]
    outs = [line.call(f"6200000{n}") for n in range(4)]
    line.until_offered(4)
    for told in line.offered[:2]:
        told.call.answer()
    line.time.run_for(1)
    pump = engine.pump
    engine.pump = lambda: 0  # type: ignore[method-assign]
    for _ in range(40):
        for _ in range(500):
            line.card.ports[3].bits(BUSY)  # R2 has the bits: refused, an event each
        line.time.run_for(0.02)
    for out in outs:
        out.call.clear()
    line.time.run_for(3)
    assert engine.stats().events_lost > 0
    engine.pump = pump  # type: ignore[method-assign]
    line.settle(3)
    assert all(told.words[-1] == "cleared" for told in line.offered)

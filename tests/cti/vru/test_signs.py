"""Status digits in place of tones, words of the PBX's record and of the agent's PC, and codes that fetch a caller back;
with what a flash of the wrong length sounds like."""

from __future__ import annotations

from typing import Any

import pytest

from cti.pbx.line_rules import LineRules, StatusDigits
from cti.switch.interface import ON_HOOK, Caller, Transfer
from cti.switch.retrieval import RETRIEVE_LISTEN_S
from cti.vru.signs import DOUBT_S, GAP_S, Sign, Signs
from drivers import events as ev
from drivers.clock import SteppedClock
from tests.cti.dummies import DummyPort
from tests.cti.switch.test_behind_pbx import DIAL, FLASH, Consult

TDA = StatusDigits("1", "2", "3", "4", "5", ("6", "7", "8"), "9", "#9")


def consult(**rules: Any) -> Consult:
    return Consult(**{"answer": ("status_digit", "voice"), "status_digits": TDA, **rules})


def digits(one: Consult, text: str) -> None:
    """Heard one after the other; a digit is sound outside the tone plan, too, and told so a little later."""
    for digit in text:
        one.port.tell(ev.DigitBegin, digit=digit)
        one.clock.advance(0.06)
        one.port.tell(ev.NotTone)
        one.clock.advance(0.1)


def test_the_answer_by_digit() -> None:
    one = consult().to("dialled")
    digits(one, "1")
    one.clock.advance(3.0)
    assert not one.results
    digits(one, "5")
    one.done(Transfer.ANSWERED, Caller.WITH_AGENT, "digit 5: answered")


@pytest.mark.parametrize(("digit", "outcome", "how"), [
    ("2", Transfer.BUSY, "digit 2: busy"), ("3", Transfer.REFUSED, "digit 3: refused"),
    ("4", Transfer.REFUSED, "digit 4: dnd"), ("7", Transfer.REFUSED, "digit 7: forwarded"),
])  # fmt: skip
def test_refusals_by_digit(digit: str, outcome: Transfer, how: str) -> None:
    one = consult().to("dialled")
    digits(one, digit)
    one.retrieved().done(outcome, Caller.WITH_US, how)


def test_the_caller_is_gone_by_two_digits() -> None:
    one = consult().to("dialled")
    digits(one, "1#9")
    one.done(Transfer.CALLER_LOST, Caller.GONE, "digit #9: gone")


def test_a_digit_is_no_voice_and_a_voice_is_one_after_a_moment() -> None:
    one = consult().to("dialled")
    digits(one, "1")
    one.clock.advance(2.0)
    assert not one.results
    one.port.tell(ev.NotTone)
    assert not one.results, "it could be the beginning of a digit"
    one.clock.advance(DOUBT_S)
    one.done(Transfer.ANSWERED, Caller.WITH_AGENT, "voice")


def test_a_voice_just_before_a_digit_is_the_digit() -> None:
    one = consult().to("dialled")
    one.port.tell(ev.NotTone)
    one.clock.advance(0.1)
    digits(one, "2")
    one.retrieved().done(Transfer.BUSY, Caller.WITH_US)


def test_ringback_by_digit_hands_over() -> None:
    one = consult(complete="ringback").to("dialled")
    digits(one, "1")
    one.done(Transfer.HANDED_OVER, Caller.WITH_AGENT, "digit 1: ringing")


def test_status_digits_are_no_keys_of_the_caller() -> None:
    one = consult().to("dialled")
    one.port.typed_ahead.extend("12")
    digits(one, "2")
    one.retrieved().done(Transfer.BUSY, Caller.WITH_US)
    assert not one.port.typed_ahead, "or the menu would take them for a choice"


def test_blind_hangs_up_after_the_digits() -> None:
    one = Consult(complete="blind").to("dialled")
    one.done(Transfer.HANDED_OVER, Caller.WITH_AGENT, "blind")
    lost = Consult(complete="blind").to("dialling")
    lost.port.tell(ev.LoopDrop)
    lost.port.finish("dial")
    lost.done(Transfer.CALLER_LOST, Caller.GONE, "loop_drop")


@pytest.mark.parametrize("how", ["record", "desk"])
@pytest.mark.parametrize("counts", [True, False])
def test_somebody_else_says_that_the_agent_lifted(how: Any, counts: bool) -> None:
    one = Consult(answer=(how,) if counts else ("voice",)).to("ringing")
    assert one.switch.agent_answered("8001", how) is counts
    assert not one.switch.agent_answered("8002", how), "nobody is called there"
    one.clock.run_due()
    if counts:
        one.done(Transfer.ANSWERED, Caller.WITH_AGENT, how)
        assert not one.switch.agent_answered("8001", how), "over"
    else:
        assert not one.results
        one.deferred.cancel()


def test_an_empty_line_has_another_dial_tone() -> None:
    """Held callers make a stutter tone here: a plain one is that of a line which was hung up."""
    one = Consult(dial_tone=("stutter",)).to("listening")
    one.port.tone("dial")
    one.done(Transfer.CALLER_LOST, Caller.GONE, ON_HOOK)
    assert one.did == [FLASH]


def test_nobody_was_held() -> None:
    one = Consult().to("dialled")
    one.port.tone("busy")
    one.retrieved("dial")
    (result,) = one.results
    assert result.caller is Caller.GONE and result.lost == "nobody was on hold: dial tone when fetched back"


def test_a_dial_tone_that_came_late_is_gone_on_from() -> None:
    one = Consult()
    one.deferred.cancel()
    results: list[Any] = []
    from twisted.internet.defer import Deferred

    coro = one.switch.transfer(one.port, "8001", 12.0, lambda: None, flashed=True)  # type: ignore[arg-type]
    Deferred.fromCoroutine(coro).addBoth(results.append)
    one.port.finish("dial")
    one.port.tell(ev.NotTone)
    assert results[0].outcome is Transfer.ANSWERED and [entry for entry in one.did if entry == FLASH] == [FLASH]
    # the next one is waited for three times as long
    late = one.switch.transfer(one.port, "8001", 12.0, lambda: None)  # type: ignore[arg-type]
    Deferred.fromCoroutine(late).addBoth(results.append)
    one.port.finish("flash")
    one.clock.advance(8.5)
    one.port.tone("dial")
    assert one.port.doing == ["dial"]
    one.port.hangup()
    one.clock.advance(0.1)


class TestCodes:
    """Fetched back by code."""

    def test_flash_and_code(self) -> None:
        one = Consult(retrieve="flash_code", retrieve_code="2", retrieve_flash_ms=1200, transfer_prefix="*70").to(
            "dialled"
        )
        one.port.tone("busy")
        one.port.finish("flash")
        one.port.tone("dial")
        assert one.did == [FLASH, ("dial", "*708001"), ("flash", 1200), ("dial", "2")]
        one.port.finish("dial")
        one.clock.advance(RETRIEVE_LISTEN_S + 0.1)
        one.done(Transfer.BUSY, Caller.WITH_US)

    def test_the_flash_alone_brings_busy_tone(self) -> None:
        one = Consult(after_busy="flash_code", retrieve_code="2").to("dialled")
        one.port.tone("busy")
        one.port.finish("flash")
        one.port.tone("busy")
        one.done(Transfer.BUSY, Caller.GONE)

    def test_a_code_alone(self) -> None:
        one = Consult(after_no_answer="code", retrieve_code="#1").to("ringing")
        one.clock.advance(12.1)
        one.port.finish("dial")
        one.clock.advance(RETRIEVE_LISTEN_S + 0.1)
        one.done(Transfer.NO_ANSWER, Caller.WITH_US)
        assert one.did == [FLASH, DIAL, ("dial", "#1")]

    def test_a_code_that_nobody_answers_to(self) -> None:
        one = Consult(retrieve="code", retrieve_code="#1").to("dialled")
        one.port.tone("info")
        one.port.finish("dial")
        one.port.tone("congestion")
        one.done(Transfer.REFUSED, Caller.GONE)


class TestDigits:
    """How single digits become codes and keys."""

    def signs(self, codes: StatusDigits, **more: Any) -> tuple[SteppedClock, DummyPort, Signs, list[Sign]]:
        clock = SteppedClock()
        port = DummyPort(clock)
        signs = Signs(clock, LineRules(status_digits=codes), port, **more)  # type: ignore[arg-type]
        return clock, port, signs, signs._queue  # type: ignore[return-value]

    def test_a_key_that_begins_no_code_and_one_that_could(self) -> None:
        clock, port, signs, heard = self.signs(TDA)
        port.tell(ev.DigitBegin, digit="0")
        port.tell(ev.DigitBegin, digit="#")
        assert list(heard) == [Sign("key", "0")]
        clock.advance(GAP_S)
        assert list(heard) == [Sign("key", "0"), Sign("key", "#")]
        signs.close()
        assert not clock.getDelayedCalls()

    def test_a_false_start(self) -> None:
        _, port, signs, heard = self.signs(StatusDigits(gone="##9"))
        for digit in "###9":
            port.tell(ev.DigitBegin, digit=digit)
        assert list(heard) == [Sign("key", "#"), Sign("gone", "digit ##9: gone")]
        signs.close()

    def test_out_of_a_consultation_a_digit_is_a_key(self) -> None:
        _, port, signs, heard = self.signs(TDA, consulting=False)
        for digit in "5#9":
            port.tell(ev.DigitBegin, digit=digit)
        assert [sign.kind for sign in heard] == ["key", "gone"]
        signs.close()

"""Transfers by hook flash: against a recording dummy where a sign must come at an exact moment, and over wires against
the simulated PBX where the PBX must agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from cti.pbx.line_rules import LineRules
from cti.site.tones import load_plan
from cti.switch.behind_pbx import WIRE_S, BehindPbx
from cti.switch.interface import Caller, Transfer, TransferResult
from cti.switch.retrieval import RETRIEVE_LISTEN_S
from cti.switch.supervision import FIRST_SIGN_S
from drivers import events as ev
from drivers.clock import SteppedClock
from drivers.errors import PlayFailed, TimedOut
from drivers.port import Port
from tests.cti.dummies import DummyPort
from tests.simulators.bare_vru import Bench


class Consult:
    """A transfer on a dummy: `to(stage)` plays the PBX until then."""

    def __init__(self, **rules: Any) -> None:
        self.clock = SteppedClock()
        self.port = DummyPort(self.clock)
        self.switch = BehindPbx(self.clock, LineRules(**rules))
        self.before: list[list[Any]] = []
        self.results: list[Any] = []
        coro = self.switch.transfer(self.port, "8001", 12.0, lambda: self.before.append(list(self.port.log)))  # type: ignore[arg-type]
        self.deferred: Deferred[Any] = Deferred.fromCoroutine(coro)
        self.deferred.addBoth(self.results.append)

    def to(self, stage: str) -> Consult:
        if stage == "flash":
            return self
        self.port.finish("flash")
        if stage == "listening":
            return self
        self.port.tone("dial")
        if stage == "dialling":
            return self
        self.port.finish("dial")
        if stage == "ringing":
            self.port.tone("ringback")
        return self

    def retrieved(self, tone: str | None = None) -> Consult:
        self.port.finish("flash")
        if tone:
            self.port.tone(tone)
        self.clock.advance(RETRIEVE_LISTEN_S + 0.1)
        return self

    def done(self, outcome: Transfer, caller: Caller, how: str | None = None) -> None:
        (result,) = self.results
        assert isinstance(result, TransferResult), result
        assert (result.outcome, result.caller) == (outcome, caller)
        assert how is None or result.how == how
        self.clock.advance(0.02)
        assert not self.port.ops and not self.port._listeners and not self.clock.getDelayedCalls()

    @property
    def did(self) -> list[Any]:
        return [entry for entry in self.port.log if entry[0] != "detect"]


STAGES = ("flash", "listening", "dialling", "dialled", "ringing")
FLASH, DIAL = ("flash", 600), ("dial", "8001")


def test_the_agent_answers() -> None:
    consult = Consult().to("ringing")
    consult.port.tell(ev.NotTone)
    consult.done(Transfer.ANSWERED, Caller.WITH_AGENT, "voice")
    assert consult.did == [FLASH, DIAL]
    assert consult.before == [[FLASH]]  # the pop-up goes out before the digits


@pytest.mark.parametrize("sign", [ev.NotTone, ev.ToneOverdue])
@pytest.mark.parametrize("counts", [True, False])
def test_evidence_of_an_answer_counts_as_the_dialect_says(sign: type[ev.Event], counts: bool) -> None:
    name = {ev.NotTone: "voice", ev.ToneOverdue: "ringback_overdue"}[sign]
    other = "polarity"
    consult = Consult(answer=(name,) if counts else (other,)).to("ringing")
    consult.port.tell(sign, **({"name": "ringback"} if sign is ev.ToneOverdue else {}))
    if counts:
        consult.done(Transfer.ANSWERED, Caller.WITH_AGENT, name)
    else:
        assert not consult.results
        consult.deferred.cancel()


@pytest.mark.parametrize("normal", [False, True])
def test_polarity_is_an_answer_where_it_differs_from_before(normal: bool) -> None:
    """Also on a line whose wires are crossed."""
    clock = SteppedClock()
    port = DummyPort(clock)
    port.reversed = normal
    switch = BehindPbx(clock, LineRules(answer=("polarity",)))
    results: list[Any] = []
    deferred: Deferred[Any] = Deferred.fromCoroutine(switch.transfer(port, "8001", 12.0, lambda: None))  # type: ignore[arg-type]
    deferred.addBoth(results.append)
    port.finish("flash")
    port.tone("dial")
    port.finish("dial")
    port.tell(ev.Polarity, reversed=normal)
    assert not results
    port.tell(ev.Polarity, reversed=not normal)
    assert results[0].how == "polarity"


def test_polarity_ends_the_call_where_it_can_mean_nothing_else() -> None:
    consult = Consult(disconnect=("polarity",)).to("ringing")
    consult.port.tell(ev.Polarity, reversed=True)
    consult.done(Transfer.CALLER_LOST, Caller.GONE, "polarity")


@pytest.mark.parametrize("stage", STAGES)
def test_the_caller_hangs_up_at_each_stage(stage: str) -> None:
    consult = Consult().to(stage)
    consult.port.tell(ev.LoopDrop)
    if stage == "flash":
        consult.port.finish("flash")
    if stage == "dialling":
        consult.port.finish("dial")
    if stage == "ringing":
        assert not consult.results and consult.switch.rings("8001"), "it could be the wire"
        consult.clock.advance(WIRE_S + 0.1)
    consult.done(Transfer.CALLER_LOST, Caller.GONE, "loop_drop")
    assert consult.did in ([FLASH], [FLASH, DIAL])


@pytest.mark.parametrize("stage", STAGES)
def test_a_loop_drop_that_says_nothing_at_this_pbx(stage: str) -> None:
    consult = Consult(disconnect=("busy_tone",)).to(stage)
    consult.port.tell(ev.LoopDrop)
    assert not consult.results
    consult.deferred.cancel()


@pytest.mark.parametrize("stage", STAGES)
def test_the_call_on_the_port_ends_at_each_stage(stage: str) -> None:
    consult = Consult().to(stage)
    consult.port.hangup()
    consult.clock.advance(0.02)
    consult.done(Transfer.CALLER_LOST, Caller.GONE)


@pytest.mark.parametrize("stage", [*STAGES, "retrieving"])
def test_cancelling_at_each_stage_leaves_nothing(stage: str) -> None:
    consult = Consult()
    if stage != "retrieving":
        consult.to(stage)
    else:
        consult.to("ringing").port.tone("busy")
    consult.deferred.cancel()
    (failure,) = consult.results
    assert isinstance(failure.value, CancelledError)
    assert not consult.port.ops and not consult.port._listeners and not consult.clock.getDelayedCalls()


def test_no_dial_tone_is_not_followed_by_a_second_flash() -> None:
    consult = Consult().to("listening")
    consult.port.tone("ringback")  # whatever that is, it is no dial tone
    consult.clock.advance(3.1)
    consult.done(Transfer.NO_DIAL_TONE, Caller.UNKNOWN, "silence after the flash")
    assert consult.did == [FLASH] and not consult.before


@pytest.mark.parametrize("tone", ["busy", "congestion", "info", "howler"])
def test_another_tone_after_the_flash(tone: str) -> None:
    consult = Consult().to("listening")
    consult.port.tone(tone)
    consult.done(Transfer.NO_DIAL_TONE, Caller.UNKNOWN, f"{tone} after the flash")


def test_a_dial_tone_heard_before_the_flash_is_not_the_one() -> None:
    consult = Consult()
    consult.port.tone("dial")
    consult.port.finish("flash")
    assert "dial" not in consult.port.doing and not consult.results
    consult.port.tone("stutter")
    assert consult.port.doing == ["dial"]
    consult.deferred.cancel()


def test_nobody_answers() -> None:
    consult = Consult().to("dialled")
    consult.clock.advance(5.0)
    consult.port.tone("ringback")
    consult.clock.advance(6.0)
    consult.port.tone("ringback")  # heard again: the time runs from the first
    consult.clock.advance(6.1)
    assert consult.port.doing == ["flash"]
    consult.retrieved().done(Transfer.NO_ANSWER, Caller.WITH_US, "rang 12 s")


@pytest.mark.parametrize(("tone", "outcome"), [
    ("busy", Transfer.BUSY), ("congestion", Transfer.REFUSED), ("info", Transfer.REFUSED),
    ("howler", Transfer.REFUSED),
])  # fmt: skip
def test_the_pbx_says_no(tone: str, outcome: Transfer) -> None:
    consult = Consult().to("dialled")
    consult.port.tone(tone)
    consult.retrieved().done(outcome, Caller.WITH_US, tone)
    assert consult.did == [FLASH, DIAL, FLASH]


def test_the_pbx_says_nothing_after_the_digits() -> None:
    consult = Consult().to("dialled")
    consult.clock.advance(FIRST_SIGN_S + 0.1)
    consult.retrieved().done(Transfer.REFUSED, Caller.WITH_US, "no tone after the digits")


@pytest.mark.parametrize("tone", ["dial", "busy", "congestion"])
def test_the_caller_is_gone_when_fetched_back(tone: str) -> None:
    consult = Consult().to("ringing")
    consult.port.tone("busy")
    consult.retrieved(tone).done(Transfer.BUSY, Caller.GONE)


@pytest.mark.parametrize(
    ("kind", "field"), [("busy", "after_busy"), ("info", "after_refused"), (None, "after_no_answer")]
)
@pytest.mark.parametrize(("way", "caller"), [
    ("flash", Caller.WITH_US), ("onhook", Caller.RECALLED), ("listen", Caller.UNKNOWN)
])  # fmt: skip
def test_fetching_back_as_the_dialect_says(kind: str | None, field: str, way: str, caller: Caller) -> None:
    consult = Consult(**{field: way}).to("ringing")
    if kind:
        consult.port.tone(kind)
    else:
        consult.clock.advance(12.1)
    if way == "flash":
        consult.retrieved()
    (result,) = consult.results
    assert result.caller is caller
    assert consult.did == ([FLASH, DIAL, FLASH] if way == "flash" else [FLASH, DIAL])


def test_a_pbx_that_gives_nobody_back() -> None:
    consult = Consult(retrieve="none").to("dialled")
    consult.port.tone("busy")
    consult.done(Transfer.BUSY, Caller.RECALLED)


def test_hanging_up_at_the_first_ringback() -> None:
    consult = Consult(complete="ringback", transfer_prefix="*7,").to("dialled")
    consult.port.tone("ringback")
    consult.done(Transfer.HANDED_OVER, Caller.WITH_AGENT, "ringback")
    assert consult.did == [FLASH, ("dial", "*7,8001")]


def test_an_agent_who_is_quicker_than_the_first_ringback() -> None:
    consult = Consult(complete="ringback").to("dialled")
    consult.port.tell(ev.NotTone)
    consult.done(Transfer.ANSWERED, Caller.WITH_AGENT, "voice")


def test_a_card_that_fails() -> None:
    consult = Consult()
    consult.port.fail("flash", TimedOut("no end of the flash"))
    consult.done(Transfer.NO_DIAL_TONE, Caller.UNKNOWN)
    consult = Consult().to("dialling")
    consult.port.fail("dial", PlayFailed("no"))
    consult.done(Transfer.REFUSED, Caller.UNKNOWN)


def test_what_the_pop_up_raises_is_not_hidden() -> None:
    clock = SteppedClock()
    port = DummyPort(clock)
    results: list[Any] = []

    def fails() -> None:
        raise ValueError("no screen")

    deferred: Deferred[Any] = Deferred.fromCoroutine(BehindPbx(clock, LineRules()).transfer(port, "8001", 12.0, fails))  # type: ignore[arg-type]
    deferred.addErrback(results.append)
    port.finish("flash")
    port.tone("dial")
    assert isinstance(results[0].value, ValueError) and not port._listeners


# over wires, against the simulated PBX


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    for bench in Bench.made:
        bench.close()
    Bench.made.clear()


class Wired:
    """A caller connected with VRU port 0, and our switch on it."""

    def __init__(self, setup: str = "", caller: str = "13800138000 by fsk: talk 8", **rules: Any) -> None:
        self.bench = Bench(f"{setup}\n1.0 | caller 1 | {caller}")
        self.port: Port = self.bench.vru[0]
        self.port.tone_plan(load_plan("cn"))
        self.bench.until("through", limit_s=20)
        self.port.detect("dtmf", "tones", "voice", duck=True)
        self.bench.run(0.5)
        self.switch = BehindPbx(self.bench.clock, LineRules(**rules))

    def transfer(
        self, to: str = "8001", ring_s: float = 12.0, *, before: Callable[[], None] = lambda: None
    ) -> TransferResult:
        result: TransferResult = self.bench.wait(self.switch.transfer(self.port, to, ring_s, before), 60)
        return result


def test_wired_the_agent_answers_and_is_known_within_600_ms_of_speech() -> None:
    wired = Wired()
    result = wired.transfer()
    assert (result.outcome, result.how) == (Transfer.ANSWERED, "voice")
    lifted = next(event.at_s for event in wired.bench.world.truth.log if event.what == "phone lifted")
    spoke = [event.time_s for event in wired.bench.heard_on(ev.VoiceBegin) if event.time_s > lifted]
    assert spoke and wired.bench.clock.seconds() - spoke[0] <= 0.6
    wired.port.hangup()
    wired.bench.until("through", kind="agent")


def test_wired_nobody_answers_and_the_caller_is_fetched_back() -> None:
    wired = Wired()
    result = wired.transfer("8002")
    assert result == TransferResult(Transfer.NO_ANSWER, Caller.WITH_US, "rang 12 s")
    assert wired.bench.saw("retrieve")


def test_wired_the_extension_is_busy() -> None:
    wired = Wired("0.5 | phone 8001 | off-hook for 60")
    assert wired.transfer() == TransferResult(Transfer.BUSY, Caller.WITH_US, "busy")
    assert wired.bench.saw("retrieve")


def test_wired_there_is_no_such_extension() -> None:
    wired = Wired()
    result = wired.transfer("7")
    assert (result.outcome, result.caller) == (Transfer.REFUSED, Caller.WITH_US)


@pytest.mark.parametrize("tone", ["none", "-60dB", "350+440Hz"])
def test_wired_there_is_no_dial_tone_and_nothing_is_dialled(tone: str) -> None:
    wired = Wired(f"setup | fault | dialtone={tone}")
    before: list[int] = []
    result = wired.transfer(before=lambda: before.append(1))
    assert (result.outcome, result.caller) == (Transfer.NO_DIAL_TONE, Caller.UNKNOWN)
    assert not before and len(wired.bench.world.truth.calls[1].all("flash")) == 1 and not wired.bench.saw("dials")


def test_wired_the_pbx_takes_no_flash() -> None:
    wired = Wired("setup | fault | flash=ignored")
    assert wired.transfer().outcome is Transfer.NO_DIAL_TONE


def test_wired_the_caller_hangs_up_while_the_agent_rings() -> None:
    wired = Wired(caller="13800138000 by fsk: wait 8; hang_up")
    result = wired.transfer("8002", 30.0)
    assert (result.outcome, result.caller) == (Transfer.CALLER_LOST, Caller.GONE)


def test_wired_the_caller_hangs_up_and_the_pbx_says_so_by_tone_only() -> None:
    wired = Wired("setup | fault | loopdrop=none", caller="13800138000 by fsk: wait 8; hang_up")
    result = wired.transfer("8002", 30.0)
    assert (result.outcome, result.caller) == (Transfer.BUSY, Caller.GONE)


def test_wired_answer_by_polarity() -> None:
    wired = Wired("setup | pbx | polarity_on_answer=yes", answer=("polarity",))
    result = wired.transfer()
    assert (result.outcome, result.how) == (Transfer.ANSWERED, "polarity")


def test_wired_handed_over_at_the_first_ringback() -> None:
    wired = Wired(complete="ringback")
    assert wired.transfer().outcome is Transfer.HANDED_OVER
    wired.port.hangup()
    wired.bench.until("through", kind="agent")


def test_wired_a_pbx_that_recalls_when_we_hang_up() -> None:
    wired = Wired("setup | pbx | retrieve=on_hook\n0.5 | phone 8001 | off-hook for 60", retrieve="none")
    assert wired.transfer() == TransferResult(Transfer.BUSY, Caller.RECALLED, "busy")
    wired.port.hangup()
    wired.bench.until("recall")

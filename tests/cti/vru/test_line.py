"""A VRU line: rings, guard, block, alarm, and the signs of a caller's hang-up; with a recording dummy for the port, and
on a real software card where the line's own electricity matters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from cti.pbx.line_rules import LineRules, StatusDigits
from cti.vru.disconnect import GAP_S, UNCLEAR_S
from cti.vru.line import RING_GAP_S, VruLine
from drivers import events as ev
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.errors import TimedOut
from drivers.stepped import Stepper
from tests.cti.dummies import DummyPort


class Owner:
    """Writes down what a line tells."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def line_rings(self, line: VruLine) -> None:
        self.told.append("rings")

    def line_stopped_ringing(self, line: VruLine) -> None:
        self.told.append("stopped")

    def line_has_caller_id(self, line: VruLine, event: ev.CallerId) -> None:
        self.told.append("id")

    def line_lost_caller(self, line: VruLine, how: str) -> None:
        self.told.append(("lost", how))

    def line_heard_digits(self, line: VruLine, digits: str) -> None:
        self.told.append(("digits", digits))

    def line_alarm(self, line: VruLine, alarms: tuple[str, ...]) -> None:
        self.told.append(("alarm", alarms))


class Bench:
    def __init__(self, **rules: Any) -> None:
        self.clock, self.owner = SteppedClock(), Owner()
        self.port = DummyPort(self.clock)
        self.trouble: list[tuple[str, str]] = []
        self.line = VruLine(
            self.clock,
            self.port,  # type: ignore[arg-type]
            "2001",
            1,
            1,
            LineRules(**rules),
            self.owner,
            trouble=lambda name, text: self.trouble.append((name, text)),
        )
        self.line.start()

    @property
    def told(self) -> list[Any]:
        taken, self.owner.told = self.owner.told, []
        return taken

    def to(self, state: str) -> Bench:
        """Brings the line into a state."""
        if state == "ringing":
            self.port.ring()
        elif state in ("busy", "guard"):
            self.port.ring()
            self.line.take()
            if state == "guard":
                self.line.free()
        elif state == "alarm":
            self.port.tell(ev.Alarm, alarms=("red",))
        elif state == "blocked":
            self.line.block()
        assert self.line.state == state
        self.owner.told.clear()
        return self

    def stop(self) -> None:
        self.line.stop()
        self.clock.advance(TURN)


TURN = 0.02
STATES = ("idle", "ringing", "busy", "guard", "alarm", "blocked")


def test_a_call_and_the_guard_after_it() -> None:
    bench = Bench()
    bench.port.ring()
    bench.port.ring()
    assert bench.told == ["rings"] and bench.line.ringing
    bench.line.take()
    bench.line.watch(True)
    bench.port.tell(ev.LoopDrop)
    bench.port.tell(ev.LoopDrop)
    assert bench.told == [("lost", "loop_drop")]  # once
    bench.line.free()
    assert bench.line.state == "guard" and bench.port.log[-2] == "on-hook"
    bench.clock.advance(1.9)
    assert bench.line.state == "guard"
    bench.clock.advance(0.2)
    assert bench.line.state == "idle" and bench.port.log[-1] == ("detect", ("fsk_id", "dtmf_id"))
    bench.stop()


def test_the_guard_lasts_as_the_dialect_says() -> None:
    bench = Bench(guard_s=0.5).to("guard")
    bench.clock.advance(0.4)
    assert bench.line.state == "guard"
    bench.clock.advance(0.1)
    assert bench.line.state == "idle"
    bench.stop()


def test_the_caller_gives_up_before_the_answer() -> None:
    bench = Bench()
    bench.port.ring()
    bench.clock.advance(RING_GAP_S - 1)
    bench.port.ring()
    bench.clock.advance(RING_GAP_S - 1)
    assert bench.told == ["rings"]
    bench.clock.advance(1.0)
    assert bench.told == ["stopped"] and bench.line.state == "idle"
    bench.stop()


def test_a_ring_within_the_guard_is_told() -> None:
    bench = Bench().to("busy")
    epoch = bench.port.epoch
    bench.line.free()
    assert bench.port.epoch > epoch and bench.port.log[-1] == ("detect", ("fsk_id", "dtmf_id"))
    bench.told.clear()
    bench.port.ring()
    assert bench.told == ["rings"]
    bench.clock.advance(3.0)  # the guard does not end it
    assert bench.line.state == "ringing"
    bench.stop()


def test_a_card_that_tells_only_the_end_of_a_burst() -> None:
    bench = Bench()
    bench.port.tell(ev.RingEnd, ms=1000)
    assert bench.told == []  # the begin was told or lost; the next burst will
    bench.port.capabilities = ()
    bench.port.tell(ev.RingEnd, ms=0)
    assert bench.told == ["rings"] and bench.line.ringing
    bench.stop()


@pytest.mark.parametrize("state", STATES)
def test_an_alarm_in_each_state_and_recovery(state: str) -> None:
    bench = Bench().to(state)
    bench.port.tell(ev.Alarm, alarms=("red",))
    lost = [("lost", "alarm")] if state in ("ringing", "busy") else []
    assert bench.told == ([] if state == "alarm" else [("alarm", ("red",))]) + lost
    assert bench.line.state == "alarm"
    bench.port.ring()
    bench.port.tell(ev.Alarm, alarms=("red", "los"))
    bench.clock.advance(20.0)
    assert bench.told == [] and bench.line.state == "alarm"
    bench.port.tell(ev.Alarm, alarms=())
    assert bench.told == [("alarm", ())]
    assert bench.line.state == ("blocked" if state == "blocked" else "idle")
    if state != "blocked":
        bench.port.ring()
        assert bench.told == ["rings"]
    bench.stop()


def test_a_line_out_of_order_from_the_start() -> None:
    clock, owner = SteppedClock(), Owner()
    port = DummyPort(clock)
    port.alarms = ("red",)
    line = VruLine(clock, port, "2001", 1, 1, LineRules(), owner)  # type: ignore[arg-type]
    line.start()
    assert line.state == "alarm" and owner.told == [("alarm", ("red",))]
    port.tell(ev.Alarm, alarms=())
    assert line.state == "idle"
    line.stop()


@pytest.mark.parametrize("state", STATES)
def test_blocking_in_each_state(state: str) -> None:
    bench = Bench().to(state)
    assert bench.line.block() is (state in ("idle", "blocked"))
    if state == "ringing":
        bench.line.take()
    if state in ("ringing", "busy"):
        bench.line.free()
    if state == "alarm":
        bench.port.tell(ev.Alarm, alarms=())
    bench.clock.advance(2.1)
    assert (bench.line.state, bench.port.off_hook) == ("blocked", True)
    bench.port.ring()
    assert "rings" not in bench.told
    bench.line.unblock()
    assert (bench.line.state, bench.port.off_hook) == ("guard", False)
    bench.clock.advance(2.1)
    assert bench.line.state == "idle"
    bench.stop()


def test_blocking_is_taken_back_before_it_came_true() -> None:
    bench = Bench().to("busy")
    bench.line.block()
    bench.line.unblock()
    bench.line.free()
    bench.clock.advance(2.1)
    assert bench.line.state == "idle"
    bench.stop()


def test_busy_out_that_the_card_refuses_is_told() -> None:
    bench = Bench()
    told: list[bool] = []
    bench.line.busy_out().addCallback(told.append)
    bench.port.fail("answer", TimedOut("the loop did not close"))
    assert told == [False]
    assert bench.trouble == [("busy_out", "extension 2001: cannot be held off-hook: the loop did not close")]
    bench.stop()


def sign(port: DummyPort, name: str) -> None:
    if name == "loop_drop":
        port.tell(ev.LoopDrop)
    elif name == "polarity":
        port.tell(ev.Polarity, reversed=True)
    else:
        port.tone(name.removesuffix("_tone"))


@pytest.mark.parametrize("name", ["loop_drop", "polarity", "busy_tone", "congestion_tone", "dial_tone"])
def test_a_sign_of_hang_up_counts_as_the_dialect_says(name: str) -> None:
    every = ("loop_drop", "polarity", "busy_tone", "dial_tone")
    own = "busy_tone" if name == "congestion_tone" else name
    for counts, told in ((every, [("lost", name)]), (tuple({*every} - {own}), [])):
        bench = Bench(disconnect=counts).to("busy")
        sign(bench.port, name)
        assert bench.told == []  # nobody watches
        bench.line.watch(True)
        bench.port.tone("ringback")
        sign(bench.port, name)
        assert bench.told == told
        bench.stop()


def quiet(bench: Bench) -> None:
    """Nine seconds of ten without a sound."""
    bench.clock.advance(9.0)
    assert bench.told == []


def test_silence_is_a_hang_up_where_nothing_else_is() -> None:
    bench = Bench(disconnect=("loop_drop", "silence"), silence_s=10.0).to("busy")
    bench.clock.advance(60.0)
    assert bench.told == []  # nobody watches
    bench.line.watch(True)
    quiet(bench)
    bench.clock.advance(1.1)
    assert bench.told == [("lost", "silence")]
    bench.clock.advance(60.0)
    assert bench.told == []  # once
    bench.stop()


def test_what_the_caller_or_we_let_hear_is_no_silence() -> None:
    bench = Bench(disconnect=("loop_drop", "silence"), silence_s=10.0).to("busy")
    bench.line.watch(True)
    for kind, fields in (
        (ev.DigitEnd, {"digit": "1", "ms": 80}),
        (ev.NotTone, {}),
        (ev.ToneEnded, {"name": "ringback"}),
        (ev.VoiceEnd, {}),
    ):
        quiet(bench)
        bench.port.tell(kind, **fields)
    quiet(bench)
    bench.port.tell(ev.VoiceBegin)
    bench.clock.advance(60.0)  # a long speech
    bench.port.tell(ev.VoiceEnd)
    quiet(bench)
    music = bench.port.play("music")
    bench.clock.advance(600.0)  # a caller who waits says nothing
    assert bench.told == []
    bench.port.finish("play")
    bench.port.tell(ev.PlayDone, id=1, why="finished", ms=600_000, errno=0)
    quiet(bench)
    bench.line.watch(False)  # a transfer listens itself
    bench.clock.advance(60.0)
    assert bench.told == [] and music.called
    bench.stop()
    assert not bench.clock.getDelayedCalls()


def test_silence_is_no_sign_unless_the_dialect_says_so() -> None:
    bench = Bench().to("busy")
    bench.line.watch(True)
    bench.clock.advance(3600.0)
    assert bench.told == [] and not bench.clock.getDelayedCalls()
    bench.stop()


def test_caller_id_is_heard_on_hook_only() -> None:
    for state in STATES:
        bench = Bench().to(state)
        bench.port.caller_id("13800138000")
        assert bench.told == (["id"] if state in ("idle", "ringing", "guard") else [])
        bench.stop()


def test_nothing_goes_on_after_stop() -> None:
    for state in STATES:
        bench = Bench().to(state)
        bench.stop()
        bench.port.ring()
        bench.port.tell(ev.Alarm, alarms=("red",))
        if state == "busy":
            bench.line.free()
        assert not bench.clock.getDelayedCalls() and bench.told == []


def test_a_wire_that_is_cut_and_mended_on_a_card() -> None:
    clock, owner = SteppedClock(), Owner()
    engine = Engine(clock)
    stepper = Stepper(clock, (engine,))
    vru, pbx = SoftwareCard(engine, "fxo", 1, name="vru"), SoftwareCard(engine, "fxs", 1, name="pbx")
    vru.wire(0, pbx, 0)
    line = VruLine(clock, vru.ports[0], "2001", 1, 1, LineRules(), owner)
    line.start()
    ringing = pbx.ports[0].ring()
    stepper.run_for(0.5)
    assert owner.told == ["rings"]
    vru.faults(0, cut=1)
    stepper.run_for(2.0)
    assert owner.told[1:] == [("alarm", ("red",)), ("lost", "alarm")] and line.state == "alarm"
    ringing.cancel()
    ringing.addErrback(lambda failure: None)
    vru.faults(0, cut=0)
    stepper.run_for(0.5)
    assert line.state == "idle"
    line.block()
    stepper.run_for(0.5)
    assert vru.ports[0].state().off_hook
    line.unblock()
    stepper.run_for(3.0)
    assert line.state == "idle" and not vru.ports[0].state().off_hook
    line.stop()
    stepper.run_for(0.1)


class TestBusyOut:
    """Out of service as the dialect says; who waits for it hears when it is so."""

    def lifted(self, bench: Bench) -> bool:
        return bench.port.off_hook

    def wait(self, bench: Bench) -> list[bool]:
        told: list[bool] = []
        bench.line.busy_out().addCallback(told.append)
        return told

    def test_off_hook(self) -> None:
        bench = Bench()
        told = self.wait(bench)
        assert told == [] and self.lifted(bench)
        bench.port.finish("answer")
        assert told == [True] and self.wait(bench) == [True]
        bench.line.back_in_service()
        assert bench.line.state == "guard" and not self.lifted(bench)
        bench.stop()

    def test_after_the_call(self) -> None:
        bench = Bench().to("busy")
        told = self.wait(bench)
        bench.line.free()
        bench.clock.advance(2.1)
        bench.port.finish("answer")
        assert told == [True]
        bench.stop()

    def test_taken_back_or_out_of_order_or_stopped_before_it_came_true(self) -> None:
        bench = Bench().to("busy")
        told = self.wait(bench)
        bench.line.back_in_service()
        assert told == [False]
        more = self.wait(bench)
        bench.stop()
        assert more == [False]
        assert self.wait(Bench().to("alarm")) == [False]

    def test_a_stop_that_leaves_it_out(self) -> None:
        for stay in (True, False):
            bench = Bench()
            self.wait(bench)
            bench.port.finish("answer")
            bench.line.stop(stay_out=stay)
            assert self.lifted(bench) is stay

    def test_a_pbx_that_cannot_be_told(self) -> None:
        bench = Bench(busy_out="none")
        assert self.wait(bench) == [False]
        assert bench.line.state == "blocked" and not self.lifted(bench)
        bench.port.ring()
        assert bench.told == [] and bench.trouble == []
        bench.stop()

    def test_a_locked_out_port_is_refreshed_and_who_rings_in_that_moment_is_served(self) -> None:
        bench = Bench(busy_out_refresh_s=60.0, guard_s=0.5)
        self.wait(bench)
        bench.port.finish("answer")
        bench.clock.advance(60.0)
        assert not self.lifted(bench) and bench.line.state == "blocked"
        bench.clock.advance(0.5)
        assert self.lifted(bench)
        bench.port.finish("answer")
        bench.port.ring()
        assert bench.told == [], "off-hook it cannot ring"
        bench.clock.advance(60.1)
        bench.port.ring()
        assert bench.told == ["rings"] and bench.line.state == "ringing"
        bench.clock.advance(1.0)
        assert not self.lifted(bench), "the refresh is over: it would be answered into silence"
        bench.line.take()
        bench.line.free()
        bench.clock.advance(0.6)
        assert bench.line.state == "blocked" and self.lifted(bench)
        bench.port.finish("answer")
        bench.stop()


class TestByCode:
    """Out of the hunt group and back by feature codes."""

    def made(self) -> Bench:
        bench = Bench(busy_out="code", busy_out_code="*61", in_service_code="*60", confirm_tones=("confirmation",))
        assert bench.line.state == "returning", "it may be out since the server ran before"
        self.dials(bench, "*60")
        bench.clock.advance(2.1)
        assert bench.line.state == "idle"
        return bench

    def dials(self, bench: Bench, code: str, tone: str = "confirmation") -> None:
        bench.port.finish("answer")
        bench.port.tone("dial")
        assert bench.port.log[-1] == ("dial", code)
        bench.port.finish("dial")
        bench.port.tone(tone)

    def test_out_and_back(self) -> None:
        bench = self.made()
        told: list[bool] = []
        bench.line.busy_out().addCallback(told.append)
        self.dials(bench, "*61")
        assert told == [True] and bench.line.state == "blocked" and not bench.port.off_hook
        bench.port.ring()
        assert bench.trouble == [("busy_out", "extension 2001: the PBX rings it though it is out of service")]
        bench.line.back_in_service()
        assert bench.line.state == "returning"
        self.dials(bench, "*60")
        assert bench.line.state == "guard"
        bench.stop()

    def test_a_code_that_is_refused(self) -> None:
        bench = self.made()
        told: list[bool] = []
        bench.line.busy_out().addCallback(told.append)
        self.dials(bench, "*61", "busy")
        assert bench.port.off_hook and told == []
        bench.port.finish("answer")
        assert told == [True] and len(bench.trouble) == 1 and "busy; held off-hook" in bench.trouble[0][1]
        bench.stop()

    @pytest.mark.parametrize("at", ["answer", "dial_tone", "dial"])
    def test_an_alarm_in_the_middle(self, at: str) -> None:
        bench = self.made()
        bench.line.block()
        if at != "answer":
            bench.port.finish("answer")
        if at == "dial":
            bench.port.tone("dial")
        bench.port.tell(ev.Alarm, alarms=("red",))
        assert bench.line.state == "alarm"
        bench.clock.advance(TURN)
        assert not bench.port.ops
        bench.port.tell(ev.Alarm, alarms=())
        assert bench.line.state == "blocked"
        self.dials(bench, "*61")
        bench.stop()


class TestFeatureCode:
    """A code dialled on an idle line."""

    def dialling(self, confirm: Any = "tone", code: str = "*418001", **rules: Any) -> tuple[Bench, list[Any]]:
        bench = Bench(**rules)
        results: list[Any] = []
        bench.line.dial_code(code, confirm).addBoth(results.append)
        bench.port.finish("answer")
        return bench, results

    @pytest.mark.parametrize(("confirm", "tone", "outcome"), [
        ("tone", "confirmation", "confirmed"), ("tone", "dial", "confirmed"), ("tone", "busy", "refused"),
        ("tone", None, "refused"), ("none", None, "believed"), ("none", "info", "refused"),
        ("digit", "dial", "refused"),
        ("digit", "9", "confirmed"),
    ])  # fmt: skip
    def test_the_pbxs_word(self, confirm: str, tone: str | None, outcome: str) -> None:
        bench, results = self.dialling(confirm, status_digits=StatusDigits(confirmed="9"))
        assert bench.line.state == "dialling"
        bench.port.tone("dial")
        bench.port.finish("dial")
        if tone == "9":
            bench.port.tell(ev.DigitBegin, digit="9")
        elif tone is not None:
            bench.port.tone(tone)
        bench.clock.advance(5.1)
        assert results[0].outcome == outcome
        assert bench.line.state in ("guard", "idle") and not bench.port.off_hook
        bench.stop()

    def test_a_flash_in_the_code(self) -> None:
        bench, results = self.dialling(code="F*18001")
        bench.port.tone("dial")
        bench.port.finish("flash")
        bench.port.tone("dial")
        bench.port.finish("dial")
        bench.port.tone("confirmation")
        assert results[0].done and [e for e in bench.port.log if e[0] in ("flash", "dial")] == [
            ("flash", 600), ("dial", "*18001")
        ]  # fmt: skip
        bench.stop()

    def test_no_dial_tone_on_a_line_that_never_gave_one(self) -> None:
        bench, results = self.dialling()
        bench.clock.advance(3.1)
        assert results[0].outcome == "no_dial_tone" and bench.line.state == "guard" and bench.told == []
        bench.stop()

    @pytest.mark.parametrize("sign", ["rings", "voice", "gave one before"])
    def test_somebody_was_put_through_that_moment(self, sign: str) -> None:
        bench = Bench()
        results: list[Any] = []
        if sign == "gave one before":
            bench.line.dial_code("*1", "none")
            bench.port.finish("answer")
            bench.port.tone("dial")
            bench.port.finish("dial")
            bench.clock.advance(6.0)
        bench.line.dial_code("*418001", "tone").addBoth(results.append)
        if sign == "rings":
            bench.port.ring()
        bench.port.finish("answer")
        if sign == "voice":
            bench.port.tell(ev.NotTone)
        bench.clock.advance(3.1)
        assert results[0].outcome == "no_dial_tone"
        assert bench.told == ["rings"] and bench.line.state == "ringing" and bench.port.off_hook
        bench.line.take()
        bench.stop()


@pytest.mark.parametrize(("busy_out", "asked"), [("offhook", True), ("none", False)])
def test_the_engine_makes_a_port_busy_when_the_server_stands_still(busy_out: str, asked: bool) -> None:
    bench = Bench(busy_out=busy_out)
    assert (("setting", "fallback", "busy") in bench.port.log) == asked
    bench.port.tell(ev.Fallback, what="busy")
    bench.port.tell(ev.Fallback, what="leave")
    assert [name for name, _ in bench.trouble] == ["stood_still"]
    assert bench.line.state == "idle"
    bench.line.stop()


class TestASoundBeforeTheFlash:
    """A busy tone takes seconds to be known; a flash in them would hide it."""

    def waits_s(self, bench: Bench, limit_s: float = 10.0) -> float:
        began, done = bench.clock.seconds(), Deferred.fromCoroutine(bench.line.supervision.clear())
        while not done.called and bench.clock.seconds() - began < limit_s:
            bench.clock.advance(0.02)
        return bench.clock.seconds() - began

    @pytest.fixture
    def busy(self) -> Iterator[Bench]:
        bench = Bench().to("busy")
        bench.line.watch(True)
        yield bench
        bench.stop()
        assert not bench.clock.getDelayedCalls()

    def test_nothing_is_heard(self, busy: Bench) -> None:
        assert self.waits_s(busy) == 0.0

    def test_a_burst_whose_tone_goes_on_is_waited_for(self, busy: Bench) -> None:
        busy.port.tell(ev.VoiceBegin)
        busy.clock.callLater(2.5, lambda: busy.port.tell(ev.ToneHeard, name="busy", level_dbm0=-10.0))
        assert 2.4 < self.waits_s(busy) < 2.6
        assert busy.told == [("lost", "busy_tone")]

    def test_a_burst_that_nothing_follows(self, busy: Bench) -> None:
        busy.port.tell(ev.VoiceBegin)
        busy.clock.advance(0.4)
        busy.port.tell(ev.VoiceEnd)
        assert 0.7 < self.waits_s(busy) <= GAP_S + 0.03
        assert self.waits_s(busy) == 0.0, "once"

    @pytest.mark.parametrize("known", [ev.NotTone, ev.DigitBegin])
    def test_a_voice_or_a_key_is_known_at_once(self, busy: Bench, known: type[ev.Event]) -> None:
        busy.port.tell(ev.VoiceBegin)
        busy.clock.callLater(0.1, lambda: busy.port.tell(known, **({"digit": "1"} if known is ev.DigitBegin else {})))
        assert self.waits_s(busy) < 0.2

    def digit(self, busy: Bench, at_s: float, digit: str) -> None:
        """80 ms long."""
        busy.clock.callLater(at_s, lambda: busy.port.tell(ev.DigitBegin, digit=digit))
        busy.clock.callLater(at_s + 0.08, lambda: busy.port.tell(ev.DigitEnd, digit=digit, ms=80))

    def test_digits_by_which_the_pbx_may_say_that_the_caller_has_gone_are_heard_out(self, busy: Bench) -> None:
        busy.line.supervision._gone = frozenset({"#9"})
        self.digit(busy, 0.02, "#")
        self.digit(busy, 0.18, "9")
        busy.clock.advance(0.12)
        assert 0.3 < self.waits_s(busy) < 0.5
        assert busy.told == [("digits", "#9")]

    def test_a_key_that_begins_no_such_string(self, busy: Bench) -> None:
        busy.line.supervision._gone = frozenset({"#9"})
        self.digit(busy, 0.02, "2")
        busy.clock.advance(0.12)
        assert self.waits_s(busy) == 0.0

    def test_a_noise_that_never_ends(self, busy: Bench) -> None:
        busy.port.tell(ev.VoiceBegin)
        assert self.waits_s(busy) == pytest.approx(UNCLEAR_S, abs=0.05)

"""A VRU line: rings, guard, block, alarm, and the signs of a caller's hang-up; with a recording dummy for the port, and
on a real software card where the line's own electricity matters."""

from __future__ import annotations

from typing import Any

import pytest

from cti.vru.line import RING_GAP_S, Hangup, VruLine
from drivers import events as ev
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
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
    def __init__(self, hangup: Hangup | None = None, **options: Any) -> None:
        self.clock, self.owner = SteppedClock(), Owner()
        self.port = DummyPort(self.clock)
        self.line = VruLine(self.clock, self.port, "2001", 1, 1, hangup or Hangup(), self.owner, **options)  # type: ignore[arg-type]
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
    assert bench.line.state == "guard" and bench.port.log[-1] == "on-hook"
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
    bench = Bench().to("guard")
    epoch = bench.port.epoch
    bench.port.ring()
    assert bench.told == ["rings"] and bench.port.epoch > epoch
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
    line = VruLine(clock, port, "2001", 1, 1, Hangup(), owner)  # type: ignore[arg-type]
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


def test_busy_out_that_the_card_refuses_is_no_unhandled_failure(logged_failures: Any) -> None:
    from drivers.errors import TimedOut

    bench = Bench().to("blocked")
    bench.port.fail("answer", TimedOut("the loop did not close"))
    assert [type(failure) for failure in logged_failures.flush()] == [TimedOut]
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
    everything = Hangup(True, True, True, True)
    for hangup, told in ((everything, [("lost", name)]), (Hangup(False, False, False, False), [])):
        bench = Bench(hangup).to("busy")
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
    bench = Bench(Hangup(silence_s=10.0)).to("busy")
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
    bench = Bench(Hangup(silence_s=10.0)).to("busy")
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
    bench = Bench(Hangup()).to("busy")
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
    line = VruLine(clock, vru.ports[0], "2001", 1, 1, Hangup(), owner)
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

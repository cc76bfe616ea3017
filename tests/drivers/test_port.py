"""A port's bookkeeping: epochs, stale commands and events, listeners that fail, events lost, rings that are full."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drivers import events as ev
from drivers._engine import lib
from drivers.card import USUAL, SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.errors import ArgumentError, CardError, EngineError, PortStateError, Unsupported
from drivers.items import Silence, Tone
from drivers.operations import quietly
from drivers.playing import Play
from drivers.recording import CLOSES_S, Record
from drivers.stepped import Stepper
from drivers.tones import Tone as PlanTone
from drivers.tones import TonePlan
from tests.conftest import LoggedFailures
from tests.drivers.card_rig import PLAN, Rig
from tests.drivers.test_software_card import settled, software_rig


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = software_rig(USUAL)
    yield rig
    settled(rig)


def test_a_listener_that_fails_stops_nobody(rig: Rig, logged_failures: LoggedFailures) -> None:
    def fails(event: ev.Event) -> None:
        raise LookupError("listener")

    heard: list[ev.Event] = []
    rig.far.listen(fails)
    rig.far.listen(heard.append)
    waiting = rig.far.wait_for(ev.OffHook)
    rig.run(rig.near.answer())
    rig.run(waiting, 1)
    assert [type(event) for event in heard] == [ev.OffHook]
    assert [str(error) for error in logged_failures.flush(LookupError)] == ["listener"]


def test_unsubscribed_listeners_hear_nothing_even_within_a_delivery(rig: Rig) -> None:
    heard: list[str] = []

    def first(event: ev.Event) -> None:
        heard.append("first")
        forget_second()
        forget_second()

    rig.far.listen(first)
    forget_second = rig.far.listen(lambda event: heard.append("second"))
    rig.run(rig.near.answer())
    rig.time.run_for(0.2)
    assert heard == ["first"]


def test_delivery_never_re_enters(rig: Rig) -> None:
    depth = 0
    deepest = 0

    def told(event: ev.Event) -> None:
        nonlocal depth, deepest
        depth += 1
        deepest = max(deepest, depth)
        assert rig.far.engine.pump() == 0
        depth -= 1

    rig.far.listen(told)
    rig.connect()
    rig.run(rig.near.flash(200))
    rig.time.run_for(0.5)
    assert deepest == 1


def test_a_stepper_is_not_run_from_within(rig: Rig, logged_failures: LoggedFailures) -> None:
    rig.far.listen(lambda event: rig.time.run_for(1))
    rig.run(rig.near.answer())
    rig.time.run_for(0.1)
    assert len(logged_failures.flush(RuntimeError)) == 1


def test_commands_of_an_earlier_call_are_dropped(rig: Rig) -> None:
    rig.connect()
    engine, port = rig.near.engine, rig.near
    old = port.epoch
    port.begin_call()
    engine.command(lib.TR_OP_HOOK, port.number, old, engine.next_id(), (0,))
    rig.time.run_for(0.1)
    assert port.state().off_hook and port.state().stale_commands == 1


def test_line_levels_are_told_whichever_call_saw_them(rig: Rig) -> None:
    """The telephone is hung up in the very tick in which we begin a call: the on-hook must not be lost."""
    rig.connect()
    rig.near.hangup()
    for _ in range(200):
        rig.time.run_for(0.02)
        rig.far.begin_call()
    assert len(rig.events(rig.far, ev.OnHook)) == 1


def test_refused_commands_of_nobody_are_noted_not_fatal(rig: Rig) -> None:
    rig.near.setting("guard_ms", -5)
    rig.time.run_for(0.1)
    [failed] = rig.events(rig.near, ev.CommandFailed)
    assert failed.result == lib.TR_E_ARGUMENT and failed.op == lib.TR_OP_SETTING


@pytest.mark.parametrize(("name", "value"), [("colour", 1), ("law", "x"), ("guard_ms", "long")])
def test_settings_that_are_none(rig: Rig, name: str, value: int | str) -> None:
    with pytest.raises(ArgumentError):
        rig.near.setting(name, value)


def test_arguments_that_make_no_sense(rig: Rig) -> None:
    for attempt in (
        lambda: rig.near.flash(0),
        lambda: rig.far.loop_open(-1),
        lambda: rig.near.collect(0, 1, 1),
        lambda: rig.near.detect("telepathy"),
        lambda: rig.near.wait_tone("dial"),
    ):
        with pytest.raises(ArgumentError):
            attempt()
    with pytest.raises(Unsupported):
        rig.near.bits(5)


def test_hearing_a_port_of_another_engine(rig: Rig) -> None:
    with pytest.raises(PortStateError):
        rig.near.hear(rig.far)


def test_typed_ahead_is_bounded(rig: Rig) -> None:
    rig.connect()
    rig.near.detect("dtmf")
    rig.run(rig.far.dial("1234567890" * 4, 50, 50))
    rig.time.run_for(0.2)
    assert len(rig.near.typed_ahead) == 32


def test_a_released_port_is_gone(rig: Rig) -> None:
    rig.connect()
    engine = rig.near2.engine
    playing = quietly(rig.near2.play(Tone(450)))
    engine.release_port(rig.near2)
    rig.time.run_for(0.2)
    assert playing.called and rig.near2.number not in engine.ports
    with pytest.raises(EngineError):
        rig.near2.state()
    del rig.heard[rig.near2]


def test_a_call_that_begins_while_events_are_delivered_hears(rig: Rig) -> None:
    """The new epoch disarms in C what Python believes armed: the same detectors again must be armed anew."""

    def rings(event: ev.Event) -> None:
        if isinstance(event, ev.RingBegin):
            rig.near.begin_call()
            rig.near.detect("fsk_id", "dtmf_id")

    rig.near.detect("fsk_id", "dtmf_id")
    rig.time.run_for(0.1)
    rig.near.listen(rings)
    ringing = quietly(rig.far.ring((400, 600)))
    rig.time.run_for(0.5)
    assert rig.near.state().detectors == ("fsk_id", "dtmf_id")
    ringing.cancel()
    rig.near.begin_call()


def test_recordings_of_a_released_port_end(tmp_path: Path) -> None:
    rig, _ = small_rig(event_ring=16)
    vru = rig.near.engine
    recording = rig.near.record(tmp_path / "message.wav")
    capture = rig.near.capture(tmp_path / "port.wav", limit_s=60)
    rig.time.run_for(0.5)
    vru.release_port(rig.near)
    for ended in (recording.ended, capture.ended):
        end = rig.run(ended, 0.2)
        assert (end.why, end.ms) == ("stopped", 500)
    assert vru._released == []


# ---- tone plans ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tones",
    [
        (PlanTone("high", 3900),),
        (PlanTone("many cycles", 450, cadence_ms=(100, 100), min_cycles=40),),
        tuple(PlanTone(str(at), 300 + 100 * at) for at in range(9)),
    ],
)
def test_a_plan_that_cannot_be_heard_is_refused_at_once(rig: Rig, tones: tuple[PlanTone, ...]) -> None:
    rig.near.tone_plan(PLAN)
    with pytest.raises(ArgumentError, match="cannot be heard"):
        rig.near.tone_plan(TonePlan("deaf", tones))
    assert rig.near.plan is PLAN


def test_a_tone_of_the_former_plan_is_not_named_by_the_new_one() -> None:
    """Its id was 2 of PLAN, busy; 2 of what is laid over it is congestion."""
    rig, pbx = small_rig(event_ring=1024)
    rig.connect()
    rig.near.tone_plan(PLAN)
    rig.near.detect("tones")
    rig.time.run_for(0.1)
    quietly(rig.far.play(PLAN.item("busy")))
    flood(pbx, rig, 100)
    rig.near.tone_plan(PLAN.without("dial"))
    rig.time.run_for(0.1)
    [heard] = rig.events(rig.near, ev.ToneHeard)
    assert heard.name not in PLAN
    rig.far.hangup()
    rig.near.hangup()
    rig.time.run_for(0.1)
    settled(rig)


def test_a_cadence_with_a_long_silence_is_heard(rig: Rig) -> None:
    """The detector rests in silence, but not before the longest gap of its plan."""
    plan = TonePlan("rare", (PlanTone("rare", 450, cadence_ms=(500, 10000)),))
    rig.connect()
    rig.near.tone_plan(plan)
    heard = rig.near.wait_tone("rare")
    playing = quietly(rig.far.play(plan.item("rare")))
    assert rig.run(heard, 13).name == "rare"
    playing.cancel()
    rig.near.hangup()


# ---- events lost ---------------------------------------------------------------------------------


def small_rig(event_ring: int) -> tuple[Rig, Engine]:
    """A rig whose exchange has room for few events only."""
    clock = SteppedClock()
    pbx = Engine(clock, name="pbx", max_ports=4, event_ring=event_ring)
    vru = Engine(clock, name="vru", max_ports=4)
    fxs, fxo = SoftwareCard(pbx, "fxs", 2, name="pbx"), SoftwareCard(vru, "fxo", 2, name="vru")
    for at in range(2):
        fxo.wire(at, fxs, at)
    rig = Rig(Stepper(clock, [pbx, vru]), fxo.ports[0], fxs.ports[0], fxo.ports[1], fxs.ports[1], 1.0, True)
    rig.time.run_for(0.1)
    return rig, pbx


def flood(port_engine: Engine, rig: Rig, ticks: int) -> None:
    """Lets engine time pass without anybody taking the events, with a refused command every tick to fill the ring."""
    from drivers.engine import step

    engines = [rig.far.engine.handle, rig.near.engine.handle]
    clock = rig.near.engine.clock
    assert isinstance(clock, SteppedClock)
    for _ in range(ticks):
        for _ in range(4):
            port_engine.command(lib.TR_OP_SETTING, rig.far2.number, rig.far2.epoch, 0, (999, 0))
        done = step(engines, 1)
        assert done == 1
        clock.move(1)


def test_after_an_overrun_the_line_is_as_it_is() -> None:
    rig, pbx = small_rig(event_ring=16)
    lost: list[ev.Event] = []
    pbx.listen(lost.append)
    quietly(rig.near.answer())
    quietly(rig.far.play(Silence(100)))
    flood(pbx, rig, 30)
    assert pbx.stats().events_lost > 0
    rig.time.run_for(0.1)
    assert any(isinstance(event, ev.Overrun) for event in lost)
    assert len(rig.events(rig.far, ev.OffHook)) == 1
    settled(rig)


def test_what_was_lost_whole_is_told_as_there_and_back() -> None:
    rig, pbx = small_rig(event_ring=16)
    rig.connect()
    before = len(rig.events(rig.far, ev.OffHook))
    flood(pbx, rig, 10)  # the ring is full from here on
    rig.near.hangup()
    flood(pbx, rig, 80)
    quietly(rig.near.answer())
    flood(pbx, rig, 20)
    rig.time.run_for(0.1)
    told = rig.events(rig.far, ev.OnHook, ev.OffHook)[before:]
    assert [(type(event), event.inferred) for event in told] == [(ev.OnHook, True), (ev.OffHook, True)]
    settled(rig)


def test_ringing_ends_although_the_off_hook_was_lost() -> None:
    rig, pbx = small_rig(event_ring=16)
    ringing = rig.far.ring((1000, 1000))
    rig.time.run_for(0.5)
    flood(pbx, rig, 10)
    quietly(rig.near.answer())
    flood(pbx, rig, 20)
    rig.run(ringing, 0.2)
    [off_hook] = rig.events(rig.far, ev.OffHook)
    assert off_hook.inferred
    settled(rig)


def test_playing_and_recording_end_although_their_ends_were_lost(tmp_path: Path) -> None:
    rig, pbx = small_rig(event_ring=16)
    rig.connect()
    playing = rig.far.play(Tone(450, ms=300))
    recording = rig.far.record(tmp_path / "lost.wav", limit_s=0.3)
    rig.time.run_for(0.1)
    flood(pbx, rig, 30)
    assert rig.run(playing, 0.2).why == "finished"
    ended = rig.run(recording.ended, 0.2)
    assert (ended.why, ended.ms) == ("limit", 300)  # its end waits for room, and is never lost
    settled(rig)


def test_a_slow_close_is_waited_for_after_an_overrun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The level state says that a file is open yet: its end is to come, and brings the true length."""
    rig, _ = small_rig(event_ring=16)
    recording = rig.far.record(tmp_path / "slow.wav", limit_s=0.3)
    rig.time.run_for(0.2)
    closing = replace(rig.far.state(), recording=0)
    assert closing.files == 1
    with monkeypatch.context() as patch:
        patch.setattr(type(rig.far), "state", lambda port: closing)
        rig.far.reconcile(0, 0.0)
        rig.time.run_for(0.08)
    assert rig.run(recording.ended, 1).ms == 300 and rig.far.state().files == 0
    settled(rig)


@pytest.mark.parametrize("limit_s", [None, 5.0])
def test_a_disk_that_does_not_answer_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit_s: float | None
) -> None:
    rig, _ = small_rig(event_ring=16)
    engine_says: list[tuple[Any, ...]] = []
    with monkeypatch.context() as patch:
        patch.setattr(Record, "file_closed", lambda *closed: engine_says.append(closed))
        recording = rig.far.record(tmp_path / "slow.wav", limit_s=limit_s)
        rig.time.run_for(1.0)
        ended = recording.stop() if limit_s is None else recording.ended
        assert rig.run(ended, 3 * CLOSES_S).why == "late"
    assert "closing" in rig.far.operations[0]  # the engine still has it
    rig.run(rig.far.record(tmp_path / "next.wav", limit_s=0.1).ended, 1)
    record, *how = engine_says[0]
    record.file_closed(*how)  # the disk comes back
    settled(rig)


def test_a_recording_whose_refusal_was_lost_is_over(tmp_path: Path) -> None:
    rig, pbx = small_rig(event_ring=16)
    pbx.command(lib.TR_OP_EPOCH, rig.far.number, 0, 0, (rig.far.epoch + 7,))  # the engine is in another call
    flood(pbx, rig, 10)
    recording = rig.far.record(tmp_path / "refused.wav")
    flood(pbx, rig, 10)
    ended = rig.run(recording.ended, 1)
    assert (ended.why, ended.ms) == ("lost", 0) and not rig.far.operations
    settled(rig)


def test_a_capture_whose_end_was_lost_leaves_the_port_free(tmp_path: Path) -> None:
    rig, pbx = small_rig(event_ring=16)
    capture = rig.far.capture(tmp_path / "lost.wav", limit_s=0.3)
    rig.time.run_for(0.1)
    flood(pbx, rig, 40)
    ended = rig.run(capture.ended, 0.2)
    assert (ended.why, ended.ms) == ("limit", 300)
    again = rig.far.capture(tmp_path / "again.wav", limit_s=0.1)
    assert rig.run(again.ended, 1).why == "limit"
    settled(rig)


def test_an_overrun_ends_nothing_that_was_only_just_asked_for(tmp_path: Path) -> None:
    """The level state cannot show yet what the engine takes in its next tick, nor a file that is just being closed."""
    rig, _ = small_rig(event_ring=16)
    rig.connect()
    stopped = rig.near.record(tmp_path / "message.wav")
    rig.time.run_for(0.5)
    ended = stopped.stop()
    playing = rig.far.play(Tone(450, ms=300))
    recording = rig.far.record(tmp_path / "talk.wav", limit_s=0.3)
    for port in (rig.near, rig.far):
        port.reconcile(0, 0.0)
    assert rig.run(playing, 1).ms == 300
    assert rig.run(recording.ended, 1).ms == 300
    assert rig.run(ended, 1).why == "stopped"
    settled(rig)


def test_an_operation_that_cannot_be_reconciled_stops_no_other(
    rig: Rig, logged_failures: LoggedFailures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception out of `pump` would have the reactor drop the engine's descriptor for good."""

    def fails(self: Play, playing: bool, recording: int) -> None:
        raise EngineError("no room")

    monkeypatch.setattr(Play, "reconcile", fails)
    quietly(rig.near.play(Silence(100)))
    flashing = rig.near.wait_for(ev.RingBegin)
    rig.near.reconcile(0, 0.0)
    assert len(logged_failures.flush(EngineError)) == 1
    flashing.cancel()
    flashing.addErrback(lambda _: None)
    rig.near.hangup()


# ---- rings that are full -------------------------------------------------------------------------


def test_commands_wait_for_room_in_order() -> None:
    clock = SteppedClock()
    engine = Engine(clock, max_ports=4, command_ring=16)
    [port] = SoftwareCard(engine, "fxo", 1).ports
    stepper = Stepper(clock, [engine])
    for number in range(200):
        port.gain(number / 100, 0)
    port.begin_call()
    assert engine.backlog > 100
    stepper.run_for(1)
    assert engine.backlog == 0 and port.state().epoch == port.epoch
    assert engine.stats().commands_failed == 0


def test_a_backlog_without_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.engine.BACKLOG", 20)
    engine = Engine(SteppedClock(), max_ports=4, command_ring=16)
    [port] = SoftwareCard(engine, "fxo", 1).ports
    with pytest.raises(EngineError, match="20 commands wait"):
        for _ in range(100):
            port.gain(0, 0)


# ---- cards ---------------------------------------------------------------------------------------


def test_wires_can_be_made_bad_and_good_again() -> None:
    clock = SteppedClock()
    engine = Engine(clock, max_ports=4)
    fxo, fxs = SoftwareCard(engine, "fxo", 1), SoftwareCard(engine, "fxs", 1)
    fxo.wire(0, fxs, 0, loss_db=3.0)
    assert fxs.faults(0)["loss_db"] == 3.0
    assert fxo.faults(0, noise_dbm0=-45.0, cut=1)["cut"] == 1
    with pytest.raises(ArgumentError):
        fxo.faults(0, colour=1)
    with pytest.raises(EngineError):
        fxo.faults(0, loss_db=-5)
    fxo.unwire(0)
    with pytest.raises((EngineError, CardError)):
        fxo.faults(0)


def test_a_cut_wire_is_an_alarm(rig: Rig) -> None:
    card = rig.near.engine.cards[0]
    assert isinstance(card, SoftwareCard)
    rig.connect()
    card.faults(0, cut=1)
    rig.time.run_for(2)
    assert rig.events(rig.near, ev.Alarm)[-1].alarms == ("red",)
    card.faults(0, cut=0)
    rig.time.run_for(1)
    assert rig.events(rig.near, ev.Alarm)[-1].alarms == ()


def test_b_channels_carry_bits() -> None:
    clock = SteppedClock()
    engine = Engine(clock, max_ports=4)
    left, right = SoftwareCard(engine, "b", 1, name="left"), SoftwareCard(engine, "b", 1, name="right")
    left.wire(0, right, 0)
    stepper = Stepper(clock, [engine])
    heard: list[ev.Event] = []
    right.ports[0].listen(heard.append)
    stepper.run_for(0.1)
    left.ports[0].bits(0b1001)
    stepper.run_for(0.2)
    assert [event.bits for event in heard if isinstance(event, ev.Bits)][-1] == 0b1001


def test_a_tap_shows_what_passed(rig: Rig, tmp_path: Path) -> None:
    card = rig.near.engine.cards[0]
    assert isinstance(card, SoftwareCard)
    card.tap(0, tmp_path / "line")
    rig.connect()
    rig.near.tone_plan(PLAN)
    rig.run(rig.near.flash(300))
    rig.time.run_for(0.1)
    card.tap(0, None)
    edges = (tmp_path / "line.jsonl").read_text().splitlines()
    assert len(edges) >= 3 and (tmp_path / "line.wav").stat().st_size > 1000


def test_a_card_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ArgumentError):
        SoftwareCard(None, "sip", 1)
    with pytest.raises(ArgumentError):
        SoftwareCard(None, "fxo", 1, capabilities=("flies",))

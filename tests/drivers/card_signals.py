"""What any card must do. Caller ID, tones, and what a new call does to the old one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from drivers import events as ev
from drivers.callerid import decode, encode_dtmf, encode_mdmf
from drivers.errors import (
    ArgumentError,
    CallEnded,
    TimedOut,
)
from drivers.items import Tone
from drivers.operations import quietly
from drivers.playing import PlayEnd
from tests.drivers.card_rig import DIAL_ONLY, PLAN, Rig, level, samples, voice


class SignalTests:
    # ---- caller ID -------------------------------------------------------------------------------

    def test_fsk_caller_id_between_the_rings(self, rig: Rig) -> None:
        rig.near.detect("fsk_id")
        message = encode_mdmf("13912345678", name="李明", when="11050930")
        ringing = rig.far.ring((1000, 4000), message)
        rig.time.run_for(6.5)
        got = rig.events(rig.near, ev.CallerId)
        if rig.has("hears_on_hook"):
            [caller_id] = got
            assert caller_id.ok and caller_id.form == "fsk" and caller_id.raw == message
            assert decode(caller_id.raw, "fsk").number == "13912345678"
            first = rig.events(rig.near, ev.RingEnd)[0]
            assert (caller_id.at - first.at) / 8 < 4000
        else:
            assert got == []
        assert len(rig.events(rig.near, ev.RingEnd)) == 2
        quietly(ringing).cancel()

    @pytest.mark.parametrize("lifted_s", [0.5, 1.8, 2.6])
    def test_what_is_played_when_it_is_lifted_sounds_also_in_the_middle_of_the_caller_id(
        self, rig: Rig, lifted_s: float
    ) -> None:
        """During the burst, the caller ID, and after it."""
        played: list[Deferred[PlayEnd | None]] = []

        def lifted(event: ev.Event) -> None:
            if isinstance(event, ev.OffHook):
                played.append(quietly(rig.far.play(Tone(450, ms=300))))

        rig.far.listen(lifted)
        ringing = rig.far.ring((1000, 4000), encode_mdmf("13912345678", name="李明", when="11050930"))
        rig.time.run_for(lifted_s)
        rig.run(rig.near.answer())
        rig.run(ringing, 1)
        [end] = played
        ended = rig.run(end, 2)
        assert ended is not None and ended.why == "finished"
        assert rig.far.operations == []

    def test_dtmf_caller_id_before_the_first_ring(self, rig: Rig) -> None:
        rig.near.detect("dtmf_id")
        ringing = rig.far.ring((1000, 4000), encode_dtmf("01062001234"))
        rig.time.run_for(4)
        got = rig.events(rig.near, ev.CallerId)
        if rig.has("hears_on_hook"):
            [caller_id] = got
            assert caller_id.form == "dtmf" and decode(caller_id.raw, "dtmf").number == "01062001234"
        else:
            assert got == []
        [end] = rig.events(rig.near, ev.RingEnd)
        assert (end.at / 8 - 1000) > 1000  # the ring came after the digits
        quietly(ringing).cancel()

    def test_off_hook_during_the_caller_id(self, rig: Rig) -> None:
        ringing = rig.far.ring((1000, 4000), encode_mdmf("13912345678"))
        rig.time.run_for(1.7)
        rig.run(rig.near.answer())
        rig.run(ringing, 1)
        rig.time.run_for(0.2)
        assert rig.far.state().playing == 0 and not rig.far.state().ringing

    def test_a_cadence_without_room_for_the_message_is_refused(self, rig: Rig) -> None:
        with pytest.raises(ArgumentError):
            rig.run(rig.far.ring((1000, 1000), encode_mdmf("13912345678", name="A long name")))

    def test_an_on_hook_line_passes_no_speech(self, rig: Rig, tmp_path: Path) -> None:
        recording = rig.near.record(tmp_path / "heard.wav")
        rig.run(rig.far.play(Tone(1000, ms=1000)))
        rig.run(recording.stop())
        assert level(samples(tmp_path / "heard.wav")) < -50

    # ---- tones -----------------------------------------------------------------------------------

    def test_dial_tone_is_confirmed_in_its_time(self, rig: Rig) -> None:
        rig.connect()
        rig.near.tone_plan(DIAL_ONLY)
        tone = quietly(rig.far.play(Tone(450)))
        began = rig.near.engine.clock.seconds()
        heard = rig.run(rig.near.wait_tone(["dial"], 3))
        took = rig.near.engine.clock.seconds() - began
        assert heard.name == "dial" and 0.85 <= took <= 1.1
        assert heard.time_s == pytest.approx(began, abs=0.1) and heard.level_dbm0 == pytest.approx(-10, abs=2)
        tone.cancel()

    @pytest.mark.parametrize("name", ["ringback", "busy", "congestion"])
    def test_cadences_are_told_apart(self, rig: Rig, name: str) -> None:
        rig.connect()
        rig.near.tone_plan(PLAN)
        rig.near.detect("tones")
        tone = quietly(rig.far.play(PLAN.item(name)))
        rig.time.run_for(7)
        assert {event.name for event in rig.events(rig.near, ev.ToneHeard)} == {name}
        tone.cancel()

    def test_a_tone_that_ends_is_told(self, rig: Rig) -> None:
        rig.connect()
        rig.near.tone_plan(DIAL_ONLY)
        rig.near.detect("tones")
        rig.run(rig.far.play(Tone(450, ms=1500)))
        rig.time.run_for(0.5)
        told = [type(event) for event in rig.events(rig.near, ev.ToneHeard, ev.ToneEnded)]
        assert told == [ev.ToneHeard, ev.ToneEnded]

    def test_ringback_that_stops_is_overdue(self, rig: Rig) -> None:
        rig.connect()
        rig.near.tone_plan(PLAN)
        rig.near.detect("tones")
        tone = quietly(rig.far.play(PLAN.item("ringback")))
        rig.time.run_for(6.5)
        tone.cancel()
        rig.time.run_for(4.9)
        [overdue] = rig.events(rig.near, ev.ToneOverdue)
        assert overdue.name == "ringback"

    def test_speech_is_no_tone(self, rig: Rig) -> None:
        rig.connect()
        rig.near.tone_plan(PLAN)
        rig.near.detect("tones", "voice")
        began = rig.near.engine.clock.seconds()
        rig.run(rig.far.play(voice(2)))
        rig.time.run_for(1)
        first = rig.events(rig.near, ev.NotTone)[0]
        assert first.time_s - began < 0.6
        assert rig.events(rig.near, ev.ToneHeard) == []
        assert rig.events(rig.near, ev.VoiceBegin) and rig.events(rig.near, ev.VoiceEnd)

    def test_waiting_for_a_tone_times_out(self, rig: Rig) -> None:
        rig.connect()
        rig.near.tone_plan(PLAN)
        with pytest.raises(TimedOut):
            rig.run(rig.near.wait_tone(["dial", "busy"], 1.5))

    def test_a_tone_already_sounding_counts(self, rig: Rig) -> None:
        rig.connect()
        rig.near.tone_plan(DIAL_ONLY)
        rig.near.detect("tones")
        tone = quietly(rig.far.play(Tone(450)))
        rig.time.run_for(2)
        assert rig.run(rig.near.wait_tone(["dial"], 0.1)).name == "dial"
        tone.cancel()

    def test_a_tone_not_in_the_plan_is_our_mistake(self, rig: Rig) -> None:
        with pytest.raises(ArgumentError):
            rig.near.wait_tone(["no such tone"], 1)

    # ---- calls -----------------------------------------------------------------------------------

    def test_a_new_call_ends_the_old_ones_operations(self, rig: Rig, tmp_path: Path) -> None:
        rig.connect()
        ended: list[Deferred[Any]] = [rig.near.play(Tone(450)), rig.near.wait_for(ev.LoopDrop)]
        epoch = rig.near.epoch
        assert rig.near.begin_call() == epoch + 1
        for operation in ended:
            with pytest.raises(CallEnded):
                rig.run(operation)
        rig.time.run_for(0.1)
        state = rig.near.state()
        assert (state.epoch, state.playing, state.detectors) == (epoch + 1, 0, ())
        assert rig.run(rig.near.play(Tone(450, ms=100))).why == "finished"

    def test_events_of_an_earlier_call_are_dropped(self, rig: Rig) -> None:
        rig.connect()
        rig.near.detect("dtmf")
        dialled = quietly(rig.far.dial("1"))
        rig.time.run_for(0.1)
        rig.near.begin_call()
        rig.time.run_for(0.5)
        assert all(event.epoch < rig.near.epoch for event in rig.events(rig.near, ev.DigitBegin))
        assert rig.events(rig.near, ev.DigitEnd) == [] and not rig.near.typed_ahead
        rig.run(dialled)

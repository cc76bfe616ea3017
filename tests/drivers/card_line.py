"""What any card must do. The line itself: ringing, hook, flash, loop drop, polarity, lamp."""

from __future__ import annotations

from itertools import pairwise

import pytest

from drivers import events as ev
from drivers.errors import (
    ArgumentError,
    CallEnded,
    PortStateError,
    Unsupported,
)
from drivers.operations import quietly
from tests.drivers.card_rig import Rig


class LineTests:
    # ---- ringing ---------------------------------------------------------------------------------

    def test_a_ring_burst_is_told_with_begin_and_end(self, rig: Rig) -> None:
        ringing = rig.far.ring((1000, 4000))
        rig.time.run_for(1.5)
        begins, [end] = rig.events(rig.near, ev.RingBegin), rig.events(rig.near, ev.RingEnd)
        assert len(begins) == (1 if rig.has("reports_ring_begin") else 0)
        assert rig.length_is(end.ms, 1000)
        quietly(ringing).cancel()

    def test_cadence_is_kept(self, rig: Rig) -> None:
        ringing = rig.far.ring((400, 200, 400, 2000))
        rig.time.run_for(6.3)
        ends = rig.events(rig.near, ev.RingEnd)
        assert len(ends) == 4 and all(rig.length_is(end.ms, 400) for end in ends)
        apart = [(b.at - a.at) / 8 for a, b in pairwise(ends)]
        assert apart == pytest.approx([600, 2400, 600], abs=rig.precision_ms * 2)
        quietly(ringing).cancel()

    def test_a_glitch_is_no_ring(self, rig: Rig) -> None:
        rig.near.setting("ring_debounce_ms", 300)
        ringing = rig.far.ring((200, 3000))
        rig.time.run_for(4)
        assert rig.events(rig.near, ev.RingBegin, ev.RingEnd) == []
        quietly(ringing).cancel()

    def test_cancelled_ringing_stops(self, rig: Rig) -> None:
        ringing = rig.far.ring((1000, 1000))
        rig.time.run_for(1.5)
        quietly(ringing).cancel()
        rig.time.run_for(0.2)
        before = len(rig.events(rig.near, ev.RingEnd))
        rig.time.run_for(5)
        assert len(rig.events(rig.near, ev.RingEnd)) == before
        assert not rig.far.state().ringing and not rig.near.state().ringing

    def test_answering_trips_the_ringing(self, rig: Rig) -> None:
        ringing = rig.far.ring((1000, 1000))
        rig.time.run_for(0.5)
        rig.run(rig.near.answer())
        rig.run(ringing, 1)
        rig.time.run_for(5)
        assert len(rig.events(rig.near, ev.RingEnd)) == 1
        assert rig.near.state().off_hook and rig.far.state().off_hook

    def test_answering_between_bursts(self, rig: Rig) -> None:
        ringing = rig.far.ring((400, 4000))
        rig.time.run_for(2)
        rig.run(rig.near.answer())
        rig.run(ringing, 1)
        rig.time.run_for(5)
        assert len(rig.events(rig.near, ev.RingEnd)) == 1

    def test_a_telephone_off_hook_cannot_be_rung(self, rig: Rig) -> None:
        rig.connect()
        with pytest.raises(PortStateError):
            rig.run(rig.far.ring())

    @pytest.mark.parametrize("cadence", [(), (1000,), (1000, 0), (1, 2, 3, 4, 5, 6, 7, 8)])
    def test_faulty_cadences_are_refused(self, rig: Rig, cadence: tuple[int, ...]) -> None:
        with pytest.raises(ArgumentError):
            rig.run(rig.far.ring(cadence))

    def test_hangup_of_the_exchange_stops_ringing(self, rig: Rig) -> None:
        ringing = rig.far.ring((1000, 1000))
        rig.time.run_for(0.5)
        rig.far.hangup()
        with pytest.raises(CallEnded):
            rig.run(ringing)
        rig.time.run_for(3)
        assert len(rig.events(rig.near, ev.RingEnd)) == 1

    # ---- hook ------------------------------------------------------------------------------------

    def test_off_hook_and_on_hook_reach_the_exchange(self, rig: Rig) -> None:
        rig.run(rig.near.answer())
        rig.time.run_for(0.1)
        assert len(rig.events(rig.far, ev.OffHook)) == 1
        rig.near.hangup()
        rig.time.run_for(0.5)
        assert rig.events(rig.far, ev.OnHook) == []  # may still be a flash
        rig.time.run_for(1)
        assert len(rig.events(rig.far, ev.OnHook)) == 1
        assert not rig.far.state().off_hook

    def test_hanging_up_twice_is_harmless(self, rig: Rig) -> None:
        rig.connect()
        rig.near.hangup()
        rig.near.hangup()
        rig.time.run_for(2)
        assert len(rig.events(rig.far, ev.OnHook)) == 1

    @pytest.mark.parametrize("ms", [100, 300, 600, 900])
    def test_flash_length_arrives(self, rig: Rig, ms: int) -> None:
        rig.connect()
        rig.run(rig.near.flash(ms))
        rig.time.run_for(0.2)
        [flash] = rig.events(rig.far, ev.Flash)
        [done] = rig.events(rig.near, ev.HookDone)
        assert rig.length_is(flash.ms, ms) and done.ms in (0, ms)
        assert rig.events(rig.far, ev.OnHook) == [] and rig.far.state().off_hook

    def test_too_short_an_opening_is_nothing(self, rig: Rig) -> None:
        rig.connect()
        rig.run(rig.near.flash(50))
        rig.time.run_for(1.5)
        assert rig.events(rig.far, ev.Flash, ev.OnHook, ev.PulseDigit) == []

    def test_too_long_a_flash_is_hanging_up(self, rig: Rig) -> None:
        rig.connect()
        rig.run(rig.near.flash(1300))
        rig.time.run_for(0.2)
        assert rig.events(rig.far, ev.Flash) == []
        told = [type(event) for event in rig.events(rig.far, ev.OnHook, ev.OffHook)]
        assert told == [ev.OffHook, ev.OnHook, ev.OffHook]

    def test_the_flash_window_can_be_set(self, rig: Rig) -> None:
        rig.far.setting("flash_min_ms", 300)
        rig.far.setting("flash_max_ms", 500)
        rig.connect()
        for ms in (200, 400, 700):
            rig.run(rig.near.flash(ms))
            rig.time.run_for(1)
        assert len(rig.events(rig.far, ev.Flash)) == 1
        assert len(rig.events(rig.far, ev.OnHook)) == 1

    def test_no_flash_on_hook(self, rig: Rig) -> None:
        with pytest.raises(PortStateError):
            rig.run(rig.near.flash(300))

    def test_loop_pulses_are_a_digit_where_asked_for(self, rig: Rig) -> None:
        rig.far.setting("pulse_dial", 1)
        rig.connect()
        for _ in range(3):
            rig.run(rig.near.flash(60))
            rig.time.run_for(0.04)
        rig.time.run_for(0.5)
        assert [event.digit for event in rig.events(rig.far, ev.PulseDigit)] == ["3"]
        assert rig.events(rig.far, ev.Flash, ev.OnHook) == []

    # ---- what the exchange does to the line ------------------------------------------------------

    def test_loop_drop_is_told(self, rig: Rig) -> None:
        rig.connect()
        rig.run(rig.far.loop_open(500))
        rig.time.run_for(0.2)
        assert len(rig.events(rig.near, ev.LoopDrop)) == 1
        assert len(rig.events(rig.far, ev.HookDone)) == 1

    def test_a_short_opening_is_no_loop_drop(self, rig: Rig) -> None:
        rig.connect()
        rig.run(rig.far.loop_open(120))
        rig.time.run_for(0.5)
        assert rig.events(rig.near, ev.LoopDrop) == []

    def test_our_own_hook_change_masks_loop_drops(self, rig: Rig) -> None:
        rig.near.setting("guard_ms", 600)
        rig.run(rig.near.answer())
        rig.run(rig.far.loop_open(400))
        rig.time.run_for(1)
        assert rig.events(rig.near, ev.LoopDrop) == []

    def test_no_loop_drop_on_hook(self, rig: Rig) -> None:
        rig.run(rig.far.loop_open(600))
        rig.time.run_for(0.5)
        assert rig.events(rig.near, ev.LoopDrop) == []

    def test_polarity(self, rig: Rig) -> None:
        rig.connect()
        if not rig.has("polarity"):
            with pytest.raises(Unsupported):
                rig.far.polarity(True)
            return
        for reversed in (True, False):
            rig.far.polarity(reversed)
            rig.time.run_for(0.2)
            assert rig.near.state().reversed is reversed
        assert [event.reversed for event in rig.events(rig.near, ev.Polarity)] == [True, False]

    def test_message_lamp(self, rig: Rig) -> None:
        if not rig.has("lamp"):
            with pytest.raises(Unsupported):
                rig.far.lamp(True)
            return
        rig.far.lamp(True)
        rig.time.run_for(0.2)
        rig.far.lamp(False)
        rig.time.run_for(0.2)
        assert [event.on for event in rig.events(rig.near, ev.Lamp)] == [True, False]

    def test_the_wrong_kind_of_port_says_so(self, rig: Rig) -> None:
        for attempt in (rig.near.ring, rig.far.answer, lambda: rig.far.flash(300), lambda: rig.near.loop_open(300)):
            with pytest.raises(Unsupported):
                attempt()

"""What any card must do, whoever made it: written against two ports at the ends of one line.

`CardTests` runs against the software card, with all optional capabilities and with none, and unchanged against real
cards. A rig gives it the port under test (`near`, FXO: an extension's end), the port at the other end (`far`, FXS: the
exchange's end), a second such pair, and time to run. Whatever depends on a capability is tested both ways: offered, it
works; withheld, it says so or stays silent."""

from __future__ import annotations

import array
import errno
import math
import wave
from collections.abc import Callable, Coroutine
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
from twisted.internet.defer import CancelledError, Deferred

from drivers import events as ev
from drivers.callerid import decode, encode_dtmf, encode_mdmf
from drivers.errors import (
    ArgumentError,
    CallEnded,
    PlayFailed,
    PortBusy,
    PortStateError,
    TimedOut,
    Unsupported,
)
from drivers.items import Digits, Samples, Silence, Sound, Tone
from drivers.operations import quietly
from drivers.port import Port
from drivers.tones import Tone as PlanTone
from drivers.tones import TonePlan

T = TypeVar("T")

PLAN = TonePlan(
    "GB/T 3380",
    (
        PlanTone("dial", 450, min_ms=850, bridge_ms=100),
        PlanTone("ringback", 450, cadence_ms=(1000, 4000), min_cycles=1, watch_overdue=True),
        PlanTone("busy", 450, cadence_ms=(350, 350), min_cycles=3),
        PlanTone("congestion", 450, cadence_ms=(700, 700), min_cycles=2),
    ),
)
DIAL_ONLY = PLAN.without("ringback")
ALL_DIGITS = "1234567890*#ABCD"


class Time(Protocol):
    """What makes time pass: a `Stepper`, or for real cards something that waits."""

    def run_for(self, seconds: float) -> None: ...
    def run(
        self, until: Deferred[T] | Coroutine[Deferred[Any], Any, T] | Callable[[], bool], limit_s: float = 60.0
    ) -> T | None: ...


class Rig:
    """Two lines: `near` and `far`, `near2` and `far2`; `precision_ms` is how exactly line events are timed."""

    def __init__(
        self, time: Time, near: Port, far: Port, near2: Port, far2: Port, precision_ms: float, tells_lengths: bool
    ) -> None:
        self.time = time
        self.near, self.far, self.near2, self.far2 = near, far, near2, far2
        self.precision_ms = precision_ms
        self.tells_lengths = tells_lengths
        self.heard: dict[Port, list[ev.Event]] = {}
        for port in (near, far, near2, far2):
            self.heard[port] = []
            port.listen(self.heard[port].append)

    def has(self, capability: str) -> bool:
        return capability in self.near.capabilities

    def events(self, port: Port, *kinds: type[ev.Event]) -> list[Any]:
        """Events of these kinds that a port told so far."""
        return [event for event in self.heard[port] if isinstance(event, kinds)]

    def run(self, until: Deferred[T] | Coroutine[Deferred[Any], Any, T], limit_s: float = 20.0) -> T:
        return self.time.run(until, limit_s)  # type: ignore[return-value]

    def connect(self, near: Port | None = None, far: Port | None = None) -> None:
        """A call is up: the extension has answered."""
        near, far = near or self.near, far or self.far
        near.begin_call()
        far.begin_call()
        self.run(near.answer())
        self.time.run_for(0.5)  # debounce, and the guard time after our own hook change
        assert far.state().off_hook

    def length_is(self, told: int, ms: int, slack: float = 0.0) -> bool:
        """A length told by the card, 0 where it tells none."""
        return abs(told - ms) <= self.precision_ms + slack if self.tells_lengths else told == 0


def samples(path: Path, channel: int = 0) -> array.array[int]:
    """One channel of a PCM16 WAV file."""
    with wave.open(str(path)) as file:
        assert file.getframerate() == 8000 and file.getsampwidth() == 2
        data = array.array("h", file.readframes(file.getnframes()))
        return data[channel :: file.getnchannels()]


def level(data: array.array[int]) -> float:
    """dBm0 of a signal (a full-scale sine is 3.14 dBm0)."""
    power = sum(s * s for s in data) / max(1, len(data))
    return 10 * math.log10(power / (32767 * 32767 / 2) + 1e-12) + 3.14


def tone_samples(seconds: float, hz: float = 1020.0, peak: int = 8000) -> bytes:
    data = array.array("h", (round(peak * math.sin(2 * math.pi * hz * n / 8000)) for n in range(int(8000 * seconds))))
    return data.tobytes()


def write_wav(path: Path, seconds: float, hz: float = 1020.0) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(tone_samples(seconds, hz))
    return path


def voice(seconds: float) -> Samples:
    """Something that is neither tone nor steady noise: a buzz of about 120 Hz, four syllables a second."""
    data = array.array("h")
    for n in range(int(8000 * seconds)):
        t = n / 8000
        envelope = max(0.0, math.sin(2 * math.pi * 4 * t)) ** 0.5
        pitch = 120 + 30 * math.sin(2 * math.pi * 1.3 * t)
        value = sum(math.sin(2 * math.pi * pitch * k * t) / k**0.7 for k in (2, 3, 4, 5, 7, 9, 12, 15))
        data.append(round(2500 * envelope * value))
    return Samples(data.tobytes())


class CardTests:
    """Forty and more statements about a card. A subclass provides the fixture `rig`."""

    # ---- ringing -----------------------------------------------------------------------------

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

    # ---- hook --------------------------------------------------------------------------------

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

    # ---- what the exchange does to the line ---------------------------------------------------

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

    # ---- digits ------------------------------------------------------------------------------

    @pytest.mark.parametrize("towards", ["exchange", "extension"])
    def test_all_sixteen_digits_once_each(self, rig: Rig, towards: str) -> None:
        rig.connect()
        sender, hearer = (rig.near, rig.far) if towards == "exchange" else (rig.far, rig.near)
        hearer.detect("dtmf")
        rig.run(sender.dial(ALL_DIGITS))
        rig.time.run_for(0.2)
        ends = rig.events(hearer, ev.DigitEnd)
        assert "".join(end.digit for end in ends) == ALL_DIGITS
        assert all(abs(end.ms - 100) <= 10 for end in ends)
        assert len(rig.events(hearer, ev.DigitBegin)) == len(ALL_DIGITS)

    @pytest.mark.parametrize(("on_ms", "off_ms", "level_dbm0"), [(50, 50, -7.0), (65, 60, -21.0), (300, 100, -3.0)])
    def test_short_quiet_and_long_digits(self, rig: Rig, on_ms: int, off_ms: int, level_dbm0: float) -> None:
        rig.connect()
        rig.far.detect("dtmf")
        rig.run(rig.near.dial("0123456789", on_ms, off_ms, level_dbm0))
        rig.time.run_for(0.2)
        assert "".join(end.digit for end in rig.events(rig.far, ev.DigitEnd)) == "0123456789"

    def test_a_pause_is_dialled(self, rig: Rig) -> None:
        rig.connect()
        rig.far.detect("dtmf")
        rig.run(rig.near.dial("1,2"))
        rig.time.run_for(0.2)
        first, second = rig.events(rig.far, ev.DigitBegin)
        assert (second.at - first.at) / 8 == pytest.approx(700, abs=15)

    def test_digits_are_heard_under_our_own_prompt(self, rig: Rig) -> None:
        rig.connect()
        rig.near.detect("dtmf", duck=True)
        prompt = rig.near.play(voice(6))
        rig.time.run_for(0.3)
        rig.run(rig.far.dial("147*2580369#", 80, 150, -10.0))
        rig.time.run_for(0.3)
        assert "".join(end.digit for end in rig.events(rig.near, ev.DigitEnd)) == "147*2580369#"
        quietly(prompt).cancel()

    def test_nothing_is_told_unless_armed(self, rig: Rig) -> None:
        rig.connect()
        rig.run(rig.near.dial("123"))
        rig.time.run_for(0.2)
        assert rig.events(rig.far, ev.DigitBegin, ev.DigitEnd) == []

    def test_the_first_digit_stops_the_prompt(self, rig: Rig) -> None:
        rig.connect()
        playing = rig.near.play(Tone(1000), stop_on_digit=True)
        rig.time.run_for(1)
        dialled = quietly(rig.far.dial("5"))
        end = rig.run(playing)
        [begin] = rig.events(rig.near, ev.DigitBegin)
        [done] = rig.events(rig.near, ev.PlayDone)
        assert (end.why, end.digit) == ("digit", "5") and 900 <= end.ms <= 1200
        assert (done.at - begin.at) / 8 <= 80
        rig.run(dialled)

    # ---- collect -----------------------------------------------------------------------------

    def test_collect_until_enough(self, rig: Rig) -> None:
        rig.connect()
        collected = rig.near.collect(4, 5, 3)
        rig.run(rig.far.dial("8001"))
        assert rig.run(collected).text == "8001"
        rig.time.run_for(0.1)
        assert rig.near.state().detectors == frozenset()

    def test_collect_until_the_end_key(self, rig: Rig) -> None:
        rig.connect()
        collected = rig.near.collect(10, 5, 3)
        rig.run(rig.far.dial("42#"))
        end = rig.run(collected)
        assert (end.text, end.why, end.timed_out) == ("42", "end_key", False)

    def test_collect_barges_into_the_prompt(self, rig: Rig) -> None:
        rig.connect()
        collected = rig.near.collect(1, 5, 3, prompt=[Tone(900, ms=5000), Tone(1100, ms=5000)])
        rig.time.run_for(1)
        rig.run(rig.far.dial("3"))
        assert rig.run(collected, 0.2).text == "3"
        rig.time.run_for(0.1)
        assert rig.near.state().playing == 0 and rig.near.state().play_queue == 0

    def test_collect_first_digit_time_out_runs_from_the_prompts_end(self, rig: Rig) -> None:
        rig.connect()
        began = rig.near.engine.clock.seconds()
        end = rig.run(rig.near.collect(3, 2, 1, prompt=[Tone(900, ms=1000)]))
        assert (end.text, end.why) == ("", "first_timeout")
        assert rig.near.engine.clock.seconds() - began == pytest.approx(3, abs=0.2)

    def test_collect_inter_digit_time_out(self, rig: Rig) -> None:
        rig.connect()
        collected = rig.near.collect(5, 5, 1.5)
        rig.run(rig.far.dial("12"))
        dialled = rig.near.engine.clock.seconds()
        end = rig.run(collected)
        assert (end.text, end.why, end.timed_out) == ("12", "gap_timeout", True)
        assert rig.near.engine.clock.seconds() - dialled == pytest.approx(1.4, abs=0.25)

    def test_a_key_held_long_is_no_time_out(self, rig: Rig) -> None:
        rig.connect()
        collected = rig.near.collect(2, 1, 1)
        held = quietly(rig.far.play(Digits("7", on_ms=3000)))
        rig.time.run_for(3.2)
        rig.run(rig.far.dial("8"))
        assert rig.run(collected).text == "78"
        rig.run(held)

    def test_digits_typed_ahead_are_taken_first(self, rig: Rig) -> None:
        rig.connect()
        rig.near.detect("dtmf")
        rig.run(rig.far.dial("12"))
        rig.time.run_for(0.2)
        assert rig.run(rig.near.collect(1, 1, 1, prompt=[Tone(900)])).text == "1"
        assert rig.run(rig.near.collect(2, 1, 0.5)).text == "2"

    def test_the_digit_that_stopped_a_prompt_is_collected(self, rig: Rig) -> None:
        rig.connect()
        rig.near.detect("dtmf")
        playing = rig.near.play(Tone(1000), stop_on_digit=True)
        dialled = quietly(rig.far.dial("6"))
        rig.run(playing)
        assert rig.run(rig.near.collect(1, 1, 1)).text == "6"
        rig.run(dialled)

    def test_a_new_call_does_not_inherit_digits(self, rig: Rig) -> None:
        rig.connect()
        rig.near.detect("dtmf")
        rig.run(rig.far.dial("99"))
        rig.time.run_for(0.2)
        rig.near.begin_call()
        assert rig.run(rig.near.collect(1, 0.5, 0.5)).why == "first_timeout"

    # ---- prompts -----------------------------------------------------------------------------

    def test_a_prompt_reaches_the_far_end(self, rig: Rig, tmp_path: Path) -> None:
        rig.connect()
        recording = rig.far.record(tmp_path / "heard.wav")
        end = rig.run(rig.near.play(Sound(write_wav(tmp_path / "prompt.wav", 1.5))))
        assert (end.why, end.ms) == ("finished", 1500)
        rig.time.run_for(0.1)
        rig.run(recording.stop())
        loud = [s for s in samples(tmp_path / "heard.wav") if abs(s) > 500]
        assert 1.2 * 8000 < len(loud) < 1.5 * 8000

    def test_a_gain_on_a_prompt(self, rig: Rig, tmp_path: Path) -> None:
        rig.connect()
        path = write_wav(tmp_path / "prompt.wav", 1)
        levels = []
        for gain_db in (0.0, -12.0):
            recording = rig.far.record(tmp_path / "heard.wav")
            rig.run(rig.near.play(Sound(path, gain_db=gain_db)))
            rig.run(recording.stop())
            levels.append(level(samples(tmp_path / "heard.wav")[1600:6400]))
        assert levels[0] - levels[1] == pytest.approx(12, abs=0.3)

    def test_items_follow_each_other_without_a_gap(self, rig: Rig) -> None:
        rig.connect()
        rig.far.tone_plan(DIAL_ONLY)
        rig.far.detect("tones")
        items = [Tone(450, ms=160) for _ in range(20)]
        end = rig.run(rig.near.play(*items))
        assert end.ms == 20 * 160
        rig.time.run_for(0.3)
        assert [event.name for event in rig.events(rig.far, ev.ToneHeard, ev.ToneEnded)] == ["dial", "dial"]

    def test_nothing_to_play_ends_at_once(self, rig: Rig) -> None:
        rig.connect()
        assert rig.run(rig.near.play()).why == "finished"
        assert rig.run(rig.near.play(Silence(0), Digits(""))).ms == 0

    @pytest.mark.parametrize("text", [None, b"", b"RIFF", b"no sound at all" * 20])
    def test_a_prompt_that_cannot_be_played(self, rig: Rig, tmp_path: Path, text: bytes | None) -> None:
        rig.connect()
        path = tmp_path / "prompt.wav"
        if text is not None:
            path.write_bytes(text)
        with pytest.raises(PlayFailed) as failed:
            rig.run(rig.near.play(Sound(path)))
        assert text is not None or failed.value.errno == errno.ENOENT
        assert rig.run(rig.near.play(Tone(450, ms=100))).why == "finished"  # the player is free again

    def test_a_missing_prompt_in_the_middle(self, rig: Rig, tmp_path: Path) -> None:
        rig.connect()
        with pytest.raises(PlayFailed):
            rig.run(rig.near.play(Tone(450, ms=200), Sound(tmp_path / "none.wav"), Tone(450, ms=5000)))
        rig.time.run_for(0.1)
        assert rig.near.state().play_queue == 0

    def test_cancelling_stops_the_sound(self, rig: Rig, tmp_path: Path) -> None:
        rig.connect()
        recording = rig.far.record(tmp_path / "heard.wav")
        playing = rig.near.play(Sound(write_wav(tmp_path / "prompt.wav", 1), repeat=True))
        rig.time.run_for(2.5)
        playing.cancel()
        with pytest.raises(CancelledError):
            rig.run(playing)
        rig.time.run_for(1)
        rig.run(recording.stop())
        assert level(samples(tmp_path / "heard.wav")[-6400:]) < -50
        assert level(samples(tmp_path / "heard.wav")[8000:16000]) > -20

    def test_one_operation_plays_at_a_time(self, rig: Rig) -> None:
        rig.connect()
        playing = rig.near.play(Tone(450))
        with pytest.raises(PortBusy):
            rig.run(rig.near.dial("1"))
        quietly(playing).cancel()
        rig.run(rig.near.dial("1"))

    # ---- recordings --------------------------------------------------------------------------

    def test_recording_what_is_heard(self, rig: Rig, tmp_path: Path) -> None:
        rig.connect()
        recording = rig.near.record(tmp_path / "message.wav")
        rig.run(rig.far.play(Tone(1000, level_dbm0=-10, ms=2000)))
        rig.time.run_for(0.2)
        end = rig.run(recording.stop())
        assert end.why == "stopped" and end.ms == pytest.approx(len(samples(tmp_path / "message.wav")) / 8, abs=1)
        assert level(samples(tmp_path / "message.wav")[4000:12000]) == pytest.approx(-10, abs=2)  # the line's loss

    def test_recording_both_sides_in_stereo(self, rig: Rig, tmp_path: Path) -> None:
        rig.connect()
        recording = rig.near.record(tmp_path / "talk.wav", what="stereo")
        rig.run(rig.far.play(Tone(1000, ms=1000)))
        rig.run(rig.near.play(Tone(500, ms=1000)))
        rig.run(recording.stop())
        heard, sent = samples(tmp_path / "talk.wav", 0), samples(tmp_path / "talk.wav", 1)
        assert level(heard[2000:6000]) > -13 and level(sent[2000:6000]) < -50
        assert level(sent[10000:14000]) > -13 and level(heard[10000:14000]) < -15  # only the hybrid's echo

    def test_recording_ends_at_its_limit(self, rig: Rig, tmp_path: Path) -> None:
        rig.connect()
        recording = rig.near.record(tmp_path / "message.wav", limit_s=1.5)
        end = rig.run(recording.ended, 3)
        assert (end.why, end.ms) == ("limit", 1500)

    def test_recording_ends_with_silence(self, rig: Rig, tmp_path: Path) -> None:
        rig.connect()
        recording = rig.near.record(tmp_path / "message.wav", silence_s=1)
        rig.run(rig.far.play(Tone(1000, ms=2000)))
        end = rig.run(recording.ended, 3)
        assert end.why == "silence" and 2000 <= end.ms <= 3300

    def test_recording_where_no_file_can_be(self, rig: Rig, tmp_path: Path) -> None:
        rig.connect()
        end = rig.run(rig.near.record(tmp_path / "nowhere" / "message.wav").ended)
        assert (end.why, end.errno) == ("failed", errno.ENOENT)

    def test_the_end_of_the_call_keeps_the_message(self, rig: Rig, tmp_path: Path) -> None:
        rig.connect()
        recording = rig.near.record(tmp_path / "message.wav")
        rig.time.run_for(1)
        rig.near.hangup()
        rig.near.begin_call()
        end = rig.run(recording.ended)
        assert end.why == "stopped" and end.ms == pytest.approx(1000, abs=60)
        assert len(samples(tmp_path / "message.wav")) / 8 == pytest.approx(end.ms, abs=1)

    def test_one_recording_at_a_time(self, rig: Rig, tmp_path: Path) -> None:
        rig.connect()
        first = rig.near.record(tmp_path / "1.wav")
        with pytest.raises(PortBusy):
            rig.run(rig.near.record(tmp_path / "2.wav").ended)
        rig.run(first.stop())
        second = rig.near.record(tmp_path / "2.wav")
        rig.time.run_for(0.2)
        assert rig.run(second.stop()).ms > 100

    # ---- caller ID ---------------------------------------------------------------------------

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

    # ---- tones -------------------------------------------------------------------------------

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

    # ---- calls -------------------------------------------------------------------------------

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
        assert (state.epoch, state.playing, state.detectors) == (epoch + 1, 0, frozenset())
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

    # ---- gains, hearing each other, law --------------------------------------------------------

    def test_receive_and_transmit_gain(self, rig: Rig, tmp_path: Path) -> None:
        rig.connect()
        levels = []
        for rx_db, tx_db in ((0.0, 0.0), (6.0, 0.0), (0.0, -6.0)):
            rig.near.gain(rx_db, 0.0)
            rig.far.gain(0.0, tx_db)
            recording = rig.near.record(tmp_path / "heard.wav")
            rig.run(rig.far.play(Tone(1000, level_dbm0=-20, ms=500)))
            rig.run(recording.stop())
            levels.append(level(samples(tmp_path / "heard.wav")[1600:3600]))
        assert levels[1] - levels[0] == pytest.approx(6, abs=0.3)
        assert levels[2] - levels[0] == pytest.approx(-6, abs=0.3)

    def test_two_calls_hear_each_other(self, rig: Rig, tmp_path: Path) -> None:
        rig.connect()
        rig.connect(rig.near2, rig.far2)
        rig.near.hear(rig.near2)
        rig.near2.hear(rig.near)
        rig.far2.detect("dtmf")  # the sender would hear its own digits, by its hybrid
        rig.run(rig.far.dial("12", level_dbm0=-20))  # weak: both hybrids together echo 28 dB below
        rig.time.run_for(0.3)
        rig.far2.detect()
        rig.far.detect("dtmf")
        rig.run(rig.far2.dial("34", level_dbm0=-20))
        rig.time.run_for(0.3)
        assert "".join(end.digit for end in rig.events(rig.far2, ev.DigitEnd)) == "12"
        assert "".join(end.digit for end in rig.events(rig.far, ev.DigitEnd)) == "34"
        rig.near2.hear(None)
        rig.far.detect()
        rig.far2.detect("dtmf")
        rig.run(rig.far.dial("5", level_dbm0=-20))
        rig.time.run_for(0.3)
        assert len(rig.events(rig.far2, ev.DigitEnd)) == 2

    def test_monitoring_with_gain(self, rig: Rig, tmp_path: Path) -> None:
        rig.connect()
        rig.connect(rig.near2, rig.far2)
        rig.near2.hear(rig.near, gain_db=-10)
        recording = rig.far2.record(tmp_path / "heard.wav")
        rig.run(rig.far.play(Tone(1000, level_dbm0=-10, ms=1000)))
        rig.run(recording.stop())
        assert level(samples(tmp_path / "heard.wav")[2400:6400]) == pytest.approx(-21, abs=2)

    def test_hangup_ends_hearing(self, rig: Rig, tmp_path: Path) -> None:
        rig.connect()
        rig.connect(rig.near2, rig.far2)
        rig.near.hear(rig.near2)
        rig.near.hangup()
        rig.run(rig.near.answer())
        rig.time.run_for(0.2)
        recording = rig.far.record(tmp_path / "heard.wav")
        rig.run(rig.far2.play(Tone(1000, ms=1000)))
        rig.run(recording.stop())
        assert level(samples(tmp_path / "heard.wav")) < -50

    def test_mu_law_at_both_ends(self, rig: Rig, tmp_path: Path) -> None:
        rig.connect()
        for port in (rig.near, rig.far):
            port.setting("law", "mu")
        rig.time.run_for(0.1)
        recording = rig.near.record(tmp_path / "heard.wav")
        rig.run(rig.far.play(Tone(1000, level_dbm0=-10, ms=500)))
        rig.run(recording.stop())
        assert level(samples(tmp_path / "heard.wav")[1600:3600]) == pytest.approx(-10.5, abs=1.5)
        assert rig.near.state().law == "mu"
        for port in (rig.near, rig.far):
            port.setting("law", "a")
        rig.time.run_for(0.1)

"""What any card must do. Digits both ways, and collecting them under a prompt."""

from __future__ import annotations

import pytest

from drivers import events as ev
from drivers.items import Digits, Tone
from drivers.operations import quietly
from tests.drivers.card_rig import ALL_DIGITS, Rig, voice


class DigitTests:
    # ---- digits ----------------------------------------------------------------------------------

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

    # ---- collect ---------------------------------------------------------------------------------

    def test_collect_until_enough(self, rig: Rig) -> None:
        rig.connect()
        collected = rig.near.collect(4, 5, 3)
        rig.run(rig.far.dial("8001"))
        assert rig.run(collected).text == "8001"
        rig.time.run_for(0.1)
        assert rig.near.state().detectors == ()

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

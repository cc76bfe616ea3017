"""What any card must do. Prompts, recordings, gains, and calls that hear each other."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from twisted.internet.defer import CancelledError

from drivers import events as ev
from drivers.errors import (
    PlayFailed,
    PortBusy,
)
from drivers.items import Digits, Silence, Sound, Tone
from drivers.operations import quietly
from tests.drivers.card_rig import DIAL_ONLY, Rig, level, samples, write_wav


class SoundTests:
    # ---- prompts ---------------------------------------------------------------------------------

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

    # ---- recordings ------------------------------------------------------------------------------

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

    def test_capture_goes_on_over_calls(self, rig: Rig, tmp_path: Path) -> None:
        rig.connect()
        capture = rig.near.capture(tmp_path / "port.wav", limit_s=2.5)
        recording = rig.near.record(tmp_path / "call.wav")
        rig.time.run_for(1.0)
        rig.near.begin_call()
        assert 900 <= rig.run(recording.ended).ms <= 1100
        rig.near.hangup()
        end = rig.run(capture.ended, 3)
        assert (end.why, end.ms) == ("limit", 2500)
        second = rig.near.capture(tmp_path / "again.wav", limit_s=60)
        with pytest.raises(PortBusy):
            rig.run(rig.near.capture(tmp_path / "2.wav", limit_s=60).ended)
        rig.near.begin_call()
        rig.time.run_for(0.5)
        end = rig.run(second.stop())
        assert end.why == "stopped" and 450 <= end.ms <= 600
        assert not rig.near.operations

    def test_one_recording_at_a_time(self, rig: Rig, tmp_path: Path) -> None:
        rig.connect()
        first = rig.near.record(tmp_path / "1.wav")
        with pytest.raises(PortBusy):
            rig.run(rig.near.record(tmp_path / "2.wav").ended)
        rig.run(first.stop())
        second = rig.near.record(tmp_path / "2.wav")
        rig.time.run_for(0.2)
        assert rig.run(second.stop()).ms > 100

    # ---- gains, hearing each other, law ----------------------------------------------------------

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

    def test_a_conference_is_heard_but_for_oneself(self, rig: Rig, tmp_path: Path) -> None:
        rig.connect()
        rig.connect(rig.near2, rig.far2)
        rig.near.join(1)
        rig.near2.join(1, talk=False)
        recordings = [port.record(tmp_path / f"{port.number}.wav", what="tx") for port in (rig.near, rig.near2)]
        rig.run(rig.far.play(Tone(1000, level_dbm0=-10, ms=1000)))
        ended = [rig.run(recording.stop()) for recording in recordings]
        assert [end.why for end in ended] == ["stopped", "stopped"]
        own, other = (level(samples(tmp_path / f"{port.number}.wav")[2400:6400]) for port in (rig.near, rig.near2))
        assert own < -60 and other == pytest.approx(-10.5, abs=1.5)
        rig.near2.join(None)
        rig.time.run_for(0.1)
        recording = rig.near2.record(tmp_path / "left.wav", what="tx")
        rig.run(rig.far.play(Tone(1000, level_dbm0=-10, ms=500)))
        rig.run(recording.stop())
        assert level(samples(tmp_path / "left.wav")) < -60

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

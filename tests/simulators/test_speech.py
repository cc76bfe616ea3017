"""Speech and music of the world as files."""

from __future__ import annotations

import array
import math
import wave
from collections.abc import Sequence
from pathlib import Path

from simulators.people.speech import Speech, at_level, length_s, resample, trim


def samples_of(path: Path) -> array.array[int]:
    with wave.open(str(path), "rb") as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 8000)
        return array.array("h", sound.readframes(sound.getnframes()))


def power_at(samples: Sequence[float], hz: float) -> float:
    turn = 2 * math.pi * hz / 8000
    real = sum(sample * math.cos(turn * index) for index, sample in enumerate(samples))
    imaginary = sum(sample * math.sin(turn * index) for index, sample in enumerate(samples))
    return math.hypot(real, imaginary) / len(samples)


def test_a_sentence_is_made_once(tmp_path: Path) -> None:
    speech = Speech(tmp_path)
    path = speech.say("你好")
    before = path.stat().st_mtime_ns
    assert speech.say("你好") == path and path.stat().st_mtime_ns == before
    assert 0.3 < length_s(path) < 2.0
    samples = samples_of(path)
    assert max(map(abs, samples)) > 2000


def test_music_keeps_away_from_the_tones_of_exchanges() -> None:
    samples = samples_of(Speech().music())[:24000]
    assert max(power_at(samples, hz) for hz in (425, 440, 450, 475)) < power_at(samples, 262) / 30


def test_resampling_keeps_a_tone_and_stops_what_does_not_fit() -> None:
    def tone(hz: float) -> array.array[float]:
        made = (round(8000 * math.sin(2 * math.pi * hz * index / 22050)) for index in range(11025))
        return resample(array.array("h", made), 22050)

    kept, stopped = tone(1000), tone(5000)
    assert abs(power_at(kept[200:-200], 1000) - 4000) < 100
    assert max(map(abs, stopped[200:-200])) < 80


def test_level_and_trim() -> None:
    made = array.array("d", (1000 * math.sin(index / 3) for index in range(8000)))
    loud = at_level(made, -20.0)
    rms = math.sqrt(sum(sample * sample for sample in loud) / len(loud))
    assert abs(20 * math.log10(rms / (32768 * 10 ** (-3.14 / 20) / math.sqrt(2))) + 20.0) < 0.3
    assert at_level(array.array("d", [0.0] * 10), -20.0) == array.array("h", [0] * 10)
    assert trim(array.array("h", [0] * 50 + [5000] * 3 + [0] * 9)) == array.array("h", [5000] * 3)

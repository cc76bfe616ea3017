"""Real speech for callers and agents, and music for those on hold, as 8 kHz WAV files (kept in a cache).

Speech comes from espeak-ng (22,050 Hz), is brought to 8 kHz by a windowed-sinc filter and to an active level of
-20 dBm0. A file is named by its text, voice and the maker's version, so it is made once. Music is made here, of chords
whose notes and harmonics keep away from 400 to 500 Hz, where the tones of exchanges lie.
"""

from __future__ import annotations

import array
import hashlib
import math
import os
import subprocess
import sys
import wave
from operator import mul
from pathlib import Path

RATE = 8000
LEVEL_DBM0 = -20.0
SINE_0DBM0_RMS = 32768 * 10 ** (-3.14 / 20) / math.sqrt(2)
TAPS = 12  # of the filter on each side of a sample, at the output rate
MUSIC_S = 24


class SpeechError(RuntimeError):
    """espeak-ng is missing or failed."""


def default_cache() -> Path:
    """$TIPRING_SPEECH, or tipring/speech in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("TIPRING_SPEECH") or Path(base) / "tipring" / "speech")


class Speech:
    """Sentences as files. `say` makes what is missing; nothing is made twice."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_cache()

    def say(self, text: str, *, voice: str = "cmn-latn-pinyin", speed: int = 170, pitch: int = 50) -> Path:
        """The file of `text` spoken by an espeak-ng voice. Raises SpeechError."""
        key = f"2|{text}|{voice}|{speed}|{pitch}".encode()
        path = self.folder / f"{hashlib.sha256(key).hexdigest()[:20]}.wav"
        if not path.exists():
            samples, rate = _espeak(text, voice, speed, pitch)
            _save(path, at_level(resample(trim(samples), rate), LEVEL_DBM0))
        return path

    def music(self) -> Path:
        """Twenty-four seconds of music for a caller on hold; made to be repeated."""
        path = self.folder / f"music-{MUSIC_S}-1.wav"
        if not path.exists():
            _save(path, at_level(_music(), -22.0))
        return path


def length_s(path: Path) -> float:
    """How long a WAV file plays."""
    with wave.open(str(path), "rb") as sound:
        return sound.getnframes() / sound.getframerate()


def _espeak(text: str, voice: str, speed: int, pitch: int) -> tuple[array.array[int], int]:
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout", text]
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=30)
    except FileNotFoundError as error:
        raise SpeechError("espeak-ng is not installed: apt-get install espeak-ng") from error
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise SpeechError(f"espeak-ng could not say {text!r}: {error}") from error
    # Its header has no true length when it writes to a pipe: rate at byte 24, samples after the 44 bytes.
    rate = int.from_bytes(done.stdout[24:28], "little")
    body = done.stdout[44:]
    samples = array.array("h", body[: len(body) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples, rate


def trim(samples: array.array[int]) -> array.array[int]:
    """Without the silence at both ends."""
    loud = [index for index, sample in enumerate(samples) if abs(sample) > 200]
    return samples[loud[0] : loud[-1] + 1] if loud else samples


def resample(samples: array.array[int], rate: int) -> array.array[float]:
    """From `rate` to 8 kHz through a low-pass at 3.4 kHz (Hann-windowed sinc)."""
    step = rate / RATE
    values = list(map(float, samples))
    cutoff = min(1.0, 3400 / (rate / 2))
    half = int(TAPS * step)
    out = array.array("d")
    phases: dict[int, list[float]] = {}
    for index in range(int(len(samples) / step)):
        centre = index * step
        whole = int(centre)
        phase = int((centre - whole) * 64 + 0.5)
        taps = phases.get(phase)
        if taps is None:
            taps = phases[phase] = _taps(half, phase / 64, cutoff)
        first = whole - half + 1
        if first >= 0 and first + 2 * half <= len(samples):
            out.append(sum(map(mul, taps, values[first : first + 2 * half])))
        else:
            reach = range(max(0, -first), min(2 * half, len(samples) - first))
            out.append(sum(taps[tap] * values[first + tap] for tap in reach))
    return out


def _taps(half: int, fraction: float, cutoff: float) -> list[float]:
    taps = []
    for tap in range(2 * half):
        x = tap - half + 1 - fraction
        window = 0.5 + 0.5 * math.cos(math.pi * x / half) if abs(x) < half else 0.0
        taps.append(window * (cutoff if x == 0 else math.sin(math.pi * cutoff * x) / (math.pi * x)))
    return taps


def at_level(samples: array.array[float], level_dbm0: float) -> array.array[int]:
    """Scaled so that the parts that are not silence have this mean level; peaks are limited, not wrapped."""
    peak = max((abs(sample) for sample in samples), default=0.0)
    active = [sample for sample in samples if abs(sample) > peak / 50]
    if not active:
        return array.array("h", bytes(2 * len(samples)))
    rms = math.sqrt(sum(sample * sample for sample in active) / len(active))
    gain = SINE_0DBM0_RMS * 10 ** (level_dbm0 / 20) / rms
    return array.array("h", (max(-30000, min(30000, round(sample * gain))) for sample in samples))


def _music() -> array.array[float]:
    """Four chords, three seconds each, twice; notes with two harmonics, soft at both ends."""
    chords = ((262, 330, 523), (294, 349, 587), (262, 349, 698), (294, 370, 587))
    out = array.array("d")
    note_samples = 3 * RATE
    for number in range(MUSIC_S // 3):
        notes = chords[number % len(chords)]
        for index in range(note_samples):
            soft = min(1.0, index / 400, (note_samples - index) / 400) * (0.6 + 0.4 * math.cos(index / 2000))
            turn = 2 * math.pi * index / RATE
            out.append(soft * sum(math.sin(turn * note) + 0.3 * math.sin(2 * turn * note) for note in notes))
    return out


def _save(path: Path, samples: array.array[int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    little = array.array("h", samples)
    if sys.byteorder == "big":
        little.byteswap()
    temporary = path.with_name(f"{path.stem}.{os.getpid()}.new")
    with wave.open(str(temporary), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(little.tobytes())
    temporary.replace(path)

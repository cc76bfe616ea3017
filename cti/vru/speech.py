"""Text to speech for prompts: espeak-ng, brought to telephone band and telephone level (steps 5 and 6).

The same text gives the same samples on every machine with the same espeak-ng: the conversion from its 22,050 Hz to
8,000 Hz is integer arithmetic. Level: the active speech level (20 ms frames within 25 dB of the loudest) is brought
to -16 dBm0, the level that DTMF detection under our own prompts is laid out for. Silence at both ends is cut to what
a pause needs. Done at set-up and at start, never during calls.
"""

from __future__ import annotations

import math
import shutil
import subprocess
from array import array
from collections.abc import Callable
from functools import cache
from operator import mul
from typing import Final

from cti.errors import PromptError

RATE: Final = 8000
ESPEAK_RATE: Final = 22050
ACTIVE_DBM0: Final = -16.0
MEAN_SQUARE_0DBM0: Final = (32768 * 10 ** (-3.14 / 20)) ** 2 / 2  # ITU-T G.711: overload is 3.14 dBm0
FRAME: Final = 160
RECIPE: Final = "4"  # part of the cache's key: raise it when the samples made from the same text change
# espeak-ng voice, words a minute. Its voice "cmn" (1.51) turns the characters into pinyin and reads that as English.
VOICES: Final = {"zh": ("cmn-latn-pinyin", 190), "en": ("en-us", 160)}
LONGEST_S: Final = 30  # espeak-ng gets so long for one text; it needs 10 ms

Speaker = Callable[[str, str], "array[int]"]


def recipe(language: str) -> str:
    """What, beside the text, the samples depend on."""
    voice, speed = VOICES[language]
    return f"espeak-ng {voice} {speed} {ACTIVE_DBM0} {RECIPE} {_version()}"


def speak(text: str, language: str) -> array[int]:
    """The text as 8 kHz samples. Raises PromptError when espeak-ng is missing or fails."""
    voice, speed = VOICES[language]
    command = [_program(), "-v", voice, "-s", str(speed), "--stdin", "--stdout"]
    try:
        done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=LONGEST_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise PromptError(f"espeak-ng did not finish {text!r} within {LONGEST_S} s") from error
    sound = done.stdout
    at = sound.find(b"data")
    if done.returncode or at < 0 or int.from_bytes(sound[24:28], "little") != ESPEAK_RATE:
        said = done.stderr.decode(errors="replace").strip() or f"status {done.returncode}, {len(sound)} bytes"
        raise PromptError(f"espeak-ng could not say {text!r} with voice {voice}: {said}")
    data = sound[at + 8 :]
    wide = array("h", data[: len(data) // 2 * 2])
    return levelled(trimmed(to_8000_hz(wide), text))


def to_8000_hz(wide: array[int]) -> array[int]:
    """From 22,050 Hz to 8,000 Hz (160:441) through a 64-tap low-pass of 3.6 kHz, in integers."""
    taps = _filters()
    half = len(taps[0]) // 2
    padded = array("h", bytes(2 * half)) + wide + array("h", bytes(2 * half + 2))
    out = array("h")
    for n in range(len(wide) * 160 // 441):
        at, phase = divmod(n * 441, 160)
        value = sum(map(mul, padded[at + 1 : at + 1 + 2 * half], taps[phase])) >> 15
        out.append(max(-32768, min(32767, value)))
    return out


def trimmed(sound: array[int], text: str) -> array[int]:
    """Without the silence around it; after it, the pause that the text's last character asks for."""
    loud = [index for index, sample in enumerate(sound) if abs(sample) > 120]
    if not loud:
        raise PromptError(f"espeak-ng says nothing for {text!r}")
    last = text.rstrip()[-1:]
    pause_ms = 300 if last in "。.？?！!" else 150 if last in "，,；;：:" else 30
    return sound[max(loud[0] - 80, 0) : loud[-1] + 80] + array("h", bytes(2 * 8 * pause_ms))


def levelled(sound: array[int]) -> array[int]:
    """The sound with its active speech level at -16 dBm0; no sample is clipped."""
    gain = 10 ** ((ACTIVE_DBM0 - active_level_dbm0(sound)) / 20)
    gain = min(gain, 32000 / max(max(sound), -min(sound), 1))
    factor = round(gain * 65536)
    return array("h", [(sample * factor) >> 16 for sample in sound])


def active_level_dbm0(sound: array[int]) -> float:
    """Mean level of the 20 ms frames that are at most 25 dB below the loudest one."""
    frames = [sound[at : at + FRAME] for at in range(0, max(len(sound) - FRAME, 1), FRAME)]
    powers = [sum(map(mul, frame, frame)) / len(frame) for frame in frames if len(frame)]
    floor = max(powers, default=0.0) * 10**-2.5
    active = [power for power in powers if power >= floor and power > 0]
    if not active:
        return -math.inf
    return 10 * math.log10(sum(active) / len(active) / MEAN_SQUARE_0DBM0)


@cache
def _filters() -> list[array[int]]:
    """160 phases of a windowed sinc (Hann), scaled to 32768 at 0 Hz."""
    half, cut = 32, 3600 / ESPEAK_RATE
    phases = []
    for phase in range(160):
        offset = phase / 160
        taps = []
        for index in range(-half + 1, half + 1):
            t = index - offset
            sinc = 2 * cut if t == 0 else math.sin(2 * math.pi * cut * t) / (math.pi * t)
            taps.append(sinc * (0.5 + 0.5 * math.cos(math.pi * t / half)))
        total = sum(taps)
        phases.append(array("i", [round(32768 * tap / total) for tap in taps]))
    return phases


@cache
def _program() -> str:
    path = shutil.which("espeak-ng")
    if path is None:
        raise PromptError("espeak-ng is not installed: apt-get install espeak-ng, or give every prompt as a WAV file")
    return path


@cache
def _version() -> str:
    done = subprocess.run([_program(), "--version"], capture_output=True, timeout=LONGEST_S, check=False)
    return done.stdout.decode(errors="replace").split("Data at")[0].strip()

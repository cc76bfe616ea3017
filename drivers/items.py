"""What a port's player can be given: prompts, tones, digits, caller-ID bursts, silence.

Plain values; `encode` turns each into the engine's play commands (enum tr_play). Levels are dBm0, times ms.
Serves steps 5 and 6 (prompts), 7 (digits), and the exchange's side of every call (tones).
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from drivers.errors import ArgumentError

# enum tr_play; a test compares these with the engine's own.
PLAY_FILE, PLAY_TONE, PLAY_DTMF, PLAY_MF_R1, PLAY_MF_R2F, PLAY_MF_R2B, PLAY_FSK_ID, PLAY_SILENCE, PLAY_SAMPLES = range(
    1, 10
)
SIDE_MAX = 4096

Encoded = tuple[tuple[int, ...], bytes]
"""a0.. of the command, and its side data."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A WAV file, 8 kHz mono, PCM16, A-law or µ-law."""

    path: str | os.PathLike[str]
    gain_db: float = 0.0
    repeat: bool = False
    start_ms: int = 0


@dataclass(frozen=True, slots=True)
class Tone:
    """One or two frequencies, each at `level_dbm0`. `cadence_ms` on, off, on, off .. repeated; `ms` total, None for
    ever (until stopped)."""

    f1: int
    f2: int = 0
    level_dbm0: float = -10.0
    cadence_ms: tuple[int, ...] = ()
    ms: int | None = None


@dataclass(frozen=True, slots=True)
class Digits:
    """Digits by DTMF (0-9*#A-D and ',' for a pause of `pause_ms`), or by MF. `level_dbm0` is the high group's; the low
    group is sent 2 dB weaker, as lines weaken the high more."""

    text: str
    kind: Literal["dtmf", "r1", "r2f", "r2b"] = "dtmf"
    on_ms: int = 100
    off_ms: int = 100
    level_dbm0: float = -7.0
    pause_ms: int = 500
    twist_db: float = 2.0


@dataclass(frozen=True, slots=True)
class CallerIdBurst:
    """A GR-30 message, type to checksum, by FSK with seizure and mark in front."""

    message: bytes
    level_dbm0: float = -13.5


@dataclass(frozen=True, slots=True)
class Silence:
    ms: int


@dataclass(frozen=True, slots=True)
class Samples:
    """int16 samples, little endian, 8,000 a second."""

    data: bytes


PlayItem = Sound | Tone | Digits | CallerIdBurst | Silence | Samples

_DIGIT_KINDS = {"dtmf": PLAY_DTMF, "r1": PLAY_MF_R1, "r2f": PLAY_MF_R2F, "r2b": PLAY_MF_R2B}


def centi(value: float) -> int:
    """Hundredths of a dB, as the engine counts."""
    return round(value * 100)


def encode(item: PlayItem) -> Iterator[Encoded]:
    """The play commands of an item; ArgumentError for what cannot be played at all."""
    match item:
        case Sound():
            path = os.fsencode(item.path)
            if not path or len(path) >= SIDE_MAX:
                raise ArgumentError(f"a path of {len(path)} bytes")
            yield (PLAY_FILE, item.start_ms, centi(item.gain_db), int(item.repeat)), path
        case Tone():
            if item.f1 <= 0 or item.f1 >= 4000 or not 0 <= item.f2 < 4000:
                raise ArgumentError(f"{item.f1} and {item.f2} Hz cannot be sent at 8 kHz")
            if any(ms < 0 for ms in item.cadence_ms) or (item.cadence_ms and sum(item.cadence_ms) == 0):
                raise ArgumentError(f"cadence {item.cadence_ms}")
            if item.ms == 0:
                return
            cadence = struct.pack(f"={len(item.cadence_ms)}i", *item.cadence_ms)
            yield (PLAY_TONE, item.f1, item.f2, centi(item.level_dbm0), item.ms or 0), cadence
        case Digits():
            yield from _digits(item)
        case CallerIdBurst():
            if not 3 <= len(item.message) <= 258:
                raise ArgumentError(f"a caller-ID message of {len(item.message)} bytes")
            yield (PLAY_FSK_ID, 0, 0, centi(item.level_dbm0)), item.message
        case Silence():
            if item.ms > 0:
                yield (PLAY_SILENCE, item.ms), b""
        case Samples():
            if len(item.data) % 2:
                raise ArgumentError("half a sample")
            for at in range(0, len(item.data), SIDE_MAX):
                yield (PLAY_SAMPLES,), item.data[at : at + SIDE_MAX]


def _digits(item: Digits) -> Iterator[Encoded]:
    text = item.text.upper() if item.kind == "dtmf" else item.text
    allowed = "0-9*#A-D," if item.kind == "dtmf" else "0-9A-F*#"
    if not re.fullmatch(rf"[{allowed}]*", text) or len(text) > 256:
        raise ArgumentError(f"{item.text!r} cannot be sent by {item.kind}: at most 256 of {allowed}")
    if item.on_ms <= 0 or item.off_ms < 0:
        raise ArgumentError(f"digits of {item.on_ms} ms")
    if not text:
        return
    level = centi(item.level_dbm0)
    if item.kind == "dtmf":
        low = centi(item.level_dbm0 - item.twist_db)
        yield (PLAY_DTMF, item.on_ms, item.off_ms, low, level, item.pause_ms), text.encode()
    else:
        yield (_DIGIT_KINDS[item.kind], item.on_ms, item.off_ms, level), text.encode()


def duration_ms(item: PlayItem) -> int | None:
    """How long an item plays, where that can be said without looking at a file; None: unknown or for ever."""
    match item:
        case Tone():
            return item.ms
        case Digits():
            pauses = item.text.count(",")
            return (len(item.text) - pauses) * (item.on_ms + item.off_ms) + pauses * item.pause_ms
        case CallerIdBurst():
            bits = 300 + 180 + 10 * len(item.message) + 20
            return round(bits * 1000 / 1200)
        case Silence():
            return item.ms
        case Samples():
            return len(item.data) // 16
        case Sound():
            return None

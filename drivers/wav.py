"""WAV files as telephony has them: 8 kHz, mono or stereo, 16-bit PCM, A-law or u-law.

Python's own `wave` reads PCM only. Samples are `array("h")`, one a channel; levels in dBm0 as in csrc/engine.h (a sine
whose peak is 3.14 dB below A-law overload, ITU-T G.711, is 0 dBm0). Serves `tipring audio`, prompts and messages.
"""

from __future__ import annotations

import os
import struct
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from drivers._engine import ffi, lib

PCM, ALAW, ULAW, EXTENSIBLE = 1, 6, 7, 0xFFFE
RATE = 8000


class WavError(ValueError):
    """The file is no WAV that a telephone port can use; says what would be right."""


@dataclass(frozen=True, slots=True)
class Wav:
    """A file's sound: one array of samples a channel, all of one length."""

    channels: tuple[array[int], ...]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.channels[0]) / RATE


def read(path: str | os.PathLike[str]) -> Wav:
    """Reads a whole file. A data chunk cut short by a crash is read as far as it goes."""
    data = Path(path).read_bytes()
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise WavError(f"{path}: not a WAV file")
    at, form = 12, None
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        body = data[at + 8 : at + 8 + size]
        if name == b"fmt ":
            form = _format(path, body)
        elif name == b"data":
            if form is None:
                raise WavError(f"{path}: data before its format")
            return Wav(_channels(body, *form))
        at += 8 + size + (size & 1)
    raise WavError(f"{path}: no sound in it")


def write(path: str | os.PathLike[str], channels: Sequence[array[int]]) -> None:
    """Writes 16-bit PCM; all channels of one length."""
    count = len(channels)
    mixed = array("h", bytes(2 * count * len(channels[0])))
    for number, samples in enumerate(channels):
        mixed[number::count] = samples
    if sys.byteorder == "big":
        mixed.byteswap()
    data = mixed.tobytes()
    head = struct.pack("<IHHIIHH", 16, PCM, count, RATE, RATE * 2 * count, 2 * count, 16)
    Path(path).write_bytes(
        b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + head + b"data" + struct.pack("<I", len(data)) + data
    )


def _format(path: str | os.PathLike[str], body: bytes) -> tuple[int, int]:
    if len(body) < 16:
        raise WavError(f"{path}: its format is cut short")
    tag, count, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if tag == EXTENSIBLE and len(body) >= 26:
        tag = struct.unpack_from("<H", body, 24)[0]
    if rate != RATE or count not in (1, 2):
        raise WavError(f"{path}: {rate} Hz, {count} channels; wanted 8000 Hz, 1 or 2 (sox IN -r 8000 -c 1 OUT)")
    if (tag, bits) not in ((PCM, 16), (ALAW, 8), (ULAW, 8)):
        raise WavError(f"{path}: format {tag} with {bits} bits; wanted PCM with 16, A-law or u-law")
    return tag, count


def _channels(body: bytes, tag: int, count: int) -> tuple[array[int], ...]:
    samples = array("h")
    if tag == PCM:
        samples.frombytes(body[: len(body) // (2 * count) * 2 * count])
        if sys.byteorder == "big":
            samples.byteswap()
    else:
        body = body[: len(body) // count * count]
        samples = array("h", bytes(2 * len(body)))
        law = lib.TR_LAW_A if tag == ALAW else lib.TR_LAW_MU
        lib.tr_g711_decode(law, ffi.from_buffer("uint8_t[]", body), ffi.from_buffer("int16_t[]", samples), len(body))
    return tuple(samples[number::count] for number in range(count))

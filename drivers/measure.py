"""What an installer measures on a line: levels, the frequencies of a steady tone, return loss; cadences are
drivers.cadence's.

Functions of samples give the figures; functions of a port are awaitable and take the sound from the engine by a short
recording, so they run on every card, paced or stepped. Levels are dBm0, times ms, samples 8,000 a second. Return loss
is the loss between what we send and what the line's hybrid sends back (ITU-T G.122), for white noise. Serves
`tipring card test` and whatever learns of a line.

Limits: frequencies take 0.1 s of processor a second of sound, a return loss about 1 s, in the caller's thread; a
recording is 0.1 to 30 s and lies in a temporary folder for as long; one per port at a time (PortBusy).
"""

from __future__ import annotations

import cmath
import math
import tempfile
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from drivers.errors import ArgumentError, CardError
from drivers.items import PlayItem, Samples
from drivers.operations import quietly
from drivers.port import Port
from drivers.wav import RATE, read

FULL_SCALE_DBM0 = 3.14
"""Of a sine whose peak is the largest sample (ITU-T G.711, A-law)."""
SILENCE_DBM0 = -90.0
"""Told for less."""
FFT = 4096
RECORD_S = (0.1, 30.0)
NOISE_DBM0 = -13.0
NOISE_S = 2.0
LONGEST_ECHO = 4000
"""Samples after sending in which a reflection is looked for: card, driver and line, 0.5 s."""
ECHO_BEFORE, ECHO_AFTER = 24, 72
"""Samples of the reflection beside its peak that count: 12 ms of dispersion."""
FLOOR_DB = 6.0
"""A correlation must stand out so far over those beside it to be a reflection."""


@dataclass(frozen=True, slots=True)
class Partial:
    """One frequency of a sound and its level."""

    hz: float
    dbm0: float


@dataclass(frozen=True, slots=True)
class Heard:
    """A stretch of sound: its level, its strongest frequencies (those within 12 dB, at most two), and the share of the
    power that lies in them: 1.0 is a pure steady tone."""

    seconds: float
    dbm0: float
    partials: tuple[Partial, ...]
    purity: float

    def is_tone(self, f1_hz: float, f2_hz: float = 0.0, tolerance_hz: float = 25.0) -> bool:
        """Whether it is a steady tone of just these frequencies (at least 80 % of the power)."""
        wanted = sorted(f for f in (f1_hz, f2_hz) if f)
        told = sorted(partial.hz for partial in self.partials)
        near = len(wanted) == len(told) and all(abs(a - b) <= tolerance_hz for a, b in zip(wanted, told, strict=True))
        return near and self.purity >= 0.8


@dataclass(frozen=True, slots=True)
class Echo:
    """`loss_db`: echo return loss, None where no reflection stands out of the noise (`over_db` is then what can be
    said: it is at least that). `delay_ms`: from sending to the reflection, card and driver included."""

    loss_db: float | None
    over_db: float
    delay_ms: float


# ---- of samples ------------------------------------------------------------------------------------------------------


def level(samples: Sequence[int]) -> float:
    """Mean level."""
    if not samples:
        return SILENCE_DBM0
    return _dbm0(sum(s * s for s in samples) / len(samples))


def listen_to(samples: Sequence[int]) -> Heard:
    """Level and frequencies. Of a tone shorter than 0.5 s the frequency is only within 10 Hz."""
    power = sum(s * s for s in samples) / max(1, len(samples))
    partials = _partials(samples, power)
    inside = sum(_power(partial.dbm0) for partial in partials)
    return Heard(len(samples) / RATE, _dbm0(power), partials, min(1.0, inside / power) if power > 0 else 0.0)


def noise(seconds: float = NOISE_S, dbm0: float = NOISE_DBM0, seed: int = 1) -> array[int]:
    """White noise of a level, the same each time."""
    random = Random(seed)
    peak = math.sqrt(3 * _power(dbm0))
    return array("h", (round(random.uniform(-peak, peak)) for _ in range(int(seconds * RATE))))


def return_loss(sent: Sequence[int], received: Sequence[int]) -> Echo:
    """How much of what was sent comes back. `sent` must be noise; steady tones in `received` (a dial tone) do no harm,
    nor does noise of the line: only what follows the sent signal counts."""
    heard = _without_tones(received)
    count = min(len(sent), len(heard))
    power_sent = sum(s * s for s in sent[:count]) / max(1, count)
    if count < 2 * LONGEST_ECHO or power_sent <= 0:
        raise ArgumentError(f"return loss of {count} samples, at least {2 * LONGEST_ECHO} with sound are needed")
    path = [value / (count * power_sent) for value in _correlation(sent[:count], heard[:count], LONGEST_ECHO)]
    squares = [value * value for value in path]
    at = max(range(len(squares)), key=squares.__getitem__)
    first, last = max(0, at - ECHO_BEFORE), min(len(squares), at + ECHO_AFTER)
    beside = squares[:first] + squares[last:]
    floor = sum(beside) / max(1, len(beside))
    gain = max(sum(squares[first:last]) - floor * (last - first), 1e-12)
    over = -10 * math.log10(max(floor * (last - first) * 10 ** (FLOOR_DB / 10), 1e-12))
    loss = -10 * math.log10(gain)
    return Echo(loss if loss < over else None, over, at * 1000 / RATE)


# ---- of a port -------------------------------------------------------------------------------------------------------


async def record(port: Port, seconds: float, *play: PlayItem) -> tuple[array[int], array[int]]:
    """What the port hears and sends during so many seconds, while it plays. CardError where the disk refuses."""
    if not RECORD_S[0] <= seconds <= RECORD_S[1]:
        raise ArgumentError(f"a measurement of {seconds:g} s: {RECORD_S[0]:g} to {RECORD_S[1]:g} are possible")
    with tempfile.TemporaryDirectory(prefix="tipring-") as folder:
        path = Path(folder, "line.wav")
        recording = port.record(path, what="stereo", limit_s=seconds)
        playing = quietly(port.play(*play)) if play else None
        try:
            end = await recording.ended
        finally:
            if playing is not None:
                playing.cancel()
        if end.why not in ("limit", "stopped"):
            raise CardError(f"{port.name}: the measurement could not be recorded ({end.why})", end.errno)
        channels = read(path).channels
        return channels[0], channels[1]


async def listen(port: Port, seconds: float = 1.0) -> Heard:
    """What is on the line now."""
    received, _ = await record(port, seconds)
    return listen_to(received)


async def echo(port: Port, seconds: float = NOISE_S) -> Echo:
    """Echo return loss of the line on a port that is off-hook: sends noise for so long (1 to 30 s)."""
    sound = noise(seconds)
    received, sent = await record(port, seconds, Samples(sound.tobytes()))
    return return_loss(sent, received)


# ---- within ----------------------------------------------------------------------------------------------------------


def _dbm0(power: float) -> float:
    """Of a mean square of 16-bit samples."""
    return max(SILENCE_DBM0, 10 * math.log10(power / (32767 * 32767 / 2) + 1e-12) + FULL_SCALE_DBM0)


def _power(dbm0: float) -> float:
    return float(10 ** ((dbm0 - FULL_SCALE_DBM0) / 10) * 32767 * 32767 / 2)


def _partials(samples: Sequence[int], power: float) -> tuple[Partial, ...]:
    """The strongest one or two frequencies, by windowed spectra averaged over the stretch."""
    size = FFT
    while size > len(samples) and size > 256:
        size //= 2
    if len(samples) < size or power < _power(SILENCE_DBM0 + 10):
        return ()
    window = [0.5 - 0.5 * math.cos(2 * math.pi * n / size) for n in range(size)]
    spectrum = [0.0] * (size // 2)
    starts = range(0, len(samples) - size + 1, size // 2)
    for at in starts:
        bins = _fft([samples[at + n] * window[n] for n in range(size)])
        for k in range(size // 2):
            spectrum[k] += abs(bins[k]) ** 2
    found: list[Partial] = []
    scale = 2.0 / (len(starts) * size * sum(w * w for w in window))
    while len(found) < 2:
        k = max(range(3, size // 2 - 3), key=spectrum.__getitem__)
        if spectrum[k] <= 0:
            break
        lobe = spectrum[k - 3 : k + 4]
        dbm0 = _dbm0(sum(lobe) * scale)
        if found and dbm0 < found[0].dbm0 - 12:
            break
        a, b, c = (math.log(max(value, 1e-9)) for value in spectrum[k - 1 : k + 2])
        curve = a - 2 * b + c
        found.append(Partial((k + (0.5 * (a - c) / curve if curve else 0.0)) * RATE / size, dbm0))
        spectrum[k - 3 : k + 4] = [0.0] * len(lobe)
    return tuple(found)


def _without_tones(samples: Sequence[int]) -> list[float]:
    """Less its steady tones, each fitted and taken away by pieces of 0.25 s."""
    heard = listen_to(samples)
    out = [float(s) for s in samples]
    if heard.purity < 0.5:
        return out
    piece = RATE // 4
    for partial in heard.partials:
        turn = 2 * math.pi * partial.hz / RATE
        for start in range(0, len(out), piece):
            part = range(start, min(start + piece, len(out)))
            phasor = sum(out[n] * cmath.exp(-1j * turn * n) for n in part) * 2 / len(part)
            for n in part:
                out[n] -= (phasor * cmath.exp(1j * turn * n)).real
    return out


def _correlation(sent: Sequence[float], heard: Sequence[float], lags: int) -> list[float]:
    """Sum of sent[n] * heard[n + lag], for each lag from 0."""
    size = 1
    while size < len(sent) + lags:
        size *= 2
    a = _fft([*map(float, sent), *[0.0] * (size - len(sent))])
    b = _fft([*map(float, heard), *[0.0] * (size - len(heard))])
    product = [y * x.conjugate() for x, y in zip(a, b, strict=True)]
    back = _fft([value.conjugate() for value in product])
    return [back[lag].real / size for lag in range(lags)]


def _fft(values: Sequence[complex]) -> list[complex]:
    """Of a length that is a power of two."""
    size = len(values)
    if size == 1:
        return [complex(values[0])]
    even, odd = _fft(values[0::2]), _fft(values[1::2])
    half = size // 2
    turned = [cmath.exp(-2j * math.pi * k / size) * odd[k] for k in range(half)]
    return [even[k] + turned[k] for k in range(half)] + [even[k] - turned[k] for k in range(half)]

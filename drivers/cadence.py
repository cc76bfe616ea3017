"""A signal tone of an exchange measured from its samples: frequencies, cadence, level (steps 7 and 9).

Sound is cut into bursts by its level, the longest burst gives the frequencies (drivers.measure), the bursts between the
first and the last, which may be cut, give the cadence. Resolution: times 5 ms, frequencies 1 Hz where a burst lasts
0.1 s or more, levels 0.1 dB. What has no steady pattern is irregular (speech, music), and none is invented for it. No
I/O.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from drivers.measure import level, listen_to
from drivers.wav import RATE

FRAME = 40  # 5 ms
QUIET_DBM0 = -50.0  # weaker is silence
UNDER_DB = 12.0  # so far under the loudest frames a burst has ended
SHORTEST_MS = 30  # clicks and gaps below this are none
SPECTRUM = 8000  # samples of a burst that are looked at, 1 s
DIFFERENT_MS, DIFFERENT = 20, 0.12  # times of one cadence agree within this
MAX_PAIRS = 4

Kind = Literal["silence", "continuous", "cadence", "irregular"]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was heard. `cadence_ms` is on, off, .. of one cycle, seen `cycles` times whole."""

    kind: Kind
    f1_hz: int = 0
    f2_hz: int = 0
    level_dbm0: float = -99.0
    cadence_ms: tuple[int, ...] = ()
    cycles: int = 0

    def __str__(self) -> str:
        if self.kind == "silence":
            return "silence"
        hertz = f"{self.f1_hz}+{self.f2_hz} Hz" if self.f2_hz else f"{self.f1_hz} Hz"
        times = f"{self.cycles} cycle{'s' if self.cycles != 1 else ''}"
        form = f"{'/'.join(map(str, self.cadence_ms))} ms, {times}" if self.cadence_ms else self.kind
        return f"{hertz}, {self.level_dbm0:.1f} dBm0, {form}"


def measure(samples: array[int]) -> Measured:
    """Of 16-bit samples at 8 kHz."""
    levels = [level(samples[at : at + FRAME]) for at in range(0, len(samples) - FRAME + 1, FRAME)]
    loudest = sorted(levels)[-max(1, len(levels) // 50)] if levels else QUIET_DBM0
    if loudest <= QUIET_DBM0:
        return Measured("silence")
    on = [frame > max(QUIET_DBM0, loudest - UNDER_DB) for frame in levels]
    runs = _runs(on)
    longest = max((run for run in runs if run[0]), key=lambda run: run[2] - run[1])
    start, stop = longest[1] * FRAME, longest[2] * FRAME
    middle = samples[start + FRAME : stop - FRAME] or samples[start:stop]
    f1, f2 = _frequencies(middle[:SPECTRUM])
    each_dbm0 = round(level(middle) - (3.0 if f2 else 0.0), 1)
    edges = [run for run in runs if run[0]]
    ms = FRAME * 1000 // RATE
    if len(edges) == 1:
        whole = (longest[2] - longest[1]) * ms
        return Measured("continuous" if whole >= 1000 else "irregular", f1, f2, each_dbm0)
    begun = next(at for at, run in enumerate(runs) if run[0])
    times = [(run[2] - run[1]) * ms for run in runs[begun + 2 : -1]]  # from the second burst on, all whole
    cadence, cycles = _cadence(times)
    if not cadence:
        return Measured("irregular", f1, f2, each_dbm0)
    return Measured("cadence", f1, f2, each_dbm0, cadence, cycles)


def _runs(on: Sequence[bool]) -> list[tuple[bool, int, int]]:
    """(sounds, from, to) in frames; what is too short belongs to its neighbours."""
    runs: list[tuple[bool, int, int]] = []
    shortest = SHORTEST_MS * RATE // 1000 // FRAME
    at = 0
    while at < len(on):
        end = at
        while end < len(on) and on[end] == on[at]:
            end += 1
        if runs and (end - at < shortest or runs[-1][0] == on[at]):
            runs[-1] = (runs[-1][0], runs[-1][1], end)
        else:
            runs.append((on[at], at, end))
        at = end
    return runs


def _cadence(times: Sequence[int]) -> tuple[tuple[int, ...], int]:
    """The shortest cycle of on, off, .. that repeats, and how often; (): none. ``times`` begin with a burst."""
    for pairs in range(1, MAX_PAIRS + 1):
        length = 2 * pairs
        cycles = len(times) // length
        if cycles < 1 or len(times) < length + 1:
            return (), 0
        if all(_same(times[at], times[at - length]) for at in range(length, len(times))):
            mean = [sum(times[at::length]) / len(times[at::length]) for at in range(length)]
            rounded = [max(10, round(value / 10) * 10) for value in mean]
            pause = max(range(1, length, 2), key=lambda at: rounded[at])  # the longest silence ends the cycle
            return tuple(rounded[pause + 1 :] + rounded[: pause + 1]), cycles
    return (), 0


def _same(one: int, other: int) -> bool:
    return abs(one - other) <= DIFFERENT_MS + DIFFERENT * max(one, other)


def _frequencies(samples: Sequence[int]) -> tuple[int, int]:
    """The strongest frequency, and a second one (0: none), lower first."""
    found = sorted(round(partial.hz) for partial in listen_to(samples).partials)
    return (found[0] if found else 0, found[1] if len(found) > 1 else 0)

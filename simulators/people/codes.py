"""Voices that can be told apart by measurement: each party of a run plays one frequency, its code, and from what an ear
hears it is known who is heard there, and how loud. Serves whatever joins parties: step 7, and the card as the switch.

Codes lie on a grid of 25 Hz, away from the tones of exchanges and from DTMF; a window of 160 ms holds whole periods of
them all, so that steady codes do not disturb each other. Levels are dBm0 as everywhere (ITU-T G.711: a sine 3.14 dB
below A-law overload is 0 dBm0).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import mul

from drivers import items

RATE = 8000
GRID_HZ = 25
PERIOD = RATE // GRID_HZ
FOLDS = 4
WINDOW = PERIOD * FOLDS
LEVEL_DBM0 = -14.0
# So much under what was sent is heard; an echo from the far end's hybrid (14 dB and more) is not.
HEARD_DB = 10.0
NOTHING_DB = 26.0
NOTHING = 10 ** (-NOTHING_DB / 10)
PEAK_0DBM0 = 22827.0
SILENCE_DBM0 = -60.0
KEYPAD_HZ = (697, 770, 852, 941, 1209, 1336, 1477, 1633)
EXCHANGE_HZ = (450, 900, 950, 1350, 1400)
TONES = {"tone": 450, "howler": 950}
"""What an exchange may play: dial tone, ringback and busy tone are all of 450 Hz in China (GB/T 3380)."""
CODES = tuple(
    hz
    for hz in range(600, 3300, GRID_HZ)
    if all(abs(hz - other) > 30 for other in KEYPAD_HZ) and all(abs(hz - other) > 30 for other in EXCHANGE_HZ)
)


class NoMoreCodes(ValueError):
    """More parties than there are codes."""


class Codes:
    """Who has which frequency. Telephones keep theirs; when all are given out, callers and people who were called hand
    theirs on, who has been silent longest first and never who speaks. Who speaks again after that has a new one: no
    two have the same at a time, and 60 have fallen silent since before it is another's."""

    def __init__(self) -> None:
        self.of: dict[str, int] = {}
        self._silent: dict[str, None] = {}  # who may hand on, silent longest first
        self._given = 0

    def __getitem__(self, party: str) -> int:
        """The party's code, a new one where it has none. NoMoreCodes."""
        if party not in self.of:
            self.of[party] = self._next(party)
            self.rests(party)
        return self.of[party]

    def speaks(self, party: str) -> int:
        """The party begins to speak: until it rests the code returned is nobody else's. NoMoreCodes."""
        code = self[party]
        self._silent.pop(party, None)
        return code

    def rests(self, party: str) -> None:
        """It has fallen silent."""
        if not party.startswith("phone "):
            self._silent.pop(party, None)
            self._silent[party] = None

    def _next(self, party: str) -> int:
        if self._given < len(CODES):
            # neighbours in a run are far apart on the scale: 37 and the number of codes have no common factor
            self._given += 1
            return CODES[(self._given - 1) * 37 % len(CODES)]
        if not self._silent:
            raise NoMoreCodes(f"{party}: at most {len(CODES)} parties can be told apart by their codes")
        longest = next(iter(self._silent))
        del self._silent[longest]
        return self.of.pop(longest)

    def tone(self, party: str) -> items.Tone:
        """What the party plays for as long as it speaks."""
        return items.Tone(self[party], level_dbm0=LEVEL_DBM0)


@dataclass(frozen=True, slots=True)
class Window:
    """160 ms of what an ear heard: the level of each frequency asked for, and of all the sound (dBm0)."""

    levels: dict[int, float]
    all_dbm0: float

    def heard(self, hz: int) -> bool:
        """Is this code there, at a level that is no mere echo?"""
        return self.levels[hz] >= LEVEL_DBM0 - HEARD_DB

    @property
    def other_dbm0(self) -> float:
        """The level of what is none of the frequencies asked for: speech, music."""
        return self.without(self.levels)

    def without(self, frequencies: Iterable[int]) -> float:
        """The level of the sound but for these frequencies."""
        return _dbm0(_power(self.all_dbm0) - sum(_power(self.levels[hz]) for hz in frequencies))


def measure(samples: Sequence[int], frequencies: Iterable[int]) -> Window:
    """The levels in the first WINDOW samples. Frequencies must lie on the grid (ValueError). Those that are probably
    there come first: once NOTHING_DB less than all the sound is left, the others are taken for silent."""
    block = samples[:WINDOW]
    energy = sum(map(mul, block, block)) / WINDOW
    wanted = list(dict.fromkeys(frequencies))
    if energy < 1.0:
        return Window(dict.fromkeys(wanted, SILENCE_DBM0), SILENCE_DBM0)
    folded = array("i", map(sum, zip(*(block[at : at + PERIOD] for at in range(0, WINDOW, PERIOD)), strict=True)))
    levels = dict.fromkeys(wanted, SILENCE_DBM0)
    rest = energy
    for hz in wanted:
        if rest < energy * NOTHING:
            break
        levels[hz] = _level(folded, hz)
        rest -= _power(levels[hz])
    return Window(levels, _dbm0(energy))


@lru_cache(256)
def _turns(hz: int) -> tuple[array[float], array[float]]:
    if hz % GRID_HZ:
        raise ValueError(f"{hz} Hz is no multiple of {GRID_HZ}")
    angles = [2 * math.pi * hz * index / RATE for index in range(PERIOD)]
    return array("d", map(math.cos, angles)), array("d", map(math.sin, angles))


def _level(folded: Sequence[int], hz: int) -> float:
    cosine, sine = _turns(hz)
    peak = 2 * math.hypot(sum(map(mul, folded, cosine)), sum(map(mul, folded, sine))) / WINDOW
    return _dbm0(peak * peak / 2)


def _dbm0(power: float) -> float:
    """Of a mean square of 16-bit samples."""
    return max(SILENCE_DBM0, 10 * math.log10(power / (PEAK_0DBM0**2 / 2))) if power > 0 else SILENCE_DBM0


def _power(dbm0: float) -> float:
    return 0.0 if dbm0 <= SILENCE_DBM0 else 10.0 ** (dbm0 / 10) * PEAK_0DBM0**2 / 2

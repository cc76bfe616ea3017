"""What callers hear between announcements while they wait: a quiet plucked melody, made at set-up (step 6).

Callers who hear nothing take the line for dead and hang up. The melody is made of sines that nothing on a telephone
line can take for a signal: no partial between 340 and 570 Hz (dial, ringback, busy tones of the plans in conf/tones,
which the VRU's ears must still hear) nor above 900 Hz (a digit needs one there), and it is 8 dB below our speech, so
that the caller's digits are found under it more easily than under a prompt. A site puts its own in its place:
FOLDER/hold_music.wav, 8 kHz mono.

The same samples on every machine: integer arithmetic on a table of sines.
"""

from __future__ import annotations

import math
from array import array
from typing import Final

RECIPE: Final = "1"  # part of the file's name: raise it when the samples change
RATE: Final = 8000
LEVEL_DBM0: Final = -24.0
BEAT: Final = RATE * 3 // 5
# Beats of the loop: a low note every fourth beat, the melody above it; Hz, 0 rests. D and G pentatonic.
LOW: Final = (294, 247, 196, 220, 294, 247, 220, 294)
MELODY: Final = (
    *(587, 659, 784, 0, 880, 0, 784, 659, 587, 0, 784, 880, 784, 0, 659, 0),
    *(880, 784, 659, 0, 587, 0, 659, 784, 880, 0, 784, 659, 587, 0, 0, 0),
)
_TABLE: Final = [round(32767 * math.sin(2 * math.pi * k / 1024)) for k in range(1024)]


def hold_music() -> array[int]:
    """One round of the melody, 8 kHz samples; its end goes over into its beginning."""
    length = BEAT * len(MELODY)
    sound = [0] * length
    for beat, hz in enumerate(MELODY):
        if hz:
            _pluck(sound, beat * BEAT, hz, 9000)
    for bar, hz in enumerate(LOW):
        _pluck(sound, bar * 4 * BEAT, hz, 6000)
    power = sum(sample * sample for sample in sound) / length
    wanted = (32768 * 10 ** (-3.14 / 20)) ** 2 / 2 * 10 ** (LEVEL_DBM0 / 10)  # ITU-T G.711: overload is 3.14 dBm0
    factor = round(65536 * math.sqrt(wanted / power))
    return array("h", [(sample * factor) >> 16 for sample in sound])


def _pluck(sound: list[int], at: int, hz: int, peak: int) -> None:
    """Adds a note that dies away within about two seconds, round the end of the loop where it comes there."""
    step = (hz << 22) // RATE  # of a phase of 22 bits, 1024 of which make a circle of the table
    phase, level, length = 0, peak << 14, len(sound)
    for n in range(RATE * 2):
        rise = n if n < 64 else 64
        sound[(at + n) % length] += (_TABLE[(phase >> 12) & 1023] * (level >> 14) * rise) >> 21
        phase += step
        if n % 8 == 7:
            level -= level >> 9

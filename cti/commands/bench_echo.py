"""`tipring bench echo`: cancellers on one core, ours with each kernel and tail, and SpeexDSP's where it is installed.

All on the same sound in the same run: an echo 10 dB below what is sent, through a hybrid of our own and A-law. Told
are lines a core, in processor time, in a call whose line is known, and in its first four seconds of speech (ours
studies a line for two seconds of sound, at most 400 lines at a time); the ratio to SpeexDSP's with the same tail (line
known, round by round, its median); and the echo return loss enhancement (the echo over what is left of it, dB): of
noise half a second after its beginning, of speech a second after it, and of each after two seconds. `best` is one who
knows the line exactly: what A-law made of the echo
stays.
"""

from __future__ import annotations

import argparse
import ctypes
import ctypes.util
import math
import random
import time
from array import array
from statistics import median
from typing import Any

from cti.commands.bench_sound import RATE, a_law, from_a_law, speech

HELP = "echo cancellers: lines per core and echo taken away, ours and SpeexDSP's"
SECONDS = 4
TAILS = (256, 512)
BLOCK = 160
RETURN_LOSS_DB = 10.0
HYBRID = (0.35, 0.80, -0.40, 0.0, 0.22, 0.0, -0.12, 0.0, 0.0, 0.06)
LINES = 25
"""Cancellers of one measurement, in turn block by block, as the ports of an engine are."""


def echo_of(sent: array[int]) -> array[int]:
    """What comes back, as it is on the line."""
    gain = 10 ** (-RETURN_LOSS_DB / 20) / math.sqrt(sum(tap * tap for tap in HYBRID))
    taps = [(delay + 2, tap * gain) for delay, tap in enumerate(HYBRID) if tap]
    return array("h", (round(sum(sent[n - d] * tap for d, tap in taps if n >= d)) for n in range(len(sent))))


def noise(source: random.Random) -> array[int]:
    """White, -16 dBm0."""
    return from_a_law(a_law(array("h", (round(source.gauss(0, 2558)) for _ in range(SECONDS * RATE)))))


class Ours:
    """The engine's canceller."""

    def __init__(self, taps: int) -> None:
        from drivers._engine import ffi, lib

        self._handle = ffi.gc(lib.tr_canceller_new(taps), lib.tr_canceller_free)

    def feed(self, part: tuple[Any, Any, Any, int]) -> None:
        """Some blocks, as `part` prepared them."""
        from drivers._engine import lib

        lib.tr_canceller_feed(self._handle, *part)

    @staticmethod
    def part(sides: list[array[int]], at: int, count: int) -> tuple[Any, Any, Any, int]:
        """Of what is sent, came, and comes out: `count` samples from `at` on."""
        from drivers._engine import ffi

        views = [ffi.from_buffer("int16_t[]", memoryview(side)[at : at + count]) for side in sides]
        return views[0], views[1], views[2], count

    def close(self) -> None:
        """Gives its memory back."""
        self._handle = None


class Speex:
    """SpeexDSP's (speex_echo_state_init with blocks of 20 ms)."""

    _library: Any = None
    SET_RATE = 24

    @classmethod
    def is_here(cls) -> bool:
        """Is the library installed?"""
        if cls._library is None:
            name = ctypes.util.find_library("speexdsp")
            try:
                library = ctypes.CDLL(name) if name else None
            except OSError:
                library = None
            if library is None:
                return False
            library.speex_echo_state_init.restype = ctypes.c_void_p
            library.speex_echo_state_init.argtypes = [ctypes.c_int, ctypes.c_int]
            library.speex_echo_ctl.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
            library.speex_echo_state_destroy.argtypes = [ctypes.c_void_p]
            library.speex_echo_cancellation.argtypes = [ctypes.c_void_p] * 4
            cls._library = library
        return True

    def __init__(self, taps: int) -> None:
        self._state = self._library.speex_echo_state_init(BLOCK, taps)
        rate = ctypes.c_int(RATE)
        self._library.speex_echo_ctl(self._state, self.SET_RATE, ctypes.byref(rate))

    def feed(self, part: tuple[Any, Any, Any, int]) -> None:
        """Some blocks, as `part` prepared them."""
        sent, came, out, count = part
        for at in range(0, 2 * count, 2 * BLOCK):
            self._library.speex_echo_cancellation(self._state, came + at, sent + at, out + at)

    @staticmethod
    def part(sides: list[array[int]], at: int, count: int) -> tuple[Any, Any, Any, int]:
        """See Ours."""
        sent, came, out = (side.buffer_info()[0] + 2 * at for side in sides)
        return sent, came, out, count

    def close(self) -> None:
        """Gives its memory back."""
        self._library.speex_echo_state_destroy(self._state)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Rounds."""
    parser.add_argument("--rounds", type=int, default=5, help="of each measurement; medians are told (default 5)")


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """All cancellers on the same sound, in turn."""
    from cti.commands.bench_engine import kernels
    from cti.errors import TipringError
    from drivers.listener import simd

    if not 1 <= args.rounds <= 100:
        raise TipringError("--rounds is a number from 1 to 100")
    sounds = {"noise": noise(random.Random(1)), "speech": from_a_law(a_law(speech()[: SECONDS * RATE]))}
    echoes = {name: echo_of(sent) for name, sent in sounds.items()}
    came = {name: from_a_law(a_law(echo)) for name, echo in echoes.items()}
    names = [*kernels(), *(["speexdsp"] if Speex.is_here() else [])]
    rates: dict[tuple[str, int], list[tuple[float, float]]] = {(name, taps): [] for taps in TAILS for name in names}
    before = simd()
    for _ in range(args.rounds):
        for (name, taps), row in rates.items():
            row.append(_lines(_kind(name), taps, sounds["speech"], came["speech"]))
    simd(before)
    rows = []
    for (name, taps), row in rates.items():
        speex = rates.get(("speexdsp", taps))
        left = {sound: _cancelled(_kind(name), taps, sent, came[sound]) for sound, sent in sounds.items()}
        ratios = [one / other for (_, one), (_, other) in zip(row, speex, strict=True)] if speex else []
        rows.append(
            {
                "canceller": name,
                "tail_ms": taps * 1000 // RATE,
                "lines_per_core": int(median(later for _, later in row)),
                "lines_per_core_at_first": int(median(first for first, _ in row)),
                "ratio": round(median(ratios), 2) if ratios else None,
                **_taken_away(echoes, left),
            }
        )
    simd(before)
    return {"simd": before, "cancellers": rows, "best": _taken_away(echoes, _without(echoes, came))}


def show(result: dict[str, Any]) -> None:
    """For people."""
    print("lines of a core; echo taken away of noise after 0.5 s, of speech after 1 s, of both after 2 s:")
    for row in result["cancellers"]:
        compared = f"{row['ratio']:5.2f} times SpeexDSP's" if row["ratio"] is not None else ""
        lines = f"{row['lines_per_core']:8} ({row['lines_per_core_at_first']:5} at first)"
        print(f"  {row['canceller']:8} {row['tail_ms']} ms {lines}   {_said(row)}   {compared}")
    print(f"  whoever knows the line exactly     {_said(result['best'])}")


def _said(row: dict[str, Any]) -> str:
    return (
        f"{row['noise_db']:4.1f} and {row['speech_db']:4.1f} dB, "
        f"then {row['noise_later_db']:4.1f} and {row['speech_later_db']:4.1f} dB"
    )


def _kind(name: str) -> type[Ours] | type[Speex]:
    """The canceller of this name; a kernel of ours is chosen."""
    from drivers.listener import simd

    if name == "speexdsp":
        return Speex
    simd(name)
    return Ours


def _lines(kind: type[Ours] | type[Speex], taps: int, sent: array[int], came: array[int]) -> tuple[float, float]:
    """How many one core carries, in the first seconds and afterwards: LINES of them in turn, each block by block."""
    lines = [kind(taps) for _ in range(LINES)]
    sides = [sent, came, array("h", bytes(2 * len(sent)))]
    took, count = [0.0, 0.0], 5 * BLOCK
    for again in range(2):
        for at in range(0, len(sent), count):
            part = kind.part(sides, at, count)
            began = time.thread_time()
            for line in lines:
                line.feed(part)
            took[again] += time.thread_time() - began
    for line in lines:
        line.close()
    first, later = (LINES * len(sent) / RATE / seconds for seconds in took)
    return first, later


def _cancelled(kind: type[Ours] | type[Speex], taps: int, sent: array[int], came: array[int]) -> array[int]:
    one, out = kind(taps), array("h", bytes(2 * len(sent)))
    one.feed(kind.part([sent, came, out], 0, len(sent)))
    one.close()
    return out


def _without(echoes: dict[str, array[int]], came: dict[str, array[int]]) -> dict[str, array[int]]:
    return {
        name: array("h", (back - echo for back, echo in zip(came[name], echoes[name], strict=True))) for name in echoes
    }


def _taken_away(echoes: dict[str, array[int]], left: dict[str, array[int]]) -> dict[str, float]:
    return {
        "noise_db": _enhancement(echoes["noise"], left["noise"], 0.5, 0.7),
        "speech_db": _enhancement(echoes["speech"], left["speech"], 1.0, 2.0),
        "noise_later_db": _enhancement(echoes["noise"], left["noise"], 2.0, SECONDS),
        "speech_later_db": _enhancement(echoes["speech"], left["speech"], 2.0, SECONDS),
    }


def _enhancement(echo: array[int], left: array[int], begin: float, end: float) -> float:
    part = slice(int(begin * RATE), int(end * RATE))
    powers = [sum(x * x for x in side[part]) + 1 for side in (echo, left)]
    return round(10 * math.log10(powers[0] / powers[1]), 1)

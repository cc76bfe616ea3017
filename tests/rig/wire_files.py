"""Reads what `tipring demo --wires` writes, with sums of its own: nothing here knows Tipring's detectors.

A port's stereo WAV (left heard, right sent), the edges of its line, a serial line's bytes with times.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import wave
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul
from pathlib import Path
from typing import Any

RATE = 8000
ROWS, COLUMNS, KEYS = (697, 770, 852, 941), (1209, 1336, 1477, 1633), ("123A", "456B", "789C", "*0#D")
WINDOW = 160  # 20 ms
PEAK_0DBM0 = 22826.9


def _turns(hz: float, count: int) -> tuple[list[float], list[float]]:
    angles = [2 * math.pi * hz * index / RATE for index in range(count)]
    return [math.cos(angle) for angle in angles], [math.sin(angle) for angle in angles]


TURNS = {hz: _turns(hz, WINDOW) for hz in (450, *ROWS, *COLUMNS)}


def peak_of(window: Sequence[int], hz: int) -> float:
    """Peak of the component at ``hz``."""
    cosine, sine = TURNS[hz]
    return 2 * math.hypot(sum(map(mul, window, cosine)), sum(map(mul, window, sine))) / len(window)


def is_tone(window: Sequence[int], hz: int = 450, least_dbm0: float = -35.0) -> bool:
    """Is this the one frequency and nothing else?"""
    energy = sum(map(mul, window, window)) / len(window)
    peak = peak_of(window, hz)
    return peak > PEAK_0DBM0 * 10 ** (least_dbm0 / 20) and peak * peak / 2 > 0.8 * energy


def key_of(window: Sequence[int]) -> str:
    """The key whose two tones, and nothing else, sound in the window; none: empty."""
    energy = sum(map(mul, window, window)) / len(window)
    if energy < 10_000:
        return ""
    rows = [peak_of(window, hz) for hz in ROWS]
    columns = [peak_of(window, hz) for hz in COLUMNS]
    row, column = max(rows), max(columns)
    if min(row, column) < 200 or (row * row + column * column) / 2 < 0.8 * energy:
        return ""
    return KEYS[rows.index(row)][columns.index(column)]


@dataclass(frozen=True)
class Opening:
    """The loop of a port was open, in ms; until None: to the end."""

    begin: float
    end: float | None

    @property
    def ms(self) -> float:
        return math.inf if self.end is None else self.end - self.begin


class PortFiles:
    """One VRU port."""

    def __init__(self, folder: Path, extension: str) -> None:
        self.path = folder / f"vru-{extension}.wav"
        with wave.open(str(self.path)) as file:
            assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, RATE, 2)
            samples = array("h", file.readframes(file.getnframes()))
        self.heard, self.sent = samples[0::2], samples[1::2]
        lines = (folder / f"vru-{extension}.jsonl").read_text(encoding="utf-8").splitlines()
        self.edges: list[dict[str, Any]] = [json.loads(line) for line in lines]

    @property
    def loops(self) -> list[tuple[float, bool]]:
        """(ms, closed) at our end."""
        return [(e["ms"], bool(e["value"])) for e in self.edges if e["edge"] == "loop" and e["end"] == "local"]

    @property
    def openings(self) -> list[Opening]:
        """Every time at which we opened the loop after having closed it."""
        loops = self.loops
        ends = [*(at for at, closed in loops[2::2]), None]
        assert all(closed == (index % 2 == 0) for index, (_, closed) in enumerate(loops))
        return [Opening(at, end) for (at, _), end in zip(loops[1::2], ends, strict=False)]

    def after(self, opening: Opening) -> tuple[float, float]:
        """From the end of an opening to the next change of the loop."""
        assert opening.end is not None
        later = [at for at, _ in self.loops if at > opening.end]
        return opening.end, later[0] if later else len(self.sent) * 1000 / RATE

    def keys_sent(self, from_ms: float, to_ms: float) -> list[tuple[float, str]]:
        """Presses in the sent channel: (ms of the beginning, key)."""
        found: list[tuple[float, str]] = []
        last = ""
        for at in range(int(from_ms * 8), int(to_ms * 8) - WINDOW, WINDOW // 2):
            key = key_of(self.sent[at : at + WINDOW])
            if key and key != last:
                found.append((at / 8, key))
            last = key
        return found

    def longest_tone(self, from_ms: float, to_ms: float) -> float:
        """ms of the longest unbroken 450 Hz in the heard channel."""
        longest = now = 0
        for at in range(int(from_ms * 8), int(to_ms * 8) - WINDOW, WINDOW // 2):
            now = now + 1 if is_tone(self.heard[at : at + WINDOW]) else 0
            longest = max(longest, now)
        return 0.0 if longest == 0 else (longest - 1) * 10.0 + 20.0


def used_ports(folder: Path) -> list[PortFiles]:
    """The ports that went off-hook at least once."""
    used = []
    for path in sorted(folder.glob("vru-*.jsonl")):
        if '"loop"' in path.read_text(encoding="utf-8"):
            used.append(PortFiles(folder, path.stem.removeprefix("vru-")))
    return used


def keys_by_stranger(path: Path) -> str:
    """What multimon-ng hears in the whole sent channel of a port's WAV."""
    form = "-t raw -r 22050 -e signed -b 16 -c 1 - remix 2"
    sox = [_tool("sox"), str(path), *form.split()]
    raw = subprocess.run(sox, check=True, capture_output=True).stdout
    listener = [_tool("multimon-ng"), "-q", "-t", "raw", "-a", "DTMF", "-"]
    said = subprocess.run(listener, input=raw, check=True, capture_output=True).stdout.decode()
    return "".join(line.removeprefix("DTMF: ") for line in said.splitlines() if line.startswith("DTMF: "))


def _tool(name: str) -> str:
    path = shutil.which(name)
    assert path is not None, f"{name} is on the list of Debian packages"
    return path


def serial(folder: Path, name: str) -> list[dict[str, Any]]:
    """The bursts of a serial line."""
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]

"""Call records as a PBX prints them (step 9), one line a leg, in the layouts of two makes.

`panasonic` is pattern A of the KX-TDA family, 80 columns: date 8, time 7, extension 5, line 2, number 25, ring 4,
duration 8, account 10, condition 3, single spaces between. `meridian1` is Nortel's old format: type, record, customer,
originator, terminator, date without year, time, duration, digits. Times are the PBX's local time at the end of the leg.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Leg:
    """One extension's part in a call with a trunk. Durations are seconds; `ring_s` None where it did not ring.
    `leg` says which part of the call it is: only, first (then transferred), last (after a transfer)."""

    ended: datetime
    extension: str
    trunk: int
    number: str
    ring_s: float | None
    duration_s: float
    leg: str = "only"
    answered: bool = True


def _duration(seconds: float) -> tuple[int, int, int]:
    whole = int(seconds)
    return whole // 3600, whole // 60 % 60, whole % 60


class Panasonic:
    """Writes a heading on the first line of each page of 60 lines."""

    def __init__(self, page_lines: int = 60) -> None:
        self._page_lines = page_lines
        self._line = 0

    def write(self, leg: Leg) -> str:
        hours, minutes, seconds = _duration(leg.duration_s)
        ring = "" if leg.ring_s is None else f"{int(leg.ring_s) // 60}'{int(leg.ring_s) % 60:02d}"
        text = " ".join(
            (
                leg.ended.strftime("%m/%d/%y"),
                leg.ended.strftime("%I:%M%p"),
                f"{leg.extension:>5}",
                f"{leg.trunk:02d}",
                f"{'<I>' + leg.number:<25.25}",
                f"{ring:>4}",
                f"{hours:02d}:{minutes:02d}'{seconds:02d}",
                " " * 10,
                "TR" if leg.leg == "first" else "",
            )
        ).rstrip()
        heading = ""
        if self._line % self._page_lines == 0:
            names = ("Date", "Time", "Ext", "CO", "Dial Number", "Ring", "Duration", "ACC Code", "CD")
            widths = (8, 7, 5, 2, 25, 4, 8, 10, 3)
            first = " ".join(f"{name:<{width}}" for name, width in zip(names, widths, strict=True)).rstrip()
            heading = f"{first}\r\n{'-' * 80}\r\n"
        self._line += 1
        return f"{heading}{text}\r\n"


class Meridian1:
    """Record numbers count modulo 1000. A transferred call writes S for its first leg and E for its last."""

    def __init__(self) -> None:
        self._number = 0

    def write(self, leg: Leg) -> str:
        hours, minutes, seconds = _duration(leg.duration_s)
        kind = {"only": "N" if leg.answered else "B", "first": "S", "last": "E"}[leg.leg]
        originator = f"T010 {leg.trunk:03d}"
        text = (
            f"{kind} {self._number % 1000:03d} 00 {originator:<7} {leg.extension:<7} "
            f"{leg.ended:%m/%d %H:%M} {hours:02d}:{minutes:02d}:{seconds:02d} {leg.number}"
        )
        self._number += 1
        return f"{text.rstrip()}\r\n"


WRITERS: dict[str, Callable[[], Panasonic | Meridian1]] = {"panasonic": Panasonic, "meridian1": Meridian1}

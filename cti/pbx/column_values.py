"""What digits without punctuation can be: dates, times of day, lengths of a call (step 9).

For `tipring pbx learn`, where only the place of a digit and its value tell what it is (cti.pbx.column_guesses).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from cti.pbx.guesses import NEAR_DAYS
from cti.pbx.shapes import as_date

MOSTLY: Final = 0.9  # of the lines must bear a guess out
CLOCKS: Final = {6: r"(?:[01]\d|2[0-3])[0-5]\d[0-5]\d", 4: r"(?:[01]\d|2[0-3])[0-5]\d"}


class Writing(NamedTuple):
    """A way to print a duration without punctuation: its parts with their widths, and what it looks like.

    spread: the digit (from the left, from 0) that takes many values, if this is the writing; low: those that never
    pass 5.
    """

    name: str
    parts: tuple[tuple[str, int], ...]
    look: str
    spread: int
    low: tuple[int, ...]


_H, _HH = ("duration_h", 1), ("duration_h", 2)
_M, _S, _T = ("duration_m", 2), ("duration_s", 2), ("duration_t", 1)
WRITINGS: Final = (
    Writing("hhmmss", (_HH, _M, _S), r"\d\d[0-5]\d[0-5]\d", 5, (2, 4)),
    Writing("hmmss", (_H, _M, _S), r"\d[0-5]\d[0-5]\d", 4, (1, 3)),
    Writing("hmm and tenths of a minute", (_H, _M, _T), r"\d[0-5]\d\d", 3, (1,)),
    Writing("mmss", (_M, _S), r"\d\d[0-5]\d", 3, (2,)),
)


def orders_near(texts: Sequence[str], now: datetime) -> list[str]:
    """The orders in which nearly all of these digits are dates near now, the likeliest first; [] none."""
    if not texts:
        return []
    width = len(texts[0])
    candidates = {4: ("md", "dm"), 6: ("mdy", "dmy", "ymd"), 8: ("ymd", "mdy", "dmy")}.get(width, ())
    counts = {order: sum(_near(text, order, now) for text in texts) for order in candidates}
    most = max(counts.values(), default=0)
    return [order for order in candidates if counts[order] == most and most >= MOSTLY * len(texts)]


def _near(text: str, order: str, now: datetime) -> bool:
    day = _day(text, order, now)
    return day is not None and abs((day - now.date()).days) <= NEAR_DAYS


def _day(text: str, order: str, now: datetime) -> date | None:
    """The day of some digits; without a year the one nearest to now."""
    if len(text) == 8:
        at = 4 if order == "ymd" else 2
        parts = [text[:at], text[at : at + 2], text[at + 2 :]]
    else:
        parts = [text[at : at + 2] for at in range(0, len(text), 2)]
    day = as_date("/".join(parts), order) if text.isdecimal() else None
    if day is None or "y" in order:
        return day
    years = []
    for year in (now.year - 1, now.year, now.year + 1):
        try:
            years.append(day.replace(year=year))
        except ValueError:  # 29 February
            continue
    return min(years, key=lambda one: abs((one - now.date()).days), default=None)


def deviation(values: Sequence[float]) -> float:
    """Half of the values lie so near to their middle one: some damaged ones do not change it."""
    middle = sorted(values)[len(values) // 2]
    return sorted(abs(value - middle) for value in values)[len(values) // 2]


def clock_s(text: str) -> int | None:
    if len(text) not in CLOCKS or not re.fullmatch(CLOCKS[len(text)], text):
        return None
    return int(text[:2]) * 3600 + int(text[2:4]) * 60 + int(text[4:] or 0)


def length_s(text: str, writing: Writing | None) -> int | None:
    if writing is None:
        return int(text) if text.isdecimal() else None
    if not re.fullmatch(writing.look, text):
        return None
    seconds = {"duration_h": 3600, "duration_m": 60, "duration_s": 1, "duration_t": 6}
    total = at = 0
    for name, width in writing.parts:
        total += seconds[name] * int(text[at : at + width])
        at += width
    return total

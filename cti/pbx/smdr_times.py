"""Dates, times and durations as call records print them. Serves step 9.

All are the PBX's own local time without a zone: naive datetimes on purpose. What a record leaves out is taken from
`now`, the PBX's time as far as it is known: a missing year, or day, is the one that brings the moment nearest to now.
A date line sets the day of the records after it; when their time of day falls back by more than half a day, the next
day has begun though its own date line did not come.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final

from cti.pbx.smdr_rules import DateOrder

HALF_A_DAY: Final = timedelta(hours=12)
DAY: Final = timedelta(days=1)
YEARS: Final = 8  # a 29 February is at most so far away


class NotARecord(Exception):
    """The shape fits, the values do not: says why."""


class Calendar:
    """Puts printed dates and times together."""

    def __init__(self, order: DateOrder, now: Callable[[], datetime]) -> None:
        self._order = order
        self._now = now
        self._day: date | None = None  # of the last date line
        self._last = timedelta()

    def set_day(self, day: str, year: str | None, order: DateOrder | None) -> datetime:
        """A date line: the records after it are of this day. Raises NotARecord."""
        when = self._dated(day, year, order, timedelta())
        self._day, self._last = when.date(), timedelta()
        return when

    def moment(
        self, day: str | None, year: str | None, clock: str | None, order: DateOrder | None = None
    ) -> datetime | None:
        """What was printed, as a moment; None where nothing was, or a date of stars. Raises NotARecord."""
        if (day is None and clock is None) or "*" in (day or ""):
            return None
        of_day = _clock(clock) if clock is not None else timedelta()
        if day is not None:
            return self._dated(day, year, order, of_day)
        if self._day is not None:
            return self._of_the_day(self._day, of_day)
        now = self._now()
        midnight = datetime(now.year, now.month, now.day)
        return min((midnight + DAY * shift + of_day for shift in (0, -1, 1)), key=lambda moment: abs(moment - now))

    def _of_the_day(self, day: date, of_day: timedelta) -> datetime:
        midnight = datetime(day.year, day.month, day.day)
        if of_day - self._last > HALF_A_DAY and self._last:
            return midnight - DAY + of_day  # printed late, of before midnight
        if self._last - of_day > HALF_A_DAY:
            midnight += DAY
            self._day = midnight.date()
        self._last = of_day
        return midnight + of_day

    def _dated(self, text: str, year: str | None, order: DateOrder | None, of_day: timedelta) -> datetime:
        order = order or self._order
        if year is not None:
            order = "md" if order.index("m") < order.index("d") else "dm"
        parts = re.findall(r"\d+", text)
        if len(parts) == 1 and len(text) in (4, 6, 8):
            long_year = len(text) == 8
            widths = [4 if letter == "y" and long_year else 2 for letter in order]
            edges = [sum(widths[:index]) for index in range(len(widths) + 1)]
            parts = [text[first:last] for first, last in pairwise(edges)]
        letters = order if len(parts) == len(order) else order.replace("y", "")
        bad = NotARecord(f"{text!r} is not a date in the order {order}")
        if len(parts) != len(letters) or not all(part.isdecimal() for part in (*parts, year or "0")):
            raise bad
        values = dict(zip(letters, (int(part) for part in parts), strict=True))
        if year is not None:
            values["y"] = int(year)
        try:
            if "y" not in values:
                return self._nearest(values["m"], values["d"], of_day)
            full = values["y"] if values["y"] > 99 else values["y"] + (2000 if values["y"] < 70 else 1900)
            return datetime(full, values["m"], values["d"]) + of_day
        except (ValueError, OverflowError) as error:
            raise bad from error

    def _nearest(self, month: int, day: int, of_day: timedelta) -> datetime:
        """The moment of this day and month that is nearest to now, in any year. Raises ValueError: no such day."""
        now = self._now()
        found: list[datetime] = []
        for year in range(max(now.year - YEARS, 1), min(now.year + YEARS, 9998) + 1):
            try:
                found.append(datetime(year, month, day) + of_day)
            except ValueError:
                continue
        if not found:
            raise ValueError("no such day")
        return min(found, key=lambda moment: abs(moment - now))


def _clock(text: str) -> timedelta:
    """10:03AM, 07:47, 07:47:20, 154615 as the time of day."""
    match = re.fullmatch(r"(\d{1,2})[:.hH]?(\d\d)(?:[:.]?(\d\d))? ?([AaPp])?[Mm]?", text)
    if match is None:
        raise NotARecord(f"{text!r} is not a time")
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if match[4]:
        if not 1 <= hour <= 12:
            raise NotARecord(f"{text!r} is not a time")
        hour = hour % 12 + (12 if match[4] in "Pp" else 0)
    if hour > 23 or minute > 59 or second > 59:
        raise NotARecord(f"{text} is not a time")
    return timedelta(hours=hour, minutes=minute, seconds=second)


def seconds_of(text: str) -> float:
    """h:m:s, h:m's, h:m:s.t, m's, or s; whatever stands between the numbers. Raises NotARecord."""
    parts = re.findall(r"\d+", text)
    if not parts or len(parts) > 4:
        raise NotARecord(f"{text!r} is not a duration")
    tenths = int(parts.pop()) / 10 if "." in text and len(parts) > 1 else 0.0
    total = 0
    for part in parts:
        total = total * 60 + int(part)
    if any(int(part) > 59 for part in parts[1:]):
        raise NotARecord(f"{text!r} is not a duration")
    return total + tenths


def duration_of(groups: dict[str, str]) -> float | None:
    """Of the fields duration, or duration_h, _m, _s and _t (tenths of a minute); None: not printed."""
    if "duration" in groups:
        return seconds_of(groups["duration"])
    weights = {"duration_h": 3600, "duration_m": 60, "duration_s": 1, "duration_t": 6}
    given = [name for name in weights if name in groups]
    if not given:
        return None
    if not all(groups[name].isdecimal() for name in given):
        raise NotARecord("the duration is not a number")
    return float(sum(weights[name] * int(groups[name]) for name in given))


def duration_step(groups: dict[str, str]) -> float:
    """How exact a printed duration is: 1 s, 6 s (tenths of a minute), or 60 s where no seconds are printed."""
    if "duration" in groups:
        return 1.0 if len(re.findall(r"\d+", groups["duration"])) > 1 else 60.0 if ":" in groups["duration"] else 1.0
    if "duration_s" in groups or "duration_m" not in groups:
        return 1.0
    return 6.0 if "duration_t" in groups else 60.0

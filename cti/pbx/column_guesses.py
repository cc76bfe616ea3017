"""What the columns of a printed line seem to be where only digits stand in them: extension, date, time, duration (step
9).

For `tipring pbx learn`. The anchors are what can be recognised by its value: the site's own extensions, dates near the
day of the capture, times that run with the times at which the lines came (or, where these are not known, that never
step back). A guess that had another choice stands in Anchors.unsure; what cannot be told is left out and said there,
since a wrong time does more harm than none. Durations are written as in WRITINGS. What lies between the anchors, and
the forms, are cti.pbx.column_forms'.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

from cti.pbx.column_shapes import MANY, RARE, columns_of, cut_out, text_at
from cti.pbx.column_values import CLOCKS, MOSTLY, WRITINGS, Writing, clock_s, deviation, length_s, orders_near
from cti.pbx.guesses import SURE_ARRIVALS

Column = tuple[int, int]
Fitting = tuple[float, int, Column, Writing | None]  # how badly it fits, how far from the time, where, how written

FEW: Final = 5  # lines; of fewer, times are believed only beside their date
DAY_S: Final = 86400
_EXTENSION: Final = re.compile(r"\d{2,7}")


class Anchors:
    """Lines of one kind, as their columns are recognised one after the other. `word`: what stands in front of all of
    them. `columns` are cut anew at each anchor; `extension_at`, `dates`, `times` (at most two of either) and `duration`
    are some of them; `lengths` those that may be the duration."""

    def __init__(
        self, word: str, rows: list[str], came: list[float | None], extensions: Collection[str], now: datetime
    ) -> None:
        self.word, self.rows, self._came, self._now = word, rows, came, now
        self.extensions = {one for one in extensions if _EXTENSION.fullmatch(one)}
        self.columns = columns_of(rows)
        self.extension_at: list[Column] = []
        self.dates: list[tuple[Column, str]] = []
        self.times: list[Column] = []
        self.duration: tuple[Column, Writing | None] | None = None
        self.lengths: list[Column] = []
        self.unsure: list[tuple[str, str]] = []

    def find(self) -> bool:
        """Looks for all of them; False: there is no anchor, and no more was looked for."""
        self._find_extensions()
        self._find_dates()
        self._find_times()
        if not self.extensions:
            self._guess_extension()
        self._find_packed_extension()
        if not (self.extension_at or self.dates or self.times):
            return False
        self._find_duration()
        return True

    def free(self) -> list[Column]:
        """The columns that are nothing yet."""
        taken = {*self.extension_at, *self.times, *(column for column, _ in self.dates)}
        if self.duration:
            taken.add(self.duration[0])
        return [column for column in self.columns if column not in taken]

    def texts(self, column: Column, rows: Sequence[str] | None = None) -> list[str]:
        """What stands in a column, in all lines or in these."""
        return [text_at(row, column) for row in (self.rows if rows is None else rows)]

    def _share(self, hits: int) -> float:
        return hits / len(self.rows)

    def _take(self, column: Column) -> Column:
        self.columns = cut_out(self.columns, *column)
        return column

    def _find_extensions(self) -> None:
        """Columns that hold the site's own extensions. The calls of other telephones of the PBX are there as well."""
        self.extension_at = []
        for column in self.free():
            hits = sum(text in self.extensions for text in self.texts(column))
            if hits and (self._share(hits) >= 0.1 or len(self.rows) < MANY):
                self.extension_at.append(column)

    def _guess_extension(self) -> None:
        """Nobody has said which they are."""
        if not self.extension_at:
            found = [column for column in self.columns if self._looks_like_extensions(self.texts(column))]
            if len(found) == 1:
                self.extension_at = found
            also = f"may be {named(found)}; " if len(found) > 1 else ""
            self.unsure.append(("extension", f"{also}give the site's extensions (-c) to be sure"))

    @staticmethod
    def _looks_like_extensions(texts: list[str]) -> bool:
        like = [text for text in texts if re.fullmatch(r"[1-9]\d{1,4}", text)]
        return len(like) >= MOSTLY * len(texts) and len(set(like)) >= min(2, len(texts))

    def _find_packed_extension(self) -> None:
        """In lines without one: an extension in the middle of digits. At one side a blank bounds it in all of them, or
        many have one."""
        rows = [row for row in self.rows if not any(text_at(row, one) in self.extensions for one in self.extension_at)]
        found: list[tuple[int, bool, Column]] = []
        free = [*self.free(), *self.extension_at] if self._share(len(rows)) > 0.3 else []
        for width in {len(extension) for extension in self.extensions}:
            for first, last in free:
                for at in range(first, last - width + 2):
                    texts = [row[at - 1 : at - 1 + width] for row in rows]
                    hits = [text for text in texts if text in self.extensions]
                    bounded = at == first or at + width - 1 == last
                    enough = bounded or (len(hits) >= MANY and len(set(hits)) > 1)
                    if enough and self._share(len(hits)) >= 0.2:
                        found.append((len(hits), bounded, (at, at + width - 1)))
        if found:
            hits_of_best, _, place = max(found)
            self._take(place)
            self._find_extensions()
            if hits_of_best < MANY:
                self.unsure.append(("extension", "found in the middle of digits, in few lines"))
        elif not self.extension_at and self.extensions:
            self.unsure.append(("extension", "none of the site's extensions stands in these lines"))

    def _find_dates(self) -> None:
        """At most two. Before a time, or at the beginning of a column: elsewhere four digits are too easily a date."""
        found: list[tuple[bool, int, Column, list[str]]] = []
        for width in (8, 6, 4):
            for first, last in self.free():
                for at in range(first, last - width + 2):
                    texts = [row[at - 1 : at - 1 + width] for row in self.rows]
                    digits = [text for text in texts if text.isdecimal()]
                    orders = orders_near(digits, self._now) if self._share(len(digits)) >= MOSTLY else []
                    timed = bool(orders) and self._clock_at(at + width) is not None
                    if orders and (timed or at == first):
                        found.append((not timed, -width, (at, at + width - 1), orders))
        for _, _, (first, last), orders in sorted(found):
            if len(self.dates) < 2 and all(last < one[0] or one[1] < first for one, _ in self.dates):
                self.dates.append((self._take((first, last)), orders[0]))
                if len(orders) > 1 and len(self.dates) == 1:
                    self.unsure.append(("date", "the order may be " + " or ".join(orders)))
        self.dates.sort()

    def _find_times(self) -> None:
        """Beside a date any time is believed; elsewhere it must run with the day."""
        for date_at, _ in self.dates:
            behind = [column for column in self.free() if column[0] > date_at[1]][:1]
            before = [column for column in self.free() if column[1] < date_at[0]][-1:]
            places = [column[0] for column in behind] + [column[1] - 5 for column in before]
            places += [column[1] - 3 for column in before]
            found = next((time for place in places if (time := self._clock_at(place)) is not None), None)
            if found is not None:
                self.times.append(self._take(found))
        if self.dates:
            return
        clocks = [time for first, _ in self.free() if (time := self._clock_at(first)) is not None]
        runs = [(drift, time) for time in clocks if (drift := self._drift(time)) is not None]
        if runs:
            self.times.append(self._take(min(runs)[1]))
        else:
            also = f"; may be {named(clocks)}" if clocks else ""
            self.unsure.append(("time", f"none runs with the lines (capture a day of calls with --save){also}"))

    def _clock_at(self, first: int) -> Column | None:
        """hhmmss or hhmm from this column on, whatever the rest of the column is."""
        inside = next((column for column in self.free() if column[0] <= first <= column[1]), None)
        if inside is None:
            return None
        for width in (6, 4):
            texts = [row[first - 1 : first - 1 + width] for row in self.rows]
            right = sum(re.fullmatch(CLOCKS[width], text) is not None for text in texts)
            spread = len({text[4:5] for text in texts}) > 2 or len(texts) < MANY
            if first + width - 1 <= inside[1] and self._share(right) >= MOSTLY and (width == 4 or spread):
                return first, first + width - 1
        return None

    def _drift(self, column: Column) -> float | None:
        """How far these times are from running with the lines, in seconds; None: they do not."""
        seen = []
        for row, came in zip(self.rows, self._came, strict=True):
            at = clock_s(text_at(row, column))
            if at is not None:
                seen.append((at, came))
        times = [at for at, _ in seen]
        offsets = [(came - at) % DAY_S for at, came in seen if came is not None]
        if len(offsets) >= SURE_ARRIVALS:
            around = [(offset - offsets[0] + DAY_S / 2) % DAY_S for offset in offsets]
            arrivals = [came for _, came in seen if came is not None]
            drift = deviation(around)
            return drift if len(set(times)) > 1 and drift < 0.6 * deviation(arrivals) else None
        steps = [(after - before) % DAY_S for before, after in pairwise(times)]
        back = sum(step > DAY_S / 2 for step in steps)
        runs = len(times) >= FEW and len(set(times)) > 2 and back <= RARE * len(times)
        return float(back) if runs else None

    # what lies between the anchors

    def _find_duration(self) -> None:
        if len(self.times) == 2 and len(self.dates) == 2:
            return  # start and end are printed
        behind = self.times[0][1] if self.times else 0
        free = sorted(self.free(), key=lambda column: (column[0] < behind, column[0]))
        fitting: list[Fitting] = []
        for nth, column in enumerate(free[:8]):
            for writing in WRITINGS:
                width = sum(width for _, width in writing.parts)
                part = (column[0], column[0] + width - 1)
                if part[1] <= column[1] and self._written(part, writing):
                    fitting.append((self._misfit(part, writing), nth, part, writing))
            if column[1] - column[0] < 6 and self._counts_seconds(column):
                fitting.append((self._misfit(column, None), nth, column, None))
        if not fitting:
            self.unsure.append(("duration", "none is found: taken for no end of a call (event)"))
            return
        self.lengths = [column for _, _, column, _ in fitting]
        proven = sorted((one for one in fitting if one[0] < 0), key=lambda one: one[:2])
        if not proven and len(self.rows) < FEW:
            self.unsure.append(("duration", f"not taken, of so few lines; may be {_readings(fitting)}"))
            return
        best = (proven or sorted(fitting, key=lambda one: (one[0], one[1])))[0]
        self.duration = (self._take(best[2]), best[3])
        if not proven:
            others = [one for one in fitting if one is not best]
            also = f"; may also be {_readings(others)}" if others else ""
            self.unsure.append(("duration", f"taken for {best[3].name if best[3] else 'seconds'}{also}"))

    def _written(self, column: Column, writing: Writing) -> bool:
        texts = [text for text in self.texts(column) if text]
        right = [text for text in texts if re.fullmatch(writing.look, text)]
        if self._share(len(texts)) < 0.5 or len(right) < (1 - 2 * RARE) * len(texts):
            return False
        return len(texts) < MANY or len({text[writing.spread] for text in right}) > 2

    def _counts_seconds(self, column: Column) -> bool:
        texts = [text for text in self.texts(column) if text]
        right = [text for text in texts if re.fullmatch(r"\d{2,6}", text)]
        if self._share(len(texts)) < 0.5 or len(right) < (1 - 2 * RARE) * len(texts) or not right:
            return False
        varied = len({text[-1] for text in right}) > 4 and len(set(right)) > 0.3 * len(right)
        return len(texts) >= MANY and varied and max(map(int, right)) > 60

    def _misfit(self, column: Column, writing: Writing | None) -> float:
        """-1: the line came as start and duration say; else the share of calls that overlap with the one before of the
        same extension."""
        as_end, as_start = self.late(column, writing)
        if as_end is not None and as_start is not None and 2 * as_start + 2 < as_end:
            return -1.0
        calls: dict[str, list[tuple[int, int]]] = {}
        for row in self.rows:
            at = clock_s(text_at(row, self.times[0])) if self.times else None
            length = length_s(text_at(row, column), writing)
            if at is not None and length is not None:
                for place in self.extension_at[:1]:
                    calls.setdefault(text_at(row, place), []).append((at, length))
        pairs = [(before, after) for of in calls.values() for before, after in pairwise(of)]
        overlaps = sum(after[0] - after[1] < before[0] - 60 for before, after in pairs)
        return overlaps / len(pairs) if pairs else 0.0

    def late(self, column: Column, writing: Writing | None) -> tuple[float | None, float | None]:
        """How unevenly late the lines came, in seconds, if the time is the end, and if it is the start; None: not
        known."""
        as_end, as_start = [], []
        for row, came in zip(self.rows, self._came, strict=True):
            at = clock_s(text_at(row, self.times[0])) if self.times else None
            length = length_s(text_at(row, column), writing)
            if at is not None and length is not None and came is not None:
                as_end.append((came - at + DAY_S / 2) % DAY_S)
                as_start.append((came - at - length + DAY_S / 2) % DAY_S)
        if len(as_end) < SURE_ARRIVALS:
            return None, None
        return deviation(as_end), deviation(as_start)


def _readings(fitting: Sequence[Fitting]) -> str:
    said = [f"columns {a}-{b} as {writing.name if writing else 'seconds'}" for _, _, (a, b), writing in fitting]
    return ", ".join(said[:3])


def named(columns: Sequence[Column]) -> str:
    """For people."""
    return " or ".join(f"columns {first}-{last}" for first, last in columns[:4])

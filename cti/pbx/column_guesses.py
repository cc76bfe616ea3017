"""What the columns of a printed line seem to be where only digits stand in them: extension, date, time, duration,
number, trunk, account (step 9).

For `tipring pbx learn`. The anchors are what can be recognised by its value: the site's own extensions, dates near the
day of the capture, times that run with the times at which the lines came (or, where these are not known, that never
step back). Where the anchors lie tells the rest. A guess that had another choice stands in ColumnForm.unsure; what
cannot be told is left out and said there, since a wrong time or trunk does more harm than none.

Limits: KINDS kinds of line, of each about ROWS lines, spread over all of them; durations as in WRITINGS.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Final

from cti.pbx.column_shapes import MANY, RARE, columns_of, cut_out, text_at, widened
from cti.pbx.column_values import CLOCKS, MOSTLY, WRITINGS, Writing, clock_s, deviation, length_s, orders_near
from cti.pbx.guesses import SURE_ARRIVALS

Column = tuple[int, int]

KINDS: Final = 6  # kinds of line, told apart by a word in front
ROWS: Final = 250  # of a kind are looked at
DIGITS: Final = 6  # a line with fewer is no record
FEW: Final = 5  # lines; of fewer, times are believed only beside their date
DAY_S: Final = 86400
_EXTENSION: Final = re.compile(r"\d{2,7}")
_WORD: Final = re.compile(r"\s*(\S*?[^\s\d]{2,}\S*)")
_SHAPED: Final = re.compile(r"\d[:'/]\d\d|[\n\t]")  # dates, times: cti.pbx.guesses reads them, or nobody


Fitting = tuple[float, int, Column, Writing | None]  # how badly it fits, how far from the time, where, how written


@dataclass
class ColumnForm:
    """Lines of one kind. columns: from 1, both ends included; shapes: what tells the lines of this form from others."""

    name: str
    lines: list[str]
    columns: dict[str, Column] = field(default_factory=dict)
    shapes: dict[str, str] = field(default_factory=dict)
    usual: dict[str, str] = field(default_factory=dict)
    unsure: list[tuple[str, str]] = field(default_factory=list)  # field, what else it may be
    order: str = ""
    stamp: str = "end"
    direction: str | None = None
    event: str = "end"
    pattern: str = ""  # instead of columns: the line that sets the date


def column_forms(
    lines: Sequence[str], came: Sequence[float | None], extensions: Collection[str], now: datetime
) -> list[ColumnForm]:
    """The forms of these lines, which no punctuation tells; came: when each line came, in seconds, where that is known.
    Those without an anchor have none."""
    dated = _date_line(lines, now)
    forms = [dated] if dated else []
    kinds: dict[str, list[int]] = {}
    for at, line in enumerate(lines):
        if len(re.findall(r"\d", line)) >= DIGITS and not _SHAPED.search(line):
            kinds.setdefault(_kind(line), []).append(at)
    often = sorted(kinds.items(), key=lambda kind: -len(kind[1]))[:KINDS]
    for word, places in often:
        places = places[:: len(places) // ROWS or 1][: 2 * ROWS]
        rows = [lines[at] for at in places]
        forms += _Kind(word, rows, [came[at] for at in places], extensions, now).forms()
    for number, form in enumerate(forms, 1):
        form.name = form.name or f"columns-{number}"
    return forms


def _kind(line: str) -> str:
    """The word in front, as NEC's 0!KA; lines that begin with digits have none."""
    match = _WORD.match(line[:12])
    return match[1][:6] if match and not match[1][0].isspace() and line.split()[0].startswith(match[1]) else ""


def _date_line(lines: Sequence[str], now: datetime) -> ColumnForm | None:
    """A line that holds nothing but a date near now: the records after it are of that day."""
    short = [line for line in lines if re.fullmatch(r" *\d\d[ /.-]?\d\d(?:[ /.-]?\d\d(?:\d\d)?)? *", line)]
    looks = Counter(re.sub(r"\d", "0", line.strip()) for line in short)
    for look, _ in looks.most_common():
        of = [line for line in short if re.sub(r"\d", "0", line.strip()) == look]
        texts = [re.sub(r"[ /.-]", "", line) for line in of]
        orders = orders_near(texts, now)
        if orders:
            form = ColumnForm("date", of, order=orders[0], event="date")
            form.pattern = "^ *(?P<date>" + re.sub("0+", lambda run: rf"\d{{{len(run[0])}}}", re.escape(look)) + ")$"
            if len(orders) > 1:
                form.unsure.append(("date", "the order may be " + " or ".join(orders)))
            return form
    return None


class _Kind:
    """Lines of one kind, as their columns are recognised one after the other."""

    def __init__(
        self, word: str, rows: list[str], came: list[float | None], extensions: Collection[str], now: datetime
    ) -> None:
        self._word, self._rows, self._came, self._now = word, rows, came, now
        self._extensions = {one for one in extensions if _EXTENSION.fullmatch(one)}
        self._columns = columns_of(rows)
        self._extension_at: list[Column] = []
        self._dates: list[tuple[Column, str]] = []
        self._times: list[Column] = []
        self._duration: tuple[Column, Writing | None] | None = None
        self._lengths: list[Column] = []  # what may be the duration
        self._unsure: list[tuple[str, str]] = []

    def forms(self) -> list[ColumnForm]:
        """One for each place, or pair of places, at which extensions stand; [] where no anchor was found."""
        self._find_extensions()
        self._find_dates()
        self._find_times()
        if not self._extensions:
            self._guess_extension()
        self._find_packed_extension()
        if not (self._extension_at or self._dates or self._times):
            return []
        self._find_duration()
        return [self._form(places, rows) for places, rows in self._classes()]

    # anchors

    def _free(self) -> list[Column]:
        taken = {*self._extension_at, *self._times, *(column for column, _ in self._dates)}
        if self._duration:
            taken.add(self._duration[0])
        return [column for column in self._columns if column not in taken]

    def _texts(self, column: Column, rows: Sequence[str] | None = None) -> list[str]:
        return [text_at(row, column) for row in (self._rows if rows is None else rows)]

    def _share(self, hits: int) -> float:
        return hits / len(self._rows)

    def _take(self, column: Column) -> Column:
        self._columns = cut_out(self._columns, *column)
        return column

    def _find_extensions(self) -> None:
        """Columns that hold the site's own extensions. The calls of other telephones of the PBX are there as well."""
        self._extension_at = []
        for column in self._free():
            hits = sum(text in self._extensions for text in self._texts(column))
            if hits and (self._share(hits) >= 0.1 or len(self._rows) < MANY):
                self._extension_at.append(column)

    def _guess_extension(self) -> None:
        """Nobody has said which they are."""
        if not self._extension_at:
            found = [column for column in self._columns if self._looks_like_extensions(self._texts(column))]
            if len(found) == 1:
                self._extension_at = found
            also = f"may be {_named(found)}; " if len(found) > 1 else ""
            self._unsure.append(("extension", f"{also}give the site's extensions (-c) to be sure"))

    @staticmethod
    def _looks_like_extensions(texts: list[str]) -> bool:
        like = [text for text in texts if re.fullmatch(r"[1-9]\d{1,4}", text)]
        return len(like) >= MOSTLY * len(texts) and len(set(like)) >= min(2, len(texts))

    def _find_packed_extension(self) -> None:
        """In lines without one: an extension in the middle of digits. At one side a blank bounds it in all of them, or
        many have one."""
        rows = [
            row for row in self._rows if not any(text_at(row, one) in self._extensions for one in self._extension_at)
        ]
        found: list[tuple[int, bool, Column]] = []
        free = [*self._free(), *self._extension_at] if self._share(len(rows)) > 0.3 else []
        for width in {len(extension) for extension in self._extensions}:
            for first, last in free:
                for at in range(first, last - width + 2):
                    texts = [row[at - 1 : at - 1 + width] for row in rows]
                    hits = [text for text in texts if text in self._extensions]
                    bounded = at == first or at + width - 1 == last
                    enough = bounded or (len(hits) >= MANY and len(set(hits)) > 1)
                    if enough and self._share(len(hits)) >= 0.2:
                        found.append((len(hits), bounded, (at, at + width - 1)))
        if found:
            hits_of_best, _, place = max(found)
            self._take(place)
            self._find_extensions()
            if hits_of_best < MANY:
                self._unsure.append(("extension", "found in the middle of digits, in few lines"))
        elif not self._extension_at and self._extensions:
            self._unsure.append(("extension", "none of the site's extensions stands in these lines"))

    def _find_dates(self) -> None:
        """At most two. Before a time, or at the beginning of a column: elsewhere four digits are too easily a date."""
        found: list[tuple[bool, int, Column, list[str]]] = []
        for width in (8, 6, 4):
            for first, last in self._free():
                for at in range(first, last - width + 2):
                    texts = [row[at - 1 : at - 1 + width] for row in self._rows]
                    digits = [text for text in texts if text.isdecimal()]
                    orders = orders_near(digits, self._now) if self._share(len(digits)) >= MOSTLY else []
                    timed = bool(orders) and self._clock_at(at + width) is not None
                    if orders and (timed or at == first):
                        found.append((not timed, -width, (at, at + width - 1), orders))
        for _, _, (first, last), orders in sorted(found):
            if len(self._dates) < 2 and all(last < one[0] or one[1] < first for one, _ in self._dates):
                self._dates.append((self._take((first, last)), orders[0]))
                if len(orders) > 1 and len(self._dates) == 1:
                    self._unsure.append(("date", "the order may be " + " or ".join(orders)))
        self._dates.sort()

    def _find_times(self) -> None:
        """Beside a date any time is believed; elsewhere it must run with the day."""
        for date_at, _ in self._dates:
            behind = [column for column in self._free() if column[0] > date_at[1]][:1]
            before = [column for column in self._free() if column[1] < date_at[0]][-1:]
            places = [column[0] for column in behind] + [column[1] - 5 for column in before]
            places += [column[1] - 3 for column in before]
            found = next((time for place in places if (time := self._clock_at(place)) is not None), None)
            if found is not None:
                self._times.append(self._take(found))
        if self._dates:
            return
        clocks = [time for first, _ in self._free() if (time := self._clock_at(first)) is not None]
        runs = [(drift, time) for time in clocks if (drift := self._drift(time)) is not None]
        if runs:
            self._times.append(self._take(min(runs)[1]))
        else:
            also = f"; may be {_named(clocks)}" if clocks else ""
            self._unsure.append(("time", f"none runs with the lines (capture a day of calls with --save){also}"))

    def _clock_at(self, first: int) -> Column | None:
        """hhmmss or hhmm from this column on, whatever the rest of the column is."""
        inside = next((column for column in self._free() if column[0] <= first <= column[1]), None)
        if inside is None:
            return None
        for width in (6, 4):
            texts = [row[first - 1 : first - 1 + width] for row in self._rows]
            right = sum(re.fullmatch(CLOCKS[width], text) is not None for text in texts)
            spread = len({text[4:5] for text in texts}) > 2 or len(texts) < MANY
            if first + width - 1 <= inside[1] and self._share(right) >= MOSTLY and (width == 4 or spread):
                return first, first + width - 1
        return None

    def _drift(self, column: Column) -> float | None:
        """How far these times are from running with the lines, in seconds; None: they do not."""
        seen = []
        for row, came in zip(self._rows, self._came, strict=True):
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
        if len(self._times) == 2 and len(self._dates) == 2:
            return  # start and end are printed
        behind = self._times[0][1] if self._times else 0
        free = sorted(self._free(), key=lambda column: (column[0] < behind, column[0]))
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
            self._unsure.append(("duration", "none is found: taken for no end of a call (event)"))
            return
        self._lengths = [column for _, _, column, _ in fitting]
        proven = sorted((one for one in fitting if one[0] < 0), key=lambda one: one[:2])
        if not proven and len(self._rows) < FEW:
            self._unsure.append(("duration", f"not taken, of so few lines; may be {_readings(fitting)}"))
            return
        best = (proven or sorted(fitting, key=lambda one: (one[0], one[1])))[0]
        self._duration = (self._take(best[2]), best[3])
        if not proven:
            others = [one for one in fitting if one is not best]
            also = f"; may also be {_readings(others)}" if others else ""
            self._unsure.append(("duration", f"taken for {best[3].name if best[3] else 'seconds'}{also}"))

    def _written(self, column: Column, writing: Writing) -> bool:
        texts = [text for text in self._texts(column) if text]
        right = [text for text in texts if re.fullmatch(writing.look, text)]
        if self._share(len(texts)) < 0.5 or len(right) < (1 - 2 * RARE) * len(texts):
            return False
        return len(texts) < MANY or len({text[writing.spread] for text in right}) > 2

    def _counts_seconds(self, column: Column) -> bool:
        texts = [text for text in self._texts(column) if text]
        right = [text for text in texts if re.fullmatch(r"\d{2,6}", text)]
        if self._share(len(texts)) < 0.5 or len(right) < (1 - 2 * RARE) * len(texts) or not right:
            return False
        varied = len({text[-1] for text in right}) > 4 and len(set(right)) > 0.3 * len(right)
        return len(texts) >= MANY and varied and max(map(int, right)) > 60

    def _misfit(self, column: Column, writing: Writing | None) -> float:
        """-1: the line came as start and duration say; else the share of calls that overlap with the one before of the
        same extension."""
        as_end, as_start = self._late(column, writing)
        if as_end is not None and as_start is not None and 2 * as_start + 2 < as_end:
            return -1.0
        calls: dict[str, list[tuple[int, int]]] = {}
        for row in self._rows:
            at = clock_s(text_at(row, self._times[0])) if self._times else None
            length = length_s(text_at(row, column), writing)
            if at is not None and length is not None:
                for place in self._extension_at[:1]:
                    calls.setdefault(text_at(row, place), []).append((at, length))
        pairs = [(before, after) for of in calls.values() for before, after in pairwise(of)]
        overlaps = sum(after[0] - after[1] < before[0] - 60 for before, after in pairs)
        return overlaps / len(pairs) if pairs else 0.0

    def _late(self, column: Column, writing: Writing | None) -> tuple[float | None, float | None]:
        """How unevenly late the lines came, in seconds, if the time is the end, and if it is the start; None: not
        known."""
        as_end, as_start = [], []
        for row, came in zip(self._rows, self._came, strict=True):
            at = clock_s(text_at(row, self._times[0])) if self._times else None
            length = length_s(text_at(row, column), writing)
            if at is not None and length is not None and came is not None:
                as_end.append((came - at + DAY_S / 2) % DAY_S)
                as_start.append((came - at - length + DAY_S / 2) % DAY_S)
        if len(as_end) < SURE_ARRIVALS:
            return None, None
        return deviation(as_end), deviation(as_start)

    def _stamp(self, form: ColumnForm) -> None:
        """Start or end? The one by which the lines came evenly."""
        if len(self._times) == 2:
            form.stamp = "start"
            form.unsure.append(("stamp", "the earlier of two times is taken for the start"))
        elif self._duration and self._times:
            as_end, as_start = self._late(*self._duration)
            if as_end is None or as_start is None or abs(as_end - as_start) < min(as_end, as_start) + 2:
                form.unsure.append(
                    ("stamp", "the printed time may be the start or the end: compare a call with the clock")
                )
            elif as_start < as_end:
                form.stamp = "start"

    def _classes(self) -> list[tuple[tuple[Column, ...], list[str]]]:
        """The lines by the columns in which an extension stands; those with more come first: they are more special."""
        if not self._extension_at:
            return [((), self._rows)]
        if not self._extensions:
            return [(tuple(self._extension_at), self._rows)]
        found: dict[tuple[Column, ...], list[str]] = {}
        for row in self._rows:
            places = tuple(one for one in self._extension_at if text_at(row, one) in self._extensions)
            if places:
                found.setdefault(places, []).append(row)
        least = RARE * len(self._rows) if len(self._rows) >= MANY else 0
        kept = [(places, rows) for places, rows in found.items() if len(rows) > least]
        return sorted(kept, key=lambda one: (-len(one[0]), one[0]))

    def _form(self, places: tuple[Column, ...], rows: list[str]) -> ColumnForm:
        form = ColumnForm("", rows, unsure=list(self._unsure))
        roles: dict[Column, str] = {}
        dialled = self._dialled()
        extension = next((one for one in reversed(places) if one != dialled), places[0] if places else None)
        if extension is not None:
            roles[extension] = "extension"
            if len({text_at(row, extension) for row in rows}) == 1:
                form.unsure.append(("extension", f"only {text_at(rows[0], extension)} was seen there"))
        for name, column in zip(("time", "end_time"), self._times, strict=False):
            roles[column] = name
        for name, (column, order) in zip(("date", "end_date")[: max(len(self._times), 1)], self._dates, strict=False):
            roles[column] = name
            form.order = order
        self._stamp(form)
        if len(self._times) < 2 and self._duration is None:
            form.event = "other"
        if len(places) > 1:
            roles[next(one for one in places if one != extension)] = "number"
            form.direction = "internal"
            form.unsure.append(("number", "another extension stands there: taken for an internal call"))
        else:
            self._find_number(form, rows, roles)
        if len(places) == 1 and dialled is not None:
            form.direction = "in" if places[0] == dialled else "out"
            form.unsure.append(("direction", "guessed from the column that holds extensions or numbers dialled"))
        elif form.direction is None:
            form.unsure.append(("direction", "nothing in the line says it"))
        self._find_trunk(form, rows, roles)
        self._write(form, rows, roles, places)
        return form

    def _dialled(self) -> Column | None:
        """The column that holds an extension in some lines and a telephone number in others."""
        for column in self._extension_at if len(self._extension_at) > 1 else ():
            texts = self._texts(column)
            if any(len(text) >= DIGITS and text.isdecimal() for text in texts):
                return column
        return None

    def _find_number(self, form: ColumnForm, rows: list[str], roles: dict[Column, str]) -> None:
        found = []
        for column in [*self._free(), *self._extension_at]:
            texts = [text for text in self._texts(column, rows) if re.fullmatch(r"[\d*#]+", text)]
            long = [text for text in texts if len(text) >= DIGITS]
            varied = len(set(long)) > 1 and (len(set(long)) >= 0.3 * len(long) or len(long) < MANY)
            if column not in roles and len(long) * 2 > len(texts) > 0 and (varied or len(rows) < FEW):
                found.append((sum(map(len, long)), column))
        found.sort(reverse=True)
        if found:
            roles[found[0][1]] = "number"
            if len(found) > 1 or len(rows) < FEW:
                also = f"may also be {_named([column for _, column in found[1:]])}" if found[1:] else "of few lines"
                form.unsure.append(("number", also))
        else:
            form.unsure.append(("number", "none is as long as a telephone number"))

    def _find_trunk(self, form: ColumnForm, rows: list[str], roles: dict[Column, str]) -> None:
        found = []
        for column in self._free():
            texts = self._texts(column, rows)
            short = [text for text in texts if re.fullmatch(r"[A-Z]{1,2}\d{1,4}|\d{2,4}", text)]
            counter = len(set(short)) == len(short) > 2 and sorted(short) == short
            varied = len(set(short)) > 1 or len(rows) < FEW
            length = any(first <= column[1] and column[0] <= last for first, last in self._lengths)
            if column not in roles and len(short) >= MOSTLY * len(rows) and varied and not counter and not length:
                found.append(column)
        if len(found) == 1:
            roles[found[0]] = "trunk"
            form.unsure.append(("trunk", "a short number that is no extension"))
        elif found:
            form.unsure.append(("trunk", f"not taken: may be {_named(found)}"))
        account = [
            column
            for column in self._free()
            if column not in roles
            and any(re.fullmatch(r"\d{4,}", text) for text in self._texts(column, rows))
            and not all(self._texts(column, rows))
        ]
        if len(account) == 1:
            roles[account[0]] = "account"
            form.unsure.append(("account", "digits that only some lines have"))

    def _write(self, form: ColumnForm, rows: list[str], roles: dict[Column, str], places: tuple[Column, ...]) -> None:
        """Names and widens the columns, and says what tells these lines from others."""
        wide = dict(zip(self._columns, widened(self._columns, self._rows), strict=True))
        lengths = sorted({len(one) for one in self._extensions}) or [2, 5]
        like = rf"\d{{{lengths[0]}}}" if len(lengths) == 1 else rf"\d{{{lengths[0]},{lengths[-1]}}}"
        classes = [one for one, _ in self._classes()]
        last = not classes or classes[-1] == places
        for column in self._columns:
            name = roles.get(column, f"column{column[0]}")
            if self._duration and column == self._duration[0] and self._duration[1] is not None:
                self._write_duration(form, rows, column, self._duration[1])
                continue
            if self._duration and column == self._duration[0]:
                name, form.shapes["duration"] = "duration", r"\d*"
            exact = name in ("date", "end_date", "time", "end_time")
            form.columns[name] = column if exact or column[0] == 1 else wide[column]
            if column in places:
                form.shapes[name] = like
            elif column in self._extension_at and not last:
                form.shapes[name] = rf"(?!{like}$)[\d*#]*"
            elif name in ("date", "end_date"):
                form.shapes[name] = rf"\d{{{column[1] - column[0] + 1}}}"
            elif name in ("time", "end_time"):
                form.shapes[name] = r"[0-2]\d[0-5]\d" + (r"[0-5]\d" if column[1] - column[0] > 3 else "")
            elif name == "number":
                form.shapes[name] = r"[\d*#]*"
            elif self._word and text_at(rows[0], column).startswith(self._word):
                form.shapes[name] = re.escape(self._word) + ".*"
            elif usual := self._usual(column):
                form.usual[name] = usual

    def _write_duration(self, form: ColumnForm, rows: list[str], column: Column, writing: Writing) -> None:
        at = column[0]
        filled = all(self._texts(column, rows))
        for name, width in writing.parts:
            low = at - column[0] in writing.low
            shape = (r"[0-5]\d" if width == 2 else "[0-5]") if low else rf"\d{{{width}}}" if width > 1 else r"\d"
            form.columns[name] = (at, at + width - 1)
            form.shapes[name] = shape if filled else f"({shape})?"
            at += width

    def _usual(self, column: Column) -> str:
        """What a column with more than digits looks like; "" where the rule for all columns does."""
        texts = self._texts(column)
        seen = Counter(letter for text in texts for letter in set(text))
        kept = {letter for letter, count in seen.items() if count > RARE * len(texts) or len(texts) < MANY}
        odd = {letter for letter in kept if not re.fullmatch(r"[\d.,:*#/+-]", letter)}
        if not odd:
            return ""
        signs = "".join(
            sorted({"A-Z" if "A" <= one <= "Z" else "a-z" if "a" <= one <= "z" else re.escape(one) for one in odd})
        )
        return rf"[\d.,:*#/+{signs}-]*"


def _readings(fitting: Sequence[Fitting]) -> str:
    said = [f"columns {a}-{b} as {writing.name if writing else 'seconds'}" for _, _, (a, b), writing in fitting]
    return ", ".join(said[:3])


def _named(columns: Sequence[Column]) -> str:
    return " or ".join(f"columns {first}-{last}" for first, last in columns[:4])

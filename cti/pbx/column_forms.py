"""Forms of lines in which only digits stand, from what was recognised in their columns (step 9).

For `tipring pbx learn`. Extensions, dates, times and durations are recognised by their values (cti.pbx.column_guesses);
where they lie tells the rest: number, trunk, account, and which lines are of one form. A guess that had another choice
stands in ColumnForm.unsure; what cannot be told is left out and said there: a wrong trunk does more harm than none.

Limits: KINDS kinds of line, of each about ROWS lines, spread over all of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cti.pbx.column_guesses import FEW, Anchors, Column, named
from cti.pbx.column_shapes import MANY, RARE, text_at, widened
from cti.pbx.column_values import MOSTLY, Writing, orders_near

KINDS: Final = 6  # kinds of line, told apart by a word in front
ROWS: Final = 250  # of a kind are looked at
DIGITS: Final = 6  # a line with fewer is no record
_WORD: Final = re.compile(r"\s*(\S*?[^\s\d]{2,}\S*)")
_SHAPED: Final = re.compile(r"\d[:'/]\d\d|[\n\t]")  # dates, times: cti.pbx.guesses reads them, or nobody


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
        of = Anchors(word, rows, [came[at] for at in places], extensions, now)
        forms += _Forms(of).forms() if of.find() else []
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


class _Forms:
    """The forms of the lines of one kind."""

    def __init__(self, of: Anchors) -> None:
        self._of = of

    def forms(self) -> list[ColumnForm]:
        """One for each place, or pair of places, at which extensions stand."""
        return [self._form(places, rows) for places, rows in self._classes()]

    def _stamp(self, form: ColumnForm) -> None:
        """Start or end? The one by which the lines came evenly."""
        if len(self._of.times) == 2:
            form.stamp = "start"
            form.unsure.append(("stamp", "the earlier of two times is taken for the start"))
        elif self._of.duration and self._of.times:
            as_end, as_start = self._of.late(*self._of.duration)
            if as_end is None or as_start is None or abs(as_end - as_start) < min(as_end, as_start) + 2:
                form.unsure.append(
                    ("stamp", "the printed time may be the start or the end: compare a call with the clock")
                )
            elif as_start < as_end:
                form.stamp = "start"

    def _classes(self) -> list[tuple[tuple[Column, ...], list[str]]]:
        """The lines by the columns in which an extension stands; those with more come first: they are more special."""
        if not self._of.extension_at:
            return [((), self._of.rows)]
        if not self._of.extensions:
            return [(tuple(self._of.extension_at), self._of.rows)]
        found: dict[tuple[Column, ...], list[str]] = {}
        for row in self._of.rows:
            places = tuple(one for one in self._of.extension_at if text_at(row, one) in self._of.extensions)
            if places:
                found.setdefault(places, []).append(row)
        least = RARE * len(self._of.rows) if len(self._of.rows) >= MANY else 0
        kept = [(places, rows) for places, rows in found.items() if len(rows) > least]
        return sorted(kept, key=lambda one: (-len(one[0]), one[0]))

    def _form(self, places: tuple[Column, ...], rows: list[str]) -> ColumnForm:
        form = ColumnForm("", rows, unsure=list(self._of.unsure))
        roles: dict[Column, str] = {}
        dialled = self._dialled()
        extension = next((one for one in reversed(places) if one != dialled), places[0] if places else None)
        if extension is not None:
            roles[extension] = "extension"
            if len({text_at(row, extension) for row in rows}) == 1:
                form.unsure.append(("extension", f"only {text_at(rows[0], extension)} was seen there"))
        for name, column in zip(("time", "end_time"), self._of.times, strict=False):
            roles[column] = name
        for name, (column, order) in zip(
            ("date", "end_date")[: max(len(self._of.times), 1)], self._of.dates, strict=False
        ):
            roles[column] = name
            form.order = order
        self._stamp(form)
        if len(self._of.times) < 2 and self._of.duration is None:
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
        for column in self._of.extension_at if len(self._of.extension_at) > 1 else ():
            texts = self._of.texts(column)
            if any(len(text) >= DIGITS and text.isdecimal() for text in texts):
                return column
        return None

    def _find_number(self, form: ColumnForm, rows: list[str], roles: dict[Column, str]) -> None:
        found = []
        for column in [*self._of.free(), *self._of.extension_at]:
            texts = [text for text in self._of.texts(column, rows) if re.fullmatch(r"[\d*#]+", text)]
            long = [text for text in texts if len(text) >= DIGITS]
            varied = len(set(long)) > 1 and (len(set(long)) >= 0.3 * len(long) or len(long) < MANY)
            if column not in roles and len(long) * 2 > len(texts) > 0 and (varied or len(rows) < FEW):
                found.append((sum(map(len, long)), column))
        found.sort(reverse=True)
        if found:
            roles[found[0][1]] = "number"
            if len(found) > 1 or len(rows) < FEW:
                also = f"may also be {named([column for _, column in found[1:]])}" if found[1:] else "of few lines"
                form.unsure.append(("number", also))
        else:
            form.unsure.append(("number", "none is as long as a telephone number"))

    def _find_trunk(self, form: ColumnForm, rows: list[str], roles: dict[Column, str]) -> None:
        found = []
        for column in self._of.free():
            texts = self._of.texts(column, rows)
            short = [text for text in texts if re.fullmatch(r"[A-Z]{1,2}\d{1,4}|\d{2,4}", text)]
            counter = len(set(short)) == len(short) > 2 and sorted(short) == short
            varied = len(set(short)) > 1 or len(rows) < FEW
            length = any(first <= column[1] and column[0] <= last for first, last in self._of.lengths)
            if column not in roles and len(short) >= MOSTLY * len(rows) and varied and not counter and not length:
                found.append(column)
        if len(found) == 1:
            roles[found[0]] = "trunk"
            form.unsure.append(("trunk", "a short number that is no extension"))
        elif found:
            form.unsure.append(("trunk", f"not taken: may be {named(found)}"))
        account = [
            column
            for column in self._of.free()
            if column not in roles
            and any(re.fullmatch(r"\d{4,}", text) for text in self._of.texts(column, rows))
            and not all(self._of.texts(column, rows))
        ]
        if len(account) == 1:
            roles[account[0]] = "account"
            form.unsure.append(("account", "digits that only some lines have"))

    def _write(self, form: ColumnForm, rows: list[str], roles: dict[Column, str], places: tuple[Column, ...]) -> None:
        """Names and widens the columns, and says what tells these lines from others."""
        wide = dict(zip(self._of.columns, widened(self._of.columns, self._of.rows), strict=True))
        lengths = sorted({len(one) for one in self._of.extensions}) or [2, 5]
        like = rf"\d{{{lengths[0]}}}" if len(lengths) == 1 else rf"\d{{{lengths[0]},{lengths[-1]}}}"
        classes = [one for one, _ in self._classes()]
        last = not classes or classes[-1] == places
        for column in self._of.columns:
            name = roles.get(column, f"column{column[0]}")
            if self._of.duration and column == self._of.duration[0] and self._of.duration[1] is not None:
                self._write_duration(form, rows, column, self._of.duration[1])
                continue
            if self._of.duration and column == self._of.duration[0]:
                name, form.shapes["duration"] = "duration", r"\d*"
            exact = name in ("date", "end_date", "time", "end_time")
            form.columns[name] = column if exact or column[0] == 1 else wide[column]
            if column in places:
                form.shapes[name] = like
            elif column in self._of.extension_at and not last:
                form.shapes[name] = rf"(?!{like}$)[\d*#]*"
            elif name in ("date", "end_date"):
                form.shapes[name] = rf"\d{{{column[1] - column[0] + 1}}}"
            elif name in ("time", "end_time"):
                form.shapes[name] = r"[0-2]\d[0-5]\d" + (r"[0-5]\d" if column[1] - column[0] > 3 else "")
            elif name == "number":
                form.shapes[name] = r"[\d*#]*"
            elif self._of.word and text_at(rows[0], column).startswith(self._of.word):
                form.shapes[name] = re.escape(self._of.word) + ".*"
            elif usual := self._usual(column):
                form.usual[name] = usual

    def _write_duration(self, form: ColumnForm, rows: list[str], column: Column, writing: Writing) -> None:
        at = column[0]
        filled = all(self._of.texts(column, rows))
        for name, width in writing.parts:
            low = at - column[0] in writing.low
            shape = (r"[0-5]\d" if width == 2 else "[0-5]") if low else rf"\d{{{width}}}" if width > 1 else r"\d"
            form.columns[name] = (at, at + width - 1)
            form.shapes[name] = shape if filled else f"({shape})?"
            at += width

    def _usual(self, column: Column) -> str:
        """What a column with more than digits looks like; "" where the rule for all columns does."""
        texts = self._of.texts(column)
        seen = Counter(letter for text in texts for letter in set(text))
        kept = {letter for letter, count in seen.items() if count > RARE * len(texts) or len(texts) < MANY}
        odd = {letter for letter in kept if not re.fullmatch(r"[\d.,:*#/+-]", letter)}
        if not odd:
            return ""
        signs = "".join(
            sorted({"A-Z" if "A" <= one <= "Z" else "a-z" if "a" <= one <= "z" else re.escape(one) for one in odd})
        )
        return rf"[\d.,:*#/+{signs}-]*"

"""SMDR, the call records that a PBX prints at a serial port: bytes in, records out, by a dialect. Serves step 9.

A record is a line of print without checksum or acknowledgement; what ends a line, which lines are page headers, how a
date is written and what stands where are the dialect's (cti.pbx.dialect). Codec without I/O: nothing here is raised
for what came in; a line that fits no form is given as SmdrUnknown with the reason.

Times are the PBX's own local time without a zone, as printed: datetimes here are naive on purpose, and only to
`resolution_s`. A date without a year is given the latest year that puts it at most a day after `today`.

Limit: a line of more than the dialect's line_max bytes is reported once, with its beginning, when the limit is
passed; the rest up to the terminator is counted in `discarded` and not kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final

from cti.pbx.dialect import Dialect
from cti.pbx.smdr_rules import RECORD_FIELDS, DateOrder, Direction, RecordForm

_ENDS: Final = {"crlf": b"\r\n", "cr": b"\r", "lf": b"\n", "nul": b"\x00", "ff": b"\x0c"}
_MASK: Final = bytes(byte & 0x7F for byte in range(256))
_FILL: Final = "\x00\x0b\x0c\x7f\x11\x13\r\n"  # padding, form feeds, flow control at either end of a line


@dataclass(frozen=True, slots=True)
class SmdrRecord:
    """One call record, or another line of which the dialect knows the form.

    start, end: of the conversation, the printed one exact to resolution_s, the other computed from the duration; None
    when the PBX did not know (dates of stars). duration_s, ring_s: seconds, None when not printed. direction: in,
    out, internal, None when the line is about no call. answered: None when the PBX cannot tell. number: the far
    party, or the digits dialled, as printed. ends_call: this extension is free from now on as far as this line says.
    line_no counts the lines from 1; of_line is the line that a continuation belongs to.
    """

    form: str
    start: datetime | None
    end: datetime | None
    resolution_s: int
    duration_s: float | None
    extension: str | None
    trunk: str | None
    number: str | None
    direction: Direction | None
    answered: bool | None
    ring_s: float | None
    transferred: bool
    ends_call: bool
    raw: str
    line_no: int
    of_line: int | None = None
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SmdrUnknown:
    """A line that fits no form of the dialect; raw is its beginning, at most line_max bytes."""

    raw: str
    line_no: int
    reason: str


SmdrItem = SmdrRecord | SmdrUnknown


class _NotARecord(Exception):
    """The shape fits, the values do not: says why."""


class SmdrDecoder:
    """Takes the bytes of one SMDR line as they come and gives records.

    today: the PBX's local date, asked when a record has no year. strip_bit7: the line carries 7 bits, bit 7 is parity;
    None takes it from the dialect's serial settings.
    """

    def __init__(self, dialect: Dialect, today: Callable[[], date], strip_bit7: bool | None = None) -> None:
        self.dialect = dialect
        self.rules = dialect.smdr
        self.line_no = 0
        self.discarded = 0
        self._today = today
        self._mask = _MASK if (dialect.serial.smdr.bits == 7 if strip_bit7 is None else strip_bit7) else None
        ends = sorted((_ENDS[name] for name in self.rules.terminators), key=len, reverse=True)
        self._end = re.compile(b"|".join(re.escape(end) for end in ends))
        self._cr_then_lf = {"crlf", "cr"} <= set(self.rules.terminators)
        self._only_cr_lf = "crlf" in self.rules.terminators and "cr" not in self.rules.terminators
        self._skip = [re.compile(pattern) for pattern in self.rules.skip]
        self._forms = [(form, _compiled(form)) for form in self.rules.records]
        self._buffer = bytearray()
        self._held = b""  # a CR that may be the first half of CR LF
        self._overlong = False
        self._lf_may_follow = False
        self._last_record = 0

    def feed(self, data: bytes) -> list[SmdrItem]:
        """The records complete with these bytes. The result does not depend on how the bytes are cut."""
        items: list[SmdrItem] = []
        if self._mask is not None:
            data = data.translate(self._mask)
        if self._lf_may_follow and data:
            self._lf_may_follow = False
            data = data[1:] if data[0] == 0x0A else data
        data = self._held + data
        self._held = b"\r" if self._only_cr_lf and data.endswith(b"\r") else b""
        data = data[: len(data) - len(self._held)]
        position = 0
        for match in self._end.finditer(data):
            self._keep(data[position : match.start()], items)
            self._line_ends(items)
            position = match.end()
            self._lf_may_follow = self._cr_then_lf and match[0] == b"\r" and position == len(data)
        self._keep(data[position:], items)
        return items

    def flush(self) -> list[SmdrItem]:
        """The line was lost, or the file has ended: what was begun is given as a line of its own."""
        items: list[SmdrItem] = []
        self._lf_may_follow = False
        self._keep(self._held, items)
        self._held = b""
        if self._buffer or self._overlong:
            self._line_ends(items)
        return items

    def _keep(self, part: bytes, items: list[SmdrItem]) -> None:
        if self._overlong:
            self.discarded += len(part)
            return
        room = self.rules.line_max - len(self._buffer)
        self._buffer += part[: max(room, 0)]
        if len(part) > room:
            self._overlong = True
            self.discarded += len(part) - room
            raw = self._text(bytes(self._buffer))
            items.append(SmdrUnknown(raw, self.line_no + 1, f"longer than {self.rules.line_max} bytes"))
            self._buffer.clear()

    def _line_ends(self, items: list[SmdrItem]) -> None:
        self.line_no += 1
        line, overlong = bytes(self._buffer), self._overlong
        self._buffer.clear()
        self._overlong = False
        if overlong:
            return
        text = self._text(line)
        if text and not any(skip.search(text) for skip in self._skip):
            items.append(self._record(text))

    def _text(self, line: bytes) -> str:
        return line.decode(self.rules.encoding, "backslashreplace").strip(_FILL).rstrip()

    def _record(self, text: str) -> SmdrItem:
        reason = "fits no form of the dialect"
        for form, pattern in self._forms:
            match = pattern.search(text)
            if match is None:
                continue
            groups = _groups(match)
            if any(not re.fullmatch(shape, groups.get(name, "")) for name, shape in form.shapes.items()):
                continue
            try:
                record = self._read(form, groups, text)
            except _NotARecord as error:
                reason = f"{form.name}: {error}"
                continue
            if not form.continues:
                self._last_record = self.line_no
            return record
        self._last_record = 0
        return SmdrUnknown(text, self.line_no, reason)

    def _read(self, form: RecordForm, groups: dict[str, str], text: str) -> SmdrRecord:
        duration = _duration(groups)
        stamp = self._stamp(form, groups)
        start = end = stamp
        if stamp is not None and duration is not None:
            span = timedelta(seconds=duration)
            start, end = (stamp, stamp + span) if form.stamp == "start" else (stamp - span, stamp)
        return SmdrRecord(
            form=form.name,
            start=start,
            end=end,
            resolution_s=1 if len(re.findall(r"\d", groups.get("time", ""))) > 4 else self.rules.resolution_s,
            duration_s=duration,
            extension=groups.get("extension"),
            trunk=groups.get("trunk"),
            number=groups.get("number"),
            direction=self._direction(form, groups),
            answered=_answered(form, groups, duration),
            ring_s=_seconds(groups["ring"]) if "ring" in groups else None,
            transferred="transferred" in groups,
            ends_call=form.ends_call and not form.continues,
            raw=text,
            line_no=self.line_no,
            of_line=self._last_record or None if form.continues else None,
            fields={name: value for name, value in groups.items() if name not in RECORD_FIELDS},
        )

    def _stamp(self, form: RecordForm, groups: dict[str, str]) -> datetime | None:
        day, clock = groups.get("date"), groups.get("time")
        if day is None and clock is None:
            return None
        if "*" in (day or ""):
            return None
        order = form.date_order or self.rules.date_order
        hour, minute, second = _clock(clock) if clock is not None else (0, 0, 0)
        on = _date(day, order, self._today) if day is not None else self._today()
        try:
            return datetime(on.year, on.month, on.day, hour, minute, second)
        except ValueError as error:
            raise _NotARecord(f"{clock} is not a time") from error

    def _direction(self, form: RecordForm, groups: dict[str, str]) -> Direction | None:
        said = groups.get("direction")
        if said is not None and said in self.rules.directions:
            return self.rules.directions[said]
        if said is not None and form.direction is None:
            raise _NotARecord(f"direction {said!r} is not among the dialect's")
        return form.direction


def _compiled(form: RecordForm) -> re.Pattern[str]:
    """The form as a regular expression; of columns the first must be there, a line may end before the others."""
    if form.pattern is not None:
        return re.compile(form.pattern)
    text, at, closing = "^", 1, ""
    for name, (first, last) in sorted(form.columns.items(), key=lambda column: column[1]):
        optional, closing = ("(?:", closing + ")?") if at > 1 else ("", "")
        text += f"{optional}.{{{first - at}}}(?P<{name}>.{{1,{last - first + 1}}})"
        at = last + 1
    return re.compile(text + closing)


def _groups(match: re.Match[str]) -> dict[str, str]:
    """The groups that are not empty, stripped; number_2 counts as number when that is empty."""
    found: dict[str, str] = {}
    for name, value in match.groupdict().items():
        if value is not None and value.strip():
            base = re.sub(r"_\d$", "", name)
            found.setdefault(base, value.strip())
    return found


def _answered(form: RecordForm, groups: dict[str, str], duration: float | None) -> bool | None:
    if "answered" in groups:
        return True
    if form.answered == "duration":
        return None if duration is None else duration > 0
    return {"yes": True, "no": False, "unknown": None}[form.answered]


def _seconds(text: str) -> float:
    """h:m:s, h:m's, h:m:s.t, m's, or s; whatever stands between the numbers."""
    parts = re.findall(r"\d+", text)
    if not parts or len(parts) > 4:
        raise _NotARecord(f"{text!r} is not a duration")
    tenths = int(parts.pop()) / 10 if "." in text and len(parts) > 1 else 0.0
    total = 0
    for part in parts:
        total = total * 60 + int(part)
    if any(int(part) > 59 for part in parts[1:]):
        raise _NotARecord(f"{text!r} is not a duration")
    return total + tenths


def _duration(groups: dict[str, str]) -> float | None:
    if "duration" in groups:
        return _seconds(groups["duration"])
    weights = {"duration_h": 3600, "duration_m": 60, "duration_s": 1, "duration_t": 6}  # t: tenths of a minute
    given = [name for name in weights if name in groups]
    if not given:
        return None
    if not all(groups[name].isdecimal() for name in given):
        raise _NotARecord("the duration is not a number")
    return float(sum(weights[name] * int(groups[name]) for name in given))


def _clock(text: str) -> tuple[int, int, int]:
    """10:03AM, 07:47, 07:47:20, 154615 as hour, minute, second."""
    match = re.fullmatch(r"(\d{1,2})[:.hH]?(\d\d)(?:[:.]?(\d\d))? ?([AaPp])?[Mm]?", text)
    if match is None:
        raise _NotARecord(f"{text!r} is not a time")
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if match[4]:
        if not 1 <= hour <= 12:
            raise _NotARecord(f"{text!r} is not a time")
        hour = hour % 12 + (12 if match[4] in "Pp" else 0)
    return hour, minute, second


def _date(text: str, order: DateOrder, today: Callable[[], date]) -> date:
    """A printed date in the order stated, with separators or without, with or without its year."""
    parts = re.findall(r"\d+", text)
    if len(parts) == 1 and len(text) in (4, 6, 8):
        long_year = len(text) == 8
        widths = [4 if letter == "y" and long_year else 2 for letter in order]
        edges = [sum(widths[:index]) for index in range(len(widths) + 1)]
        parts = [text[first:last] for first, last in pairwise(edges)]
    letters = order if len(parts) == len(order) else order.replace("y", "")
    if len(parts) != len(letters) or not all(part.isdecimal() for part in parts):
        raise _NotARecord(f"{text!r} is not a date in the order {order}")
    values = dict(zip(letters, (int(part) for part in parts), strict=True))
    try:
        if "y" in values:
            year = values["y"]
            return date(year if year > 99 else 2000 + year if year < 70 else 1900 + year, values["m"], values["d"])
        return _nearest(values["m"], values["d"], today())
    except ValueError as error:
        raise _NotARecord(f"{text!r} is not a date in the order {order}") from error


def _nearest(month: int, day: int, today: date) -> date:
    """The latest date of this month and day that is at most one day after today."""
    for year in range(today.year + 1, today.year - 9, -1):
        try:
            found = date(year, month, day)
        except ValueError:
            continue
        if found <= today + timedelta(days=1):
            return found
    raise ValueError("no such day")

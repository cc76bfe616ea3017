"""SMDR, the call records that a PBX prints at a serial port: bytes in, records out, by a dialect. Serves step 9.

A record is a line of print without acknowledgement; what ends a line or frames it, which lines are page headers, how a
date is written and what stands where are the dialect's (cti.pbx.smdr_rules). Codec without I/O: nothing here is raised
for what came in, and nothing that came in is dropped in silence; what fits no form is given as SmdrUnknown with the
reason.

A line whose end was damaged runs into the next one: where a whole line fits no form, the record that stands at its end
is found by its shape, and only what stands before that is unknown.

Times are the PBX's own local time without a zone, as printed: datetimes here are naive on purpose, and only to
`resolution_s`. What a record leaves out of its date is the nearest to `now` (cti.pbx.smdr_times).

Limits: those of cti.pbx.smdr_lines; a block of lines is kept until it ends, at most lines_max of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from cti.pbx.doubts import doubt_of, not_printed
from cti.pbx.smdr_lines import ENDLESS, Piece, cutter
from cti.pbx.smdr_rules import (
    RECORD_FIELDS,
    Condition,
    Direction,
    RecordEvent,
    RecordForm,
    compile_form,
    fields_of,
    loosen,
)
from cti.pbx.smdr_times import Calendar, NotARecord, duration_of, duration_step, seconds_of

Stamp = Literal["start", "end", "both"]
if TYPE_CHECKING:
    from cti.pbx.dialect import Dialect

_MASK: Final = bytes(byte & 0x7F for byte in range(256))
_FILL: Final = "\x00\x0b\x0c\x7f\x11\x13\r\n"  # padding, form feeds, flow control at either end of a line
_NOTHING: Final = Condition()
# A form may leave so many characters before it unread (a count, a star); more is a line that was not ended.
_PREFIX: Final = 15
# A further field longer than this may have swallowed a record behind a damaged line end.
_LONG_FIELD: Final = 20


class SmdrRecord(Struct, frozen=True, omit_defaults=True):
    """One call record, or another line of which the dialect knows the form.

    start, end: of the conversation, the printed one exact to resolution_s, the other computed from the duration; None
    when the PBX did not know (dates of stars). stamp: which of them was printed. duration_s, ring_s: seconds, None
    when not printed; exact to duration_step_s. direction: in, out, internal, None when the line is about no call.
    answered: None when the PBX cannot tell. number: the far party, or the digits dialled, as printed. condition: the
    printed code. line_no counts the lines (frames) from 1. continued: a line that continues it follows; continues: this
    is such a line. mended: cut out of a line that was damaged before it. waited: its own line was not ended, so that it
    was read only with the next one. doubt: what shows damage (cti.pbx.doubts), in words.
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
    event: RecordEvent
    raw: str
    line_no: int
    fields: dict[str, str] = {}
    condition: str | None = None
    stamp: Stamp = "end"
    duration_step_s: float = 1.0
    mended: bool = False
    waited: bool = False
    doubt: str | None = None
    continued: bool = False
    continues: bool = False

    @property
    def source(self) -> Literal["smdr"]:
        """Who says so (step 9)."""
        return "smdr"

    @property
    def ends_call(self) -> bool:
        """This extension is free from now on as far as this line says."""
        return self.event == "end"


class SmdrUnknown(Struct, frozen=True):
    """What fits no form of the dialect; raw is its beginning, at most line_max bytes. broken: it was not cut out whole
    (no end, a wrong check character); endless: nothing in line_max bytes ended it."""

    raw: str
    line_no: int
    reason: str
    broken: bool = False
    endless: bool = False


SmdrItem = SmdrRecord | SmdrUnknown


class SmdrDecoder:
    """Takes the bytes of one SMDR line as they come and gives records.

    now: the PBX's local time as far as it is known, naive; asked when a record leaves out its year or its date.
    strip_bit7: the line carries 7 bits, bit 7 is parity; None takes it from the dialect's serial settings. mends: look
    in an unread line for a record at its end; whoever only asks what this dialect reads does not want that.
    """

    def __init__(
        self, dialect: Dialect, now: Callable[[], datetime], strip_bit7: bool | None = None, *, mends: bool = True
    ) -> None:
        self.dialect = dialect
        self.rules = dialect.smdr
        self._cutter = cutter(self.rules)
        self._ascii = self.rules.encoding == "ascii"
        self._encoding = "latin-1" if self._ascii else self.rules.encoding  # each byte keeps its column
        self._calendar = Calendar(self.rules.date_order, now)
        self._mask = _MASK if (dialect.serial.smdr.bits == 7 if strip_bit7 is None else strip_bit7) else None
        self._skip = [re.compile(pattern) for pattern in self.rules.skip]
        self._forms = [(form, compile_form(form)) for form in self.rules.records]
        self._loose = [  # columns without a time would find a record in any digits
            (form, loosen(form))
            for form in (self.rules.records if mends else ())
            if form.event != "date" and not form.continues and (form.pattern is not None or "time" in form.columns)
        ]
        block = self.rules.block
        self._begin = re.compile(block.begin) if block is not None else None
        self._block_end = re.compile(block.end) if block is not None and block.end is not None else None
        self._block: list[str] = []
        self._block_no = 0

    @property
    def discarded(self) -> int:
        """Bytes of lines too long to be records, beyond what was told of them."""
        return self._cutter.discarded

    @property
    def kept(self) -> int:
        """Bytes of a line that has begun."""
        return self._cutter.kept

    def feed(self, data: bytes) -> list[SmdrItem]:
        """The records complete with these bytes. The result does not depend on how the bytes are cut."""
        if self._mask is not None:
            data = data.translate(self._mask)
        return self._items(self._cutter.feed(data))

    def read(self, text: str) -> list[SmdrItem]:
        """What one whole line or frame says, or the lines of one block; without what ends it."""
        items: list[SmdrItem] = []
        self._line(text, 1, items)
        return items

    def flush(self) -> list[SmdrItem]:
        """The line was lost, or the file has ended: what was begun is given as it is."""
        items = self._items(self._cutter.flush())
        self._block_ends(items)
        return items

    def _items(self, pieces: list[Piece]) -> list[SmdrItem]:
        items: list[SmdrItem] = []
        for piece in pieces:
            text = piece.data.decode(self._encoding, "backslashreplace").strip(_FILL).rstrip()
            if piece.fault:
                endless = piece.fault == ENDLESS.format(self.rules.line_max)
                items.append(SmdrUnknown(text, piece.number, piece.fault, broken=True, endless=endless))
            elif self._begin is not None:
                self._in_block(text, piece.number, items)
            elif text:
                self._line(text, piece.number, items)
        return items

    def _in_block(self, text: str, number: int, items: list[SmdrItem]) -> None:
        assert self._begin is not None and self.rules.block is not None
        if self._begin.search(text):
            self._block_ends(items)
            self._block_no = number
        elif not self._block:
            if text:
                self._line(text, number, items)
            return
        elif not text:
            if self._block_end is None:
                self._block_ends(items)
            return
        self._block.append(text)
        over = self._block_end is not None and self._block_end.search(text)
        if over or len(self._block) >= self.rules.block.lines_max:
            self._block_ends(items)

    def _block_ends(self, items: list[SmdrItem]) -> None:
        if self._block:
            text, self._block = "\n".join(self._block), []
            self._line(text, self._block_no, items)

    def _line(self, text: str, number: int, items: list[SmdrItem]) -> None:
        if any(skip.search(text) for skip in self._skip) and not not_printed(text, self._ascii):
            return
        item = self._record(text, number)
        if isinstance(item, SmdrUnknown) or item.doubt or any(len(text) > _LONG_FIELD for text in item.fields.values()):
            item = self._record_behind(text, number) or item
        if not isinstance(item, SmdrUnknown):
            before = text[: len(text) - len(item.raw)].rstrip()
            if before:
                items.append(self._not_ended(before.strip(_FILL).rstrip(), number))
        items.append(item)

    def _not_ended(self, text: str, number: int) -> SmdrItem:
        """What stands before a record in the same line."""
        item = self._record(text, number)
        if isinstance(item, SmdrUnknown):
            return SmdrUnknown(text, number, "is not ended, and stands before a record", True)
        return replace(item, doubt="it was not ended", waited=True)

    def _record_behind(self, text: str, number: int) -> SmdrRecord | None:
        """The line before was not ended: the record that runs from somewhere within this text to its end."""
        nearest, found = len(text), None
        for form, pattern in self._loose:
            for at in range(1, nearest) if form.columns else (_PREFIX + 1,):
                fit = fields_of(form, pattern, text[at:]) if form.columns else fields_of(form, pattern, text, at)
                if fit is None:
                    continue
                begins = at if form.columns else fit[0]
                if begins < nearest:
                    try:
                        found = self._read(form, fit[1], text[begins:], number)
                    except NotARecord:
                        continue
                    nearest = begins
                break
        if found is None:
            return None
        return replace(found, mended=True, doubt="the line before it was not ended")

    def _record(self, text: str, number: int) -> SmdrItem:
        reason = "fits no form of the dialect"
        for form, pattern in self._forms:
            fit = fields_of(form, pattern, text)
            if fit is None:
                continue
            begins, groups = fit
            try:
                own = text if begins <= _PREFIX else text[begins:]
                return replace(self._read(form, groups, own, number), doubt=doubt_of(form, pattern, own, self._ascii))
            except NotARecord as error:
                reason = f"{form.name}: {error}"
        return SmdrUnknown(text, number, reason)

    def _read(self, form: RecordForm, groups: dict[str, str], text: str, number: int) -> SmdrRecord:
        code = groups.get("condition")
        said = self.rules.conditions.get(code, _NOTHING) if code is not None else _NOTHING
        event = "other" if form.continues else said.event or form.event
        direction = said.direction or self._direction(form, groups)
        duration = duration_of(groups)
        stamp = self._stamp(form, event, groups)
        end = self._end(form, groups)
        start = stamp
        printed: Stamp = form.stamp
        if end is not None:
            printed = "both"
            if duration is None and start is not None:
                duration = (end - start).total_seconds()
                if duration < 0:
                    raise NotARecord(f"ends {-duration:g} s before it begins")
        elif stamp is not None:
            span = timedelta(seconds=duration or 0.0)
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
            direction=direction,
            answered=_answered(form, said, groups, duration),
            ring_s=seconds_of(groups["ring"]) if "ring" in groups else None,
            transferred="transferred" in groups if said.transferred is None else said.transferred,
            event=event,
            raw=text,
            line_no=number,
            fields={name: value for name, value in groups.items() if name not in RECORD_FIELDS},
            condition=code,
            stamp=printed,
            duration_step_s=duration_step(groups),
            continued=form.continued,
            continues=form.continues,
        )

    def _stamp(self, form: RecordForm, event: RecordEvent, groups: dict[str, str]) -> datetime | None:
        day, year = groups.get("date"), groups.get("year")
        if event == "date" and day is not None and "*" not in day:
            return self._calendar.set_day(day, year, form.date_order)
        return self._calendar.moment(day, year, groups.get("time"), form.date_order)

    def _end(self, form: RecordForm, groups: dict[str, str]) -> datetime | None:
        if "end_time" not in groups:
            return None
        day = groups.get("end_date", groups.get("date"))
        return self._calendar.moment(
            day, groups.get("end_year", groups.get("year")), groups["end_time"], form.date_order
        )

    def _direction(self, form: RecordForm, groups: dict[str, str]) -> Direction | None:
        said = groups.get("direction")
        if said is not None and said in self.rules.directions:
            return self.rules.directions[said]
        if said is not None and form.direction is None:
            raise NotARecord(f"direction {said!r} is not among the dialect's")
        return form.direction


def _answered(form: RecordForm, said: Condition, groups: dict[str, str], duration: float | None) -> bool | None:
    if said.answered is not None:
        return said.answered
    if "answered" in groups:
        return True
    if form.answered == "duration":
        return None if duration is None else duration > 0
    return {"yes": True, "no": False, "unknown": None}[form.answered]

"""A PBX is parameters: its serial lines, its SMDI, its call records, and how its extensions behave.

A dialect is a file under conf/pbx; adding a PBX needs no code. All faults of a file are told at once with line, field
and remedy. What each field means is written beside it here, with its unit, and at the top of conf/pbx/generic.yaml
for whoever writes a new one. Serves steps 2 to 4, 7 and 9.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from cti import checked_yaml, conf_files
from cti.checked_yaml import Document
from cti.errors import Fault

Terminator = Literal["crlf", "cr", "lf", "nul", "ff"]
DateOrder = Literal["mdy", "dmy", "ymd", "md", "dm"]
Direction = Literal["in", "out", "internal"]
AnswerSign = Literal["voice", "ringback_overdue", "polarity"]
DisconnectSign = Literal["loop_drop", "polarity", "busy_tone", "dial_tone"]
AfterFailure = Literal["flash", "onhook", "listen"]
Milliseconds = Annotated[int, Meta(ge=20, le=3000)]
Seconds = Annotated[float, Meta(gt=0, le=600)]

# The fields of a record that a form may name; any other name of a group or column is kept among its further fields.
RECORD_FIELDS = frozenset(
    {"date", "time", "extension", "trunk", "number", "ring", "direction", "answered", "transferred"}
    | {"duration", "duration_h", "duration_m", "duration_s", "duration_t"}
)


class SerialSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """One RS232 line of the PBX."""

    baud: Literal[300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600
    bits: Literal[7, 8] = 8
    parity: Literal["none", "even", "odd"] = "none"
    stop: Literal[1, 2] = 1
    rtscts: bool = False


class SerialLines(Struct, frozen=True, forbid_unknown_fields=True):
    """The usual settings of both lines; the site file may override each field."""

    smdi: SerialSettings = SerialSettings(bits=7, parity="even")
    smdr: SerialSettings = SerialSettings()


class SmdiRules(Struct, frozen=True, forbid_unknown_fields=True):
    """What this PBX does with SMDI."""

    enabled: bool = True
    msd_strip: Annotated[int, Meta(ge=0, le=9)] = 0  # padding digits before each number, dropped; zeros added for lamps
    lamp: bool = True  # takes lamp orders on the SMDI line
    dnis: Literal["forwarded_from", "none"] = "forwarded_from"  # which SMDI field carries the called number
    number_max: Annotated[int, Meta(ge=1, le=20)] | None = None  # a number so long may be cut off: ani_truncated


class RecordForm(Struct, frozen=True, forbid_unknown_fields=True):
    """One shape of an SMDR line: a regular expression with named groups, or fixed columns.

    Columns count from 1 and include both ends, as makers' manuals print them. A group may be given twice with a digit
    at the end (number_2); the first that is not empty counts.
    """

    name: str
    pattern: str | None = None
    columns: dict[str, tuple[int, int]] = {}
    shapes: dict[str, str] = {}  # column -> what its stripped text must match entirely
    stamp: Literal["start", "end"] = "end"  # what the printed time is the time of
    direction: Direction | None = None
    answered: Literal["duration", "yes", "no", "unknown"] = "duration"  # when there is no group `answered`
    date_order: DateOrder | None = None
    continues: bool = False  # belongs to the record before it
    ends_call: bool = True  # False: printed at the start of a call, or about no call at all


class SmdrRules(Struct, frozen=True, forbid_unknown_fields=True):
    """The call records of this PBX."""

    records: Annotated[tuple[RecordForm, ...], Meta(min_length=1)]
    terminators: Annotated[tuple[Terminator, ...], Meta(min_length=1)] = ("crlf", "cr", "lf")
    skip: tuple[str, ...] = ()  # lines that say nothing: page headers, rulers
    date_order: DateOrder = "mdy"
    resolution_s: Annotated[int, Meta(ge=1, le=60)] = 60  # of the printed time
    directions: dict[str, Direction] = {}  # text of group `direction` -> what it means
    encoding: Literal["ascii", "latin-1", "gbk"] = "ascii"
    line_max: Annotated[int, Meta(ge=40, le=4096)] = 512
    silence_s: Annotated[float, Meta(ge=10, le=86400)] = 300.0  # no record so long while calls end: alarm
    marks_transfers: bool = False  # the leg of an extension that transferred its call is always printed as such


class LineRules(Struct, frozen=True, forbid_unknown_fields=True):
    """How an analogue extension of this PBX is used by a VRU port."""

    flash_ms: Milliseconds = 600
    dial_tone_s: Seconds = 3.0  # after a flash the dial tone is waited for so long
    transfer_prefix: Annotated[str, Meta(pattern=r"^[0-9*#A-D,]{0,10}$")] = ""  # dialled before the extension
    complete: Literal["answer", "ringback"] = "answer"  # we hang up when the agent answers, or at the first ringback
    digit_on_ms: Milliseconds = 100
    digit_off_ms: Milliseconds = 100
    no_answer_s: Seconds = 25.0
    retrieve: Literal["flash", "none"] = "flash"  # how the caller is fetched back: a flash, or not possible
    after_busy: AfterFailure | None = None  # null: as retrieve says
    after_no_answer: AfterFailure | None = None
    after_refused: AfterFailure | None = None
    answer: Annotated[tuple[AnswerSign, ...], Meta(min_length=1)] = ("voice", "ringback_overdue")
    disconnect: Annotated[tuple[DisconnectSign, ...], Meta(min_length=1)] = ("loop_drop", "busy_tone", "dial_tone")
    busy_cycles: Annotated[int, Meta(ge=2, le=8)] = 4
    recall_s: Seconds = 60.0  # a ring so soon after our on-hook is the call that we transferred
    guard_s: Annotated[float, Meta(ge=0.2, le=10)] = 2.0  # on-hook at least so long between calls

    def after_failure(self, kind: str) -> AfterFailure:
        """What we do when a transfer ended in kind: busy, no_answer, refused, no_dial_tone.

        After no dial tone never a second flash: the first may have been taken, so we listen.
        """
        chosen = {"busy": self.after_busy, "no_answer": self.after_no_answer, "refused": self.after_refused}
        if kind == "no_dial_tone":
            return "listen"
        return chosen.get(kind) or ("flash" if self.retrieve == "flash" else "onhook")


class Dialect(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that is known of one kind of PBX."""

    name: str
    title: str
    smdr: SmdrRules
    serial: SerialLines = SerialLines()
    smdi: SmdiRules = SmdiRules()
    line: LineRules = LineRules()

    def with_line(self, overrides: dict[str, Any]) -> Dialect:
        """This dialect with some fields of its line section replaced, as the site file may ask; None is no override."""
        kept = {field: value for field, value in overrides.items() if value is not None}
        return msgspec.structs.replace(self, line=msgspec.structs.replace(self.line, **kept))


def load_dialect(name: str | Path) -> Dialect:
    """The dialect of a name (looked up in /etc/tipring/pbx, then among ours) or path. Raises ConfigFaults with all."""
    path = conf_files.find("pbx", name)
    return checked_yaml.check(path, Dialect, also=_further_faults)


def dialect_from_text(text: str) -> Dialect:
    """A dialect from YAML text, for tests and tools."""
    return checked_yaml.check(text, Dialect, also=_further_faults)


def dialect_names() -> list[str]:
    """The dialects there are."""
    return conf_files.names("pbx")


def _further_faults(dialect: Dialect, document: Document) -> Iterable[Fault]:
    """What types cannot say: regular expressions compile, columns do not overlap, a record has its end of call."""
    for index, text in enumerate(dialect.smdr.skip):
        yield from _expression(text, ("smdr", "skip", index), document)
    for index, form in enumerate(dialect.smdr.records):
        yield from _form_faults(form, ("smdr", "records", index), document)


def _form_faults(form: RecordForm, here: tuple[str | int, ...], document: Document) -> Iterable[Fault]:
    if (form.pattern is None) == (not form.columns):
        yield document.fault(here, "needs either pattern or columns", "write one of the two")
        return
    if form.pattern is not None:
        bad = list(_expression(form.pattern, (*here, "pattern"), document))
        yield from bad
        if not bad and not set(re.compile(form.pattern).groupindex) & RECORD_FIELDS and not form.continues:
            known = ", ".join(sorted(RECORD_FIELDS))
            yield document.fault((*here, "pattern"), "names no field", f"use named groups (?P<…>…): {known}")
    for name, text in form.shapes.items():
        yield from _expression(text, (*here, "shapes", name), document)
        if name not in form.columns:
            there = "columns: " + ", ".join(form.columns)
            yield document.fault((*here, "shapes", name), "is the shape of no column", there)
    end = 0
    for name, (first, last) in sorted(form.columns.items(), key=lambda column: column[1]):
        where = (*here, "columns", name)
        if not name.isidentifier():
            yield document.fault(where, "is not a field name", "use letters, digits and _")
        if first < 1 or last < first:
            yield document.fault(where, f"from {first} to {last}", "columns count from 1: [first, last]")
        elif first <= end:
            yield document.fault(
                where, f"begins at {first}, inside the column before it", f"begin at {end + 1} or later"
            )
        end = max(end, last)


def _expression(text: str, where: tuple[str | int, ...], document: Document) -> Iterable[Fault]:
    try:
        re.compile(text)
    except re.error as error:
        at = f" at character {error.pos + 1}" if error.pos is not None else ""
        yield document.fault(where, f"is not a regular expression: {error.msg}{at}", "Python's syntax; quote with '…'")

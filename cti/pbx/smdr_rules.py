"""How this PBX prints its call records: a dialect's section `smdr` (step 9).

A record form is a regular expression or fixed columns; what each field means is written beside it. How lines, frames
and blocks are cut out of the bytes is `terminators` and `block`; what a printed code means is `conditions`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from cti.conf.checked_yaml import Document
from cti.errors import Fault

# What ends a record: a character, or a frame round it: STX (02) ... ETX (03), with stx_etx_bcc followed by a check
# character, the exclusive or of every byte after STX to ETX inclusive (NEC PMS and SMDR ports).
Terminator = Literal["crlf", "cr", "lf", "nul", "ff", "stx_etx", "stx_etx_bcc"]
FRAMES: Final = ("stx_etx", "stx_etx_bcc")
DateOrder = Literal["mdy", "dmy", "ymd", "md", "dm"]
Direction = Literal["in", "out", "internal"]

# When a line is printed. end: the extension is free from now on as far as this line says. ring, answer: while the
# station rings, or as it answers. other: about no call, or about one that goes on (half of a call split by a flash, the
# record that some print every ten hours). date: a line that sets the date of the records after it, which print none.
RecordEvent = Literal["end", "ring", "answer", "other", "date"]

# The fields of a record that a form may name; any other name of a group or column is kept among its further fields.
# date, time: of the stamp; end_date, end_time: of the end too, where a record prints both (the duration is then the
# difference unless it is printed). year, end_year: apart from its date. duration: h:m:s in any writing; or duration_h,
# _m, _s and _t (tenths of a minute) apart, each a number. condition: a code, see SmdrRules.conditions.
RECORD_FIELDS = frozenset(
    {"date", "time", "year", "end_date", "end_time", "end_year", "extension", "trunk", "number", "ring", "direction"}
    | {"answered", "transferred", "condition", "duration", "duration_h", "duration_m", "duration_s", "duration_t"}
)


class RecordForm(Struct, frozen=True, forbid_unknown_fields=True):
    """One shape of an SMDR line: a regular expression with named groups, or fixed columns.

    Columns count from 1 and include both ends, as makers' manuals print them. A group may be given twice with a digit
    at the end (number_2); the first that is not empty counts. Of a block of lines (see Block) the pattern sees them
    joined by a line feed.
    """

    name: str
    pattern: str | None = None
    columns: dict[str, tuple[int, int]] = {}
    shapes: dict[str, str] = {}  # column -> what its stripped text must match entirely; '' is: empty
    # field -> what its text looks like in a sound record; another makes the record doubtful (cti.pbx.doubts)
    usual: dict[str, str] = {}
    stamp: Literal["start", "end"] = "end"  # what the printed time is the time of
    event: RecordEvent = "end"
    direction: Direction | None = None
    answered: Literal["duration", "yes", "no", "unknown"] = "duration"  # when there is no group `answered`
    date_order: DateOrder | None = None
    continued: bool = False  # a line that continues it follows; the two are one record
    continues: bool = False  # such a line; never an end
    joined: dict[str, tuple[str, ...]] = {}  # field -> groups or columns whose texts make it up, in this order
    examples: tuple[str, ...] = ()  # printed lines that this form reads, and no form before it: checked at every start


class Condition(Struct, frozen=True, forbid_unknown_fields=True):
    """What a code printed in the field `condition` says; what is left out stays as the form says."""

    event: RecordEvent | None = None
    direction: Direction | None = None
    answered: bool | None = None
    transferred: bool | None = None  # this extension passed the call on, and is out of it


class Block(Struct, frozen=True, forbid_unknown_fields=True):
    """A record of several lines, as Norstar's: read as one text, its lines joined by a line feed.

    It begins with a line in which `begin` is found, and ends with one in which `end` is found; without `end`, with an
    empty line. The next beginning, and lines_max, end it too. A line outside a block is read by itself.
    """

    begin: str
    end: str | None = None
    lines_max: Annotated[int, Meta(ge=2, le=64)] = 12


class SmdrRules(Struct, frozen=True, forbid_unknown_fields=True):
    """The call records of this PBX."""

    records: tuple[RecordForm, ...]  # the first that fits a line counts; []: not known yet, to be learned on site
    terminators: Annotated[tuple[Terminator, ...], Meta(min_length=1)] = ("crlf", "cr", "lf")
    block: Block | None = None
    skip: tuple[str, ...] = ()  # lines that say nothing: page headers, rulers
    date_order: DateOrder = "mdy"
    resolution_s: Annotated[int, Meta(ge=1, le=60)] = 60  # of the printed time; one with seconds is exact to 1 s
    directions: dict[str, Direction] = {}  # text of group `direction` -> what it means
    conditions: dict[
        str, Condition
    ] = {}  # text of group `condition` -> what it means; others are kept, and say nothing
    # How a call is printed that the VRU transfers. per_leg: a record for each extension's part, as long as that part.
    # whole_call: one record at the end, as long as the whole call, of the extension that had it last. split_at_flash: a
    # record at every flash; halves of a call that goes on must be told by a condition whose event is other.
    legs: Literal["per_leg", "whole_call", "split_at_flash"] = "per_leg"
    encoding: Literal["ascii", "latin-1", "gbk"] = "ascii"
    line_max: Annotated[int, Meta(ge=40, le=4096)] = 512  # bytes of a line or a frame
    silence_s: Annotated[float, Meta(ge=10, le=86400)] = 300.0  # no record so long while calls end: alarm
    marks_transfers: bool = False  # the leg of an extension that transferred its call is always printed as such


def faults(rules: SmdrRules, document: Document) -> Iterable[Fault]:
    """What types cannot say: regular expressions compile, columns do not overlap, a form names fields, frames and line
    ends are not mixed. Whether a form reads its examples: cti.pbx.examples."""
    framed = [index for index, name in enumerate(rules.terminators) if name in FRAMES]
    if framed and len(rules.terminators) > 1:
        name = rules.terminators[framed[0]]
        yield document.fault(
            ("smdr", "terminators", framed[0]), f"{name} stands beside others", f"a framed line has one: [{name}]"
        )
    if framed and rules.block is not None:
        yield document.fault(("smdr", "block"), "a frame is a record by itself", "leave out block, or the frame")
    if rules.block is not None:
        for field, text in (("begin", rules.block.begin), ("end", rules.block.end or "")):
            yield from expression_faults(text, ("smdr", "block", field), document)
    for index, text in enumerate(rules.skip):
        yield from expression_faults(text, ("smdr", "skip", index), document)
    continued, continues = (any(getattr(form, name) for form in rules.records) for name in ("continued", "continues"))
    for index, form in enumerate(rules.records):
        here: tuple[str | int, ...] = ("smdr", "records", index)
        yield from _form_faults(form, here, document)
        if form.continued and not continues:
            yield document.fault((*here, "continued"), "no form continues it", "add the line with continues: true")
        if form.continues and not continued:
            yield document.fault((*here, "continues"), "no form is continued", "add continued: true to those before it")


def _form_faults(form: RecordForm, here: tuple[str | int, ...], document: Document) -> Iterable[Fault]:
    if (form.pattern is None) == (not form.columns):
        yield document.fault(here, "needs either pattern or columns", "write one of the two")
        return
    if form.pattern is not None:
        bad = list(expression_faults(form.pattern, (*here, "pattern"), document))
        yield from bad
        if not bad and not set(re.compile(form.pattern).groupindex) & RECORD_FIELDS and not form.continues:
            known = ", ".join(sorted(RECORD_FIELDS))
            yield document.fault((*here, "pattern"), "names no field", f"use named groups (?P<…>…): {known}")
    names = set(form.columns) if form.pattern is None else _group_names(form.pattern)
    if form.event == "date" and names is not None and "date" not in names:
        yield document.fault((*here, "event"), "sets a date and has no field date", "name the group or column date")
    if names is not None and "end_date" in names and "end_time" not in names:
        yield document.fault(here, "has end_date and no end_time", "name both, or neither")
    for name, parts in form.joined.items():
        for part in [part for part in parts if names is not None and part not in names]:
            there = "there are: " + ", ".join(sorted(names or ()))
            yield document.fault((*here, "joined", name), f"joins {part}, which is no group or column", there)
    for name, text in form.shapes.items():
        yield from expression_faults(text, (*here, "shapes", name), document)
        if name not in form.columns:
            there = "columns: " + ", ".join(form.columns)
            yield document.fault((*here, "shapes", name), "is the shape of no column", there)
    for name, text in form.usual.items():
        yield from expression_faults(text, (*here, "usual", name), document)
        if names is not None and name not in names:
            yield document.fault((*here, "usual", name), "is no group or column", "there are: " + ", ".join(names))
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


def _group_names(pattern: str) -> set[str] | None:
    try:
        return {base_name(name) for name in re.compile(pattern).groupindex}
    except re.error:
        return None


def expression_faults(text: str, where: tuple[str | int, ...], document: Document) -> Iterable[Fault]:
    """The fault of a text that should be a regular expression and is none."""
    try:
        re.compile(text)
    except re.error as error:
        at = f" at character {error.pos + 1}" if error.pos is not None else ""
        yield document.fault(where, f"is not a regular expression: {error.msg}{at}", "Python's syntax; quote with '…'")


# Reading one text by one form


def compile_form(form: RecordForm) -> re.Pattern[str]:
    """The form as a regular expression; of columns the first must be there, a line may end before the others."""
    if form.pattern is not None:
        return re.compile(form.pattern)
    text, at, closing = "^", 1, ""
    for name, (first, last) in sorted(form.columns.items(), key=lambda column: column[1]):
        optional, closing = ("(?:", closing + ")?") if at > 1 else ("", "")
        text += f"{optional}.{{{first - at}}}(?P<{name}>.{{1,{last - first + 1}}})"
        at = last + 1
    return re.compile(text + closing)


def base_name(name: str) -> str:
    """number_2 is number."""
    return name[:-2] if name[-2:-1] == "_" and name[-1].isdecimal() else name


def loosen(form: RecordForm) -> re.Pattern[str]:
    """The form without what it asks to stand before it (^, a look-behind): finds a record behind a damaged line."""
    if form.pattern is None:
        return compile_form(form)
    flags, bare = re.fullmatch(
        r"((?:\(\?[aimsx]+\))?)(?:\^|\(\?<[!=](?:\\.|\[[^\]]*\]|[^)\\])*\))*(.*)", form.pattern, re.S
    ).groups()  # type: ignore[union-attr]
    try:
        return re.compile(flags + bare)
    except re.error:  # the look-behind held a group of its own
        return compile_form(form)


def fields_of(form: RecordForm, pattern: re.Pattern[str], text: str, at: int = 0) -> tuple[int, dict[str, str]] | None:
    """What the form finds in a text from a place on: where it begins, and its groups that are not empty, stripped; None
    where the text has not its shape. number_2 counts as number when that is empty."""
    match = pattern.search(text, at)
    if match is None:
        return None
    found: dict[str, str] = {}
    for name, value in match.groupdict().items():
        if value is not None and value.strip():
            found.setdefault(base_name(name), value.strip())
    if any(not re.fullmatch(shape, found.get(name, "")) for name, shape in form.shapes.items()):
        return None
    for name, parts in form.joined.items():
        if text := "".join(found.pop(part, "") for part in parts):
            found[name] = text
    return match.start(), found

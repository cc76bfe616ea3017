"""How this PBX prints its call records: a dialect's section `smdr` (step 9).

A record form is a regular expression or fixed columns; what each field means is written beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct

from cti.checked_yaml import Document
from cti.errors import Fault
from cti.pbx.columns import Columns, column_faults

Terminator = Literal["crlf", "cr", "lf", "nul", "ff"]
DateOrder = Literal["mdy", "dmy", "ymd", "md", "dm"]
Direction = Literal["in", "out", "internal"]

# The fields of a record that a form may name; any other name of a group or column is kept among its further fields.
RECORD_FIELDS = frozenset(
    {"date", "time", "extension", "trunk", "number", "ring", "direction", "answered", "transferred"}
    | {"duration", "duration_h", "duration_m", "duration_s", "duration_t"}
)


class RecordForm(Struct, frozen=True, forbid_unknown_fields=True):
    """One shape of an SMDR line: a regular expression with named groups, or fixed columns.

    Columns count from 1 and include both ends, as makers' manuals print them. A group may be given twice with a digit
    at the end (number_2); the first that is not empty counts.
    """

    name: str
    pattern: str | None = None
    columns: Columns = {}
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


def faults(rules: SmdrRules, document: Document) -> Iterable[Fault]:
    """What types cannot say: regular expressions compile, columns do not overlap, a form names fields."""
    for index, text in enumerate(rules.skip):
        yield from expression_faults(text, ("smdr", "skip", index), document)
    for index, form in enumerate(rules.records):
        yield from _form_faults(form, ("smdr", "records", index), document)


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
    for name, text in form.shapes.items():
        yield from expression_faults(text, (*here, "shapes", name), document)
        if name not in form.columns:
            there = "columns: " + ", ".join(form.columns)
            yield document.fault((*here, "shapes", name), "is the shape of no column", there)
    yield from column_faults(form.columns, (*here, "columns"), document)


def expression_faults(text: str, where: tuple[str | int, ...], document: Document) -> Iterable[Fault]:
    """The fault of a text that should be a regular expression and is none."""
    try:
        re.compile(text)
    except re.error as error:
        at = f" at character {error.pos + 1}" if error.pos is not None else ""
        yield document.fault(where, f"is not a regular expression: {error.msg}{at}", "Python's syntax; quote with '…'")

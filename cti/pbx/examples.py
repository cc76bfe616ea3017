"""A dialect proves itself: each record form reads its own example lines, and a fault shows where a line breaks off.

A form that is changed on site and no longer reads what the PBX printed would lose every record of that kind without a
word; so examples are read whenever the file is. Serves step 9.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from cti.conf.checked_yaml import Document
from cti.errors import Fault
from cti.pbx.smdr import SmdrDecoder, SmdrRecord
from cti.pbx.smdr_rules import RecordForm, compile_form

if TYPE_CHECKING:
    from cti.pbx.dialect import Dialect

_SHOWN: Final = 24  # characters of the rest of a line or pattern in a fault
_DAY: Final = datetime(2024, 6, 30)  # for records without a year; a leap year, so that 29 February is a date


def faults(dialect: Dialect, document: Document, broken: Collection[int] = ()) -> Iterable[Fault]:
    """The examples that their own form does not read, or another form takes; those of broken forms are not tried."""
    forms = dialect.smdr.records
    nothing = {"pattern": "(?!)", "columns": {}, "shapes": {}}
    rest = tuple(replace(form, **nothing) if index in broken else form for index, form in enumerate(forms))
    dialect = replace(dialect, smdr=replace(dialect.smdr, records=rest))
    for index, form in enumerate(forms):
        if index in broken:
            continue
        for nth, line in enumerate(form.examples):
            where = ("smdr", "records", index, "examples", nth)
            items = SmdrDecoder(dialect, lambda: _DAY).read(line.strip("\r\n"))
            first = items[0] if items else None
            if first is None:
                yield document.fault(where, f"{shown(line)} is skipped by smdr.skip", "make skip more special")
            elif not isinstance(first, SmdrRecord):
                why = first.reason if first.reason.startswith(f"{form.name}: ") else why_not(form, line)
                yield document.fault(where, f"{shown(line)} does not fit: {why}", "mend the form, or the line")
            elif first.form != form.name:
                what = f"{shown(line)} is read by the form {first.form} before this one"
                yield document.fault(where, what, "put the more special form first, or narrow the other")


def why_not(form: RecordForm, line: str) -> str:
    """Where a line stops to fit a form, in words: the character, what stands there, what the form wants."""
    match = compile_form(form).search(line)
    if match is not None:
        for name, shape in form.shapes.items():
            text = (match.groupdict().get(name) or "").strip()
            if not re.fullmatch(shape, text):
                first, last = form.columns[name]
                return f"column {name} [{first}, {last}] holds {text!r}, not {shape}"
        return "it fits, but its values are no date, time or duration"
    if form.pattern is None:
        first = min(first for first, _ in form.columns.values())
        return f"it has {len(line)} characters, and the columns begin at {first}"
    at, done = breaks_off(form.pattern, line)
    rest = repr(line[at : at + _SHOWN]) if line[at:] else "the line is over"
    wanted = form.pattern[done : done + _SHOWN] + ("…" if len(form.pattern) > done + _SHOWN else "")
    return f"breaks off at character {at + 1}, {rest}, where the pattern goes on with {wanted}"


def breaks_off(pattern: str, line: str) -> tuple[int, int]:
    """How far a line fits: characters of the line, and characters of the pattern that fitted them."""
    for done in range(len(pattern), 0, -1):
        head = pattern[:done]
        try:
            match = re.search(head + ")" * _open_groups(head), line)
        except re.error:  # cut in the middle of something
            continue
        if match is not None:
            return match.end(), done
    return 0, 0


def shown(line: str) -> str:
    """A printed line for a fault: in quotes, with the ends of its lines, at most 160 characters."""
    text = line.strip("\r\n").replace("\n", "⏎")
    return f'"{text[:160]}…"' if len(text) > 160 else f'"{text}"'


def _open_groups(head: str) -> int:
    bare = re.sub(r"\[\^?\]?[^\]]*\]", "", re.sub(r"\\.", "", head))
    return max(bare.count("(") - bare.count(")"), 0)

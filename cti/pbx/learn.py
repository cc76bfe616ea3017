"""Proposes a dialect from what a PBX printed, and says of what it is not sure. Serves step 9, on the installer's day.

Lines that look alike (cti.pbx.shapes) make one form each. What a field is follows from its shape, from where it stands
and, the surest sign, from the site's own extensions. Lines without punctuation, digits in columns, have no shapes:
there extensions, dates and times are the anchors (cti.pbx.column_forms). Nothing is certain here: each guess that had
another choice is said in a comment of the proposal and in Proposal.unsure, and the lines that no form reads are listed.

Limits: the first BYTES bytes and LINES lines are looked at, and the FORMS most frequent forms kept; forms of a single
line only where none has OFTEN.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import xor
from typing import Final, TypeVar

from cti.pbx.column_forms import ColumnForm, column_forms
from cti.pbx.dialect import Dialect, dialect_from_text
from cti.pbx.fitting import Fit, fits, mostly_parity
from cti.pbx.guesses import Form, read_dates, read_digits, read_direction, read_stamp, read_times
from cti.pbx.learned_file import comment, head, quoted, text_of
from cti.pbx.shapes import Atom, atoms, signature, words_in_common
from cti.pbx.smdr import SmdrDecoder, SmdrRecord, SmdrUnknown

LINES: Final = 5000
FORMS: Final = 24
OFTEN: Final = 5  # lines of one form; then a form of a single line is not believed
MOSTLY: Final = 0.85  # a known dialect that reads such a share of the lines is proposed; the rest is mostly damage
BLOCK_LINES: Final = 12  # of one record
BYTES: Final = 1 << 20
EXAMPLES: Final = 2  # of each form
NAMES: Final = 5  # runs of words in a record; a line with more is text
SHOWN: Final = 50  # unread lines
T = TypeVar("T", Form, ColumnForm, Form | ColumnForm)
_MASK: Final = bytes(byte & 0x7F for byte in range(256))


@dataclass
class Proposal:
    """text: the dialect file. known: the dialects that there are and read some of it, best first. unsure: for each form
    of the proposal the doubtful fields and why. unread: lines that it does not read. dialect: text, loaded."""

    text: str
    dialect: Dialect
    known: list[Fit]
    unsure: dict[str, list[tuple[str, str]]]
    unread: list[str]


def learn(
    data: bytes,
    now: datetime,
    extensions: Collection[str] = (),
    *,
    name: str = "learned",
    source: str = "a capture",
    but: Collection[str] = (),
    anew: bool = False,
    times: Sequence[tuple[int, float]] = (),
) -> Proposal:
    """A dialect for these bytes.

    times: when they came, as (offset, seconds) of each piece, where that is known.
    now: when they were captured, for dates. extensions: the site's own. but: dialects not to be tried. A known dialect
    that reads MOSTLY all of it is proposed as it is, unless anew is asked for.
    """
    data = _ended(data[:BYTES]) if times else data[:BYTES]
    known = fits(data, now, but)
    title = head(source, name, known)
    if known and known[0].share >= MOSTLY and not anew:
        return _known(data, now, title, known)
    settings, lines = _lines(data)
    came = _arrivals(data, lines, times)
    shaped = _forms(lines, extensions)
    read_dates(shaped, now)
    read_stamp(shaped, lines, came)
    title += "title: Learned from printed lines\n\n"
    named = [form for form in shaped if form.role("extension") is not None or not extensions]
    plain = _plain(named, lines, came, extensions, now)
    if len(named) < len(shaped) and not any("extension" in form.columns for form in plain):
        named, plain = shaped, _plain(shaped, lines, came, extensions, now)
    forms: list[Form | ColumnForm] = [*named, *plain]
    trial = SmdrDecoder(dialect_from_text(title + text_of(forms, settings, lines, {})), lambda: now)
    examples = {form.name: _read_of(form, trial) for form in forms}
    forms = [form for form in forms if examples[form.name]]  # else its values are none, or another form reads its lines
    forms = _seen_often(forms)
    text = title + text_of(forms, settings, lines, examples)
    dialect = dialect_from_text(text)
    unread = _unread(dialect, data, now)
    text += _listed(unread)
    if sum(len(re.findall(r"\d", row)) >= 10 and ":" not in row for row in unread) * 2 > len(lines):
        text += "# Digits in columns: nothing in them could be recognised. Name the site's extensions (-c), capture\n"
        text += (
            "# a day of calls with --save; or count the columns in the PBX's manual, and copy generic-columns.yaml.\n"
        )
    return Proposal(text, dialect, known, {form.name: form.unsure for form in forms}, unread)


def _known(data: bytes, now: datetime, title: str, known: list[Fit]) -> Proposal:
    """The known dialect that reads most, with what it leaves over: damage, or a kind of record that it lacks."""
    best = known[0]
    text = title
    for other in known[1:]:
        if other.share == best.share:
            text += comment(f"unsure: {other.name} reads as much: which PBX is it?")
    text += f"base: {best.name}\ntitle: As {best.name}\n"
    dialect = dialect_from_text(text)
    unread = _unread(dialect, data, now)
    return Proposal(text + _listed(unread), dialect, known, {}, unread)


def _unread(dialect: Dialect, data: bytes, now: datetime) -> list[str]:
    decoder = SmdrDecoder(dialect, lambda: now, strip_bit7=mostly_parity(data))
    return [item.raw for item in decoder.feed(data) + decoder.flush() if isinstance(item, SmdrUnknown)]


def _listed(unread: Sequence[str]) -> str:
    if not unread:
        return ""
    text = f"\n# Not read ({len(unread)}), the first of them:\n"
    return text + "".join(comment(line) for row in unread[:SHOWN] for line in row.splitlines())


def _forms(lines: list[str], extensions: Collection[str]) -> list[Form]:
    """Lines that look alike and have a date or a time, the longer forms first: they are the more special."""
    literals = words_in_common(lines)
    groups: dict[tuple[str, ...], list[tuple[list[Atom], str]]] = {}
    for line in lines[:LINES]:
        found = atoms(line, literals)
        groups.setdefault(signature(found), []).append((found, line))
    forms: list[Form] = []
    for rows in sorted(groups.values(), key=lambda rows: -len(rows)):
        form = Form(f"form-{len(forms) + 1}", [row for row, _ in rows], [line for _, line in rows])
        names = sum(atom.kind == "name" for atom in form.rows[0])
        if len(forms) < FORMS and names <= NAMES and read_times(form):
            read_digits(form, extensions)
            read_direction(form)
            forms.append(form)
    return sorted(forms, key=lambda form: -len(form.rows[0]))


def _plain(
    shaped: Sequence[Form],
    lines: Sequence[str],
    came: Sequence[float | None],
    extensions: Collection[str],
    now: datetime,
) -> list[ColumnForm]:
    """The forms of the lines that these shapes leave over."""
    of_shapes = {line for form in _seen_often(shaped) for line in form.lines}
    rest = [at for at, line in enumerate(lines[:LINES]) if line not in of_shapes]
    return column_forms([lines[at] for at in rest], [came[at] for at in rest], extensions, now)


def _read_of(form: Form | ColumnForm, trial: SmdrDecoder) -> list[str]:
    """The first lines of a form that it reads itself."""
    found = []
    for line in dict.fromkeys(form.lines):
        items = trial.read(line)
        if len(items) == 1 and isinstance(items[0], SmdrRecord) and items[0].form == form.name:
            found.append(line)
            if len(found) == EXAMPLES:
                break
    return found


def _seen_often(forms: Sequence[T]) -> list[T]:
    """Where some forms have many lines, one that was seen once is damage as likely as a rare kind of call: a form made
    of it would read numbers that nobody dialled. Its line is listed as not read."""
    most = max((len(form.lines) for form in forms), default=0)
    return [form for form in forms if len(form.lines) > 1 or most < OFTEN or form.event == "date"]


def read_by(proposal: Proposal, data: bytes, now: datetime) -> list[SmdrRecord]:
    """The records that the proposal finds in these bytes."""
    decoder = SmdrDecoder(proposal.dialect, lambda: now, strip_bit7=mostly_parity(data))
    return [item for item in decoder.feed(data) + decoder.flush() if isinstance(item, SmdrRecord)]


# lines


def _ended(data: bytes) -> bytes:
    """A capture ends anywhere: without the line in the middle of which it did."""
    end = max(data.rfind(end) for end in (b"\r", b"\n", b"\x00", b"\x03", b"\x0c"))
    behind = end > 0 and data[end] == 0x03  # a check character may follow a frame
    return data if end < 0 or behind else data[: end + 1]


def _lines(data: bytes) -> tuple[dict[str, str], list[str]]:
    """How lines end, and their texts; a record of several lines is one text with line feeds."""
    settings: dict[str, str] = {}
    if mostly_parity(data):
        settings["bits"] = "7"
        data = data.translate(_MASK)
    frames = re.findall(rb"\x02([^\x02\x03]*\x03)([\x00-\xff]?)", data)
    if len(frames) > data.count(b"\n") // 2 and frames:
        checked = sum(reduce(xor, body) in check for body, check in frames) > MOSTLY * len(frames)
        settings["terminators"] = "[stx_etx_bcc]" if checked else "[stx_etx]"
        return settings, [_decode(body[:-1], settings).rstrip() for body, _ in frames if body.strip(b" \x03")]
    nul = data.count(b"\x00") > 0 and not data.count(b"\r") and not data.count(b"\n")
    settings["terminators"] = "[nul]" if nul else "[crlf, cr, lf" + (", ff]" if b"\x0c" in data else "]")
    text = _decode(data, settings)
    cut = re.split(r"\r\n|[\r\n\x0c\x00]" if not nul else "\x00", text)
    lines = [line.strip("\x00\x11\x13\x7f").rstrip() for line in cut]
    blocks = [block.strip("\n") for block in re.split(r"\n{2,}", "\n".join(lines)) if block.strip()]
    rows = [block.splitlines() for block in blocks]
    beginnings = {re.split(r"[\w\s]", row[0], maxsplit=1)[0] for row in rows}
    begin = beginnings.pop() if len(beginnings) == 1 else ""
    inside = any(line.startswith(begin) for row in rows for line in row[1:])
    if begin and not inside and all(1 < len(row) <= BLOCK_LINES for row in rows):
        settings["block"] = "{begin: " + quoted("^ *" + re.escape(begin)) + "}"
        return settings, blocks
    return settings, [line for line in lines if line.strip()]


def _arrivals(data: bytes, lines: Sequence[str], times: Sequence[tuple[int, float]]) -> list[float | None]:
    """When each line began to come, in seconds; None where that is not known."""
    offsets = [offset for offset, _ in times]
    found: list[float | None] = []
    at = 0
    for line in lines:
        begin = data.find(line.split("\n")[0].encode("ascii", "ignore"), at)
        piece = bisect_right(offsets, begin) - 1
        known = begin >= 0 and piece >= 0
        found.append(times[piece][1] if known else None)
        at = max(at, begin + 1)
    return found


def _decode(data: bytes, settings: dict[str, str]) -> str:
    if all(byte < 0x80 for byte in data):
        return data.decode("ascii")
    try:
        text = data.decode("gbk")
        settings["encoding"] = "gbk"
    except UnicodeDecodeError:
        text = data.decode("latin-1")
        settings["encoding"] = "latin-1"
    return text

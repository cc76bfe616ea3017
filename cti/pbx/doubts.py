"""What shows that a call record was damaged on its way, though a form of the dialect reads it (step 9).

A record line has no check character. What a damaged one looks like: signs that no printer prints (a byte of wrong
parity comes as NUL), something where the form has nothing, a field that does not look as it does in a sound record.
Such a record counts where the rest of it says whose it is, but as doubtful: the call is marked so, and nothing is
mended by what it says.

What a field looks like stands in `shapes`, which must fit, and in `usual`, which must fit a sound record. Columns that
have neither hold digits and what stands between digits; the groups `name` and `rest` of a pattern hold words.

A digit that became another digit shows nothing: who compares numbers, times and lengths with what is known otherwise
is cti.talks.sureness, and a line on which damage is seen again and again is not believed at all (cti.arrivals.trust).
"""

from __future__ import annotations

import re
from collections import deque
from typing import Final

from cti.pbx.smdr_rules import RecordForm, base_name

# So many looks of records are kept; so many signs of a damaged one differ.
KEPT: Final = 16
SIGNS: Final = 4
_NOT_ASCII: Final = re.compile(r"[^\t\n\x20-\x7e]")
_NOT_PRINTED: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]|\\x[0-9a-f]{2}")
_MARKS: Final = re.compile(r"[\d\s*.:#-]*")  # counts and stars before a record
# Of columns that have no shape of their own.
_OF_COLUMNS: Final = {
    "number": r"[\d*#]*",
    "extension": r"[*A-Z]?\d*",
    "trunk": r"[A-Z]{0,3}\d*(?: \d+)?",
    "ring": r"[\d:'.]*",
    "date": "", "time": "", "end_date": "", "end_time": "", "duration": "",  # read as such, or not at all
}  # fmt: skip
_OF_ALL_COLUMNS: Final = r"[\d.,:*#/+-]*"
# Of groups that take what comes.
_OF_GROUPS: Final = {
    "name": r"(?:[^\W\d][\w.,'&/-]*(?: [\w.,'&/-]+)*)?",
    "rest": r"(?:[A-Z\d.,:*#/+$-]+(?: +|$))*",
}


def doubt_of(form: RecordForm, pattern: re.Pattern[str], text: str, ascii_only: bool) -> str | None:
    """Why a text that the form reads may be damaged, in words; None: nothing shows it."""
    odd = not_printed(text, ascii_only)
    if odd is not None:
        return f"{odd[0]!r} at {odd.start() + 1} is nothing that a printer prints"
    match = pattern.search(text)
    if match is None:
        return None
    at = _outside(form, match, text)
    if at is not None:
        return f"{text[at : at + 12].strip()!r} at {at + 1} stands where {form.name} has nothing"
    for name, value in match.groupdict().items():
        value = (value or "").strip()
        usual = _usual(form, base_name(name))
        if (value and usual and not re.fullmatch(usual, value)) or (value and form.usual.get(base_name(name)) == ""):
            return f"{base_name(name)} holds {value[:24]!r}"
    return None


def not_printed(text: str, ascii_only: bool) -> re.Match[str] | None:
    """The first sign that no printer prints."""
    return (_NOT_ASCII if ascii_only else _NOT_PRINTED).search(text)


class Looks:
    """What the last records looked like: a line that no form reads, and which looks so but for a few signs, is a
    damaged record; another is one that the dialect does not know."""

    def __init__(self, ascii_only: bool) -> None:
        self._ascii = ascii_only
        self._last: deque[str] = deque(maxlen=KEPT)

    def record(self, raw: str) -> None:
        """A sound record."""
        look = _look(raw)
        if look not in self._last:
            self._last.append(look)

    def damaged(self, raw: str) -> bool:
        """Is this unread line one of them, damaged?"""
        if not_printed(raw, self._ascii):
            return True
        look = _look(raw)
        same = (one for one in self._last if len(one) == len(look))
        return any(sum(a != b for a, b in zip(one, look, strict=True)) <= SIGNS for one in same)


def _look(raw: str) -> str:
    return re.sub(r"[A-Za-z]", "a", re.sub(r"\d", "9", raw))


def _outside(form: RecordForm, match: re.Match[str], text: str) -> int | None:
    """Where something stands that belongs to no field."""
    if form.pattern is not None:
        if not _MARKS.fullmatch(text[: match.start()]):
            return len(text[: match.start()]) - len(text[: match.start()].lstrip())
        behind = text[match.end() :]
        return match.end() if form.pattern.endswith("$") and behind.strip() else None
    covered = {at for first, last in form.columns.values() for at in range(first - 1, last)}
    return next((at for at, sign in enumerate(text) if at not in covered and not sign.isspace()), None)


def _usual(form: RecordForm, name: str) -> str | None:
    if name in form.usual:
        return form.usual[name]
    if form.pattern is not None:
        return _OF_GROUPS.get(name)
    return None if name in form.shapes else _OF_COLUMNS.get(name, _OF_ALL_COLUMNS)

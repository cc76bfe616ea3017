"""Cuts a printed line into the things that a person sees in it: dates, times, durations, digits, words. Serves step 9.

For `tipring pbx learn`, where nothing is known of the PBX but what it printed. Fields may touch each other
(22.02.1923:11:41 is a date and a time, 4800:4100:10:03 an extension, a ringing time and a duration).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import date
from typing import Final, NamedTuple

from cti.pbx.smdr_rules import DateOrder

_ATOM: Final = re.compile(
    r"""(?P<gap>[ \t]+) | (?P<newline>\n)
    | (?P<stamp>(?<!\d)(?:19|20)\d{12}(?!\d))
    | (?P<date>(?<![\d/.:-])(?:(?:19|20)\d\d(?P<s>[/.-])\d\d(?P=s)\d\d(?!\d)
        |[\d*]{2}(?P<t>[/.-])[\d*]{2}(?P=t)[\d*]{2}(?:\d\d(?![\d:]))?
        |\d\d[/-]\d\d(?![\d:'./-])))
    | (?P<hms>\d{1,2}:\d\d[:']\d\d(?:\.\d)?"?|\d\d[Hh]\d\d[Mm]\d\d)
    | (?P<hm>\d{1,2}:\d\d(?:[AaPp][Mm]?(?![A-Za-z]))?)
    | (?P<ms>\d{1,2}'\d\d"?)
    | (?P<digits>\d+?(?=\d\d:\d\d)|(?:\*(?=\d+\#))?\d+(?:[*\#]\d+|\.{2,}|-\d{2,})*)
    | (?P<word><[A-Za-z]{1,3}>|(?:(?!<[A-Za-z]{1,3}>)[^\s\d])+)""",
    re.VERBOSE,
)
_NAME: Final = re.compile(r"[^\W\d_][^\W\d_.,'&-]*[.,]?")
_FLAG: Final = re.compile(r"[A-Z]{1,2}")
ORDERS: Final[tuple[DateOrder, ...]] = ("mdy", "dmy", "ymd")

# What words and letters that stand by themselves usually say of a call's direction.
DIRECTIONS: Final = {
    "I": "in", "IN": "in", "IT": "in", "FI": "in", "DI": "in", "INCOMING": "in", "<I>": "in", "<--": "in",
    "O": "out", "OUT": "out", "OT": "out", "FO": "out", "DO": "out", "OUTGOING": "out", "-->": "out",
}  # fmt: skip


class Atom(NamedTuple):
    """One thing seen.

    kind: gap, newline; stamp (YYYYMMDDhhmmss), date, hms, hm, ms; digits; letter (a capital that touches the digits
    behind it: T010), flag (one or two capitals or a known mark by itself), literal, name (words that vary).
    """

    kind: str
    text: str


def atoms(line: str, literals: Collection[str]) -> list[Atom]:
    """The line's atoms; literals: words that other lines have too. Nothing is lost but blanks at the ends."""
    found: list[Atom] = []
    raw = [(str(match.lastgroup or ""), match[0]) for match in _ATOM.finditer(line.strip())]
    raw = [("date" if kind in ("s", "t") else kind, text) for kind, text in raw]
    for index, (kind, text) in enumerate(raw):
        if kind != "word":
            found.append(Atom(kind, text))
            continue
        alone = (index == 0 or raw[index - 1][0] in ("gap", "newline")) and (
            index + 1 == len(raw) or raw[index + 1][0] in ("gap", "newline")
        )
        follows = raw[index + 1][0] if index + 1 < len(raw) else ""
        begins = index == 0 or raw[index - 1][0] in ("gap", "newline")
        if begins and follows == "digits" and len(text) == 1 and "A" <= text <= "Z":
            found.append(Atom("letter", text))
        elif alone and (text in DIRECTIONS or _FLAG.fullmatch(text)):
            found.append(Atom("flag", text))
        elif text in literals or not _NAME.fullmatch(text) or (len(text) < 3 and not alone):
            found.append(Atom("literal", text))
        elif len(found) > 1 and found[-1] == Atom("gap", " ") and found[-2].kind == "name":
            found[-2:] = [Atom("name", f"{found[-2].text} {text}")]
        else:
            found.append(Atom("name", text))
    return found


def words_in_common(lines: Sequence[str]) -> set[str]:
    """Words in capitals that stand in more than one line and in a tenth of all: they belong to the form."""
    counts: dict[str, int] = {}
    for line in lines:
        for word in {match[0] for match in _ATOM.finditer(line) if match["word"]}:
            counts[word] = counts.get(word, 0) + 1
    return {word for word, count in counts.items() if count > 1 and count * 10 >= len(lines) and word.isupper()}


def signature(found: Sequence[Atom]) -> tuple[str, ...]:
    """What lines of one form have in common: the kinds, with the text of literals and the shape of dates and times."""
    return tuple(
        f"{atom.kind}:{atom.text}"
        if atom.kind == "literal"
        else f"{atom.kind}:{re.sub('[AaPp][Mm]?', 'M', re.sub(r'[0-9*]', 'd', atom.text))}"
        if atom.kind in ("date", "hms", "hm", "ms")
        else atom.kind
        for atom in found
    )


def orders_of(texts: Sequence[str]) -> list[DateOrder]:
    """The orders in which all these dates are dates. Dates of stars say nothing."""
    plain = [text for text in texts if "*" not in text]
    if any(len(re.findall(r"\d+", text)[0]) == 4 or (len(text) == 8 and text.isdigit()) for text in plain):
        return ["ymd"] if all(as_date(text, "ymd") for text in plain) else []
    two = all(len(parts_of(text)) == 2 for text in plain)
    candidates: tuple[DateOrder, ...] = ("md", "dm") if two else ORDERS
    return [order for order in candidates if all(as_date(text, order) for text in plain)]


def parts_of(text: str) -> list[str]:
    """22.02.19 and 220219 as 22, 02, 19."""
    parts = re.findall(r"\d+", text)
    if len(parts) == 1 and len(text) in (6, 8):
        year = len(text) - 4
        return [text[:year], text[year : year + 2], text[year + 2 :]]
    return parts


def as_date(text: str, order: str) -> date | None:
    """The date, or None where the text is none in this order; without a year, of a leap year."""
    parts = parts_of(text)
    if len(parts) != len(order):
        return None
    values = dict(zip(order, map(int, parts), strict=True))
    year = values.get("y", 2024)
    try:
        return date(year if year > 99 else 2000 + year if year < 70 else 1900 + year, values["m"], values["d"])
    except ValueError:
        return None


def is_clock(text: str) -> bool:
    """Whether six digits may be hhmmss."""
    return len(text) == 6 and text.isdecimal() and int(text[:2]) < 24 and int(text[2:4]) < 60 and int(text[4:]) < 60

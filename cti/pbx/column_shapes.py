"""Cuts printed lines into columns where no punctuation says what is what, only the place of each digit. Serves step 9.

For `tipring pbx learn`. A column ends where lines have blanks at the same place, or where a date, a time or one of the
site's extensions begins in the middle of digits (cti.pbx.column_guesses asks for that cut). Columns count from 1, both
ends included, as in makers' manuals.

A place that only a few lines show (RARE of them) may be damage, and is none.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

RARE: Final = 0.03
MANY: Final = 10  # lines; from so many on their statistics count

_TOKEN: Final = re.compile(r"\S+")


def columns_of(lines: Sequence[str]) -> list[tuple[int, int]]:
    """The columns that lines of one kind have in common: each blank between two texts of a line lies at the end of one.

    Where blanks leave a choice, the cut lies where most texts end or begin: columns hold their texts at the left or at
    the right.
    """
    gaps: list[tuple[int, int]] = []  # the cut lies behind one of these columns
    edges: Counter[int] = Counter()
    for line in lines:
        tokens = [match.span() for match in _TOKEN.finditer(line)]
        gaps += [(end, begin) for (_, end), (begin, _) in itertools.pairwise(tokens)]
        edges.update(end for _, end in tokens)
        edges.update(begin for begin, _ in tokens)
    cuts: list[int] = []
    least = len(lines) * RARE if len(lines) >= MANY else 0
    while gaps:
        votes: Counter[int] = Counter()
        for first, last in gaps:
            votes.update(range(first, last + 1))
        cut, count = max(votes.items(), key=lambda vote: (vote[1], edges[vote[0]], -vote[0]))
        if count <= least:
            break
        cuts.append(cut)
        gaps = [gap for gap in gaps if not gap[0] <= cut <= gap[1]]
    return between(lines, cuts)


def between(lines: Sequence[str], cuts: Sequence[int]) -> list[tuple[int, int]]:
    """The columns with cuts behind these places, without the blanks at their ends that all lines have."""
    least = len(lines) * RARE if len(lines) >= MANY else 0
    width = max(map(len, lines), default=0)
    used = [sum(not line[at : at + 1].isspace() for line in lines if at < len(line)) > least for at in range(width)]
    found = []
    edges = [0, *sorted(set(cuts)), len(used)]
    for first, last in itertools.pairwise(edges):
        filled = [at for at in range(first, last) if used[at]]
        if filled:
            found.append((filled[0] + 1, filled[-1] + 1))
    return found


def cut_out(columns: Sequence[tuple[int, int]], first: int, last: int) -> list[tuple[int, int]]:
    """The columns with [first, last] as one of them: what it lies in is cut."""
    found = [(first, last)]
    for begin, end in columns:
        found += [part for part in ((begin, min(end, first - 1)), (max(begin, last + 1), end)) if part[0] <= part[1]]
    return sorted(found)


def text_at(line: str, column: tuple[int, int]) -> str:
    """What stands there, without blanks around it."""
    return line[column[0] - 1 : column[1]].strip()


def widened(columns: Sequence[tuple[int, int]], lines: Sequence[str]) -> list[tuple[int, int]]:
    """The columns with the blanks beside them that are their own, as texts longer than those seen need them: at the
    right where texts begin at one place, at the left where they end at one. A blank stays between two; none becomes
    more than twice as wide, since what stands in blanks may be damage."""
    grows = [_grows(column, lines) for column in columns]
    found = list(columns)
    for at, (first, last) in enumerate(columns):
        before = columns[at - 1][1] if at else -1
        spare = max(first - before - 2, 0)
        to_left = spare if grows[at] == "left" else 0
        if at and grows[at - 1] == "right":
            to_left //= 2
            begin = columns[at - 1][0]
            found[at - 1] = (found[at - 1][0], before + min(spare - to_left, before - begin + 1))
        found[at] = (first - min(to_left, last - first + 1), last)
    return found


def _grows(column: tuple[int, int], lines: Sequence[str]) -> str:
    """To which side its texts grow: right, left, or "" where all fill it."""
    inside = [line[column[0] - 1 : column[1]].ljust(column[1] - column[0] + 1) for line in lines]
    inside = [text for text in inside if text.strip()]
    at_left = sum(not text[0].isspace() for text in inside)
    at_right = sum(not text[-1].isspace() for text in inside)
    return "right" if at_left > at_right else "left" if at_right > at_left else ""

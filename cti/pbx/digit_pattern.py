r"""Patterns of DTMF strings: does a string fit, and can it still become one that does? Serves step 4.

A pattern is written as a regular expression of Python's, of which this much is known: digits ``0-9 A-D``, ``\*``,
``#``, ``\d``, ``.`` (any of the sixteen), sets ``[*\d]`` ``[1-5]`` ``[^#]``, groups ``(...)``, ``(?:...)`` and
``(?P<name>...)``, alternatives ``|``, and the repetitions ``?``, ``*``, ``+``, ``{2}``, ``{2,}`` and ``{2,5}``. A
pattern stands for whole strings. Python's own module finds the groups; what it cannot say is whether digits heard so
far are the beginning of something, and whether more may follow: that is asked of the pattern's states here, so that a
call does not wait for digits which cannot come.

Limits: a pattern of at most 200 characters and 2000 states, repetitions of at most 32.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

DIGITS: Final = frozenset("0123456789*#ABCD")
LONGEST: Final = 200
MOST_STATES: Final = 2000
MOST_TIMES: Final = 32
_COUNT: Final = re.compile(r"\{(\d{1,3})(,(\d{1,3})?)?\}")
_NAME: Final = re.compile(r"\?P<([A-Za-z_]\w*)>")


class PatternFault(ValueError):
    """Not a pattern of digits; the text says what is wrong and where."""


class DigitPattern:
    """One pattern. Raises PatternFault."""

    def __init__(self, text: str) -> None:
        self.text = text
        graph = _Parser(text).parse()
        self._steps, self._free, self._start, self._end = graph.steps, graph.free, graph.start, graph.end
        try:
            self._re = re.compile(text)
        except re.error as error:
            raise PatternFault(str(error)) from error
        self.groups = frozenset(self._re.groupindex)

    def match(self, digits: str) -> dict[str, str] | None:
        """The named groups (empty text where one did not take part) if the whole string fits."""
        found = self._re.fullmatch(digits)
        return None if found is None else {name: text or "" for name, text in found.groupdict().items()}

    def reach(self, digits: str) -> tuple[bool, bool]:
        """Whether some string that fits begins with these digits, and whether one of them is longer."""
        states = self._closed({self._start})
        for digit in digits:
            states = self._closed({to for state in states for chars, to in self._steps[state] if digit in chars})
            if not states:
                return False, False
        return True, any(self._steps[state] for state in states)

    def _closed(self, states: Iterable[int]) -> set[int]:
        found, todo = set(states), list(states)
        while todo:
            for to in self._free[todo.pop()]:
                if to not in found:
                    found.add(to)
                    todo.append(to)
        return found


class _Graph:
    """States and the steps between them, by a digit or freely; a part of a pattern runs from start to end."""

    def __init__(self) -> None:
        self.steps: list[list[tuple[frozenset[str], int]]] = []
        self.free: list[list[int]] = []
        self.start = self.end = 0

    def state(self) -> int:
        if len(self.steps) >= MOST_STATES:
            raise PatternFault(f"needs more than {MOST_STATES} states: repeat less")
        self.steps.append([])
        self.free.append([])
        return len(self.steps) - 1


class _Parser:
    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise PatternFault(f"has {len(text)} characters, at most {LONGEST} are read")
        self.text, self.at, self.graph = text, 0, _Graph()

    def parse(self) -> _Graph:
        self.graph.start = self.graph.state()
        self.graph.end = self.alternatives(self.graph.start)
        if self.at < len(self.text):
            raise self.fault("unbalanced )")
        return self.graph

    def fault(self, what: str) -> PatternFault:
        return PatternFault(f"{what} at character {self.at + 1}")

    def next(self) -> str:
        return self.text[self.at : self.at + 1]

    def alternatives(self, start: int) -> int:
        end = self.sequence(start)
        while self.next() == "|":
            self.at += 1
            other = self.sequence(start)
            joined = self.graph.state()
            self.graph.free[end].append(joined)
            self.graph.free[other].append(joined)
            end = joined
        return end

    def sequence(self, start: int) -> int:
        while self.next() not in ("", "|", ")"):
            start = self.repeated(start)
        return start

    def repeated(self, start: int) -> int:
        """One atom, read again for each time that it may be there."""
        at = self.at
        self.atom(self.graph.state())  # only to find its end
        after = self.at
        least, most = self.times()
        end_of_all = self.at

        def once(from_state: int) -> int:
            self.at = at
            to = self.atom(from_state)
            assert self.at == after
            return to

        for _ in range(least):
            start = once(start)
        exits = [start]
        if most is None:
            begin = self.graph.state()
            self.graph.free[start].append(begin)
            self.graph.free[once(begin)].append(begin)
            exits.append(begin)
        else:
            for _ in range(most - least):
                start = once(start)
                exits.append(start)
        self.at = end_of_all
        end = self.graph.state()
        for state in exits:
            self.graph.free[state].append(end)
        return end

    def times(self) -> tuple[int, int | None]:
        sign = self.next()
        if sign in ("?", "*", "+") and sign:
            self.at += 1
            found: tuple[int, int | None] = {"?": (0, 1), "*": (0, None), "+": (1, None)}[sign]
        elif count := _COUNT.match(self.text, self.at):
            least = int(count[1])
            found = least, (least if count[2] is None else int(count[3]) if count[3] else None)
            if max(least, found[1] or 0) > MOST_TIMES or (found[1] is not None and found[1] < least):
                raise self.fault(f"{count[0]}: repeat from few to many, at most {MOST_TIMES} times")
            self.at = count.end()
        else:
            return 1, 1
        if self.next() in ("?", "*", "+", "{") and self.next():
            raise self.fault(f"{self.next()!r} after a repetition")
        return found

    def atom(self, start: int) -> int:
        if self.next() == "(":
            self.at += 1
            if self.text.startswith("?:", self.at):
                self.at += 2
            elif name := _NAME.match(self.text, self.at):
                self.at = name.end()
            elif self.next() == "?":
                raise self.fault("only (...), (?:...) and (?P<name>...) are known")
            end = self.alternatives(start)
            if self.next() != ")":
                raise self.fault("missing )")
            self.at += 1
            return end
        chars = self.chars()
        end = self.graph.state()
        self.graph.steps[start].append((chars, end))
        return end

    def chars(self) -> frozenset[str]:
        sign = self.next()
        if sign == "[":
            return self.set_of_chars()
        if sign == ".":
            self.at += 1
            return DIGITS
        return self.char()

    def char(self) -> frozenset[str]:
        sign = self.next()
        if sign == "\\":
            self.at += 1
            sign = self.next()
            if sign == "d":
                self.at += 1
                return frozenset("0123456789")
        elif sign == "*":
            raise self.fault(r"* repeats nothing: write \* for the key")
        if sign not in DIGITS:
            raise self.fault(f"{sign or 'the end'!r} is no digit: 0-9 A-D # \\* \\d")
        self.at += 1
        return frozenset(sign)

    def set_of_chars(self) -> frozenset[str]:
        self.at += 1
        inverted = self.next() == "^"
        self.at += inverted
        found: set[str] = set()
        while self.next() != "]":
            if self.next() == "*":
                self.at += 1
                one = frozenset("*")
            else:
                one = self.char()
            if self.next() == "-" and len(one) == 1:
                self.at += 1
                last = self.next()
                (first,) = one
                if not last or last not in "0123456789ABCD" or first not in "0123456789ABCD" or last < first:
                    raise self.fault("a range goes from one digit up to another")
                self.at += 1
                one = frozenset(digit for digit in DIGITS if first <= digit <= last)
            found |= one
        self.at += 1
        if not found:
            raise self.fault("an empty set")
        return frozenset(DIGITS - found if inverted else found)

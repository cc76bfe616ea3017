"""Digits after the answer that the dialect does not know: told when they are sure, and no longer than they come."""

from __future__ import annotations

from cti.arrivals.strings import PLAIN, Strings


class Told(list[tuple[bool, str]]):
    def __call__(self, raised: bool, text: str) -> None:
        self.append((raised, text))


def test_one_string_may_be_a_callers_telephone() -> None:
    told = Told()
    strings = Strings(False, told)
    strings.unknown("one")
    assert not strings.come and told == []
    for _ in range(PLAIN):
        strings.plain()
    strings.unknown("another, much later")
    assert not strings.come and told == []


def test_two_of_the_last_answers_are_the_pbx() -> None:
    told = Told()
    strings = Strings(False, told)
    for text in ("one", "two", "three"):
        strings.plain()
        strings.unknown(text)
    assert strings.come and told == [(True, "two")], "told once while it stands"
    for _ in range(PLAIN - 1):
        strings.plain()
    assert len(told) == 1
    strings.plain()
    assert told[1:] == [(False, f"{PLAIN} calls in a row without digits that fit no pattern")]
    strings.plain()
    assert len(told) == 2 and not strings.come


def test_where_digits_are_expected_the_first_one_is_told() -> None:
    told = Told()
    strings = Strings(True, told)
    strings.unknown("one")
    assert strings.come and told == [(True, "one")]

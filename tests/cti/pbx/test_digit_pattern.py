"""Patterns of digits: what fits, what may still come to fit, and what is no pattern."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.pbx.digit_pattern import DigitPattern, PatternFault

PATTERNS = [
    r"#02#(?P<calling>\d*)#(?P<called>\d*)#",
    r"\*\*\*[134](?P<calling>[*\d]{5,6})(?:\*(?P<origin>[134]))?",
    r"#6(?P<called>[1-5]\d{1,3})",
    r"(?:1|2#|[^1-9#]+)\*?",
    r"A(\d+)(B|C)?|#8",
    r"(?:1{2}){1,2}|.{3,}",
    r"",
]


@pytest.mark.parametrize("text", PATTERNS)
def test_what_may_follow_is_what_the_expression_says(text: str) -> None:
    """All strings of up to four keys: a string can be continued exactly where a longer one of them fits."""
    pattern = DigitPattern(text)
    keys = "126*#A"
    fits = {"".join(one) for n in range(5) for one in product(keys, repeat=n) if re.fullmatch(text, "".join(one))}
    for one in fits:
        assert pattern.match(one) is not None
        for n in range(len(one)):
            assert pattern.reach(one[:n]) == (True, True), (text, one[:n])
        assert pattern.reach(one)[0]


@given(st.sampled_from(PATTERNS), st.text("0123456789*#ABCD", max_size=14))
def test_a_string_that_cannot_be_continued_never_fits_longer(text: str, digits: str) -> None:
    pattern = DigitPattern(text)
    alive, longer = pattern.reach(digits)
    assert alive or re.fullmatch(text, digits) is None
    if not longer:
        assert all(not pattern.reach(digits + digit)[0] for digit in "0123456789*#ABCD")


def test_groups_that_took_no_part_are_empty() -> None:
    pattern = DigitPattern(r"(?P<called>\d+)(?:#(?P<calling>\d+))?")
    assert pattern.groups == {"called", "calling"}
    assert pattern.match("12") == {"called": "12", "calling": ""}
    assert pattern.match("12#") is None and pattern.reach("12#") == (True, True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("***1", "write \\* for the key at character 1"),
        ("1(2", "missing ) at character 4"),
        ("1)", "unbalanced )"),
        ("1a", "'a' is no digit"),
        ("1{3,2}", "from few to many"),
        ("1{99}", "at most 32"),
        ("1?+", "after a repetition"),
        ("(?=1)", "only (...)"),
        ("[5-2]", "from one digit up to another"),
        ("[12", "no digit"),
        ("[]", "empty set"),
        ("^1$", "no digit"),
        ("(?P<a>1)(?P<a>2)", "redefinition"),
        ("1" * 201, "at most 200"),
        ("((((\\d{32}){32}))){32}", "repeat less"),
    ],
)
def test_what_is_no_pattern_says_why(text: str, why: str) -> None:
    with pytest.raises(PatternFault, match=re.escape(why)):
        DigitPattern(text)

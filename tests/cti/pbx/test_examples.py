"""A form that does not read its own examples: each is told, with the place where the line breaks off."""

from __future__ import annotations

import pytest

from cti.errors import ConfigFaults
from cti.pbx.dialect import dialect_from_text
from cti.pbx.examples import breaks_off

BAD = r"""
name: bad
title: examples
smdr:
  skip: ['^---']
  records:
    - name: call
      pattern: '^(?P<date>\d\d/\d\d) (?P<time>\d\d:\d\d)(?: (?P<flag>[A-Z)]))? (?P<extension>\d{3}) (?P<duration>\S+)$'
      examples:
        - 01/02 10:00 A 101 00:05
        - 01/02 10:00 A 1x1 00:05
        - 01/02 10:00
        - 13/40 10:00 101 00:05
        - --- 01/02
    - name: columns
      columns: {extension: [1, 4], time: [6, 10], number: [12, 20]}
      shapes: {extension: '\d+', time: '\d\d:\d\d', number: '[\d#]+'}
      examples: ['8001 10:00 138#', '8001 10.00 138#', '8001 10:00', '8001']
"""


def test_each_example_that_does_not_fit_is_told_with_its_line_and_where_it_breaks_off() -> None:
    with pytest.raises(ConfigFaults) as caught:
        dialect_from_text(BAD)
    assert [(fault.line, fault.message) for fault in caught.value.faults] == [
        (
            11,
            "\"01/02 10:00 A 1x1 00:05\" does not fit: breaks off at character 16, 'x1 00:05', where the pattern goes "
            "on with {3}) (?P<duration>\\S+)$",
        ),
        (
            12,
            '"01/02 10:00" does not fit: breaks off at character 12, the line is over, where the pattern goes on with '
            " (?P<extension>\\d{3}) (?…",
        ),
        (13, "\"13/40 10:00 101 00:05\" does not fit: call: '13/40' is not a date in the order mdy"),
        (14, '"--- 01/02" is skipped by smdr.skip'),
        (18, "\"8001 10.00 138#\" does not fit: column time [6, 10] holds '10.00', not \\d\\d:\\d\\d"),
        (18, "\"8001 10:00\" does not fit: column number [12, 20] holds '', not [\\d#]+"),
        (18, "\"8001\" does not fit: column time [6, 10] holds '', not \\d\\d:\\d\\d"),
    ]


@pytest.mark.parametrize(
    ("pattern", "line", "at"),
    [
        ("abc", "xabd", 3),
        ("a(b|c)d", "acx", 2),
        (r"[(\]]+x", "((y", 2),
        (r"(?P<one>\d+)-(?P<two>\d+)", "12-x", 3),
        ("z", "abc", 0),
    ],
)
def test_how_far_a_line_fits(pattern: str, line: str, at: int) -> None:
    assert breaks_off(pattern, line)[0] == at

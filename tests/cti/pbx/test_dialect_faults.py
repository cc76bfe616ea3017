"""A dialect file with many faults: all are named at once, with an example line that does not fit its form."""

from __future__ import annotations

import pytest

from cti.errors import ConfigFaults
from cti.pbx.dialect import dialect_from_text

FAULTY = r"""
name: bad
title: 7
serial: {smdr: {baud: 9601, bits: 9, parity: evn}}
smdr:
  terminators: [crlf, semicolon]
  date_order: myd
  conditons: {}
  records:
    - name: a
      pattern: '^(?P<extension>\d+) (?P<duration>\d\d:\d\d'
    - name: b
      columns: {extension: [5, 3], date: [4, 9]}
    - name: c
      pattern: '^(?P<date>\d\d/\d\d/\d\d) (?P<time>\d\d:\d\d) (?P<extension>\d{4}) (?P<duration>\d\d:\d\d:\d\d)$'
      examples: ["01/05/26 09:30 8001  00:01:05"]
line: {flash_ms: 5, answer: [voce]}
"""


def test_each_fault_is_named_in_one_go() -> None:
    with pytest.raises(ConfigFaults) as told:
        dialect_from_text(FAULTY)
    fields = [fault.field for fault in told.value.faults]
    assert fields == [
        "title",
        "serial.smdr.baud",
        "serial.smdr.bits",
        "serial.smdr.parity",
        "smdr.terminators[1]",
        "smdr.date_order",
        "smdr.conditons",
        "smdr.records[0].pattern",
        "smdr.records[1].columns.extension",
        "smdr.records[2].examples[0]",
        "line.flash_ms",
        "line.answer[0]",
    ]
    example = next(fault for fault in told.value.faults if "examples" in fault.field)
    assert "breaks off at character 21" in example.message and "8001  00:01:05" in example.message
    assert all(fault.remedy for fault in told.value.faults)


def test_an_example_is_not_blamed_for_what_may_follow_from_another_fault() -> None:
    whole = FAULTY.replace("8001  00", "8001 00").replace("01/05/26", "31/01/26")  # a date, in another order
    with pytest.raises(ConfigFaults) as told:
        dialect_from_text(whole)
    assert not any("examples" in fault.field for fault in told.value.faults)


def test_a_record_of_two_lines_needs_both_forms() -> None:
    form = "{name: x, pattern: '^(?P<extension>\\d+)$', %s: true}"
    for one, other in (("continued", "continues"), ("continues", "continued")):
        with pytest.raises(ConfigFaults) as told:
            dialect_from_text("name: x\ntitle: x\nsmdr: {records: [%s]}" % (form % one))
        (fault,) = told.value.faults
        assert fault.field == f"smdr.records[0].{one}" and other in fault.remedy

"""A wrong dialect is told all its faults with lines; a wrong name is told those there are."""

from __future__ import annotations

import pytest

from cti.errors import ConfigFaults
from cti.pbx.dialect import Dialect, dialect_from_text, load_dialect

BAD = """\
name: bad
title: 12
serial:
  smdr: {baud: 9601, parity: evn}
smdi: {msd_strip: 12, msd_stripp: 1}
smdr:
  terminators: [crlf, eol]
  date_order: myd
  records:
    - {name: a}
line:
  flash_ms: 5
  answer: [voice, smell]
"""

BAD_FORMS = """\
name: bad
title: forms
smdr:
  skip: ['(', ok]
  records:
    - {name: neither}
    - {name: both, pattern: '(?P<date>x)', columns: {date: [1, 2]}}
    - {name: nothing, pattern: 'abc'}
    - {name: broken, pattern: '(?P<date>['}
    - name: columns
      columns: {date: [1, 8], time: [8, 9], number: [20, 11], extension: [33, 32]}
      shapes: {dat: x}
"""


BAD_CALLS = """\
name: bad
title: calls
calls: {sources: [smdi, smdi, dtmf_after_answer, smdr_at_ring, mci, phone], number_max: 2, dnis: [trunk]}
smdr: {records: [{name: a, pattern: '(?P<date>x)'}]}
"""

BAD_SOURCES = """\
name: bad
title: sources
calls: {sources: [smdi, smdi, dtmf_after_answer, smdr_at_ring, mci]}
mci: {columns: {calling: [5, 12], station: [10, 13], who: [20, 21]}}
smdr: {records: [{name: a, pattern: '(?P<date>x)'}]}
"""

BAD_PATTERNS = """\
name: bad
title: patterns
calls: {sources: [dtmf_after_answer]}
in_band:
  patterns:
    - {pattern: '***1'}
    - {pattern: '1(?P<who>[0-9])'}
    - {pattern: '1', reasons: {'1': busy}}
  gone: ['#9', 'x']
smdr: {records: [{name: a, pattern: '(?P<date>x)'}]}
"""


def faults(text: str) -> dict[str, tuple[int, str, str]]:
    with pytest.raises(ConfigFaults) as caught:
        dialect_from_text(text)
    return {fault.field: (fault.line, fault.message, fault.remedy) for fault in caught.value.faults}


def test_all_faults_of_the_fields_at_once() -> None:
    found = faults(BAD)
    assert {field: line for field, (line, _, _) in found.items()} == {
        "title": 2,
        "serial.smdr.baud": 4,
        "serial.smdr.parity": 4,
        "smdi.msd_strip": 5,
        "smdi.msd_stripp": 5,
        "smdr.terminators[1]": 7,
        "smdr.date_order": 8,
        "line.flash_ms": 12,
        "line.answer[1]": 13,
    }
    assert found["line.flash_ms"][2] == "write a whole number from 20 to 3000"
    assert "even" in found["serial.smdr.parity"][2]
    assert found["smdi.msd_stripp"][2] == "did you mean msd_strip?"


def test_all_faults_of_the_record_forms_at_once() -> None:
    found = faults(BAD_FORMS)
    assert {field: line for field, (line, _, _) in found.items()} == {
        "smdr.skip[0]": 4,
        "smdr.records[0]": 6,
        "smdr.records[1]": 7,
        "smdr.records[2].pattern": 8,
        "smdr.records[3].pattern": 9,
        "smdr.records[4].columns.time": 11,
        "smdr.records[4].columns.number": 11,
        "smdr.records[4].columns.extension": 11,
        "smdr.records[4].shapes.dat": 12,
    }
    assert "begin at 9 or later" in found["smdr.records[4].columns.time"][2]


def test_all_faults_of_where_the_numbers_come_from() -> None:
    found = faults(BAD_CALLS)
    assert set(found) == {"calls.sources[5]", "calls.number_max", "calls.dnis[0]"}
    assert "smdr_at_ring" in found["calls.sources[5]"][2]
    found = faults(BAD_SOURCES)
    assert {field: line for field, (line, _, _) in found.items()} == {
        "calls.sources[1]": 3,
        "in_band.patterns": 1,
        "smdr.records": 5,
        "mci.columns.station": 4,
        "mci.columns.who": 4,
    }
    assert "event: ring" in found["smdr.records"][2]
    assert "station" in found["mci.columns.who"][2]
    found = faults(BAD_PATTERNS.replace("'x'", "'*'"))
    assert {field: line for field, (line, _, _) in found.items()} == {
        "in_band.patterns[0].pattern": 6,
        "in_band.patterns[1].pattern": 7,
        "in_band.patterns[2].reasons": 8,
    }
    assert "character 1" in found["in_band.patterns[0].pattern"][1]
    assert "called, calling" in found["in_band.patterns[1].pattern"][2]
    assert set(faults(BAD_PATTERNS)) == {"in_band.gone[1]"}


def test_a_wrong_name_lists_those_there_are() -> None:
    with pytest.raises(ConfigFaults) as caught:
        load_dialect("panasonic-tdx")
    text = str(caught.value)
    assert "did you mean panasonic-tda?" in text
    assert "generic, meridian1, panasonic-tda" in text
    with pytest.raises(ConfigFaults, match="no such file"):
        load_dialect("/nowhere/x.yaml")


def line_of(dialect: Dialect, **overrides: object) -> Dialect:
    return dialect.with_line(dict(overrides))


def test_overrides_of_the_site() -> None:
    dialect = load_dialect("panasonic-tda")
    assert line_of(dialect, flash_ms=450, dial_tone_s=None).line.flash_ms == 450
    assert line_of(dialect, flash_ms=450, dial_tone_s=None).line.dial_tone_s == dialect.line.dial_tone_s


def test_what_is_done_after_a_failed_transfer() -> None:
    line = load_dialect("generic").line
    assert [line.after_failure(kind) for kind in ("busy", "no_answer", "refused", "no_dial_tone")] == [
        "flash",
        "flash",
        "flash",
        "listen",
    ]
    onhook = line_of(load_dialect("generic"), after_busy="onhook").line
    assert (onhook.after_failure("busy"), onhook.after_failure("no_answer")) == ("onhook", "flash")
    none = line_of(load_dialect("generic"), retrieve="none").line
    assert none.after_failure("busy") == "onhook"

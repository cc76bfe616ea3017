"""A wrong dialect is told all its faults with lines; a wrong name is told those there are."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cti.errors import ConfigFaults
from cti.pbx.dialect import Dialect, dialect_from_text, dialect_names, load_dialect
from cti.pbx.line_rules import LineRules
from cti.site.config import Pbx

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
        "smdr.records[0]": 10,
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
    told = {"calls.sources[5]", "calls.number_max", "calls.dnis[0]"}
    assert set(found) == told | {"in_band.patterns", "mci.columns", "smdr.records"}  # which the sources need
    assert "smdr_at_ring" in found["calls.sources[5]"][2]
    assert set(faults(BAD_SOURCES.replace("[smdi, smdi, dtmf_after_answer, smdr_at_ring, mci]", "[]"))) == {
        "calls.sources",
        "mci.columns.station",
        "mci.columns.who",
    }
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
    assert set(faults(BAD_PATTERNS)) == {*found, "in_band.gone[1]"}


def test_a_wrong_name_lists_those_there_are() -> None:
    with pytest.raises(ConfigFaults) as caught:
        load_dialect("panasonic-tdx")
    text = str(caught.value)
    assert "did you mean panasonic-tda?" in text
    assert "there are: " + ", ".join(dialect_names()) in text
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


SHORT = "name: x\ntitle: x\nsmdr: {records: [{name: a, pattern: '(?P<date>x)'}]}\n"
LINE = """\
line:
  after_busy: flash_code
  retrieve: code
  answer: [status_digit]
  busy_out: code
  status_digits: {busy: '2', forwarded: ['6', '21'], gone: '#9'}
  lamp: {on: '*41', off: 'F*49{ext}', confirm: digit}
"""


def test_all_contradictions_of_the_line_section_at_once() -> None:
    found = faults(SHORT + LINE)
    assert {field: line for field, (line, _, _) in found.items()} == {
        "line.after_busy": 5,
        "line.retrieve": 6,
        "line.answer": 7,
        "line.busy_out_code": 4,
        "line.in_service_code": 4,
        "line.status_digits.forwarded": 9,
        "line.lamp.on": 10,
        "line.lamp.confirm": 10,
    }
    assert "'21' (forwarded) begins with '2' (busy)" in found["line.status_digits.forwarded"][1]
    assert found["line.retrieve"][2] == "add retrieve_code: '…'"


def test_all_faults_of_the_line_fields_at_once() -> None:
    found = faults(
        SHORT + "line: {retrieve: 2, status_digits: {busy: x}, lamp: {on: '{ex}'}, dial_tone: [], silence_s: 1}"
    )
    assert set(found) == {
        "line.retrieve", "line.status_digits.busy", "line.lamp.on", "line.lamp.off", "line.dial_tone", "line.silence_s"
    }  # fmt: skip


def test_a_site_that_contradicts_its_dialect() -> None:
    with pytest.raises(ConfigFaults, match="retrieve_code"):
        line_of(load_dialect("generic"), retrieve="flash_code")
    norstar = line_of(load_dialect("generic"), retrieve="flash_code", retrieve_code="2", after_refused="onhook").line
    assert [norstar.after_failure(kind) for kind in ("busy", "refused")] == ["flash_code", "onhook"]


def test_each_field_of_the_line_section_that_a_site_may_change_means_the_same_there() -> None:
    kinds = {field.name: field.type for field in msgspec.structs.fields(LineRules)}
    changes = {field.name: field.type for field in msgspec.structs.fields(Pbx) if field.name in kinds}
    assert len(changes) >= 25
    for name, kind in changes.items():
        assert msgspec.json.schema(kinds[name] | None)["anyOf"] == msgspec.json.schema(kind)["anyOf"], name


def test_a_dialect_stands_on_another_one(tmp_path: Path) -> None:
    below, above = tmp_path / "below.yaml", tmp_path / "above.yaml"
    below.write_text(
        "name: below\ntitle: b\nline: {flash_ms: 450, guard_s: 1}\n"
        "smdr:\n  records: [{name: call, pattern: '^(?P<extension>\\d+)$'}]\nto_learn: [the speed]\n"
    )
    above.write_text(f"base: {below}\nname: above\ntitle: a\nline: {{flash_ms: 300}}\n")
    dialect = load_dialect(above)
    assert (dialect.name, dialect.smdr.records[0].name, dialect.to_learn) == ("above", "call", ("the speed",))
    assert (dialect.line.flash_ms, dialect.line.guard_s) == (300, 1.0)
    below.write_text("name: below\ntitle: b\nline: {flash_ms: 1}\nsmdr: {records: 3}\n")
    with pytest.raises(ConfigFaults) as caught:
        load_dialect(above)
    assert [(fault.file, fault.line) for fault in caught.value.faults] == [(str(below), 3), (str(below), 4)]
    below.write_text(f"base: {above}\nname: below\ntitle: b\n")
    with pytest.raises(ConfigFaults, match="base: comes back to itself"):
        load_dialect(above)
    above.write_text("base: panasonic-tdx\nname: above\ntitle: a\n")
    with pytest.raises(ConfigFaults, match="did you mean panasonic-tda"):
        load_dialect(above)


def test_a_site_names_sources_that_the_dialect_describes() -> None:
    dialect = load_dialect("generic")
    assert dialect.with_calls({"sources": ("callerid_on_port",), "number_max": 7}).calls.number_max == 7
    assert dialect.with_calls({"sources": None}) == dialect
    with pytest.raises(ConfigFaults) as caught:
        dialect.with_calls({"sources": ("mci", "smdr_at_ring")})
    told = {fault.field: fault.remedy for fault in caught.value.faults}
    assert set(told) == {"mci.columns", "smdr.records"} and "station" in told["mci.columns"]


FAULTY = """
name: faulty
title: Faulty
serial:
  smdr: {baud: 9601}
calls: {sources: [smdi, smdi]}
in_band:
  patterns:
    - {pattern: '#02#(?P<caling>\\d*)#', reason: no_anser}
smdr:
  terminators: [crlf, cl]
  records:
    - name: incoming
      pattern: '^(?P<date>\\d\\d/\\d\\d/\\d\\d) (?P<time>\\d\\d:\\d\\d) (?P<extension>\\d+)$'
      direction: inn
      examples: ['01/05/26 09:00 80O1']
    - name: other
      pattern: '^(?P<date>'
line:
  flash_ms: 6
  busy_out: code
  in_service_code: 'x'
  retrieve: flash_code
  retrieve_code: 'none'
"""


def test_faults_of_values_do_not_hide_what_fields_contradict() -> None:
    with pytest.raises(ConfigFaults) as raised:
        dialect_from_text(FAULTY)
    assert [(fault.line, fault.field) for fault in raised.value.faults] == [
        (5, "serial.smdr.baud"),
        (6, "calls.sources[1]"),
        (9, "in_band.patterns[0].reason"),
        (9, "in_band.patterns[0].pattern"),
        (11, "smdr.terminators[1]"),
        (15, "smdr.records[0].direction"),
        (16, "smdr.records[0].examples[0]"),
        (18, "smdr.records[1].pattern"),
        (19, "line.busy_out_code"),
        (20, "line.flash_ms"),
        (22, "line.in_service_code"),
        (24, "line.retrieve_code"),
    ]
    assert '"01/05/26 09:00 80O1" does not fit: breaks off at character 18' in str(raised.value)


def test_neither_a_missing_name_nor_a_wrong_line_hides_what_is_wrong_elsewhere() -> None:
    text = FAULTY.replace("name: faulty\ntitle: Faulty\n", "name: 5\n").replace("{baud: 9601}", "7")
    with pytest.raises(ConfigFaults) as raised:
        dialect_from_text(text)
    with pytest.raises(ConfigFaults) as before:
        dialect_from_text(FAULTY)
    fields = [fault.field for fault in before.value.faults]
    told = [fault.field for fault in raised.value.faults]
    assert sorted(told) == sorted(["name", "title", "serial.smdr", *fields[1:]])


def test_examples_prove_nothing_while_the_order_of_dates_is_wrong() -> None:
    text = GENERIC_HEAD + "  date_order: dym\n  records:\n    - {name: a, pattern: '^(?P<date>\\S+)$', examples: [x]}\n"
    with pytest.raises(ConfigFaults) as raised:
        dialect_from_text(text)
    assert [fault.field for fault in raised.value.faults] == ["smdr.date_order"]


GENERIC_HEAD = "name: a\ntitle: A\nsmdr:\n"

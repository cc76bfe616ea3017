"""What a dialect can say of records besides their fields: frames with a check character, blocks of lines, codes, date
lines, two times, examples; and records behind a line whose end was damaged."""

from __future__ import annotations

import functools
from datetime import datetime
from functools import reduce
from operator import xor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.errors import ConfigFaults
from cti.pbx.dialect import dialect_from_text, load_dialect
from cti.pbx.smdr import SmdrDecoder, SmdrItem, SmdrRecord, SmdrUnknown

GOLDEN = Path(__file__).parents[2] / "golden" / "pbx"
NOW = datetime(2026, 3, 4, 12, 0)

NEC = """
name: nec
title: a frame with both times
smdr:
  terminators: [%s]
  date_order: md
  line_max: 80
  records:
    - name: incoming
      columns: {head: [1, 4], kind: [5, 5], extension: [6, 9], date: [10, 13], time: [14, 19], end_date: [20, 23],
                end_time: [24, 29], year: [30, 31], end_year: [32, 33]}
      shapes: {head: '0!KE', date: '\\d{4}', end_time: '\\d{6}'}
      direction: in
      stamp: start
"""

BLOCK = """
name: block
title: a record of several lines
smdr:
  terminators: [crlf, cr, lf]
  block: {begin: '^-{8} ', end: %s, lines_max: 5}
  records:
    - name: released
      pattern: '(?sx)^-{8}[ ](?P<date>\\S+)[ ](?P<time>\\S+)[ ]LINE[ ]=[ ](?P<trunk>\\d+)[ ]STN[ ]=
        [ ](?P<extension>\\d+).*?(?P<direction>OUTGOING|INCOMING)[ ]CALL\\n (?:DIGITS[ ]DIALED[ ](?P<number>\\d+)\\n)?
        (?P<duration>\\S+)[ ]CALL[ ]RELEASED$'
      stamp: start
    - {name: single, pattern: '^SOLO (?P<extension>\\d+)$', event: other}
  directions: {OUTGOING: out, INCOMING: in}
"""

CODES = """
name: codes
title: codes, date lines, tenths of minutes
smdr:
  date_order: md
  conditions:
    "0": {direction: internal}
    "4": {event: other}
    "C": {transferred: true}
    "I": {event: ring, answered: false}
  records:
    - {name: date, pattern: '^(?P<date>\\d\\d \\d\\d)$', event: date}
    - name: call
      pattern: '(?x)^(?P<time>\\d{4})[ ](?P<duration_h>\\d)(?P<duration_m>\\d\\d)(?P<duration_t>\\d)
        [ ](?P<condition>\\w)[ ](?P<extension>\\d{4})$'
      direction: in
"""


def decoder(text: str, now: datetime = NOW) -> SmdrDecoder:
    return SmdrDecoder(dialect_from_text(text), lambda: now)


def records(items: list[SmdrItem]) -> list[SmdrRecord]:
    return [item for item in items if isinstance(item, SmdrRecord)]


def frame(text: str) -> bytes:
    body = text.encode() + b"\x03"
    return b"\x02" + body + bytes([reduce(xor, body)])


CALL = "0!KE 8001030411590003041200302626"
ONE = frame(CALL)


def test_a_frame_with_both_times_and_its_check_character() -> None:
    for cut in range(len(ONE) + 1):
        one = decoder(NEC % "stx_etx_bcc")
        (item,) = one.feed(ONE[:cut]) + one.feed(ONE[cut:])
        assert isinstance(item, SmdrRecord)
        assert (item.start, item.end) == (datetime(2026, 3, 4, 11, 59), datetime(2026, 3, 4, 12, 0, 30))
        assert (item.duration_s, item.stamp, item.extension, item.resolution_s) == (90, "both", "8001", 1)


def test_every_damaged_byte_of_a_checked_frame_is_found_out() -> None:
    for at in range(len(ONE)):
        for flip in (0x01, 0x10, 0x40):
            spoilt = ONE[:at] + bytes([ONE[at] ^ flip]) + ONE[at + 1 :]
            one = decoder(NEC % "stx_etx_bcc")
            items = one.feed(spoilt + ONE) + one.flush()
            assert [item.raw for item in records(items)] in ([CALL], [])
            assert any(isinstance(item, SmdrUnknown) for item in items)
            if at not in (len(ONE) - 2,):  # without ETX the next frame's STX ends it
                assert len(records(items)) == 1, (at, flip)


def test_what_is_wrong_with_a_frame_is_said() -> None:
    one = decoder(NEC % "stx_etx_bcc")
    assert [getattr(item, "reason", "") for item in one.feed(ONE[:-1] + ONE)] == ["has no check character", ""]
    assert [getattr(item, "reason", "") for item in one.feed(ONE[:10] + ONE)] == ["has no end (ETX)", ""]
    assert [getattr(item, "reason", "") for item in one.feed(b"junk" + ONE)] == [
        "stands outside a frame (STX ... ETX)",
        "",
    ]
    (item,) = one.feed(ONE[:-1] + b"\x00")
    assert isinstance(item, SmdrUnknown) and item.reason.startswith("check character is 00, should be ")
    assert one.feed(b"\r\n\x00\r\n") == [] and one.flush() == []
    items = one.feed(b"\x02" + b"x" * 200 + b"\x03y" + ONE)
    assert [getattr(item, "reason", "") for item in items] == ["longer than 80 bytes", ""] and one.discarded == 120


def test_a_frame_without_a_check_character() -> None:
    one = decoder(NEC % "stx_etx")
    assert len(records(one.feed(ONE[:-1] + b"\r\n" + ONE[:-1]))) == 2


@given(st.lists(st.sampled_from([ONE, b"\x02", b"\x03", b"0!KE", b"\r\n", b"zz"]), max_size=20), st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_how_frames_are_cut_changes_nothing(parts: list[bytes], size: int) -> None:
    data = b"".join(parts)
    whole, cut = decoder(NEC % "stx_etx_bcc"), decoder(NEC % "stx_etx_bcc")
    wanted = whole.feed(data) + whole.flush()
    got = [item for at in range(0, len(data), size) for item in cut.feed(data[at : at + size])]
    assert got + cut.flush() == wanted


LINES = (
    b"-------- 04/04/99 11:39:43 LINE = 0003 STN = 7425\r\n00:00:00 OUTGOING CALL\r\n"
    b"DIGITS DIALED 5551212\r\n00:12:59 CALL RELEASED\r\n\n"
)


@pytest.mark.parametrize("end", ["CALL RELEASED$", "null"])
def test_a_block_is_one_record(end: str) -> None:
    for cut in range(len(LINES)):
        one = decoder(BLOCK % end)
        items = (
            one.feed(LINES[:cut]) + one.feed(LINES[cut:]) + one.feed(b"SOLO 8001\r\n") + one.feed(LINES) + one.flush()
        )
        assert [item.form for item in records(items)] == ["released", "single", "released"] and len(items) == 3
        (first, *_) = records(items)
        assert (first.extension, first.trunk, first.number, first.direction) == ("7425", "0003", "5551212", "out")
        assert (first.start, first.duration_s, first.line_no) == (datetime(1999, 4, 4, 11, 39, 43), 779, 1)


def test_a_block_that_is_cut_short_is_told_whole() -> None:
    one = decoder(BLOCK % "CALL RELEASED$")
    items = one.feed(LINES[:60] + b"\r\n" + LINES + b"-------- x\r\n" + b"1\r\n" * 7) + one.flush()
    assert [type(item) for item in items] == [
        SmdrUnknown,
        SmdrRecord,
        SmdrUnknown,
        SmdrUnknown,
        SmdrUnknown,
        SmdrUnknown,
    ]
    assert items[0].raw.startswith("-------- 04/04/99") and items[2].raw.count("\n") == 4


def test_a_date_line_dates_the_records_after_it() -> None:
    one = decoder(CODES, datetime(2026, 1, 1, 0, 10))
    items = one.feed(b"0005 0001 9 8001\r\n2358 0001 9 8001\r\n12 30\r\n2355 0001 9 8001\r\n")
    items += one.feed(b"0010 0001 9 8001\r\n2359 0001 9 8001\r\n0015 0100 9 8001\r\n12 31\r\n0020 0001 9 8001\r\n")
    ends = [item.end for item in records(items) if item.form == "call"]
    assert ends == [
        datetime(2026, 1, 1, 0, 5), datetime(2025, 12, 31, 23, 58),  # nearest to now
        datetime(2025, 12, 30, 23, 55), datetime(2025, 12, 31, 0, 10),  # midnight, whose own line is late
        datetime(2025, 12, 30, 23, 59), datetime(2025, 12, 31, 0, 15), datetime(2025, 12, 31, 0, 20),
    ]  # fmt: skip


def test_codes_say_what_a_record_means() -> None:
    items = records(decoder(CODES).feed(b"".join(b"1159 0015 %c 8001\r\n" % code for code in b"04CI9")))
    assert [(item.event, item.direction, item.transferred, item.answered) for item in items] == [
        ("end", "internal", False, True), ("other", "in", False, True), ("end", "in", True, True),
        ("ring", "in", False, False), ("end", "in", False, True),
    ]  # fmt: skip
    assert {(item.duration_s, item.duration_step_s) for item in items} == {(90, 6)}
    assert [item.ends_call for item in items] == [True, False, True, False, True]


def faults(text: str) -> dict[str, str]:
    with pytest.raises(ConfigFaults) as caught:
        dialect_from_text(text)
    return {fault.field: fault.message for fault in caught.value.faults}


def test_faults_of_frames_blocks_and_dates() -> None:
    assert faults(NEC % "crlf, stx_etx")["smdr.terminators[1]"] == "stx_etx stands beside others"
    assert faults((NEC % "stx_etx").replace("line_max: 80", "block: {begin: '('}")).keys() == {
        "smdr.block", "smdr.block.begin"
    }  # fmt: skip
    assert faults(CODES.replace("P<date>", "P<day>"))["smdr.records[0].event"] == "sets a date and has no field date"
    assert "has end_date and no end_time" in faults(NEC.replace("end_time", "until") % "stx_etx").values()


def test_an_example_that_no_form_reads_is_a_fault_with_the_line() -> None:
    good = CODES.replace("      direction: in", "      direction: in\n      examples: ['1159 0015 9 8001']")
    dialect_from_text(good)
    told = faults(good.replace("0015 9", "001 9"))["smdr.records[1].examples[0]"]
    assert told.startswith("\"1159 001 9 8001\" does not fit: breaks off at character 9, ' 9 8001', where the pattern ")
    shadowed = good.replace("- {name: date,", "- {name: any, pattern: '(?P<number>.*)'}\n    - {name: date,")
    told = faults(shadowed)["smdr.records[2].examples[0]"]
    assert told == '"1159 0015 9 8001" is read by the form any before this one'


# a damaged line end

NAMES = ["panasonic-tda", "meridian1", "generic"]


def of(name: str) -> SmdrDecoder:
    return SmdrDecoder(known(name), lambda: NOW)


known = functools.cache(load_dialect)


def lines(name: str) -> list[bytes]:
    one = of(name)
    whole = (GOLDEN / f"{name}.txt").read_bytes().splitlines()
    return [line for line in whole if any(getattr(item, "ends_call", False) for item in one.feed(line + b"\r\n"))]


def said(item: SmdrItem) -> Any:
    return (item.form, item.extension, item.number, item.end) if isinstance(item, SmdrRecord) else item.raw


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("end", [b"", b"?", b"~q", b" !", b"Zx", b"\x80\xff"])
def test_a_damaged_line_end_does_not_spoil_the_next_record(name: str, end: bytes) -> None:
    found = 0
    for first in lines(name):
        for second in lines(name):
            alone = of(name).feed(second + b"\r\n")
            one = of(name)
            items = one.feed(first + end + second + b"\r\n") + one.feed(second + b"\r\n")
            assert said(items[-1]) == said(alone[0]), "and the line after it is read in any case"
            told = [isinstance(item, SmdrUnknown) or item.doubt is not None for item in items[:-1]]
            assert any(told), "what was lost is told"
            found += said(items[-2]) == said(alone[0])
    assert found >= 0.9 * len(lines(name)) ** 2 or end in (b"", b"Zx"), "letters and digits may belong to the record"
    assert found >= 0.3 * len(lines(name)) ** 2

"""Call records by golden lines: whole, cut at every byte, with rubbish around; years, terminators, limits."""

from __future__ import annotations

import random
import time
from datetime import date, datetime
from functools import cache
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.pbx.dialect import Dialect, dialect_from_text, dialect_names, load_dialect
from cti.pbx.smdr import SmdrDecoder, SmdrItem, SmdrRecord, SmdrUnknown

GOLDEN = Path(__file__).parents[2] / "golden" / "pbx"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.txt"))
BY_LINES = [name for name in NAMES if name not in ("norstar", "nec-neax-bcc")]  # those have blocks, frames
TODAY = datetime(2026, 1, 5)

SIMPLE = """
name: simple
title: for tests
smdr:
  terminators: [%s]
  date_order: %s
  line_max: 60
  records: [{name: call, pattern: '^(?P<date>[\\d/.-]+) (?P<time>\\S+) (?P<extension>\\d+) (?P<duration>\\S+)$'}]
"""


@cache
def dialect(name: str) -> Dialect:
    return load_dialect(name)


def decoder(name: str) -> SmdrDecoder:
    return SmdrDecoder(dialect(name), lambda: TODAY)


def simple(terminators: str = "crlf", order: str = "mdy", today: datetime = TODAY) -> SmdrDecoder:
    return SmdrDecoder(dialect_from_text(SIMPLE % (terminators, order)), lambda: today)


def said(items: list[SmdrItem]) -> list[SmdrItem]:
    return [read(msgspec.json.encode(item)) for item in items]


def read(line: bytes) -> SmdrItem:
    kind: type[SmdrRecord | SmdrUnknown] = SmdrRecord if "form" in msgspec.json.decode(line) else SmdrUnknown
    return msgspec.json.decode(line, type=kind)


def expected(name: str) -> list[SmdrItem]:
    return [read(line) for line in (GOLDEN / f"{name}.jsonl").read_bytes().splitlines()]


def printed(name: str, end: bytes = b"\r\n") -> bytes:
    return (GOLDEN / f"{name}.txt").read_bytes().replace(b"\n", end)


@pytest.mark.parametrize("name", NAMES)
def test_golden_whole_and_byte_by_byte(name: str) -> None:
    assert said(decoder(name).feed(printed(name))) == expected(name)
    bytewise = decoder(name)
    assert said([item for byte in printed(name) for item in bytewise.feed(bytes([byte]))]) == expected(name)


@pytest.mark.parametrize("name", NAMES)
def test_golden_cut_at_every_byte(name: str) -> None:
    data, wanted = printed(name), decoder(name).feed(printed(name))
    for cut in range(len(data) + 1):
        one = decoder(name)
        assert one.feed(data[:cut]) + one.feed(data[cut:]) == wanted


@pytest.mark.parametrize("name", ["panasonic-tda", "meridian1", "generic"])
@pytest.mark.parametrize("end", [b"\r", b"\n"])
def test_golden_with_other_line_ends(name: str, end: bytes) -> None:
    assert said(decoder(name).feed(printed(name, end))) == expected(name)


@pytest.mark.parametrize("name", BY_LINES)
def test_rubbish_around_each_line(name: str) -> None:
    rng = random.Random(3)
    lines = printed(name).splitlines(keepends=True)
    wanted = [item.raw for item in expected(name)]
    one, got = decoder(name), []
    for line in lines:
        rubbish = bytes(byte for byte in rng.randbytes(30) if byte not in b"\r\n")
        got += one.feed(rubbish + b"\r\n" + b"\x00" + line)
    assert [item.raw for item in got if isinstance(item, SmdrRecord)] == wanted
    assert sum(isinstance(item, SmdrUnknown) for item in got) == len(lines)


@pytest.mark.parametrize("name", BY_LINES)
def test_a_line_damaged_anywhere_is_never_dropped_and_never_raises(name: str) -> None:
    for line in printed(name).splitlines(keepends=True):
        if not decoder(name).feed(line):
            continue  # a page header
        one = decoder(name)
        for at in range(len(line) - 2):
            for byte in (0x00, 0x3F, 0xB1):
                assert len(one.feed(line[:at] + bytes([byte]) + line[at + 1 :])) == 1
            assert len(one.feed(line[:at] + b"\r\n")) == (1 if line[:at].strip() else 0)


def test_half_a_panasonic_record_is_not_a_record() -> None:
    line = printed("panasonic-tda").splitlines()[1]
    one = decoder("panasonic-tda")
    for cut in range(1, len(line)):
        (item,) = one.feed(line[:cut] + b"\r\n")
        assert isinstance(item, SmdrUnknown)


@given(st.binary(max_size=2000), st.lists(st.integers(1, 60), min_size=1, max_size=8), st.sampled_from(NAMES))
@settings(max_examples=60, deadline=None)
def test_random_bytes(data: bytes, sizes: list[int], name: str) -> None:
    whole, cut = decoder(name), decoder(name)
    wanted = whole.feed(data) + whole.flush()
    got: list[SmdrItem] = []
    rest, turn = data, 0
    while rest:
        size = sizes[turn % len(sizes)]
        got += cut.feed(rest[:size])
        rest, turn = rest[size:], turn + 1
    assert got + cut.flush() == wanted
    assert cut.discarded == whole.discarded


def test_no_pattern_takes_long_over_hostile_lines() -> None:
    hostile = [
        b"01/02/02 10:03AM  1200 01 <I>" + b"1" * 480,
        b"01/02/02 10:03AM  1200 01 <I>" + b" " * 480 + b"x",
        b"01/02/02 10:03AM  1200 01 <D>" + b"<I>1 " * 90,
        b"01/02/02 10:03AM  1200 01 " + b"1-" * 240,
        b"1 " * 250,
        b"12 " * 170,
    ]
    for name in NAMES:
        for line in hostile:
            one = decoder(name)
            began = time.process_time()
            one.feed(line + b"\r\n")
            assert time.process_time() - began < 0.5


def test_ten_megabytes_without_a_terminator() -> None:
    one = decoder("panasonic-tda")
    items = one.feed(b"x" * 1000)
    for _ in range(160):
        items += one.feed(b"x" * (1 << 16))
    assert items == [SmdrUnknown("x" * 512, 1, "longer than 512 bytes", broken=True, endless=True)]
    assert one.discarded == 160 * (1 << 16) + 1000 - 512
    assert one.kept == 0
    line = printed("panasonic-tda").splitlines(keepends=True)[1]
    assert one.feed(b"\r\n") == []
    (record,) = one.feed(line)
    assert isinstance(record, SmdrRecord)
    assert record.line_no == 2


@pytest.mark.parametrize(
    ("terminators", "end"), [("crlf", b"\r\n"), ("cr", b"\r"), ("lf", b"\n"), ("nul", b"\0"), ("ff", b"\f")]
)
def test_terminators(terminators: str, end: bytes) -> None:
    data = (b"01/02/26 10:00 8001 00:01:00" + end) * 3
    for cut in range(len(data)):
        one = simple(terminators)
        items = one.feed(data[:cut]) + one.feed(data[cut:])
        assert [item.line_no for item in items] == [1, 2, 3]
        assert all(isinstance(item, SmdrRecord) for item in items)


def test_a_lone_cr_belongs_to_the_line_where_only_cr_lf_ends_it() -> None:
    for cut in range(90):
        one = simple("crlf")
        data = b"x" * 70 + b"\r" + b"y\r\n01/02/26 10:00 8001 00:01:00\r\n"
        items = one.feed(data[:cut]) + one.feed(data[cut:])
        assert [(type(item), item.line_no) for item in items] == [(SmdrUnknown, 1), (SmdrRecord, 2)]


@pytest.mark.parametrize(
    ("order", "text", "today", "wanted"),
    [
        ("mdy", "01/02/02", TODAY, date(2002, 1, 2)),
        ("dmy", "01/02/02", TODAY, date(2002, 2, 1)),
        ("ymd", "2026-01-02", TODAY, date(2026, 1, 2)),
        ("ymd", "970416", TODAY, date(1997, 4, 16)),
        ("ymd", "20050920", TODAY, date(2005, 9, 20)),
        ("dmy", "22.02.19", TODAY, date(2019, 2, 22)),
        ("md", "01/05", TODAY, date(2026, 1, 5)),
        ("md", "01/06", TODAY, date(2026, 1, 6)),  # the PBX's clock is ahead, or midnight has passed there
        ("md", "01/07", TODAY, date(2026, 1, 7)),
        ("md", "07/01", TODAY, date(2026, 7, 1)),
        ("md", "07/09", TODAY, date(2025, 7, 9)),
        ("md", "12/31", datetime(2026, 1, 1), date(2025, 12, 31)),
        ("md", "01/01", datetime(2025, 12, 31, 23, 59), date(2026, 1, 1)),
        ("md", "02/29", datetime(2028, 3, 1, 0, 5), date(2028, 2, 29)),
        ("md", "02/29", datetime(2029, 2, 10), date(2028, 2, 29)),
        ("md", "02/29", datetime(2027, 3, 1), date(2028, 2, 29)),
        ("dm", "31/12", datetime(2026, 1, 1), date(2025, 12, 31)),
        ("mdy", "12/31", datetime(2026, 1, 1), date(2025, 12, 31)),
    ],
)
def test_dates(order: str, text: str, today: datetime, wanted: date) -> None:
    (item,) = simple("crlf", order, today).feed(f"{text} 10:03 8001 00:00:05\r\n".encode())
    assert isinstance(item, SmdrRecord)
    assert item.end is not None
    assert item.end.date() == wanted


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("13/40/02 10:00 8001 00:00:05", "date in the order mdy"),
        ("02/30 10:00 8001 00:00:05", "date in the order mdy"),
        ("01/02/02 25:00 8001 00:00:05", "25:00 is not a time"),
        ("01/02/02 13:00PM 8001 00:00:05", "is not a time"),
        ("01/02/02 10:00 8001 00:99:05", "is not a duration"),
        ("01/02/02 10:00 8001 --", "is not a duration"),
        ("- 10:00 8001 5", "date in the order"),
    ],
)
def test_values_that_are_none(text: str, reason: str) -> None:
    (item,) = simple().feed(text.encode() + b"\r\n")
    assert isinstance(item, SmdrUnknown)
    assert reason in item.reason


@pytest.mark.parametrize(
    ("text", "hour"), [("12:00AM", 0), ("12:00PM", 12), ("1:00PM", 13), ("11:59am", 11), ("0730", 7), ("07H30", 7)]
)
def test_times_of_day(text: str, hour: int) -> None:
    (item,) = simple().feed(f"01/02/02 {text} 8001 0:05\r\n".encode())
    assert isinstance(item, SmdrRecord)
    assert item.end is not None
    assert (item.end.hour, item.duration_s) == (hour, 5)


def test_dates_of_stars_after_a_clock_change() -> None:
    (item,) = decoder("panasonic-tda").feed(b"**/**/** 10:15AM  1200 01 123456                         00:01'05\r\n")
    assert isinstance(item, SmdrRecord)
    assert (item.start, item.end, item.duration_s) == (None, None, 65)


def test_a_24_hour_panasonic_and_a_transfer() -> None:
    (item,) = decoder("panasonic-tda").feed(b"01/02/02 13:07  1234 01 13800138000-1235     00:01'05 98765 TR\r\n")
    assert isinstance(item, SmdrRecord)
    assert (item.end, item.transferred, item.number) == (datetime(2002, 1, 2, 13, 7), True, "13800138000-1235")


def test_parity_as_bit_7() -> None:
    data = bytes(byte | (0x80 if byte.bit_count() % 2 else 0) for byte in printed("panasonic-tda"))
    one = SmdrDecoder(load_dialect("panasonic-tda"), lambda: TODAY, strip_bit7=True)
    assert said(one.feed(data)) == expected("panasonic-tda")
    assert all(isinstance(item, SmdrUnknown) for item in decoder("panasonic-tda").feed(data))


def test_flush_gives_the_half_line_and_the_next_is_whole() -> None:
    one = decoder("panasonic-tda")
    line = printed("panasonic-tda").splitlines(keepends=True)[1]
    assert one.feed(line[:20]) == []
    assert [type(item) for item in one.flush()] == [SmdrUnknown]
    assert [type(item) for item in one.feed(line)] == [SmdrRecord]
    assert one.flush() == []


def test_every_dialect_that_is_shipped_loads() -> None:
    assert set(NAMES) <= set(dialect_names())
    for name in dialect_names():
        assert load_dialect(name).name == name


def test_lines_between_frames_are_told_one_by_one() -> None:
    """A printer of lines at a dialect of frames."""
    one = decoder("nec-neax-bcc")
    items = one.feed(b"first line\r\nsecond\r\n\r\n")
    assert [(item.raw, item.reason) for item in items if isinstance(item, SmdrUnknown)] == [
        ("first line", "stands outside a frame (STX ... ETX)"),
        ("second", "stands outside a frame (STX ... ETX)"),
    ]


def test_what_no_form_reads_is_given_whole() -> None:
    """Also where a form found its shape in the midst of it, but no time."""
    records = r"""
  records:
    - {name: one, pattern: '(?P<extension>\d{4}) at (?P<time>\d\d:\d\d)$'}
    - {name: other, pattern: '^(?P<extension>\d+)!$'}
"""
    text = SIMPLE[: SIMPLE.index("  records:")] % ("crlf", "mdy") + records.lstrip("\n")
    decoder = SmdrDecoder(dialect_from_text(text), lambda: TODAY)
    line = "this is no page header that anybody knows 8001 at 25:00"
    (item,) = decoder.feed(line.encode() + b"\r\n")
    assert isinstance(item, SmdrUnknown) and item.raw == line and "one: 25:00 is not a time" in item.reason

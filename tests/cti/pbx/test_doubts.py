"""What shows that a record was damaged: signs that nobody prints, text between the fields, fields that look odd."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from cti.pbx.dialect import load_dialect
from cti.pbx.doubts import Looks
from cti.pbx.smdr import SmdrDecoder, SmdrItem, SmdrRecord, SmdrUnknown

NOW = datetime(2026, 1, 5, 9, 2)
GOLDEN = Path(__file__).parents[2] / "golden" / "pbx"


def read(name: str, line: str) -> list[SmdrItem]:
    return SmdrDecoder(load_dialect(name), lambda: NOW).feed(line.encode("latin-1") + b"\r\n")


PRINTER = "0902 0004 9                    8004     9                                003"
HICOM = "05.01.2609:01:44  7  800500:0000:00:2615060208842" + " " * 26 + "1" + " " * 13 + "66886688"
SAMSUNG = "8004 703 01/05 09:01:42 00:00:26 IT 01067061348"
PANASONIC = "01/05/26 09:01AM  8006 07 <I>01063745116            0'00 00:00'27"


@pytest.mark.parametrize(("name", "line"), [
    ("definity-printer", PRINTER), ("hicom150", HICOM), ("samsung", SAMSUNG), ("panasonic-tda", PANASONIC),
])  # fmt: skip
def test_a_sound_record_is_not_doubted(name: str, line: str) -> None:
    (item,) = read(name, line)
    assert isinstance(item, SmdrRecord) and item.doubt is None


@pytest.mark.parametrize(("name", "line", "why"), [
    ("definity-printer", PRINTER[:9] + "$" + PRINTER[10:], "'$9' at 10 stands"),
    ("definity-printer", PRINTER[:50] + "b  k" + PRINTER[54:], "account holds 'b  k'"),
    ("definity-printer", PRINTER[:50] + "\x00" + PRINTER[51:], "'\\x00' at 51"),
    ("definity-printer", PRINTER[:50] + "\xb1" + PRINTER[51:], "'±' at 51"),
    ("definity-printer", PRINTER + "  J", "'J' at 79"),
    ("hicom150", HICOM.replace("66886688", "668t6688"), "msn holds '668t6688'"),
    ("hicom150", HICOM[:75] + "0" + HICOM[76:], "ring holds '00:00'"),  # 1, a call, became 0, a ring
    ("samsung", SAMSUNG.replace("01067061348", "01hb7+61348"), "name holds '01hb7+61348'"),
    ("panasonic-tda", PANASONIC.replace("116  ", "116 w"), "name holds '01063745116 w"),
])  # fmt: skip
def test_what_shows_damage(name: str, line: str, why: str) -> None:
    items = read(name, line)
    assert len(items) == 1 and isinstance(items[0], SmdrRecord), items
    assert items[0].doubt is not None and items[0].doubt.startswith(why)


def test_no_line_of_the_manuals_is_doubted() -> None:
    """Every golden line is as it was printed."""
    odd, sound = [], 0
    for path in sorted(GOLDEN.glob("*.txt")):
        one = SmdrDecoder(load_dialect(path.stem), lambda: NOW)
        items = one.feed(path.read_bytes()) + one.flush()
        sound += sum(isinstance(item, SmdrRecord) and item.doubt is None for item in items)
        odd += [(path.stem, item.doubt, item.raw) for item in items if isinstance(item, SmdrRecord) and item.doubt]
    assert odd == [] and sound > 50


def test_a_byte_that_is_no_ascii_keeps_its_column() -> None:
    """Shown as one sign: the fields behind it are where they were."""
    (item,) = read("definity-printer", PRINTER[:12] + "\xb1" + PRINTER[13:])
    assert isinstance(item, SmdrRecord) and item.extension == "8004" and item.trunk == "003"


def test_a_record_behind_padding_that_was_damaged() -> None:
    """TELESEER ends its lines with three NUL: one of them, damaged, stands before the next record."""
    line = "   090200049                 8006    9                 013"
    for before in ("t", "b\x00\x00"):
        items = read("definity-teleseer", before + line)
        assert isinstance(items[-1], SmdrRecord)
        assert (items[-1].extension, items[-1].mended, items[-1].doubt) == (
            "8006",
            True,
            "the line before it was not ended",
        )


def test_two_records_in_one_line_are_two() -> None:
    other = PRINTER.replace("8004", "2003").replace("003", "004", 2)
    items = read("definity-printer", PRINTER + " \rD" + other)
    assert [(item.extension, bool(item.doubt)) for item in items if isinstance(item, SmdrRecord)] == [
        ("8004", True), ("2004", True),
    ]  # fmt: skip
    assert [item.waited for item in items if isinstance(item, SmdrRecord)] == [True, False]


def test_a_page_header_that_nobody_prints_is_told() -> None:
    """Hicom's header is any line without digits: rubbish is not skipped as one."""
    (item,) = read("hicom150", "\x01\x02xyz\x05")
    assert isinstance(item, SmdrUnknown)


def test_an_unread_line_that_looks_like_a_record_is_damage() -> None:
    looks = Looks(ascii_only=True)
    looks.record("8004 703 01/05 09:01:42 00:00:26 IT 01067061348")
    assert looks.damaged("8004 703 01/05 0h:01:42 00:00:26 IT 01067061348")
    assert looks.damaged("LOG\x00IN")
    assert not looks.damaged("8004 703 01/05 09:01:42 CONFERENCE BEGINS 80061")
    assert not looks.damaged("LOG IN")

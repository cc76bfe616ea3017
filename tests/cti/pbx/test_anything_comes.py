"""Whatever comes over a line, in whatever pieces: no reader raises, none depends on how the bytes were cut, and none
says a number that is not in the bytes. Golden lines of every make, whole, run together, cut off, with wrong bits and
with rubbish between them."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.pbx.announcement import Announcement
from cti.pbx.call_rules import MciRules
from cti.pbx.dialect import dialect_names, load_dialect
from cti.pbx.in_band import Gone, InBandReader
from cti.pbx.mci import MciDecoder, MciGarbage, MciLampsLost
from cti.pbx.smdi import SmdiCall, SmdiDecoder, SmdiGarbage, SmdiLampFailure
from cti.pbx.smdr import SmdrDecoder, SmdrItem, SmdrRecord, SmdrUnknown

GOLDEN = Path(__file__).parents[2] / "golden" / "pbx"
PRINTED = sorted(path.stem for path in GOLDEN.glob("*.txt"))
TODAY = datetime(2026, 1, 5, 9, 30)
FEW = settings(max_examples=25, deadline=None)


@st.composite
def spoilt(draw: st.DrawFn, messages: list[bytes]) -> list[bytes]:
    """A stream of such messages as a bad line brings them, in pieces."""
    stream = bytearray()
    for _ in range(draw(st.integers(1, 4))):
        message = draw(st.sampled_from(messages))
        begin, end = sorted(draw(st.lists(st.integers(0, len(message)), min_size=2, max_size=2)))
        whole = draw(st.booleans())
        stream += message if whole else message[begin:end]
        if draw(st.integers(0, 3)) == 0:
            stream += draw(st.binary(max_size=12))
    for at, bit in draw(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 7)), max_size=4)):
        if stream:
            stream[at % len(stream)] ^= 1 << bit
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    return [bytes(stream[a:b]) for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def records(make: str) -> list[bytes]:
    """Printed records, each with what ends it."""
    text = (GOLDEN / f"{make}.txt").read_bytes()
    if b"\x03" in text:
        return re.findall(rb"\x02[^\x03]*\x03[^\n]?", text)
    if load_dialect(make).smdr.block is not None:
        return [text]
    end = b"\x00" if load_dialect(make).smdr.terminators == ("nul",) else b"\r\n"
    return [line + end for line in text.splitlines()]


def read(make: str, pieces: list[bytes]) -> list[SmdrItem]:
    """All that is said, in the end the rest."""
    decoder = SmdrDecoder(load_dialect(make), lambda: TODAY)
    return [*(item for piece in pieces for item in decoder.feed(piece)), *decoder.flush()]


def stands_in(value: str, text: str) -> bool:
    """Do the signs of a value stand in the text? A field may be put together from several columns, the last first."""
    return Counter(value) <= Counter(text)


@pytest.mark.parametrize("make", PRINTED)
def test_records(make: str) -> None:
    dialect = load_dialect(make)
    encoding = "latin-1" if dialect.smdr.encoding == "ascii" else dialect.smdr.encoding
    strip = dialect.serial.smdr.bits == 7

    @FEW
    @given(spoilt(records(make)))
    def anything(pieces: list[bytes]) -> None:
        stream = b"".join(pieces)
        items = read(make, pieces)
        assert items == read(make, [stream]), "however it is cut"
        came = bytes(byte & 0x7F for byte in stream) if strip else stream
        text = came.decode(encoding, "backslashreplace")
        for item in items:
            for line in item.raw.split("\n"):
                assert line in text
            if isinstance(item, SmdrUnknown):
                continue
            for value in (item.extension, item.trunk, item.number, item.condition, *item.fields.values()):
                assert value is None or stands_in(value, item.raw)
            if item.duration_s and item.stamp != "both":
                assert re.search(r"[1-9]", item.raw)
            decoder = SmdrDecoder(dialect, lambda: TODAY, mends=not item.mended)  # what was cut out is not cut again
            again = [one for one in decoder.read(item.raw) if isinstance(one, SmdrRecord)]
            assert again and again[-1].extension == item.extension and again[-1].number == item.number
            assert again[-1].duration_s == item.duration_s, "what it says is in its own text"

    anything()


CALLS = [
    b"\r\nMD0010006A66886688 18684115652 \r\n\x19",
    b"\r\nMD0010002D 8001 \r\n\x19",
    b"\r\nMD0010001B6102 \r\n\x19",
    b"\r\nMWI 8001 INV\r\n\x7f\x7f\x19",
]


@FEW
@given(spoilt(CALLS))
def test_smdi(pieces: list[bytes]) -> None:
    def said(parts: list[bytes]) -> list[object]:
        decoder = SmdiDecoder()
        return [*(item for part in parts for item in decoder.feed(part)), *decoder.flush()]

    stream = b"".join(pieces)
    items = said(pieces)
    assert items == said([stream])
    text = bytes(byte & 0x7F for byte in stream).decode("ascii")
    for item in items:
        if isinstance(item, SmdiCall):
            for number in (item.forwarded_from, item.calling, f"MD{item.desk:03d}{item.line:04d}{item.reason}"):
                assert number is None or number in text
        elif isinstance(item, SmdiLampFailure):
            assert item.number in text and item.code in text
        else:
            assert isinstance(item, SmdiGarbage) and 0 < item.count <= len(stream)


RULES = MciRules(
    columns={"station": (3, 8), "calling_given": (10, 10), "calling": (11, 26), "called": (27, 32), "trunk": (33, 35)}
)
TEXTS = [f"\x020!{'2001':<6}41{number:<16}{'700':<6}012\x03".encode() for number in ("13800138000", "01062345678", "")]


@FEW
@given(spoilt(TEXTS))
def test_mci(pieces: list[bytes]) -> None:
    def said(parts: list[bytes]) -> list[object]:
        decoder = MciDecoder(RULES)
        return [*(item for part in parts for item in decoder.feed(part)), *decoder.flush()]

    stream = b"".join(pieces)
    items = said(pieces)
    assert items == said([stream])
    text = bytes(byte & 0x7F for byte in stream).decode("ascii")
    for item in items:
        if isinstance(item, Announcement):
            for number in (item.extension, item.forwarded_from, item.calling, item.trunk):
                assert number is None or number in text
        else:
            assert isinstance(item, MciGarbage | MciLampsLost)


@pytest.mark.parametrize("make", [name for name in dialect_names() if load_dialect(name).in_band.patterns])
def test_digits_after_the_answer(make: str) -> None:
    reader = InBandReader(load_dialect(make).in_band)
    pieces = st.sampled_from(["#", "*", "**", "***", "#6", "#00#", "8001", "702", "10", "5", "##", "D", "A", "1"])

    @FEW
    @given(st.lists(st.one_of(pieces, st.text("0123456789*#ABCD", max_size=5)), max_size=8).map("".join))
    def anything(digits: str) -> None:
        call = reader.read(digits)
        assert isinstance(reader.complete(digits), bool) and isinstance(reader.begun(digits), bool)
        if call is not None and not isinstance(call, Gone):
            for number in (call.called, call.calling, call.trunk):
                assert number is None or number in digits

    anything()

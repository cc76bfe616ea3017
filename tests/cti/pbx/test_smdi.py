"""SMDI by golden bytes: whole, cut at every place, with rubbish around, with bit 7 set; lamp orders out."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.pbx.smdi import SmdiCall, SmdiDecoder, SmdiGarbage, SmdiItem, SmdiLampFailure, lamp

# Typed from the makers' format lines; each with what it says.
GOLDEN: list[tuple[bytes, SmdiItem]] = [
    (b"\r\nMD0010007D 3500 \r\n\x19", SmdiCall(1, 7, "D", None, "3500")),
    (b"\r\nMD0010012N2565551234 2565559876 \r\n\x19", SmdiCall(1, 12, "N", "2565551234", "2565559876")),
    (b"\r\nMD0010012B5551234  \r\n\x19", SmdiCall(1, 12, "B", "5551234", None)),
    (b"\r\nMD0010012A5551234 5559876 \r\n\x19", SmdiCall(1, 12, "A", "5551234", "5559876")),
    (b"\r\nMD0632047U201 13800138000 \r\n\x19", SmdiCall(63, 2047, "U", "201", "13800138000")),
    (b"\r\nMD0010003D  \r\n\x19", SmdiCall(1, 3, "D", None, None)),
    (b"\r\nMD0010003D100  \r\n\x19", SmdiCall(1, 3, "D", None, "100")),  # iPECS: the caller in the first field
    (b"\r\nMD0010003R 02012345678 \r\n\x19", SmdiCall(1, 3, "R", None, "02012345678")),
    (b"\r\nMD0010003H100 200 \r\n\x19", SmdiCall(1, 3, "H", "100", "200")),
    (b"\r\nMD0010003N1 2 \r\n\x19", SmdiCall(1, 3, "N", "1", "2")),
    (b"\r\nMD0010003N" + b"1" * 20 + b" " + b"2" * 20 + b" \r\n\x19", SmdiCall(1, 3, "N", "1" * 20, "2" * 20)),
    (b"MD0010007D 3500 \x19", SmdiCall(1, 7, "D", None, "3500")),  # no CR LF
    (b"MD0010007D 3500\x19", SmdiCall(1, 7, "D", None, "3500")),  # nor the last space
    (b"\r\nMWI5551234 INV\r\n\x7f\x7f\x19", SmdiLampFailure("5551234", "INV")),
    (b"\r\nMWI 5551234 BLK\r\n\xff\xff\x19", SmdiLampFailure("5551234", "BLK")),
    (b"\r\nMWI 5551234! INV\r\n\x19", SmdiLampFailure("5551234", "INV")),
    (b"MWI3500 INV\x19", SmdiLampFailure("3500", "INV")),
]
ALL = b"".join(frame for frame, _ in GOLDEN)
SAID = [item for _, item in GOLDEN]


def with_parity(data: bytes) -> bytes:
    """Even parity as bit 7, as a 7-bit line leaves it in bytes that were read with 8."""
    return bytes(byte | (0x80 if byte.bit_count() % 2 else 0) for byte in data)


@pytest.mark.parametrize(("frame", "item"), GOLDEN)
def test_golden(frame: bytes, item: SmdiItem) -> None:
    assert SmdiDecoder().feed(frame) == [item]
    assert SmdiDecoder().feed(with_parity(frame)) == [item]
    for cut in range(len(frame) + 1):
        decoder = SmdiDecoder()
        assert decoder.feed(frame[:cut]) + decoder.feed(frame[cut:]) == [item]


def test_all_whole_and_byte_by_byte() -> None:
    assert SmdiDecoder().feed(ALL) == SAID
    decoder = SmdiDecoder()
    assert [item for byte in ALL for item in decoder.feed(bytes([byte]))] == SAID


@pytest.mark.parametrize("rubbish", [b"M", b"MD", b"xMDy MWI", b"\x00\x11~~~", b"MD001", b"OP:MWI 5551234!\x04"])
def test_rubbish_before_and_after(rubbish: bytes) -> None:
    frame, item = GOLDEN[1]
    got = SmdiDecoder().feed(rubbish + frame + rubbish + b"\x19" + frame)
    assert [x for x in got if not isinstance(x, SmdiGarbage)] == [item, item]
    assert all(x.count > 0 for x in got if isinstance(x, SmdiGarbage))
    assert sum(isinstance(x, SmdiGarbage) for x in got) == 2


@pytest.mark.parametrize(
    "frame",
    [
        b"\r\nMD0010012N" + b"1" * 21 + b" 2 \r\n\x19",  # 21 digits
        b"\r\nMD01x0012N1 2 \r\n\x19",
        b"\r\nMD0010012 1 2 \r\n\x19",
        b"\r\nMD0010012N1 2 3 \r\n\x19",
        b"\r\nMD0010012D3500\r\n\x19",
        b"\r\nMD0010012N12\x00 34 \r\n\x19",
        b"\r\nMD0010012N12 3\x004 \r\n\x19",
        b"\r\nMWI INV\r\n\x19",
        b"hello\x19",
    ],
)
def test_damaged_frames_are_garbage(frame: bytes) -> None:
    (item,) = SmdiDecoder().feed(frame)
    assert isinstance(item, SmdiGarbage)
    assert item.count == len(frame.translate(None, b"\r\n\x19\x00"))


def test_a_lost_terminator_loses_no_call() -> None:
    first, second = GOLDEN[0], GOLDEN[1]
    assert SmdiDecoder().feed(first[0][:-1] + second[0]) == [first[1], second[1]]
    got = SmdiDecoder().feed(b"\r\nMD0010007D 35" + second[0])  # the first is not complete
    assert got == [second[1], SmdiGarbage(13, b"MD0010007D 35")] or got == [
        SmdiGarbage(13, b"MD0010007D 35"),
        second[1],
    ]


def test_flush_gives_what_is_complete() -> None:
    decoder = SmdiDecoder()
    assert decoder.feed(GOLDEN[0][0][:-1]) == []
    assert decoder.flush() == [GOLDEN[0][1]]
    assert decoder.feed(GOLDEN[1][0][:14]) == []
    assert decoder.flush() == [SmdiGarbage(12, b"MD0010012N25")]
    assert decoder.feed(GOLDEN[1][0]) == [GOLDEN[1][1]]
    assert decoder.flush() == []


def test_empty_frames_say_nothing() -> None:
    assert SmdiDecoder().feed(b"\x19\r\n\x19\x7f\x7f\x19 \x19\xff\x19\x00\x00\x19") == []


def test_ten_megabytes_without_a_terminator() -> None:
    decoder = SmdiDecoder()
    data = random.Random(7).randbytes(1 << 16).replace(b"\x19", b"x").replace(b"\x99", b"x")
    dropped = 0
    for _ in range(160):
        items = decoder.feed(data)
        dropped += sum(item.count for item in items if isinstance(item, SmdiGarbage))
        assert len(decoder._frame) <= 1024
    assert dropped >= 160 * len(data) - 4096 - 1024
    assert decoder.feed(GOLDEN[0][0])[0] == GOLDEN[0][1]
    assert decoder.feed(GOLDEN[1][0]) == [GOLDEN[1][1]]


@given(st.lists(st.binary(max_size=40), max_size=20), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_random_bytes_never_raise_and_cuts_do_not_matter(pieces: list[bytes], rng: random.Random) -> None:
    data = b"".join(piece + (GOLDEN[rng.randrange(len(GOLDEN))][0] if rng.random() < 0.5 else b"") for piece in pieces)
    whole = SmdiDecoder()
    expected = whole.feed(data) + whole.flush()
    cut = SmdiDecoder()
    got: list[SmdiItem] = []
    rest = data
    while rest:
        size = rng.randrange(1, 30)
        got += cut.feed(rest[:size])
        rest = rest[size:]
    assert got + cut.flush() == expected


def test_padding_digits() -> None:
    assert SmdiDecoder(msd_strip=3).feed(b"\r\nMD0010012N0003500 0003501 \r\n\x19") == [
        SmdiCall(1, 12, "N", "3500", "3501")
    ]
    assert SmdiDecoder(msd_strip=3).feed(b"\r\nMWI 0003500 INV\r\n\x19") == [SmdiLampFailure("3500", "INV")]
    assert lamp("3500", True, msd_strip=3) == b"OP:MWI 0003500!\x04"


def test_lamp() -> None:
    assert lamp("5551234", True) == bytes.fromhex("4F503A4D574920353535313233342104")
    assert lamp("5551234", False) == bytes.fromhex("524D563A4D574920353535313233342104")
    for bad in ("", "1" * 21, "12 3", "12!", "１２"):
        with pytest.raises(ValueError, match="extension"):
            lamp(bad, True)

"""NEC's texts: framed, by the site's columns, whatever is around them; lamp texts as ND-70428 prints them."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.pbx.announcement import Announcement
from cti.pbx.call_rules import MciLamp, MciRules
from cti.pbx.mci import LONGEST, MciDecoder, MciGarbage, MciLampsLost, lamp

RULES = MciRules(
    columns={
        "station": (3, 8),
        "reason": (9, 9),
        "calling_given": (10, 10),
        "calling": (11, 26),
        "called": (27, 32),
        "trunk": (33, 35),
    },
    reasons={"2": "busy", "4": "no_answer"},
)


def text(station: str, reason: str, given: str, calling: str, called: str = "", trunk: str = "") -> bytes:
    return f"\x020!{station:<6}{reason}{given}{calling:<16}{called:<6}{trunk:<3}\x03".encode()


CALL = text("2001", "4", "1", "13800138000", "8001", "012")
SAID = Announcement("mci", "no_answer", "8001", "13800138000", extension="2001", trunk="012")


def test_a_text() -> None:
    assert MciDecoder(RULES).feed(CALL) == [SAID]
    assert MciDecoder(RULES).feed(bytes(byte | 0x80 for byte in CALL)) == [SAID], "parity not stripped"


def test_no_calling_number() -> None:
    (said,) = MciDecoder(RULES).feed(text("2001", "9", "0", "0000000000"))
    assert said == Announcement("mci", "unknown", None, None, extension="2001")


def test_a_short_text_has_no_fields_at_its_end() -> None:
    (said,) = MciDecoder(RULES).feed(b"\x020!2001  41138\x03")
    assert said == Announcement("mci", "no_answer", None, "138", extension="2001")


@pytest.mark.parametrize("cut", range(len(CALL)))
def test_cut_at_every_place_with_noise_around(cut: int) -> None:
    decoder = MciDecoder(RULES)
    items = decoder.feed(b"xyz" + CALL[:cut]) + decoder.feed(CALL[cut:] + b"\r\n") + decoder.feed(CALL)
    assert items == [MciGarbage(3, b"xyz"), SAID, SAID]


@pytest.mark.parametrize(
    "wrong",
    [
        b"\x021!2001\x03",  # another device's
        b"\x020!      41138\x03",  # no station
        b"\x020!2001  4113x\x03",
        b"\x020!20\x0001  41138\x03",  # a damaged byte
        b"\x02\x03",
    ],
)
def test_what_is_no_call_is_garbage(wrong: bytes) -> None:
    decoder = MciDecoder(RULES)
    assert decoder.feed(wrong) == [MciGarbage(len(wrong) - 2, wrong[1:-1])]
    assert decoder.feed(CALL) == [SAID]


def test_a_text_without_an_end() -> None:
    decoder = MciDecoder(RULES)
    assert decoder.feed(b"\x020!20" + CALL) == [MciGarbage(4, b"0!20"), SAID]
    (garbage,) = decoder.feed(b"\x02" + b"1" * (LONGEST + 1))
    assert isinstance(garbage, MciGarbage) and garbage.count == LONGEST + 1 and len(garbage.sample) == 64
    assert decoder.feed(CALL) == [SAID]
    assert decoder.feed(b"\x020!") == [] and decoder.flush() == [MciGarbage(2, b"0!")] and decoder.flush() == []


@given(st.binary(max_size=700), st.integers(1, 50))
def test_any_bytes_in_any_pieces(data: bytes, size: int) -> None:
    whole, cut = MciDecoder(RULES), MciDecoder(RULES)
    items = [item for at in range(0, len(data), size) for item in cut.feed(data[at : at + size])]
    assert items + cut.flush() == whole.feed(data) + whole.flush()


def test_a_text_that_asks_for_the_lamps() -> None:
    asks = msgspec.structs.replace(RULES, lamps_lost="0!R9")
    assert MciDecoder(asks).feed(b"\x020!R9\x03" + CALL) == [MciLampsLost(), SAID]
    (other,) = MciDecoder(RULES).feed(b"\x020!R9\x03")
    assert isinstance(other, MciGarbage)


def test_lamp_texts() -> None:
    how = MciLamp("L")
    assert lamp("2000", True, RULES, how) == b"\x020!L01012" + b"02042000" + b"\x03"
    assert lamp("2000", False, RULES, how) == b"\x020!L01016" + b"02042000" + b"\x03"
    tenant = MciLamp("L", on="1", off="5", tenant="12")
    assert lamp("810123", True, RULES, tenant) == b"\x020!L01011" + b"0206810123" + b"0406000012" + b"\x03"
    for number in ("", "12x", "1" * 17):
        with pytest.raises(ValueError, match="station number"):
            lamp(number, True, RULES, how)

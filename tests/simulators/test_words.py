"""The words of the simulated PBX and office, byte by byte as their manuals print them."""

from datetime import datetime

import pytest

from simulators.lines import caller_id
from simulators.pbx import smdi
from simulators.pbx.makes.nortel import Meridian1
from simulators.pbx.makes.panasonic import PatternA
from simulators.pbx.smdr import Leg


def test_fsk_message_is_the_one_of_the_fact_sheet() -> None:
    message = caller_id.fsk_message("2156430144", datetime(2026, 3, 17, 16, 56))
    assert message.hex(" ").upper() == ("80 16 01 08 30 33 31 37 31 36 35 36 02 0A 32 31 35 36 34 33 30 31 34 34 BA")
    assert caller_id.read_fsk(message) == caller_id.Heard("2156430144", True)


def test_single_data_message_is_read() -> None:
    body = bytes([4, 0x12]) + b"031716562156430144"
    assert caller_id.checksum(body) == 0x4F
    assert caller_id.read_fsk(body + b"\x4f") == caller_id.Heard("2156430144", True)


def test_a_wrong_checksum_is_seen() -> None:
    message = bytearray(caller_id.fsk_message("13800138000", datetime(2026, 1, 1)))
    message[14] ^= 1
    assert not caller_id.read_fsk(bytes(message)).ok


def test_absent_numbers() -> None:
    assert caller_id.read_fsk(caller_id.fsk_message(None, datetime(2026, 1, 1))) == caller_id.Heard(None, True)
    assert caller_id.dtmf_digits(None) == "B00C"
    assert caller_id.dtmf_digits(None, absence="private") == "B10C"


@pytest.mark.parametrize(
    ("digits", "number", "ok"),
    [
        ("A01062001234C", "01062001234", True),
        ("A138#", "138", True),
        ("A12D34C", "12", True),
        ("B00C", None, True),
        ("12C", None, False),
        ("AC", None, False),
    ],
)
def test_dtmf_caller_id(digits: str, number: str | None, ok: bool) -> None:
    assert caller_id.read_dtmf(digits) == caller_id.Heard(number, ok)


def test_smdi_messages() -> None:
    assert smdi.call_message(1, 7, "D", "", "3500") == b"\r\nMD0010007D 3500 \r\n\x19"
    assert smdi.call_message(1, 12, "N", "2565551234", "2565559876") == b"\r\nMD0010012N2565551234 2565559876 \r\n\x19"
    assert smdi.call_message(1, 12, "B", "5551234", "") == b"\r\nMD0010012B5551234  \r\n\x19"
    assert smdi.refusal("5551234", "INV") == b"\r\nMWI5551234 INV\r\n\x7f\x7f\x19"


def test_lamp_requests_are_found_in_pieces_and_noise() -> None:
    data = b"\x00xxOP:MWI 5551234!\x04RMV:MWI 8001!\x04junk"
    expected = [smdi.LampRequest("5551234", True), smdi.LampRequest("8001", False)]
    assert smdi.LampRequests().feed(bytes(byte | 0x80 for byte in data)) == expected
    for cut in range(len(data)):
        requests = smdi.LampRequests()
        assert requests.feed(data[:cut]) + requests.feed(data[cut:]) == expected


LEG = Leg(datetime(2002, 1, 2, 10, 3), "1200", 1, "12345678901234567890", 315, 0, answered=False)


def test_panasonic_line_of_the_manual() -> None:
    lines = PatternA().write(LEG).split("\r\n")
    assert lines[0].startswith("Date     Time    Ext   CO Dial Number") and lines[1] == "-" * 80
    assert lines[2] == "01/02/02 10:03AM  1200 01 <I>12345678901234567890   5'15 00:00'00"


def test_panasonic_transferred_leg_ends_at_column_80() -> None:
    line = PatternA(page_lines=1000)
    line.write(LEG)
    text = line.write(Leg(datetime(2026, 1, 5, 13, 7), "2001", 3, "13800138000", None, 65.9, "first"))
    assert text == "01/05/26 01:07PM  2001 03 <I>13800138000                 00:01'05            TR\r\n"


def test_meridian_lines() -> None:
    writer = Meridian1()
    legs = [Leg(datetime(2026, 5, 9, 7, 47), "6101", 16, "5566472", 4, 20, kind) for kind in ("first", "last")]
    assert writer.write(legs[0]) == "S 000 00 T010 016 6101    05/09 07:47 00:00:20 5566472\r\n"
    assert writer.write(legs[1]).startswith("E 001 00")

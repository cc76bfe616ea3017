"""Caller ID, by golden bytes: those of telephony.md's sources, whole, cut and damaged."""

from __future__ import annotations

import unicodedata
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.callerid import CallerIdFields, checksum, decode, encode_dtmf, encode_mdmf, encode_sdmf
from drivers.errors import CallerIdError

MDMF = bytes.fromhex("80 16 01 08 30 33 31 37 31 36 35 36 02 0A 32 31 35 36 34 33 30 31 34 34 BA")
SDMF = bytes.fromhex("04 12") + b"031716562156430144" + bytes.fromhex("4F")


def test_golden_mdmf_both_ways() -> None:
    assert encode_mdmf("2156430144", when="03171656") == MDMF
    assert decode(MDMF, "fsk") == CallerIdFields(number="2156430144", when="03171656")


def test_golden_sdmf_both_ways() -> None:
    assert encode_sdmf("2156430144", "03171656") == SDMF
    assert decode(SDMF, "fsk") == CallerIdFields(number="2156430144", when="03171656")


def test_dates_are_written_as_the_exchange_tells_them() -> None:
    beijing = timezone(timedelta(hours=8))
    assert encode_mdmf("2156430144", when=datetime(2026, 3, 17, 16, 56, tzinfo=beijing)) == MDMF


@pytest.mark.parametrize("cut", range(len(MDMF)))
def test_cut_anywhere_is_told(cut: int) -> None:
    with pytest.raises(CallerIdError):
        decode(MDMF[:cut], "fsk")


@pytest.mark.parametrize("at", range(len(MDMF)))
def test_one_damaged_byte_is_told(at: int) -> None:
    damaged = bytearray(MDMF)
    damaged[at] ^= 0x10
    with pytest.raises(CallerIdError):
        decode(bytes(damaged), "fsk")


def test_names_in_chinese() -> None:
    message = encode_mdmf("13912345678", name="李明", when="11050930")
    assert decode(message, "fsk") == CallerIdFields(number="13912345678", name="李明", when="11050930")


def test_absent_numbers() -> None:
    assert decode(encode_mdmf(None, reason="private"), "fsk").absence == "private"
    assert decode(encode_mdmf(None), "fsk") == CallerIdFields(absence="unavailable")
    assert decode(encode_sdmf(None, "03171656", "private"), "fsk").absence == "private"
    assert decode(encode_sdmf(None, "03171656"), "fsk").absence == "unavailable"


def test_redirected_call() -> None:
    assert decode(encode_mdmf("555", redirecting="8001"), "fsk").redirecting == "8001"


def test_a_field_longer_than_its_message() -> None:
    body = bytes((0x02, 9)) + b"12345"
    message = bytes((0x80, len(body))) + body
    with pytest.raises(CallerIdError, match="cut off"):
        decode(message + bytes((checksum(message),)), "fsk")


def test_message_waiting_is_no_caller() -> None:
    message = bytes((0x82, 3, 0x0B, 1, 0xFF))
    with pytest.raises(CallerIdError, match="82"):
        decode(message + bytes((checksum(message),)), "fsk")


@pytest.mark.parametrize(
    ("digits", "fields"),
    [
        ("A01062001234C", CallerIdFields(number="01062001234")),
        ("A01062001234D8001C", CallerIdFields(number="01062001234", redirecting="8001")),
        ("A01062001234#", CallerIdFields(number="01062001234")),
        ("D01062001234C", CallerIdFields(number="01062001234")),  # Taiwan, Kuwait: not a redirecting number
        ("01062001234#", CallerIdFields(number="01062001234")),
        ("B00C", CallerIdFields(absence="unavailable")),
        ("B10C", CallerIdFields(absence="private")),
        ("D1#", CallerIdFields(absence="private")),
        ("D2#", CallerIdFields(absence="unavailable")),
        ("D3#", CallerIdFields(absence="unavailable")),
    ],
)
def test_dtmf_forms(digits: str, fields: CallerIdFields) -> None:
    assert decode(digits.encode(), "dtmf") == fields


@pytest.mark.parametrize("form", ["A{}C", "A{}D8001C", "D{}C", "{}#"])
def test_dtmf_of_more_digits_than_a_number_has(form: str) -> None:
    """What a receiver makes of music, or of two numbers that run into each other."""
    assert decode(form.format("1" * 32).encode(), "dtmf").number == "1" * 32
    fields = decode(form.format("1" * 33).encode(), "dtmf")
    assert (fields.number, fields.absence) == (None, "unavailable")


def test_dtmf_both_ways() -> None:
    assert encode_dtmf("01062001234") == "A01062001234C"
    assert encode_dtmf("555", redirecting="8001") == "A555D8001C"
    assert encode_dtmf(None) == "B00C"
    assert encode_dtmf(None, "private") == "B10C"


@pytest.mark.parametrize("digits", ["", "C", "A", "AC", "12345", "A12A34C", "A1C2", "X"])
def test_dtmf_that_is_none(digits: str) -> None:
    with pytest.raises(CallerIdError):
        decode(digits.encode(), "dtmf")


@given(st.binary(max_size=300), st.sampled_from(["fsk", "dtmf"]))
def test_any_bytes_are_read_or_refused(raw: bytes, form: str) -> None:
    with suppress(CallerIdError):
        decode(raw, "fsk" if form == "fsk" else "dtmf")


@given(st.text("0123456789", min_size=1, max_size=20), st.text(max_size=15) | st.none())
def test_any_number_and_name_come_back(number: str, name: str | None) -> None:
    name = "".join(char for char in name or "" if unicodedata.category(char) not in ("Cc", "Cf", "Zl", "Zp"))
    name = name.encode("gb18030", "ignore").decode("gb18030").strip() or None
    assert decode(encode_mdmf(number, name=name), "fsk") == CallerIdFields(number=number, name=name)


@pytest.mark.parametrize("number", ["", "12 34", "张三", "1" * 33])
def test_numbers_that_cannot_be_sent(number: str) -> None:
    with pytest.raises(CallerIdError):
        encode_mdmf(number)


@pytest.mark.parametrize(
    ("sent", "number"),
    [
        (b"138 0013-8000", "13800138000"),
        (b"(010) 62345678", "01062345678"),
        (b"Anonymous", None),
        (b"1380013\x1b[2J", None),
        (b"1" * 33, None),
    ],
)
def test_what_is_no_number_is_told_as_none(sent: bytes, number: str | None) -> None:
    body = bytes((2, len(sent))) + sent + bytes((7, 8)) + b"\x1b[2JLi\r\n"
    message = bytes((0x80, len(body))) + body
    fields = decode(message + bytes((checksum(message),)), "fsk")
    assert (fields.number, fields.absence) == (number, None if number else "unavailable")
    assert fields.name == "[2JLi"

"""Parity: what a UART refuses is NUL, and so is what this check refuses on a line that brings the parity bit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.pbx.parity import ParityCheck
from simulators.lines.serial_line import with_parity

MESSAGE = b"\r\nMD0010001A66886688 13800138000 \r\n\x19"


@pytest.mark.parametrize("parity", ["even", "odd"])
def test_every_wrong_bit_is_found_on_a_line_that_brings_its_parity(parity: str) -> None:
    sent = with_parity(MESSAGE, 7, parity)
    assert ParityCheck(7, parity).feed(sent) == (MESSAGE, 0)  # type: ignore[arg-type]
    for place in range(len(sent)):
        for bit in range(8):
            check = ParityCheck(7, parity)  # type: ignore[arg-type]
            check.feed(sent)
            damaged = sent[:place] + bytes([sent[place] ^ 1 << bit]) + sent[place + 1 :]
            assert check.feed(damaged) == (MESSAGE[:place] + b"\0" + MESSAGE[place + 1 :], 1)


def test_what_the_uart_has_checked_passes() -> None:
    check = ParityCheck(7, "even")
    assert check.checks and check.feed(MESSAGE) == (MESSAGE, 0)
    assert check.feed(b"\0D") == (b"\0D", 0)


def test_the_line_is_found_out_anew_when_it_was_lost() -> None:
    check = ParityCheck(7, "even")
    check.feed(with_parity(MESSAGE, 7, "even"))
    assert check.feed(b"1")[1] == 1, "three bits, and no parity bit"
    check.lost()
    assert check.feed(b"1") == (b"1", 0)


def test_lines_without_parity() -> None:
    assert not ParityCheck(7, "none").checks and not ParityCheck(8, "even").checks
    assert ParityCheck(7, "none").feed(b"\xb1\x31") == (b"\x31\x31", 0)
    assert ParityCheck(8, "none").feed(b"\xb1\x31") == (b"\xb1\x31", 0)


@given(st.lists(st.binary(max_size=12)), st.sampled_from(["even", "odd"]))
def test_the_pieces_do_not_matter_once_the_line_is_known(pieces: list[bytes], parity: str) -> None:
    one, other = (ParityCheck(7, parity) for _ in range(2))  # type: ignore[arg-type]
    for check in (one, other):
        check.feed(b"\x80")
    apart = [one.feed(piece) for piece in pieces]
    assert (b"".join(data for data, _ in apart), sum(bad for _, bad in apart)) == other.feed(b"".join(pieces))


def test_a_damaged_byte_makes_no_parity_line() -> None:
    """The site file says 7E1 and the line is 8N1: one damaged byte, and every second one would be refused for good."""
    check = ParityCheck(7, "even")
    check.feed(MESSAGE * 4)
    damaged = MESSAGE[:5] + bytes([MESSAGE[5] | 0x80]) + MESSAGE[6:]
    assert check.feed(damaged) == (MESSAGE[:5] + b"\0" + MESSAGE[6:], 1)
    assert check.feed(MESSAGE) == (MESSAGE, 0)


def test_and_not_as_the_first_byte_either() -> None:
    check = ParityCheck(7, "even")
    check.feed(b"\x8d" + MESSAGE)
    for _ in range(4):
        last = check.feed(MESSAGE)
    assert last == (MESSAGE, 0)

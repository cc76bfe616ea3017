"""Messages of a D channel in words: what is on the line may be anything, and is read without an exception."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.signalling import q931
from drivers.signalling.ladder import OCTETS, WIDTH, Step, ladder


@pytest.mark.parametrize(
    ("message", "name", "reference", "from_caller", "words"),
    [
        ("08 01 05 05 a1", "SETUP", 5, True, "complete"),
        ("08 02 8007 45 08 02 81 91", "DISCONNECT", 7, False, "cause 17 user busy"),
        ("08 02 8007 5a 08 03 01 80 a2", "RELEASE COMPLETE", 7, False, "cause 34 no channel available"),
        ("08 02 0001 7d 08 02 81 9e 14 01 0a", "STATUS", 1, True, "cause 30 response to status enquiry, state 10"),
        ("08 02 0001 05 18 03 a1 83 91", "SETUP", 1, True, "channel 17 preferred"),
        ("08 02 0001 05 18 01 a3 6c 02 00 a0", "SETUP", 1, True, "any channel, calling no number (restricted)"),
        ("08 02 0001 05 70 05 91 34 39 33 30", "SETUP", 1, True, "called 4930 (international)"),
        ("08 02 0000 46 79 01 87", "RESTART", 0, True, "all interfaces"),
        ("03 02 0000 0f 01 01 c2 18 03 a9 83 81", "SERVICE", 0, True, "out of service, channel 1"),
        ("08 02 8001 01 1e 02 82 88", "ALERTING", 1, False, "tones can be heard"),
        ("08 02 0001 33 2c 01 35", "message 0x33", 1, True, "keypad 5"),
        ("08 02 0001 05 6c 01 00", "SETUP", 1, True, "element 0x6c too short"),
        ("08 02 0001 05 70 09 80 31", "SETUP", 1, True, ""),
    ],
)  # fmt: skip
def test_messages_in_words(message: str, name: str, reference: int, from_caller: bool, words: str) -> None:
    read = q931.read(bytes.fromhex("02010000" + message))
    assert read is not None
    assert (read.name, read.reference, read.from_caller, read.words) == (name, reference, from_caller, words)


@pytest.mark.parametrize(
    "frame", ["", "00", "00 01 7f", "02 01 01 04", "02 01 00 00", "02 01 00 00 08 00 62", "02 01 00 00 08 0f 01 02"]
)
def test_what_carries_no_message(frame: str) -> None:
    assert q931.read(bytes.fromhex(frame)) is None


@given(st.binary(max_size=60), st.binary(max_size=4))
def test_anything_is_read(rest: bytes, head: bytes) -> None:
    for frame in (head + rest, b"\x02\x01\x00\x00\x08\x02\x00\x01\x05" + rest):
        message = q931.read(frame)
        if message is not None:
            step = Step(0, True, message.name, message.words, octets=frame)
            lines = ladder([step]).splitlines()
            assert len(lines) >= 2 + (len(frame) + OCTETS - 1) // OCTETS
            assert all(len(line) >= WIDTH for line in lines)

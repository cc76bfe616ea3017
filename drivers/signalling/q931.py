"""What stands in the messages of a D channel, in words: for ladders and for whoever reads a trace.

Reads only; the protocol itself is libpri's. Frames are those of layer 2 without their check sequence. Sources: ITU-T
Q.921 section 3, Q.931 sections 4.2 to 4.5. Serves `tipring trace CALL --signalling`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from drivers.signalling.causes import TEXTS
from drivers.signalling.interface import MAX_DIGITS

_CALLED: Final = 0x70
_CALLING: Final = 0x6C
_CHANNEL: Final = 0x18

MESSAGES: Final = {
    0x01: "ALERTING",
    0x02: "CALL PROCEEDING",
    0x03: "PROGRESS",
    0x05: "SETUP",
    0x07: "CONNECT",
    0x0D: "SETUP ACKNOWLEDGE",
    0x0F: "CONNECT ACKNOWLEDGE",
    0x45: "DISCONNECT",
    0x46: "RESTART",
    0x4D: "RELEASE",
    0x4E: "RESTART ACKNOWLEDGE",
    0x5A: "RELEASE COMPLETE",
    0x62: "FACILITY",
    0x6E: "NOTIFY",
    0x75: "STATUS ENQUIRY",
    0x7B: "INFORMATION",
    0x7D: "STATUS",
}
SERVICE_MESSAGES: Final = {0x07: "SERVICE ACKNOWLEDGE", 0x0F: "SERVICE"}
_TYPES = ("unknown", "international", "national", "network", "subscriber", "type 5", "abbreviated", "type 7")
_PRESENTATIONS = ("", "restricted", "not available", "presentation 3")
_STATUS = ("in service", "loopback", "out of service")
_BEARERS = {0x00: "speech", 0x08: "digital", 0x10: "3.1 kHz audio"}
_PROGRESS = {1: "not end-to-end ISDN", 2: "called end not ISDN", 3: "calling end not ISDN", 8: "tones can be heard"}


@dataclass(frozen=True, slots=True)
class Message:
    """A message of layer 3. `reference`: the call's; `from_caller`: sent by the side that began the call."""

    name: str
    reference: int
    from_caller: bool
    elements: tuple[tuple[int, bytes], ...]

    @property
    def words(self) -> str:
        """Its elements, those that people ask for."""
        return ", ".join(filter(None, (_word(number, data) for number, data in self.elements)))


def read(frame: bytes) -> Message | None:
    """The message that an I frame carries; None for other frames, and for what is none."""
    if len(frame) < 8 or frame[2] & 1:
        return None
    message = frame[4:]
    length = message[1] & 0x0F
    if len(message) < 3 + length or not length:
        return None
    reference = int.from_bytes(message[2 : 2 + length])
    flag = 1 << (8 * length - 1)
    kind = message[2 + length]
    names = MESSAGES if message[0] == 0x08 else SERVICE_MESSAGES
    return Message(
        names.get(kind, f"message {kind:#04x}"),
        reference & ~flag,
        not reference & flag,
        tuple(_elements(message[3 + length :])),
    )


def parties(message: Message) -> tuple[str, str, int]:
    """Called and calling number of a SETUP, as far as they can be read (20 digits of 0-9 * # A-D at most, else none),
    and its channel, 0 for none."""
    told = dict(reversed(message.elements))  # the first of each kind counts
    called, calling = (_digits(told[number]) if told.get(number) else "" for number in (_CALLED, _CALLING))
    channel = told.get(_CHANNEL, b"")
    named = len(channel) > 1 and channel[0] & 3 == 1
    return called, calling, channel[-1] & 0x7F if named else 0


def _digits(number: bytes) -> str:
    digits = _after_extension(number).decode("ascii", "replace")
    return digits if len(digits) <= MAX_DIGITS and all(digit in "0123456789*#ABCD" for digit in digits) else ""


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        if data[at] & 0x80:
            yield data[at], b""
            at += 1
        elif at + 2 <= len(data) and at + 2 + data[at + 1] <= len(data):
            yield data[at], data[at + 2 : at + 2 + data[at + 1]]
            at += 2 + data[at + 1]
        else:
            return


def _word(number: int, data: bytes) -> str:
    """Of one element; what it lacks of its octets is not said."""
    try:
        return _WORDS[number](data) if number in _WORDS else ""
    except IndexError:
        return f"element {number:#04x} too short"


def _after_extension(data: bytes) -> bytes:
    """Behind the octets of a group, whose last one has its first bit set."""
    at = next((at for at, octet in enumerate(data) if octet & 0x80), len(data) - 1)
    return data[at + 1 :]


def _number(what: str) -> Callable[[bytes], str]:
    def word(data: bytes) -> str:
        plan = (data[0] >> 4) & 7
        shown = "" if data[0] & 0x80 else _PRESENTATIONS[data[1] >> 5 & 3]
        digits = _after_extension(data).decode("ascii", "replace") or "no number"
        notes = " ".join(filter(None, (_TYPES[plan] if plan else "", shown)))
        return f"{what} {digits}" + (f" ({notes})" if notes else "")

    return word


def _channel(data: bytes) -> str:
    choice = {0: "no channel", 1: "", 3: "any channel"}.get(data[0] & 3, "")
    if choice:
        return choice
    slot = data[-1] & 0x7F
    return f"channel {slot}{'' if data[0] & 8 else ' preferred'}"


def _cause(data: bytes) -> str:
    number = (data[1] if data[0] & 0x80 else data[2]) & 0x7F
    return f"cause {number} {TEXTS.get(number, 'unknown')}"


_WORDS: Final[dict[int, Callable[[bytes], str]]] = {
    0xA1: lambda data: "complete",
    0x04: lambda data: _BEARERS.get(data[0] & 0x1F, f"bearer {data[0] & 0x1F:#04x}"),
    0x08: _cause,
    0x14: lambda data: f"state {data[0] & 0x3F}",
    0x18: _channel,
    0x1E: lambda data: _PROGRESS.get(data[1] & 0x7F, f"progress {data[1] & 0x7F}"),
    0x28: lambda data: f"name {data.decode('latin-1')!r}",
    0x2C: lambda data: f"keypad {data.decode('ascii', 'replace')}",
    0x6C: _number("calling"),
    0x70: _number("called"),
    0x74: _number("redirecting"),
    0x79: lambda data: {0: "channels indicated", 6: "one interface", 7: "all interfaces"}.get(data[0] & 7, ""),
    0x7E: lambda data: f"user-user {data[1:].decode('latin-1')!r}",
    0x01: lambda data: _STATUS[data[0] & 0x0F] if data[0] & 0x0F < 3 else "",
}

"""Caller ID as an exchange writes it and as a PBX's trunk reads it (steps 1 and 2).

Forms: GR-30 messages sent as FSK between the first and the second ring (single data message 04, multiple data message
80), and the DTMF form of older Chinese exchanges, `A<number>C`, sent before the first ring. Written here from the
message formats, not taken from `drivers`, so that a mistake there is not made twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

SDMF, MDMF = 0x04, 0x80
WHEN, NUMBER, NO_NUMBER, REASON, NAME = 0x01, 0x02, 0x04, 0x05, 0x07
ABSENT = {"private": "P", "unavailable": "O"}


def checksum(body: bytes) -> int:
    """The two's complement of the sum of all bytes from the type on, modulo 256."""
    return -sum(body) & 0xFF


def fsk_message(number: str | None, when: datetime, *, absence: str = "unavailable", name: str | None = None) -> bytes:
    """A multiple data message; `when` is the exchange's local time. Without a number the reason for its absence."""
    fields = [(WHEN, when.strftime("%m%d%H%M"))]
    fields.append((NUMBER, number) if number is not None else (NO_NUMBER, ABSENT[absence]))
    if name is not None:
        fields.append((NAME, name))
    inner = b"".join(bytes([kind, len(text)]) + text.encode("latin-1") for kind, text in fields)
    body = bytes([MDMF, len(inner)]) + inner
    return body + bytes([checksum(body)])


def dtmf_digits(number: str | None, *, absence: str = "unavailable") -> str:
    """`A<number>C`; without a number `B10C` (private) or `B00C` (not known)."""
    if number is not None:
        return f"A{number}C"
    return "B10C" if absence == "private" else "B00C"


def dtmf_lasts_s(number: str | None) -> float:
    """How long an office's DTMF takes, before the first ring: 70 ms on and off for each digit (YDN 069)."""
    return 0.14 * len(dtmf_digits(number))


@dataclass(frozen=True)
class Heard:
    """What a trunk understood. `ok` is False when the checksum or the framing was wrong."""

    number: str | None
    ok: bool


def read_fsk(message: bytes) -> Heard:
    """Reads SDMF and MDMF. The message may or may not carry its checksum byte."""
    if len(message) < 2 or message[0] not in (SDMF, MDMF) or len(message) < 2 + message[1]:
        return Heard(None, False)
    end = 2 + message[1]
    if len(message) > end and message[end] != checksum(message[:end]):
        return Heard(None, False)
    data = message[2:end]
    if message[0] == SDMF:
        text = data[8:].decode("latin-1").strip()
        return Heard(text if text.isdigit() else None, True)
    number, at = None, 0
    while at + 2 <= len(data):
        kind, length = data[at], data[at + 1]
        if kind == NUMBER:
            number = data[at + 2 : at + 2 + length].decode("latin-1").strip() or None
        at += 2 + length
    return Heard(number, at == len(data))


def read_dtmf(digits: str) -> Heard:
    """Reads `A<number>C` and `A<number>#`, with an optional D field after the number, and the absence codes."""
    text = digits.strip().upper()
    if text.startswith("B"):
        return Heard(None, True)
    if not text.startswith("A"):
        return Heard(None, False)
    number = ""
    for sign in text[1:]:
        if not sign.isdigit():
            break
        number += sign
    return Heard(number or None, bool(number))

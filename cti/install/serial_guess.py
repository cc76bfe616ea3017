"""What speed and parity does the PBX print at? Found by trial, from what a UART set to 8N1 reads (steps 4 and 9).

Speed: at a wrong one characters come with framing errors, or as bytes that no PBX prints; the next speed is tried.
Parity needs no trial: where every byte has an even (odd) number of ones and some have bit 7, bit 7 is the parity of a
7-bit character; where none has bit 7, it is 8N1 (or 7 bits with space parity, which reads the same). Two stop bits are
read as one. On a pseudo-terminal, and behind most network converters, the speed is no property of the line: every trial
fits, and the guess says so. No I/O here.

Limits: bursts of under LEAST bytes decide nothing, but after twice PATIENCE of them the speed is wrong (much too slow a
speed reads a line as one byte; ENQ, ACK and their like do come alone). A speed that is neither right nor wrong for
PATIENCE bursts gives way to the next one; after all speeds it begins again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

SPEEDS: Final = (9600, 1200, 2400, 4800, 19200, 300, 38400, 57600, 115200)
"""In the order in which PBXs have them; printers and SMDI mostly 9600 and 1200."""
LEAST: Final = 4
PATIENCE: Final = 3
RIGHT: Final = 0.95
WRONG: Final = 0.80
MARKED: Final = 0.1
"""Of characters with parity more than so many have bit 7 (of digits and blanks about half)."""
ENOUGH: Final = 60
"""Bytes after which a share of RIGHT is as sure as it gets."""

# What PBXs send: printing characters, and CR LF FF NUL STX ETX EOT ENQ ACK NAK ^Y DEL.
_CONTROLS = frozenset(b"\r\n\f\0\x02\x03\x04\x05\x06\x15\x19\x7f")
_POLLING = frozenset(b"\x02\x03\x04\x05\x06\x15")
_PLAUSIBLE = frozenset(range(0x20, 0x7F)) | _CONTROLS

Parity = Literal["none", "even", "odd"]


@dataclass(frozen=True, slots=True)
class Guess:
    """The settings in force or found. sure: 0 to 1; why: in words, for the installer."""

    baud: int
    bits: Literal[7, 8]
    parity: Parity
    sure: float
    why: str

    def __str__(self) -> str:
        return f"{self.baud} {self.bits}{self.parity[0].upper()}1"


def unmark(raw: bytes) -> tuple[bytes, int, bytes]:
    """Bytes as the kernel marks them with PARMRK: FF FF is FF, FF 00 x is x with an error. Returns the bytes, how many
    of them had an error, and a mark that is not whole yet."""
    out, errors, at = bytearray(), 0, 0
    while at < len(raw):
        if raw[at] != 0xFF:
            out.append(raw[at])
            at += 1
        elif raw[at + 1 : at + 2] == b"\xff":
            out.append(0xFF)
            at += 2
        elif len(raw) - at < 3:
            break
        else:
            out.append(raw[at + 2])
            errors += 1
            at += 3
    return bytes(out), errors, raw[at:]


def parity_of(data: bytes) -> tuple[Parity, Literal[7, 8]]:
    """The parity that bit 7 shows to be, and the data bits. Half of all text has bit 7 set by a parity; a damaged
    character here and there is no other setting."""
    odd, high = sum(byte.bit_count() % 2 for byte in data), sum(byte >> 7 for byte in data)
    if not high or high < len(data) * MARKED:
        return "none", 8
    if odd <= len(data) * (1 - RIGHT):
        return "even", 7
    if odd >= len(data) * RIGHT:
        return "odd", 7
    return "none", 8


def characters(data: bytes, before: bytes = b"") -> bytes:
    """Without the parity bit, where there is one; ``before``: what came earlier over this line, for few bytes."""
    return bytes(byte & 0x7F for byte in data) if parity_of(before + data)[1] == 7 else data


def score(data: bytes, errors: int) -> float:
    """How well bytes look like what a PBX prints, 0 to 1. Chinese text (GBK, two bytes from 0x81 on) counts as such."""
    if not data:
        return 0.0
    text = characters(data)
    good, at = 0, 0
    while at < len(text):
        pair = text[at : at + 2]
        if len(pair) == 2 and 0x81 <= pair[0] <= 0xFE and 0x40 <= pair[1] <= 0xFE and pair[1] != 0x7F:
            good += 2
            at += 2
        else:
            good += text[at] in _PLAUSIBLE
            at += 1
    return good / len(text) * (1 - min(1.0, errors / len(data)))


class Trial:
    """Tries speeds until one fits. `baud` is what the device is to be set to now."""

    def __init__(self, *, fixed: int | None = None, has_speed: bool = True) -> None:
        """fixed: this speed, no trial. has_speed False: the device takes no speed."""
        self._speeds = (fixed,) if fixed is not None else SPEEDS
        self._at = 0
        self._bursts = 0
        self._has_speed = has_speed
        self._data = b""
        self._errors = 0

    @property
    def baud(self) -> int:
        """The speed tried now."""
        return self._speeds[self._at]

    @property
    def seen(self) -> bytes:
        """What came at this speed, the last 4096 bytes at most, as it was read."""
        return self._data

    def burst(self, data: bytes, errors: int) -> bool:
        """So much came without a pause. True: the speed was changed, set the device anew."""
        self._data += data
        self._errors += errors
        self._bursts += 1
        few = len(self._data) < LEAST * self._bursts and not _POLLING.issuperset(self._data)
        if few and self._bursts < 2 * PATIENCE:
            return False
        found = 0.0 if few else score(self._data, self._errors)
        if found >= RIGHT or (found >= WRONG and self._bursts < PATIENCE) or len(self._speeds) == 1:
            self._data, self._errors = self._data[-4096:], min(self._errors, len(self._data[-4096:]))
            return False
        self._at = (self._at + 1) % len(self._speeds)
        self._data, self._errors, self._bursts = b"", 0, 0
        return True

    def guess(self) -> Guess:
        """What is believed now."""
        parity, bits = parity_of(self._data)
        found, count = score(self._data, self._errors), len(self._data)
        if not count:
            return Guess(self.baud, 8, "none", 0.0, "nothing has come yet")
        sure = round(found * min(1.0, count / ENOUGH), 2)
        why = f"{count} bytes, {self._errors} with errors, {found:.0%} of them as a PBX prints"
        if not self._has_speed:
            return Guess(self.baud, bits, parity, 0.0, f"{why}; this device has no speed, any one fits")
        if parity == "none" and not any(byte >> 7 for byte in self._data):
            why += "; bit 7 is always 0, so that 7 bits with space parity are as likely"
        return Guess(self.baud, bits, parity, sure, why)

"""Parity of a serial line whose characters reach us with their parity bit: what it refuses becomes NUL (steps 4, 9).

A UART set to 7 bits checks parity itself: the serial port is opened with INPCK, so that Linux gives a byte of wrong
parity or framing as NUL, and bit 7 of all others is 0. A terminal server, a converter in 8N1, or a pseudo-terminal
passes the character as it was on the wire, parity in bit 7. Such a line is known by its first byte with bit 7 set;
from then on every byte is checked here, with the same result: NUL in place of what is wrong, bit 7 cleared.
"""

from __future__ import annotations

from typing import Literal


class ParityCheck:
    """One line. 8 bits or no parity: passes everything as it is; 7 bits without parity: clears bit 7."""

    def __init__(self, bits: int, parity: Literal["none", "even", "odd"]) -> None:
        self._mask = bytes(byte & 0x7F for byte in range(256)) if bits == 7 else None
        self._table: bytes | None = None
        if bits == 7 and parity != "none":
            wrong = 1 if parity == "even" else 0
            self._table = bytes(0x80 if byte.bit_count() % 2 == wrong else byte & 0x7F for byte in range(256))
        self._on_the_wire = False

    @property
    def checks(self) -> bool:
        """Is a damaged byte found out on this line, by the UART or here?"""
        return self._table is not None

    def lost(self) -> None:
        """The line was closed: how the next one passes its characters has to be found out again."""
        self._on_the_wire = False

    def feed(self, data: bytes) -> tuple[bytes, int]:
        """The characters, and how many of them had the wrong parity."""
        if self._mask is None:
            return data, 0
        if self._table is None:
            return data.translate(self._mask), 0
        if not self._on_the_wire:
            if data.isascii():
                return data, 0
            self._on_the_wire = True
        checked = data.translate(self._table)
        bad = checked.count(0x80)
        return (checked.replace(b"\x80", b"\x00") if bad else checked), bad

"""Parity of a serial line whose characters reach us with their parity bit: what it refuses becomes NUL (steps 4, 9).

A UART set to 7 bits checks parity itself: the serial port is opened with INPCK, so that Linux gives a byte of wrong
parity or framing as NUL, and bit 7 of all others is 0. A terminal server, a converter in 8N1, or a pseudo-terminal
passes the character as it was on the wire, parity in bit 7. Such a line is known by a byte with bit 7 set, as long as
five of its last eight bytes have the right parity (of the last WINDOW to 2 * WINDOW): every byte is checked here, with
the same result: NUL in place of what is wrong, bit 7 cleared. On a line that brings no parity, whatever the site file
says, half of all characters have the right one by chance: there only the byte with bit 7 set is wrong.
"""

from __future__ import annotations

from typing import Final, Literal

WINDOW: Final = 256


class ParityCheck:
    """One line. 8 bits or no parity: passes everything as it is; 7 bits without parity: clears bit 7."""

    def __init__(self, bits: int, parity: Literal["none", "even", "odd"]) -> None:
        self._mask = bytes(byte & 0x7F for byte in range(256)) if bits == 7 else None
        self._table: bytes | None = None
        if bits == 7 and parity != "none":
            wrong = 1 if parity == "even" else 0
            self._table = bytes(0x80 if byte.bit_count() % 2 == wrong else byte & 0x7F for byte in range(256))
        self._high = False  # a byte with bit 7 set was seen
        self._seen = self._wrong = 0

    @property
    def checks(self) -> bool:
        """Is a damaged byte found out on this line, by the UART or here?"""
        return self._table is not None

    def lost(self) -> None:
        """The line was closed: how the next one passes its characters has to be found out again."""
        self._high, self._seen, self._wrong = False, 0, 0

    def feed(self, data: bytes) -> tuple[bytes, int]:
        """The characters, and how many of them had the wrong parity."""
        if self._mask is None:
            return data, 0
        if self._table is None:
            return data.translate(self._mask), 0
        out = bytearray(data)
        bad = 0
        for place, byte in enumerate(data):
            wrong = self._table[byte] == 0x80
            if self._seen >= 2 * WINDOW:
                self._seen, self._wrong = WINDOW, self._wrong // 2
            self._seen += 1
            self._wrong += wrong
            self._high = self._high or byte > 0x7F
            if self._high and (byte > 0x7F or wrong):
                on_the_wire = 8 * self._wrong <= 3 * self._seen + 8
                refused = wrong if on_the_wire else byte > 0x7F
                out[place] = 0 if refused else byte & 0x7F
                bad += refused
        return bytes(out), bad

"""Cuts what a PBX's record printer sends into lines or frames: bytes in, pieces out. Serves step 9.

Printers end a line by a character or two (crlf, cr, lf, nul, ff). NEC's ports put each record into a frame: STX (02)
... ETX (03), with a check character behind it where the port is set so: the exclusive or of all bytes after STX up to
and with ETX (NDA-30115). Nothing here is raised for what came in, and how the bytes are cut changes nothing.

Limits: of a piece longer than line_max bytes its beginning is told once, when the limit is passed; the rest is counted
in `discarded`. What stands between frames is told as it ends, a line at a time, at most line_max bytes of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Final, Protocol

from cti.pbx.smdr_rules import FRAMES, SmdrRules

ENDS: Final = {"crlf": b"\r\n", "cr": b"\r", "lf": b"\n", "nul": b"\x00", "ff": b"\x0c"}
STX, ETX = 0x02, 0x03
ENDLESS: Final = "longer than {} bytes"


@dataclass(frozen=True, slots=True)
class Piece:
    """A line or the inside of a frame. number counts from 1; fault says why it cannot be a record, "" that it may."""

    data: bytes
    number: int
    fault: str = ""


class Cutter(Protocol):
    """What the decoder needs of either. discarded counts bytes that nobody was given."""

    discarded: int

    def feed(self, data: bytes) -> list[Piece]: ...

    def flush(self) -> list[Piece]: ...

    @property
    def kept(self) -> int:
        """Bytes of what was begun."""
        ...


def cutter(rules: SmdrRules) -> Cutter:
    """The one that the dialect asks for."""
    name = rules.terminators[0]
    if name in FRAMES:
        return Frames(rules.line_max, checked=name == "stx_etx_bcc")
    return Lines(rules)


class Lines:
    """Pieces that end with one of some terminators."""

    def __init__(self, rules: SmdrRules) -> None:
        self.discarded = 0
        self._max = rules.line_max
        self._number = 0
        ends = sorted((ENDS[name] for name in rules.terminators), key=len, reverse=True)
        self._end = re.compile(b"|".join(re.escape(end) for end in ends))
        self._cr_then_lf = {"crlf", "cr"} <= set(rules.terminators)
        self._only_cr_lf = "crlf" in rules.terminators and "cr" not in rules.terminators
        self._buffer = bytearray()
        self._held = b""  # a CR that may be the first half of CR LF
        self._overlong = False
        self._lf_may_follow = False

    @property
    def kept(self) -> int:
        """See Cutter."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Piece]:
        """The lines complete with these bytes."""
        pieces: list[Piece] = []
        if self._lf_may_follow and data:
            self._lf_may_follow = False
            data = data[1:] if data[0] == 0x0A else data
        data = self._held + data
        self._held = b"\r" if self._only_cr_lf and data.endswith(b"\r") else b""
        data = data[: len(data) - len(self._held)]
        position = 0
        for match in self._end.finditer(data):
            self._keep(data[position : match.start()], pieces)
            self._line_ends(pieces)
            position = match.end()
            self._lf_may_follow = self._cr_then_lf and match[0] == b"\r" and position == len(data)
        self._keep(data[position:], pieces)
        return pieces

    def flush(self) -> list[Piece]:
        """The line was lost, or the file has ended: what was begun is a line of its own."""
        pieces: list[Piece] = []
        self._lf_may_follow = False
        self._keep(self._held, pieces)
        self._held = b""
        if self._buffer or self._overlong:
            self._line_ends(pieces)
        return pieces

    def _keep(self, part: bytes, pieces: list[Piece]) -> None:
        if self._overlong:
            self.discarded += len(part)
            return
        room = self._max - len(self._buffer)
        self._buffer += part[: max(room, 0)]
        if len(part) > room:
            self._overlong = True
            self.discarded += len(part) - room
            pieces.append(Piece(bytes(self._buffer), self._number + 1, ENDLESS.format(self._max)))
            self._buffer.clear()

    def _line_ends(self, pieces: list[Piece]) -> None:
        self._number += 1
        if not self._overlong:
            pieces.append(Piece(bytes(self._buffer), self._number))
        self._buffer.clear()
        self._overlong = False


class Frames:
    """Pieces between STX and ETX, with or without a check character behind."""

    def __init__(self, line_max: int, *, checked: bool) -> None:
        self.discarded = 0
        self._max = line_max
        self._checked = checked
        self._number = 0
        self._state = "between"  # between, inside, check
        self._buffer = bytearray()
        self._overlong = False

    @property
    def kept(self) -> int:
        """See Cutter."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Piece]:
        """The frames complete with these bytes, and what stood between them."""
        pieces: list[Piece] = []
        for byte in data:
            if self._state == "check" and self._check(byte, pieces):
                continue
            if byte == STX:
                self._given_up("has no end (ETX)", pieces)
                self._state = "inside"
            elif self._state == "inside" and byte == ETX:
                self._ends(pieces)
            elif self._state == "between" and byte in b"\r\n\x00\x11\x13":
                self._given_up("", pieces)  # free-wheeling ports add line ends; a line alone is another printer's
            else:
                self._keep(byte, pieces)
        return pieces

    def flush(self) -> list[Piece]:
        """The line was lost, or the file has ended."""
        pieces: list[Piece] = []
        self._given_up("has no check character" if self._state == "check" else "has no end (ETX)", pieces)
        return pieces

    def _keep(self, byte: int, pieces: list[Piece]) -> None:
        if self._overlong:
            self.discarded += 1
        elif len(self._buffer) < self._max:
            self._buffer.append(byte)
        else:
            self._overlong = True
            self.discarded += 1
            self._number += 1
            pieces.append(Piece(bytes(self._buffer), self._number, ENDLESS.format(self._max)))

    def _ends(self, pieces: list[Piece]) -> None:
        if self._checked:
            self._state = "check"
            return
        self._whole("", pieces)

    def _check(self, byte: int, pieces: list[Piece]) -> bool:
        """The byte behind ETX. False: it is none, but the beginning of the next frame."""
        right = reduce(xor, self._buffer, 0) ^ ETX
        if byte == right:
            self._whole("", pieces)
            return True
        if byte == STX:
            self._given_up("has no check character", pieces)
            return False
        self._whole(f"check character is {byte:02x}, should be {right:02x}", pieces)
        return True

    def _whole(self, fault: str, pieces: list[Piece]) -> None:
        if not self._overlong:
            self._number += 1
            pieces.append(Piece(bytes(self._buffer), self._number, fault))
        self._clear()

    def _given_up(self, why: str, pieces: list[Piece]) -> None:
        if self._buffer and not self._overlong:
            self._number += 1
            why = "stands outside a frame (STX ... ETX)" if self._state == "between" else why
            pieces.append(Piece(bytes(self._buffer), self._number, why))
        self._clear()

    def _clear(self) -> None:
        self._buffer.clear()
        self._overlong = False
        self._state = "between"

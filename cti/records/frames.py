"""How events lie in a journal file: mark, length, CRC-32, payload; and how they are found again after damage.

A frame is the mark ``FF 54 52 31`` ("TR1" after a byte that UTF-8 never uses, so no text inside an event can look like
a frame), the payload's length and its CRC-32 (both 32 bits, little-endian), and the payload in JSON. A reader that
meets anything else searches for the next mark behind which a whole, correct frame stands. Serves step 9.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from cti.records.events import MAX_PAYLOAD, Entry, decode

MARK = b"\xffTR1"
_HEAD = struct.Struct("<4sII")
HEAD = _HEAD.size
_pack = _HEAD.pack
_crc = zlib.crc32


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a journal file that are no record, or records that are missing.

    garbage: bytes in the middle; cut: an unfinished record at the end of a file; gap: serial numbers that nobody wrote
    (length counts records). offset is in bytes from the start of the file.
    """

    file: Path
    offset: int
    length: int
    why: Literal["garbage", "cut", "gap"]

    def __str__(self) -> str:
        unit = "records missing" if self.why == "gap" else "bytes unreadable"
        return f"{self.file.name}: {self.why} at offset {self.offset}, {self.length} {unit}"


def frame(payload: bytes) -> bytes:
    """The payload with its mark, length and checksum."""
    return _pack(MARK, len(payload), _crc(payload)) + payload


def take(data: bytes, at: int) -> tuple[Entry, int] | Literal[False] | None:
    """The record at offset ``at`` and the offset behind it; None: more bytes are needed; False: no record is here."""
    if len(data) - at < HEAD:
        return None if MARK.startswith(data[at : at + 4]) else False
    mark, length, crc = _HEAD.unpack_from(data, at)
    if mark != MARK or length > MAX_PAYLOAD:
        return False
    start = at + HEAD
    if len(data) - start < length:
        return None
    payload = data[start : start + length]
    if _crc(payload) != crc:
        return False
    try:
        return decode(payload), start + length
    except msgspec.DecodeError:
        return False


def resync(data: bytes, at: int, *, whole: bool) -> int | None:
    """The next offset from ``at`` on where a record stands (or, unless the file is whole, may be arriving)."""
    while (at := data.find(MARK[:1], at)) >= 0:
        found = take(data, at)
        if found or (found is None and not whole):
            return at
        at += 1
    return None

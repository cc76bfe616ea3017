r"""SMDI, the Simplified Message Desk Interface: bytes in, calls and refusals out; lamp orders out. Serves step 4.

The PBX sends, for each call that it switches to one of our lines (Bellcore TR-NWT-000283; Nortel DMS-100 quick
reference)::

    CR LF MD ggg mmmm a [forwarded-from] SP [calling] SP CR LF ^Y      ggg message desk, mmmm line, a reason letter
    CR LF MWI number SP INV|BLK CR LF DEL DEL ^Y                       a lamp order refused

and takes ``OP:MWI number!EOT`` (lamp on) and ``RMV:MWI number!EOT`` (off). There is no checksum and no
acknowledgement: an accepted lamp order gets no reply at all, so nothing here waits for one.

What is tolerated: bit 7 set (parity not stripped), missing CR LF, missing last SP, any reason letter, numbers of 1 to
20 digits, MWI with and without a space or ``!`` or DELs, rubbish before the message. A frame ends with ^Y; should a
^Y be lost, a message that is complete to its CR LF is still taken out of the joined frame, of an incomplete one only
the last counts. Nothing is ever raised for what came in: bytes that make no sense are reported as SmdiGarbage with
their count.

Limit: of a frame without ^Y the last 512 bytes are kept; what is before them is reported as garbage in lots of 4096.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

END: Final = b"\x19"  # ^Y ends a frame
KEPT: Final = 512  # bytes of an unfinished frame; the longest message has 56
LOT: Final = 4096
_MASK: Final = bytes(byte & 0x7F for byte in range(256))
_FILL: Final = b"\r\n\x00\x7f"  # between messages these say nothing
_START: Final = re.compile(rb"MD|MWI")
_MD: Final = re.compile(rb"MD(\d{3})(\d{4})([A-Za-z])([0-9*#]{0,20}) ([0-9*#]{0,20}) ?(?=[\r\n]|[\x00\x7f]*\Z)")
_MD_WHOLE: Final = re.compile(rb"MD(\d{3})(\d{4})([A-Za-z])([0-9*#]{0,20}) ([0-9*#]{0,20}) \r\n")
_MWI: Final = re.compile(rb"MWI ?([0-9*#]{1,20})!? ?([A-Z]{3})(?=[\r\n\x00\x7f ]|\Z)")
_NUMBER: Final = re.compile(r"[0-9*#]{1,20}")


@dataclass(frozen=True, slots=True)
class SmdiCall:
    """A call is on line `line` of message desk `desk`.

    reason: D direct, A all calls forwarded, B busy, N no answer, U unknown, or any other letter as sent.
    forwarded_from: the station that was called first, None for a direct call; calling: the ANI, None when not known.
    """

    desk: int
    line: int
    reason: str
    forwarded_from: str | None
    calling: str | None


@dataclass(frozen=True, slots=True)
class SmdiLampFailure:
    """The PBX refused a lamp order for number: code INV (no such number) or BLK (not settable now)."""

    number: str
    code: str


@dataclass(frozen=True, slots=True)
class SmdiGarbage:
    """count bytes made no sense; sample holds at most the last 64 of them, bit 7 cleared."""

    count: int
    sample: bytes


SmdiItem = SmdiCall | SmdiLampFailure | SmdiGarbage


class SmdiDecoder:
    """Takes bytes as they come, in pieces of any size, and gives what they say.

    msd_strip: so many leading digits of each number are padding that the PBX adds; they are dropped (0 to 9).
    """

    def __init__(self, msd_strip: int = 0) -> None:
        self.msd_strip = msd_strip
        self._frame = bytearray()
        self._dropped = 0  # bytes of this frame no longer kept, not yet reported

    def feed(self, data: bytes) -> list[SmdiItem]:
        """What is complete with these bytes. The result does not depend on how the bytes are cut."""
        items: list[SmdiItem] = []
        *ended, rest = data.translate(_MASK).split(END)
        for part in ended:
            self._take(part, items)
            self._end(items)
        self._take(rest, items)
        return items

    def flush(self) -> list[SmdiItem]:
        """The line was lost: what was begun is given now, whole messages as such and the rest as garbage."""
        items: list[SmdiItem] = []
        self._end(items, lost=True)
        return items

    def _take(self, part: bytes, items: list[SmdiItem]) -> None:
        while part:
            room = 2 * KEPT - len(self._frame)
            self._frame += part[:room]
            part = part[room:]
            if len(self._frame) == 2 * KEPT:
                self._dropped += KEPT
                if self._dropped == LOT:
                    items.append(SmdiGarbage(LOT, bytes(self._frame[KEPT - 64 : KEPT])))
                    self._dropped = 0
                del self._frame[:KEPT]

    def _end(self, items: list[SmdiItem], lost: bool = False) -> None:
        frame, garbage = bytes(self._frame), bytearray()
        starts = [match.start() for match in _START.finditer(frame)]
        done = 0
        for index, start in enumerate(starts):
            if start < done:
                continue
            last = index == len(starts) - 1 and not lost
            found = self._message(frame, start, whole=not last)
            if found is not None:
                garbage += frame[done:start]
                item, done = found
                items.append(item)
        garbage += frame[done:]
        strange = bytes(garbage).translate(None, _FILL)
        count = self._dropped + len(strange)
        self._frame.clear()
        self._dropped = 0
        if count and (strange.strip(b" ") or count > len(strange)):
            items.append(SmdiGarbage(count, strange[-64:]))

    def _message(self, frame: bytes, start: int, whole: bool) -> tuple[SmdiCall | SmdiLampFailure, int] | None:
        """The message that begins at start and where it ends; whole: only when complete to its CR LF."""
        if match := (_MD_WHOLE if whole else _MD).match(frame, start):
            desk, line, letter, first, second = (group.decode("ascii") for group in match.groups())
            forwarded, calling = self._number(first), self._number(second)
            if letter in "DR":  # direct: iPECS puts the caller into the first field, nobody forwarded it
                forwarded, calling = None, calling or forwarded
            return SmdiCall(int(desk), int(line), letter, forwarded, calling), match.end()
        if (match := _MWI.match(frame, start)) and (not whole or frame[match.end() : match.end() + 2] == b"\r\n"):
            return SmdiLampFailure(match[1].decode("ascii")[self.msd_strip :], match[2].decode("ascii")), match.end()
        return None

    def _number(self, text: str) -> str | None:
        return text[self.msd_strip :] or None


def lamp(number: str, on: bool, msd_strip: int = 0) -> bytes:
    """The order that lights or clears the message lamp of extension number (1 to 20 of 0-9 * #).

    msd_strip zeros are put before it, as the PBX drops them. Raises ValueError for anything but such a number.
    """
    if not _NUMBER.fullmatch(number):
        raise ValueError(f"not an extension number of 1 to 20 digits: {number!r}")
    return f"{'OP' if on else 'RMV'}:MWI {'0' * msd_strip}{number}!\x04".encode("ascii")

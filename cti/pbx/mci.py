"""MCI, NEC's message centre interface: texts from the PBX, lamp texts to it (step 4). Codec without I/O.

STX SA UA ... ETX at 1200 to 9600 baud; nobody acknowledges anything (NAK, polling and resending are not used for MCI:
NWA-008844). The PBX sends a text as a call terminates on the VMS's station; of a call forwarded several times the first
station is named. Where the fields stand is in no manual that could be read: they are columns of the dialect, counted on
site. The lamp text is that of the NEAX 2400 IMX, variable format (ND-70428 p35-38).

Nothing is raised for what came in: a text that is not ours, or names no station, is MciGarbage. A text has at most 256
characters; a longer one is garbage, the search goes on at the next STX.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cti.pbx.announcement import Announcement
from cti.pbx.call_rules import MciLamp, MciRules
from cti.pbx.columns import cut

STX: Final = b"\x02"
ETX: Final = b"\x03"
LONGEST: Final = 256
_MASK: Final = bytes(byte & 0x7F for byte in range(256))
_FILL: Final = b"\x00\x7f\r\n"


@dataclass(frozen=True, slots=True)
class MciGarbage:
    """count bytes made no sense; sample holds at most the last 64 of them."""

    count: int
    sample: bytes


@dataclass(frozen=True, slots=True)
class MciLampsLost:
    """The PBX has forgotten its lamps and asks for all of them."""


MciItem = Announcement | MciGarbage | MciLampsLost


class MciDecoder:
    """Takes bytes as they come, in pieces of any size, and gives what they say."""

    def __init__(self, rules: MciRules) -> None:
        self._rules = rules
        self._text = bytearray()
        self._inside = False
        self._strange = bytearray()

    def feed(self, data: bytes) -> list[MciItem]:
        """What is complete with these bytes. The result does not depend on how the bytes are cut."""
        items: list[MciItem] = []
        for byte in data.translate(_MASK):
            if byte == STX[0]:
                self._give_up(items)
                self._inside = True
            elif not self._inside:
                if byte not in _FILL:
                    self._strange.append(byte)
                if len(self._strange) >= LONGEST:
                    self._give_up(items)
            elif byte == ETX[0]:
                self._inside = False
                items.extend(self._flushed_strange())
                items.append(self._read(bytes(self._text)))
                self._text.clear()
            else:
                self._text.append(byte)
                if len(self._text) > LONGEST:
                    self._give_up(items)
        return items

    def flush(self) -> list[MciItem]:
        """The line was lost: what was begun is garbage."""
        items: list[MciItem] = []
        self._give_up(items)
        return items

    def _give_up(self, items: list[MciItem]) -> None:
        self._strange += self._text
        self._text.clear()
        self._inside = False
        items.extend(self._flushed_strange())

    def _flushed_strange(self) -> list[MciItem]:
        strange = bytes(self._strange)
        self._strange.clear()
        return [MciGarbage(len(strange), strange[-64:])] if strange else []

    def _read(self, text: bytes) -> MciItem:
        if self._rules.lamps_lost is not None and text.startswith(self._rules.lamps_lost.encode("utf-8")):
            return MciLampsLost()
        said = cut(text.decode("ascii"), self._rules.columns)
        station, calling, called = said.get("station", ""), said.get("calling", ""), said.get("called", "")
        whole = all(number == "" or _is_number(number) for number in (station, calling, called))
        if not text.startswith(self._rules.header.encode("ascii")) or not station or not whole:
            return MciGarbage(len(text), text[-64:])
        if said.get("calling_given") == self._rules.not_given and "calling_given" in self._rules.columns:
            calling = ""
        reason = self._rules.reasons.get(said.get("reason", ""), "unknown")
        trunk = said.get("trunk") or None
        return Announcement("mci", reason, called or None, calling or None, extension=station, trunk=trunk)


def lamp(number: str, on: bool, rules: MciRules, how: MciLamp) -> bytes:
    """The text that lights or clears the lamp of station number. ValueError for anything but 1 to 16 digits."""
    if not _is_number(number) or len(number) > 16:
        raise ValueError(f"not a station number of 1 to 16 digits: {number!r}")
    groups = [("01", how.on if on else how.off), ("02", number)]
    if how.tenant is not None:
        groups.append(("04", how.tenant.zfill(6)))
    said = "".join(f"{kind}{len(data):02d}{data}" for kind, data in groups)
    return STX + f"{rules.header}{how.identifier}{said}".encode("ascii") + ETX


def _is_number(text: str) -> bool:
    return bool(text) and all(char in "0123456789*#" for char in text)

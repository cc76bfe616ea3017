"""The section `seats:` of the site file: agents' telephones where our own cards are the switch. Serves step 7.

A row is either telephones on FXS ports (card, first, count; the extension counts up), or one telephone somewhere else,
reached over the trunks by its numbers: a mobile seat (移动坐席).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct

from cti.conf.fields import Extension, Name, PortCount, PortNumber

Number = Annotated[str, Meta(pattern=r"^[0-9*#]{1,20}$", extra_json_schema={"description": 'digits: "13800001111"'})]


class SeatPort(Struct, frozen=True):
    """A telephone on a card's port."""

    card: str
    port: int
    extension: str


class SeatRow(Struct, frozen=True, forbid_unknown_fields=True):
    """FXS ports, or a seat reached over a trunk. ``ring``: its numbers one after the other, or all at once."""

    extension: Extension
    card: Name | None = None
    first: PortNumber | None = None
    count: PortCount | None = None
    numbers: Annotated[tuple[Number, ...], Meta(max_length=5)] = ()
    ring: Literal["in_order", "at_once"] = "in_order"
    nailed_up: bool = False  # the line is kept until the agent logs out; the next call needs no ringing
    confirm: bool = False  # the person must press a key: voice boxes and wrong numbers answer calls, too

    def __post_init__(self) -> None:
        if bool(self.numbers) == (self.card is not None):
            raise ValueError("is neither ports nor numbers, or both; write card, first and count, or numbers")
        if self.card is not None and self.first is None:
            raise ValueError("names no port of the card; write first, and count for more than one")
        if self.card is None and (self.first is not None or self.count is not None):
            raise ValueError("has a port, but no card; write card as well, or take first and count out")
        if (self.count or 1) > 1 and not self.extension.isdigit():
            raise ValueError(f"extension {self.extension!r} cannot count up; write digits only")
        if len(set(self.numbers)) < len(self.numbers):
            raise ValueError("names a number twice; write each once")

    def ports(self) -> Iterator[SeatPort]:
        """Each port of the row; none of a seat reached over a trunk."""
        if self.card is None:
            return
        width = len(self.extension)
        for i in range(self.count or 1):
            extension = str(int(self.extension) + i).zfill(width) if i else self.extension
            yield SeatPort(self.card, (self.first or 0) + i, extension)

    def extensions(self) -> list[str]:
        """Every extension of the row."""
        return [seat.extension for seat in self.ports()] or [self.extension]

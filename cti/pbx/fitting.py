"""Which of the dialects that there are reads what a PBX printed? Serves step 9, and whoever connects a PBX.

Asked by `tipring pbx learn`, and by the server when nothing that comes fits any more: a PBX was exchanged overnight.
Trying all dialects takes about a second: the server asks for one at a time, in a thread (cti.outside).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from msgspec import Struct

from cti.errors import ConfigFaults
from cti.pbx.dialect import dialect_names, load_dialect
from cti.pbx.smdr import SmdrDecoder, SmdrItem, SmdrRecord

_SEVEN_BITS: Final = bytes(range(0x80))


class Fit(Struct, frozen=True):
    """How much of some lines a dialect reads: lines of its records, lines that it skips as headers, unread items."""

    name: str
    title: str
    read: int
    unread: int

    def __str__(self) -> str:
        return f"{self.name} ({self.title}) reads {self.read} of {self.read + self.unread}"

    @property
    def share(self) -> float:
        """Of the lines that it reads."""
        return self.read / (self.read + self.unread)

    @property
    def whole(self) -> bool:
        """Nothing is left over."""
        return self.read > 0 and self.unread == 0


def fits(data: bytes, now: datetime, but: Collection[str] = ()) -> list[Fit]:
    """The dialects that read anything in these bytes, best first; but: names left out."""
    return best_first(fit_of(name, data, now) for name in dialect_names() if name not in but)


def fit_of(name: str, data: bytes, now: datetime) -> Fit | None:
    """How much of these bytes one dialect reads; None: nothing. now: for dates without a year.

    A dialect file with faults reads nothing here: whoever uses it is told by `tipring check`. Takes about 50 ms.
    """
    try:
        dialect = load_dialect(name)
    except ConfigFaults:
        return None
    decoder = SmdrDecoder(dialect, lambda: now, strip_bit7=mostly_parity(data), mends=False)
    items: list[SmdrItem] = decoder.feed(data) + decoder.flush()
    counts = [0, 0]
    for item in items:
        counts[isinstance(item, SmdrRecord)] += item.raw.count("\n") + 1
    return Fit(name, dialect.title, counts[True], counts[False]) if counts[True] else None


def best_first(found: Iterable[Fit | None]) -> list[Fit]:
    """What leaves least over comes first; of two alike the dialect of a make before a generic one."""
    there = [fit for fit in found if fit is not None]
    return sorted(there, key=lambda fit: (fit.unread, -fit.read, fit.name.startswith("generic"), fit.name))


def mostly_parity(data: bytes) -> bool:
    """Whether bit 7 looks like a parity bit that was not taken off: it is set in a quarter of the bytes and more."""
    return len(data) > 0 and len(data.translate(None, _SEVEN_BITS)) * 4 > len(data)

"""A call record that waits a breath for the line behind it (step 9).

Two things are not known before. A record of two lines (Nortel's new format: who called stands in the second, behind &)
is whole only with its second one; where that came damaged the whole is doubtful, for it is not known who called. And a
record that says neither who called nor when may be the first out of a buffer: then more follow in the same breath.

Limits: one record waits; after its breath, or with the next record, it is given as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from cti.pbx.smdr import SmdrItem, SmdrRecord, SmdrUnknown
from drivers.clock import Clock, DelayedCall

LOST_LINE = "the line that continues it came damaged"


class _Waits(NamedTuple):
    record: SmdrRecord
    alone: bool
    timer: DelayedCall


class Held:
    """dated(record): is it known when it was? breath_s(record): how long a line behind it may take. give(record, alone)
    is called with each; alone: it did not come in one breath with another record."""

    def __init__(
        self,
        clock: Clock,
        dated: Callable[[SmdrRecord], bool],
        breath_s: Callable[[SmdrRecord], float],
        give: Callable[[SmdrRecord, bool], object],
    ) -> None:
        self._clock, self._dated, self._breath_s, self._give = clock, dated, breath_s, give
        self._waits: _Waits | None = None

    def take(self, record: SmdrRecord, alone: bool) -> None:
        """A record of the end of a call; nothing waits."""
        if record.continued or (alone and self._says_nothing(record)):
            timer = self._clock.callLater(self._breath_s(record), self.let_go)
            self._waits = _Waits(record, alone, timer)
        else:
            self._give(record, alone)

    def line(self, item: SmdrItem) -> bool:
        """A line has come. True: it is the second of the record that waits, and nothing by itself."""
        waits = self._waits
        if waits is None:
            return False
        if not waits.record.continued or (isinstance(item, SmdrRecord) and not item.continues):
            self._release(waits, waits.alone and not self._says_nothing(waits.record))
            return False
        self._stop(waits)
        if isinstance(item, SmdrUnknown):
            self._give(replace(waits.record, doubt=waits.record.doubt or LOST_LINE), waits.alone)
            return False
        self.take(_joined(waits.record, item), waits.alone)
        return True

    def let_go(self) -> None:
        """Nothing has come behind it."""
        if self._waits is not None:
            self._release(self._waits, self._waits.alone)

    def _release(self, waits: _Waits, alone: bool) -> None:
        self._stop(waits)
        self._give(waits.record, alone)

    def _stop(self, waits: _Waits) -> None:
        self._waits = None
        if waits.timer.active():
            waits.timer.cancel()

    def _says_nothing(self, record: SmdrRecord) -> bool:
        return record.number is None and not self._dated(record)


def _joined(first: SmdrRecord, second: SmdrRecord) -> SmdrRecord:
    """The two lines as one record."""
    return replace(
        first,
        number=first.number or second.number,
        fields=first.fields | second.fields,
        raw=f"{first.raw}\n{second.raw}",
        doubt=first.doubt or second.doubt,
        continued=False,
    )

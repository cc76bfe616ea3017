"""Is the time that a PBX prints the beginning of a call, or its end, as the dialect says (step 9)?

A record comes when its call is over. So its arrival lies behind a printed end by the same time whatever the call's
length, behind a printed beginning by that and the length. Which of the two it is shows in the last records of a form
that came by themselves: where the dialect says the one, and they agree far better in the other, the alarm
`smdr_stamp` names form and setting. Records are matched by their times; told the wrong way they are looked for
minutes beside their calls.

Judged by the middle half of the last WINDOW records: late ones, or a clock that was set, do not count. FEW are needed,
and their lengths must differ. Records without a length, and those that print both times, say nothing. Nothing is
changed by itself: the installer looks which it is, and writes it down. Until then nothing but their times tells of
which calls records out of a buffer are, and these are taken wrongly: such records are doubtful. What is known outlives
a restart, for as long as the dialect says the same: a buffer may come first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from cti import kept_file
from cti.pbx.smdr import SmdrRecord
from drivers.clock import Clock

WINDOW: Final = 31
FEW: Final = 10
# What agrees differs by what printing takes; a printed minute is up to 59 s old.
CLEAR_S: Final = 5.0
# Why a record out of a buffer is doubtful meanwhile.
MISREAD: Final = "it came out of a buffer, and its time is not the one that the dialect says (alarm smdr_stamp)"
ZERO: Final = datetime(2000, 1, 1)


class _Sample(NamedTuple):
    """Seconds from the beginning, and from the end, to the arrival, where the printed time is the one or the other;
    but for an amount which is the same for all."""

    if_start: float
    if_end: float


class Stamps:
    """Of one PBX. ``changed(raised, text)``: the alarm. kept: the file in which what is known outlives us."""

    def __init__(self, clock: Clock, changed: Callable[[bool, str], object], kept: Path | None = None) -> None:
        self._clock, self._changed, self._kept = clock, changed, kept
        self._seen: dict[str, deque[_Sample]] = {}
        self._wrong = kept_file.read(kept, dict[str, str]) or {}  # form -> what the dialect said when it was found out
        self._told = False

    def heard(self, record: SmdrRecord) -> None:
        """A record of the end of a call has just come, by itself."""
        printed = {"start": record.start, "end": record.end}.get(record.stamp)
        if self.wrong(record) and not self._told:
            self._tell(True, _text(record))
        if printed is None or record.duration_s is None or record.answered is False or record.doubt is not None:
            return
        seen = self._seen.setdefault(record.form, deque(maxlen=WINDOW))
        since_s = self._clock.seconds() - (printed - ZERO).total_seconds()
        seen.append(_Sample(since_s - record.duration_s, since_s))
        if len(seen) >= FEW:
            self._judge(record, seen)

    def wrong(self, record: SmdrRecord) -> bool:
        """Is the time of this record not the one that the dialect says, as far as those before it tell?"""
        return self._wrong.get(record.form) == record.stamp

    def _judge(self, record: SmdrRecord, seen: deque[_Sample]) -> None:
        start, end = _spread([one.if_start for one in seen]), _spread([one.if_end for one in seen])
        as_said, other = (start, end) if record.stamp == "start" else (end, start)
        clear = CLEAR_S + record.resolution_s / 2
        if as_said > 2 * other + clear and not self.wrong(record):
            self._wrong[record.form] = record.stamp
            self._tell(True, _text(record))
        elif other > 2 * as_said + clear and record.form in self._wrong:
            del self._wrong[record.form]
            if self._wrong:
                kept_file.write(self._kept, self._wrong)
            else:
                self._tell(False, f"records of form {record.form} print their times as the dialect says")

    def _tell(self, raised: bool, text: str) -> None:
        kept_file.write(self._kept, self._wrong)
        if raised or self._told:
            self._told = raised
            self._changed(raised, text)


def _spread(values: list[float]) -> float:
    """How far apart the middle half lies, seconds."""
    values = sorted(values)
    return values[len(values) * 3 // 4] - values[len(values) // 4]


def _text(record: SmdrRecord) -> str:
    is_, said = ("end", "beginning") if record.stamp == "start" else ("beginning", "end")
    setting = "end" if record.stamp == "start" else "start"
    return (
        f"records of form {record.form}: the printed time is the {is_} of the call, the dialect says the {said}: write"
        f" stamp: {setting} in that form (smdr.records)"
    )

"""The PBX's clock as its records show it: how far it is from ours, and when on our clock a printed time was (step 9).

A record is printed when its call is over: its arrival minus the end it states is the offset of the PBX's clock, plus
what the printing takes. The running median over the last WINDOW records is the offset; its rounding (a printed minute
is up to 59 s old) and the usual delay are in it, so that a time read back with it is right within the resolution.

Not every record is a sample. One that came in one breath with the line before it may have waited in the PBX's buffer.
One that is more than JUMP_S off the median may have waited too, or be damaged: only when AGREE of them in a row agree
with each other over at least SETTLE_S, as the records of a buffer never do, has the PBX's clock jumped. Then
the offset is theirs and an alarm is raised. Until FIRST samples agree nothing is known, and `moment` says None.

Some output comes late, all of it; the arrivals alone cannot tell that from a clock that is slow. What our own ports
know of the end of a call can (cti.pbx.lateness): that is no part of the offset, and `moment` says when it truly was.

The offset is kept over a restart of ours: records that the PBX printed meanwhile come all at once, and by themselves
would tell nothing. One that is no more true is found out as a jump is.

Our side is the monotonic clock beside the wall clock of the start: whoever sets the server's clock does not move it.
Summer time: both clocks are taken to change with the site's zone; a PBX that does not change, or does late, shows as a
jump of an hour.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from statistics import median_low
from typing import Final

from cti import kept_file
from cti.pbx.lateness import Lateness
from drivers.clock import Clock

WINDOW: Final = 31
FIRST: Final = 3
AGREE: Final = 5
SETTLE_S: Final = 120.0
JUMP_S: Final = 60.0
# Samples of one clock differ by the resolution and by what printing takes: so much.
PRINTING_S: Final = 30.0
# A record cannot end after it was printed, but for what the clocks disagree by.
AHEAD_S: Final = 60.0
# The offset is kept anew when it has moved by so much.
MOVED_S: Final = 5.0


class PbxClock:
    """One PBX's clock. on_jump(text) is called when it has jumped by more than a minute. kept: the file in which the
    offset outlives us."""

    def __init__(self, clock: Clock, zone: tzinfo, on_jump: Callable[[str], object], kept: Path | None = None) -> None:
        self._clock = clock
        self._zone = zone
        self._on_jump = on_jump
        self._base = clock.now().astimezone(UTC) - timedelta(seconds=clock.seconds())
        self._samples: deque[float] = deque(maxlen=WINDOW)
        self.lateness = Lateness()
        self._apart: list[tuple[float, float]] = []  # samples far from the median in a row: when they came, offset
        self._kept = kept
        self._offset = self._written = kept_file.read(kept, float)
        self._reference = self._offset or 0.0  # the offset a window ago
        self._since_reference = 0

    @property
    def late_s(self) -> float:
        """So long after the end of its call a record comes; 0: at once, or not known."""
        return self.lateness.late_s

    @property
    def offset_s(self) -> float | None:
        """How far the PBX is behind the server's wall clock, in seconds; None: not known yet."""
        if self._offset is None:
            return None
        set_since = self._clock.now().astimezone(UTC) - self._ours(self._clock.seconds())
        return self._offset - self.late_s + set_since.total_seconds()

    def now(self) -> datetime:
        """The PBX's local time as far as it is known, naive."""
        return self._local(self._clock.seconds()) - timedelta(seconds=(self._offset or 0.0) - self.late_s)

    def heard(self, end: datetime, resolution_s: float) -> None:
        """A record has just come, alone, that states this end."""
        now = self._clock.seconds()
        sample = (self._local(now) - end).total_seconds()
        near = resolution_s + PRINTING_S
        if self._offset is not None and abs(sample - self._offset) <= JUMP_S + resolution_s / 2:
            self._apart.clear()
            self._samples.append(sample)
            self._follow(median_low(self._samples))
            return
        self._apart = [(at, one) for at, one in self._apart if abs(one - sample) <= near]
        self._apart.append((now, sample))
        first = self._offset is None
        if len(self._apart) < (FIRST if first else AGREE) or (not first and now - self._apart[0][0] < SETTLE_S):
            return
        self._samples.clear()
        self._samples.extend(one for _, one in self._apart)
        self._apart.clear()
        new = median_low(self._samples)
        if self._offset is None:
            self._reference = new
        self._follow(new)

    def moment(self, stated: datetime) -> float | None:
        """When on our clock (its seconds) it was, or will be, that time at the PBX; None: nothing is known yet."""
        if self._offset is None:
            return None
        local = stated + timedelta(seconds=self._offset - self.late_s)
        now = self._clock.seconds()
        found = {self._seconds(local.replace(tzinfo=self._zone, fold=fold)) for fold in (0, 1)}
        # The hour that comes twice in autumn: the latest that is over; so too the one that is missing in spring.
        over = [seconds for seconds in found if seconds <= now + AHEAD_S]
        return max(over) if over else min(found)

    def exact_s(self, resolution_s: float) -> float:
        """How far `moment` may be off for a time that is printed so: what is printed is cut, not rounded, so that the
        samples lie within one resolution, and the more of it they fill, the better is known where it begins. Half the
        resolution at best, the whole one where few samples, or odd ones, are known."""
        if not self._samples or self._offset is None:
            return resolution_s
        least, most = min(self._samples), max(self._samples)
        half = max(resolution_s / 2, resolution_s - (most - least) / 2)
        return min(resolution_s, half + abs(self._offset - (most + least) / 2))

    def doubted_by(self, end: datetime, resolution_s: float) -> bool:
        """Did a record before this one, which states this end, speak for another offset as it does itself?"""
        sample = (self._local(self._clock.seconds()) - end).total_seconds()
        near = [one for _, one in self._apart if abs(one - sample) <= resolution_s + PRINTING_S]
        return len(near) > 1

    def _follow(self, offset: float) -> None:
        self._offset = offset
        self._since_reference += 1
        known = self.offset_s or 0.0
        if self._written is None or abs(known - self._written) > MOVED_S:
            self._written = known
            kept_file.write(self._kept, known)
        moved = offset - self._reference
        if abs(moved) > JUMP_S:
            way = "back" if moved > 0 else "forward"
            behind = self.offset_s or 0.0
            now = f"{_time(abs(behind))} {'slow' if behind > 0 else 'fast'}"
            self._on_jump(f"the PBX's clock went {way} by {_time(abs(moved))}: it is now {now}; set it, or see who did")
        elif self._since_reference < WINDOW:
            return
        self._reference, self._since_reference = offset, 0

    def _ours(self, seconds: float) -> datetime:
        return self._base + timedelta(seconds=seconds)

    def _local(self, seconds: float) -> datetime:
        return self._ours(seconds).astimezone(self._zone).replace(tzinfo=None)

    def _seconds(self, moment: datetime) -> float:
        return (moment.astimezone(UTC) - self._base).total_seconds()


def _time(seconds: float) -> str:
    """7 min, 1 h 02 min, 43 s."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"

"""Who sits at which telephone without a PC, kept over a restart of the server (step 8's poor relation).

A PC signs its agent in again by itself; a telephone cannot. So the server does, after a power cut, at the telephone
where the agent was, the PBX's or a seat on our cards: not ready, as all who come back, until the agent dials and says
so. Who signs out since, by whatever means, or sits elsewhere, does not come back. A file of the state folder, put in
its place whole; what is further away than SHIFT_S is forgotten, for nobody sits that long (a clock that was set back
makes it lie ahead).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from cti import kept_file
from drivers.clock import Clock

SHIFT_S: Final = 16 * 3600.0


class Seat(msgspec.Struct, frozen=True):
    """The telephone of an agent, and when the agent signed in there."""

    extension: str
    since: datetime


class Seated:
    """By the agents' numbers. Without a file (None) nothing is kept."""

    def __init__(self, clock: Clock, kept: Path | None) -> None:
        self._clock, self._kept = clock, kept
        self.seats: dict[str, Seat] = {}

    def read(self) -> Mapping[str, Seat]:
        """What the file says of this shift; a file that cannot be read says nothing."""
        known = kept_file.read(self._kept, dict[str, Seat]) or {}
        now = self._clock.now()
        return {agent: seat for agent, seat in known.items() if abs((now - seat.since).total_seconds()) < SHIFT_S}

    def sits(self, agent: str, extension: str, since: datetime | None = None) -> None:
        """Signed in there, now unless `since` is given; who sat there before does not any more."""
        self.seats = {name: seat for name, seat in self.seats.items() if seat.extension != extension}
        self.seats[agent] = Seat(extension, since or self._clock.now())
        kept_file.write(self._kept, self.seats)

    def follow(self, agent: str, extension: str | None) -> None:
        """The agent is signed in at that telephone now, by whatever means; None: at none."""
        seat = self.seats.get(agent)
        if seat is not None and seat.extension != extension:
            del self.seats[agent]
            kept_file.write(self._kept, self.seats)

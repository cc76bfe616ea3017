"""Who sits at which telephone without a PC, kept over a restart of the server (step 8's poor relation).

A PC signs its agent in again by itself; a telephone cannot. So the server does, after a power cut, at the telephone
where the agent was, the PBX's or a seat on our cards: not ready, as all who come back, until the agent dials and says
so. Who signs out since, by whatever means, or sits elsewhere, does not come back. A file of the state folder, put in
its place whole; what is further away than SHIFT_S is forgotten, for nobody sits that long (a clock that was set back
makes it lie ahead).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

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
        if self._kept is None:
            return {}
        try:
            known = msgspec.json.decode(self._kept.read_bytes(), type=dict[str, Seat])
        except (OSError, msgspec.DecodeError):
            return {}
        now = self._clock.now()
        return {agent: seat for agent, seat in known.items() if abs((now - seat.since).total_seconds()) < SHIFT_S}

    def sits(self, agent: str, extension: str, since: datetime | None = None) -> None:
        """Signed in there, now unless `since` is given; who sat there before does not any more."""
        self.seats = {name: seat for name, seat in self.seats.items() if seat.extension != extension}
        self.seats[agent] = Seat(extension, since or self._clock.now())
        self._write()

    def follow(self, agent: str, extension: str | None) -> None:
        """The agent is signed in at that telephone now, by whatever means; None: at none."""
        seat = self.seats.get(agent)
        if seat is not None and seat.extension != extension:
            del self.seats[agent]
            self._write()

    def _write(self) -> None:
        if self._kept is None:
            return
        aside = self._kept.with_suffix(".new")
        try:
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            aside.write_bytes(msgspec.json.encode(self.seats, order="sorted"))
            os.replace(aside, self._kept)
        except OSError:
            return  # the agent is signed in all the same; only a restart forgets it

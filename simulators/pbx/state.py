"""The states of an extension of the simulated PBX (steps 3 and 7)."""

from __future__ import annotations

import enum


class State(enum.Enum):
    IDLE = "idle"
    RESTING = "resting"  # on-hook, not yet called again
    RINGING = "ringing"
    DIALLING = "dialling"
    CALLING = "calling"  # hears ringback
    TALKING = "talking"
    REFUSED = "refused"  # hears busy or another tone of failure, may still hold a party
    CLEARED = "cleared"  # the far end has gone: busy tone until on-hook
    LOCKED = "locked"  # off-hook for too long
    DEAD = "dead"  # the PBX has no power


# Where a flash means something.
FLASHING = (State.DIALLING, State.CALLING, State.TALKING, State.REFUSED, State.CLEARED)
OFF_HOOK = (*FLASHING, State.LOCKED)

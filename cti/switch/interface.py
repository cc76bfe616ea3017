"""What every switch does for the rest of the server, whether a PBX or our own cards do the switching (step 7).

The VRU, the ACD and the nine steps know only this. What a topology cannot do ends in a typed result or error, never
in silence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from drivers.port import Port


class Transfer(StrEnum):
    """How a transfer ended."""

    ANSWERED = "answered"  # the agent speaks; our port may leave the call
    HANDED_OVER = "handed_over"  # the agent's telephone rings and the PBX does the rest; our port may leave the call
    NO_ANSWER = "no_answer"  # rang ring_s long
    BUSY = "busy"  # the extension is busy
    REFUSED = "refused"  # congestion, vacant number, howler: the PBX will not
    NO_DIAL_TONE = "no_dial_tone"  # after the flash no dial tone was heard; nothing was dialled
    CALLER_LOST = "caller_lost"  # the line fell while we consulted
    REDIRECTED = "redirected"  # somebody wants the ringing call elsewhere; never an end of a transfer


class Caller(StrEnum):
    """Where the caller is after a transfer that failed."""

    WITH_AGENT = "with_agent"
    WITH_US = "with_us"  # retrieved, or never left: we can speak to them
    HELD = "held"  # on hold at the PBX, which waits for our digits
    UNKNOWN = "unknown"  # the PBX did not say: speak, and listen for an answer
    RECALLED = "recalled"  # we went on-hook: the PBX will ring a port of ours again
    GONE = "gone"


# Causes of a transfer that failed at its flash, in the record and in the alarm.
ON_HOOK = "the PBX took the flash for on-hook"
NOT_TAKEN = "the PBX did not take the flash"
LATE = "the dial tone came late"
CUT = "our line fell away: the PBX completes the transfer"
AT_FLASH = "the call ended at our flash: taken for on-hook, or the caller hung up that moment"


@dataclass(frozen=True, slots=True)
class TransferResult:
    """The end of one transfer; ``how`` names the evidence (voice, ringback_overdue, polarity, a tone, ...), ``lost``
    that of a caller who is gone, where it is another; ``extension``: who answered, where the switch knows."""

    outcome: Transfer
    caller: Caller
    how: str
    lost: str = ""
    extension: str = ""


class Switch(Protocol):
    """One topology."""

    async def transfer(
        self, port: Port, extension: str, ring_s: float, before_dial: Callable[[], None], *, flashed: bool = False
    ) -> TransferResult:
        """Moves the caller on ``port`` to ``extension``; ``before_dial`` runs when dialling is certain to begin.

        ``flashed``: the caller is on hold and the dial tone heard already, late. Never raises for anything the line or
        the card does: a far end that falls away, or a call on the port that ends, is CALLER_LOST. What ``before_dial``
        raises is raised. May be cancelled at any moment.
        """
        ...

    def ring_s(self, extension: str, ring_s: float) -> float:
        """How long it takes to let this telephone ring for ``ring_s``: longer, where it has to be called outside."""
        ...

    def agent_answered(self, extension: str, how: str) -> bool:
        """Somebody else than the line says that the agent who is being called has lifted: ``how`` is record or desk.
        False: nobody is called there, or this switch does not take that for an answer."""
        ...

    def rings(self, extension: str) -> bool:
        """A transfer to it is under way and its telephone rings: should our line fall away now, the switch completes
        the transfer."""
        ...

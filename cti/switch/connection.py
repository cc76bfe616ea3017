"""A connection: one party's part in a conversation, in the words of CSTA (ECMA-269), as one machine (steps 7 and 9).

Every change of a conversation is a transition of one of its connections, and every event of call control falls out of
the transition: its action is the event's name. Records and desks are told by these actions and by nothing else, so they
cannot differ from what happened. No I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from cti.machine import Chart, Machine

if TYPE_CHECKING:
    from cti.switch.conversation import Conversation
    from cti.switch.device import Device
    from drivers.clock import DelayedCall

Role = Literal["talk", "listen", "coach"]
"""talk: like any other; listen: hears all, nobody hears it (监听); coach: hears all, one hears it (密语)."""

CONNECTION = Chart(
    "Connection: one party's part in a conversation (CSTA)",
    {
        ("null", "initiate"): ("initiated", ("service_initiated",)),
        ("null", "originate"): ("connected", ("originated",)),
        ("null", "deliver"): ("alerting", ("delivered",)),
        ("null", "queue"): ("queued", ("queued",)),
        ("null", "join"): ("connected", ("conferenced",)),
        ("initiated", "originate"): ("connected", ("originated",)),
        ("initiated", "fail"): ("failed", ("failed",)),
        ("initiated", "clear"): ("null", ("connection_cleared",)),
        ("alerting", "answer"): ("connected", ("established",)),
        ("alerting", "move"): ("alerting", ("delivered",)),
        ("alerting", "divert"): ("null", ("diverted",)),
        ("alerting", "clear"): ("null", ("connection_cleared",)),
        ("connected", "hold"): ("hold", ("held",)),
        ("connected", "queue"): ("queued", ("queued",)),
        ("connected", "move"): ("connected", ("established",)),
        ("connected", "conference"): ("connected", ("conferenced",)),
        ("connected", "transfer"): ("null", ("transferred",)),
        ("connected", "divert"): ("null", ("diverted",)),
        ("connected", "fail"): ("failed", ("failed",)),
        ("connected", "clear"): ("null", ("connection_cleared",)),
        ("hold", "retrieve"): ("connected", ("retrieved",)),
        ("hold", "conference"): ("connected", ("conferenced",)),
        ("hold", "transfer"): ("null", ("transferred",)),
        ("hold", "recall"): ("alerting", ("delivered",)),
        ("hold", "clear"): ("null", ("connection_cleared",)),
        ("queued", "deliver"): ("alerting", ("delivered",)),
        ("queued", "answer"): ("connected", ("established",)),
        ("queued", "clear"): ("null", ("connection_cleared",)),
        ("failed", "originate"): ("connected", ("originated",)),
        ("failed", "clear"): ("null", ("connection_cleared",)),
    },
    initial="null",
    states={
        "null": "no part in it (any more)",
        "initiated": "off-hook, asked for a number: dial tone",
        "alerting": "rings",
        "connected": "speaks and hears, or waits for the party who is called",
        "hold": "this party has put the conversation aside",
        "queued": "a caller who is parked, or a call camped on a busy telephone",
        "failed": "cannot go on: busy, refused, or nobody is left; tones until it hangs up",
    },
    limits={
        "initiated": "15 s without a digit, 5 s between digits (cti.switch.dialling)",
        "alerting": "ring_s of who asked for it",
        "queued": "park_s, camp_s; then back to who parked",
        "failed": "busy tone, the howler after 30 s (cti.switch.seat), until on-hook",
    },
)

EVENTS: Final = {
    "service_initiated": "ServiceInitiated",
    "originated": "Originated",
    "delivered": "Delivered",
    "established": "Established",
    "held": "Held",
    "retrieved": "Retrieved",
    "queued": "Queued",
    "conferenced": "Conferenced",
    "transferred": "Transferred",
    "diverted": "Diverted",
    "failed": "Failed",
    "connection_cleared": "ConnectionCleared",
}
"""Actions of the table, and CSTA's names of the events."""

Tell = Callable[[str, "Connection", str], object]
"""Told of every event: CSTA's name, the connection, and the cause."""


class Connection:
    """``device``'s part in ``conversation``. ``coached``: whom a coach speaks to; ``since_s``: in this state."""

    def __init__(self, device: Device, conversation: Conversation, tell: Tell, role: Role = "talk") -> None:
        self.device, self.conversation = device, conversation
        self.role: Role = role
        self.coached: Device | None = None
        self.since_s = 0.0
        self.camped = False  # queued at a telephone that is in use, which hears nothing of it
        self.in_band = False  # the network's tones and voices are on the line before the answer
        self.away = False  # hung up, says the network, and may lift again
        self.timer: DelayedCall | None = None  # ends with the state
        self._tell = tell
        actions = {action: partial(self._happened, event) for action, event in EVENTS.items()}
        self._machine = Machine(CONNECTION, actions=actions, name=f"{device.name} in {conversation.id}")

    def __repr__(self) -> str:
        return f"<{self.device.name} in {self.conversation.id}: {self.state} {self.role}>"

    @property
    def state(self) -> str:
        """One of CONNECTION."""
        return self._machine.state

    @property
    def live(self) -> bool:
        """Has a part in it."""
        return self._machine.state != "null"

    def can(self, event: str) -> bool:
        """Is this possible now?"""
        return self._machine.can(event)

    def send(self, event: str, cause: str = "") -> None:
        """A transition; IllegalEvent changes nothing."""
        self._machine.send(event, cause)

    def _happened(self, event: str, cause: str) -> None:
        self._tell(event, self, cause)

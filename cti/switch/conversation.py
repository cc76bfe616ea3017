"""A conversation: who is in it, in which part; what CSTA calls a call (step 7).

Conversations begin when a caller comes, or a telephone asks for a number; a transfer or conference makes one of two.
The caller's end carries the `cti.call.Call`, the record, wherever it goes. No I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from cti.switch.connection import Connection
from cti.switch.device import Device, TrunkEnd

if TYPE_CHECKING:
    from cti.call import Call
    from cti.switch.seat import Seat


class Conversation:
    """``calling``: the number that is shown where it rings. ``vru``: the VRU has the caller, and the sound of the line.
    ``music``: who waits in it for somebody hears music, not ringback. ``offered``: fires when somebody answers, or
    nobody will; see `on_card.OnCard.transfer`."""

    def __init__(self, id: str, calling: str | None = None) -> None:
        self.id = id
        self.calling = calling
        self.connections: list[Connection] = []
        self.vru = False
        self.music = False
        self.conference = 0  # number at the engine, while more than two talk
        self.parked = ""  # the slot
        self.record = ""  # the id of an agent's own call (cti.switch.own_records)
        self.offered: Deferred[Connection | str] | None = None
        self.back: Seat | None = None  # who handed it on, until somebody takes it: rings where nobody does
        self.then: Callable[[], object] | None = None  # a telephone rings for its own agent, to go on with this

    def __repr__(self) -> str:
        return f"<conversation {self.id}: {self.connections}>"

    @property
    def talkers(self) -> list[Connection]:
        """Who speaks and hears, or will: everybody but listeners and coaches."""
        return [one for one in self.connections if one.role == "talk"]

    @property
    def together(self) -> list[Connection]:
        """Who speaks with each other now."""
        return [one for one in self.talkers if one.state == "connected"]

    @property
    def heard(self) -> list[Connection]:
        """Who can be heard: who speaks, and the network's tones before an answer."""
        speaking = (one for one in self.talkers if not one.away)
        return [one for one in speaking if one.state == "connected" or (one.state == "alerting" and one.in_band)]

    @property
    def ringing(self) -> list[Connection]:
        """Who is called."""
        return [one for one in self.connections if one.state == "alerting"]

    def partners(self, connection: Connection) -> list[Connection]:
        """For whose sake this party stays."""
        return [one for one in self.talkers if one is not connection and one.state != "failed"]

    def of(self, device: Device) -> Connection | None:
        """A device's part."""
        return next((one for one in self.connections if one.device is device), None)

    @property
    def caller(self) -> TrunkEnd | None:
        """The trunk of the caller whose record this is."""
        ends = (one.device for one in self.talkers if isinstance(one.device, TrunkEnd))
        return next((end for end in ends if end.record is not None), None)

    @property
    def call(self) -> Call | None:
        """The caller's record."""
        return self.caller.record if self.caller is not None else None

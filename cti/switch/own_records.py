"""Records of the calls that agents make themselves, on the cards: to each other, outside, and consultations (step 9).

A row of its own begins when a telephone or a number outside is called in a conversation that carries no caller of a
queue. It ends when nobody is left to talk with, or when the conversation becomes a caller's: the one consulted is
joined to the caller on hold. Its outcome: `answered` once two have talked, else why not. What the switch does in it is
written to this record; recordings of it name it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from cti.records.outcome import Outcome
from cti.switch.connection import Connection
from cti.switch.conversation import Conversation
from cti.switch.device import Device, TrunkEnd
from cti.switch.seat import Seat

CAUSES: Final[dict[str, Outcome]] = {"17 ": "busy", "18 ": "no_answer", "19 ": "no_answer", "no answer": "no_answer"}
"""By the beginning of a connection's cause: of Q.850, or in our words."""


class Journal(Protocol):
    """Where events are written (cti.records.records.Records)."""

    def new_call_id(self) -> str: ...
    def event(self, call: str | None, kind: str, source: Any, /, *, agent: str | None = None, **data: Any) -> int: ...


@dataclass(slots=True)
class _Own:
    id: str
    by: Device
    agent: str | None
    talked: bool = False
    cause: str = ""
    given_up: bool = False


class OwnRecords:
    """Of one switch. ``agent_at(extension)``: who sits there now."""

    def __init__(self, journal: Journal, agent_at: Callable[[str], str | None]) -> None:
        self._journal, self._agent_at = journal, agent_at
        self._of: dict[Conversation, _Own] = {}

    def event(self, kind: str, connection: Connection, cause: str) -> None:
        """In the middle of a turn, before it is told."""
        conversation = connection.conversation
        own = self._of.get(conversation)
        if own is None and kind == "Delivered":
            self._begin(conversation, connection)
        elif own is not None and not own.talked and not own.cause and kind in ("ConnectionCleared", "Failed"):
            own.cause, own.given_up = cause, connection.device is own.by and kind == "ConnectionCleared"

    def look(self, devices: Iterable[Device]) -> None:
        """A turn is over: who has answered, and what is over."""
        for conversation, own in list(self._of.items()):
            if len(conversation.together) > 1 and not own.talked:
                own.talked = True
                self._write(own, "connected", extension=own.by.name)
            if conversation.call is not None or sum(one.state != "failed" for one in conversation.talkers) < 2:
                self._end(conversation, own)

    def close(self) -> None:
        """The server stops."""
        for conversation, own in list(self._of.items()):
            own.cause = own.cause or "the server stops"
            self._end(conversation, own)

    def _begin(self, conversation: Conversation, called: Connection) -> None:
        by = next((one for one in conversation.talkers if one is not called and isinstance(one.device, Seat)), None)
        if by is None or conversation.call is not None or conversation.then is not None or conversation.vru:
            return
        device = called.device
        to = device.call.numbers.called if isinstance(device, TrunkEnd) else device.name
        own = self._of[conversation] = _Own(self._journal.new_call_id(), by.device, self._agent_at(by.device.name))
        conversation.record = own.id
        kind = "outward" if device.kind == "trunk" else "internal"
        self._write(own, "own", kind=kind, to=to, extension=by.device.name, conversation=conversation.id)

    def _end(self, conversation: Conversation, own: _Own) -> None:
        del self._of[conversation]
        conversation.record = ""
        outcome: Outcome = "given_up" if own.given_up else "failed"
        if own.talked:
            outcome = "answered"
            self._write(own, "talk_ended")
        else:
            outcome = next((one for begin, one in CAUSES.items() if own.cause.startswith(begin)), outcome)
        self._write(own, "outcome", outcome=outcome, cause=own.cause or None)
        self._write(own, "ended")

    def _write(self, own: _Own, what: str, /, **data: Any) -> None:
        self._journal.event(own.id, what, "switch", agent=own.agent, **data)

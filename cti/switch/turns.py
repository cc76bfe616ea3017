"""Turns of the switch: one indivisible change, and what follows from it (step 7).

When the outermost turn is over, conversations in which nobody is left for somebody are ended, every port hears what the
table (cti.switch.hearing) says, and the owner is told whose connections changed.

Who is left alone: a caller's trunk is cleared, a telephone hears busy tone until it is hung up, a ring stops, listeners
hear busy tone; a call that somebody handed on, and nobody took, rings there again, and a queue's caller who is not
taken there either waits in the queue again. Both hang up at once: each takes its own part out, nothing is left over.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from cti.switch.connection import Connection
from cti.switch.conversation import Conversation
from cti.switch.device import Device
from cti.switch.hearing import Hearing, Sound, hears, needs_conference
from drivers.clock import Clock

if TYPE_CHECKING:
    from cti.call import Call

GONE = "gone"
NO_ANSWER = "no_answer"


class SwitchOwner(Protocol):
    """Who hears of it (cti.sides.card_side)."""

    def event(self, kind: str, connection: Connection, cause: str) -> None:
        """An event of call control, in the words of CSTA; told in the middle of a turn."""
        ...

    def settled(self, devices: Iterable[Device], gone: Mapping[Call, str]) -> None:
        """A turn is over, and these devices' connections changed. ``gone``: callers who have no part in anything any
        more, in whatever hands they were, and why."""
        ...

    def nobody_took(self, conversation: Conversation) -> bool:
        """A call that somebody handed on, or put aside, and that cannot ring there again, or was not lifted for. True:
        the caller waits in a queue again, with the VRU; False: nothing was done."""
        ...


class Turns(ABC):
    """What changed in a turn, and what is done about it. ``tones``: of those that dial, have failed, or are told
    something."""

    def __init__(self, clock: Clock, hearing: Hearing, owner: SwitchOwner) -> None:
        self.clock = clock
        self.conversations: list[Conversation] = []
        self.tones: dict[Connection, Sound] = {}
        self._hearing, self._owner = hearing, owner
        self._depth = 0
        self._dirty: dict[Device, None] = {}
        self._changed: dict[Conversation, str] = {}
        self._gone: dict[Call, str] = {}

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One indivisible change; at its end everybody hears what the table says."""
        self._depth += 1
        try:
            yield
        finally:
            if self._depth == 1:
                self._part_the_lonely()
            self._depth -= 1
            if self._depth == 0:
                self._settle()

    def _part_the_lonely(self) -> None:
        looked: set[Conversation] = set()
        while pending := [one for one in self._changed if one not in looked]:
            conversation = pending[0]
            looked.add(conversation)
            if conversation.offered is not None and not conversation.ringing:
                self.offer_over(conversation, GONE if conversation.caller is None else NO_ANSWER)
            if conversation.vru:
                continue
            if conversation.then is not None:
                continue
            if not conversation.ringing and len(conversation.together) > 1:
                conversation.back = None  # nobody took it, and others talk on: it is theirs
            for connection in list(conversation.connections):
                if connection.live and not conversation.partners(connection) and self._alone(connection):
                    looked.discard(conversation)

    @abstractmethod
    def _alone(self, connection: Connection) -> bool:
        """Nobody is left for this one; True: something was changed."""

    @abstractmethod
    def offer_over(self, conversation: Conversation, result: Connection | str) -> None:
        """Tells who waits that somebody has answered, or that nobody will."""

    def _settle(self) -> None:
        devices, self._dirty = self._dirty, {}
        changed, self._changed = self._changed, {}
        for conversation in changed:
            self._number(conversation)
        for device in dict.fromkeys([*devices, *(one.device for c in changed for one in c.connections)]):
            self._hear(device)
        for conversation in changed:
            if not conversation.connections and conversation in self.conversations:
                self.conversations.remove(conversation)
        gone, self._gone = self._gone, {}
        self._owner.settled(devices, gone)

    def _number(self, conversation: Conversation) -> None:
        """A conference has a number of the engine for as long as more than two hear each other."""
        if needs_conference(conversation):
            conversation.conference = conversation.conference or self._hearing.conference()
        elif conversation.conference:
            self._hearing.conference_over(conversation.conference)
            conversation.conference = 0

    def _hear(self, device: Device) -> None:
        present = device.present
        if present is None:
            self._hearing.hands_off(device)
            return
        wanted = hears(present, self.tones.get(present))
        if wanted is not None:
            self._hearing.apply(device, wanted)

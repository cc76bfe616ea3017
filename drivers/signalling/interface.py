"""What a trunk is to the rest: calls that are offered, proceed, alert, are answered and cleared, each with its numbers
and its cause. Analog lines, PRI and R2 stand behind it; the card as the switch stands on it.

A call goes forward only: offered -> proceeding -> alerting -> answered -> cleared, any of the middle ones left out.
Incoming, we say how far it is (`proceeding`, `alerting`, `answer`); outgoing, the far end does and listeners are told.
`clear` may be said at any moment, twice too, by either end; it is over when "cleared" was told, with the cause of who
was first. Until then the channel is not free. Everything is told in the tick that brings it, on the clock's thread.

Limits: numbers of at most MAX_DIGITS digits (E.164 has 15, China No.1 dials to 20); each signalling names its timers.
Serves steps 1 to 3, and outside calls.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol

from drivers.channels import Channels
from drivers.errors import ArgumentError
from drivers.port import Port
from drivers.problems import report
from drivers.signalling.causes import NORMAL, Cause
from drivers.signalling.ladder import Step

MAX_DIGITS: Final = 20

State = Literal["offered", "proceeding", "alerting", "answered", "cleared"]
ORDER: Final[tuple[State, ...]] = ("offered", "proceeding", "alerting", "answered", "cleared")
What = Literal[
    "digits",  # overlap receiving: `numbers` has grown, or is complete now
    "proceeding",
    "progress",  # tones or an announcement can be heard, whatever the state is
    "alerting",
    "answered",
    "suspended",  # the called party hung up and may lift again (R2: clear back)
    "resumed",
    "cleared",
]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Who calls whom, as the line says it. Empty: not said.

    restricted: the caller wants the number withheld (never shown to agents). category: the calling party's category in
    the words of the signalling (KA and KD of China No.1: "KA 1", "KD 3"). complete False: more digits may come.
    """

    called: str = ""
    calling: str = ""
    restricted: bool = False
    redirecting: str = ""
    name: str = ""
    user_user: bytes = b""
    category: str = ""
    complete: bool = True

    def __post_init__(self) -> None:
        for name in ("called", "calling", "redirecting"):
            digits = getattr(self, name)
            if len(digits) > MAX_DIGITS or any(digit not in "0123456789*#ABCD+" for digit in digits):
                raise ArgumentError(f"{name} {digits!r}: at most {MAX_DIGITS} digits of 0-9 * # A-D, + in front")


class TrunkCall(ABC):
    """One call on one channel of a trunk. ``port`` carries its sound; of a call that never had a channel (PRI), it is
    the one that signals. ``begun_s``: of its seizure, by the engine's clock.

    ``cause`` is set when it is cleared; ``was_answered`` says then whether it ever was, ``reached`` how far it had come
    where the line has more to say of that ("after 4 called digits"), and ``offered`` whether anybody was told of it."""

    def __init__(self, trunk: Trunk, port: Port, slot: int, numbers: Numbers, *, incoming: bool) -> None:
        self.trunk, self.port, self.slot, self.incoming = trunk, port, slot, incoming
        self.numbers = numbers
        self.state: State = "offered"
        self.cause: Cause | None = None
        self.was_answered = False
        self.offered = not incoming
        self.reached = ""
        self.begun_s = port.engine.clock.seconds()
        self._listeners: list[Callable[[TrunkCall, What], None]] = []

    def __repr__(self) -> str:
        way = "from" if self.incoming else "to"
        return f"<call on {self.trunk.name}/{self.slot} {way} the far end, {self.state}>"

    def listen(self, fn: Callable[[TrunkCall, What], None]) -> Callable[[], None]:
        """Tells every step of the call; returns what ends that. An exception in one listener stops no other."""
        self._listeners.append(fn)
        return lambda: self._listeners.remove(fn) if fn in self._listeners else None

    @property
    def frees_channel(self) -> bool:
        """Is its channel free soon after `clear`?"""
        return True

    @property
    def more_follows(self) -> bool:
        """Cleared: is something of its signalling still to come, within a second?"""
        return False

    def signalling(self) -> Sequence[Step]:
        """What was said on the line, for its ladder; R2: known when it is cleared. Analog lines say nothing."""
        return ()

    # what we say

    def proceeding(self) -> None:
        """Incoming: no more digits are needed."""
        if self._forward("proceeding"):
            self._say_proceeding()

    def alerting(self) -> None:
        """Incoming: somebody, or the VRU, is about to answer; the caller hears ringback."""
        if self._forward("alerting"):
            self._say_alerting()

    def answer(self) -> None:
        """Incoming: the conversation, and the caller's charge, begin."""
        if self._forward("answered"):
            self._say_answer()

    def more(self, digits: str) -> None:
        """Outgoing, overlap sending: further digits of the called number."""
        if not self.incoming and self.state == "offered":
            self.numbers = replace(self.numbers, called=self.numbers.called + digits)
            self._say_more(digits)

    def clear(self, cause: Cause = NORMAL) -> None:
        """Ends the call; nothing once it is cleared or being cleared."""
        if self.state != "cleared" and self.cause is None:
            self.cause = cause
            self._say_clear(cause)

    def missed(self, cause: Cause) -> None:
        """Incoming: it is over, and was never offered."""
        self.state, self.cause = "cleared", self.cause or cause
        failed = self.trunk.failed
        if failed is None:
            return
        try:
            failed(self)
        except Exception:  # noqa: BLE001 - whoever keeps the records has failed; logged, the channel is free
            report(f"{self!r}: failed")

    def _forward(self, state: State) -> bool:
        if not self.incoming:
            raise ArgumentError(f"{self!r}: only the far end can say {state}")
        if self.cause is not None or ORDER.index(self.state) >= ORDER.index(state):
            return False
        self.state = state
        self.was_answered = state == "answered"
        return True

    # what the far end says, told by the signalling

    def told(self, what: What, *, numbers: Numbers | None = None, cause: Cause | None = None) -> None:
        """A step of the far end; one that is behind the present state, or after the end, is dropped."""
        if self.state == "cleared":
            return
        if numbers is not None:
            self.numbers = numbers
        if what == "cleared":
            self.cause = self.cause or cause or NORMAL
        if what in ORDER:
            if ORDER.index(what) <= ORDER.index(self.state):
                return
            self.state = what
            self.was_answered = self.was_answered or what == "answered"
        for fn in list(self._listeners):
            try:
                fn(self, what)
            except Exception:  # noqa: BLE001 - one listener stops no other; logged
                report(f"{self!r}: listener at {what}")

    # what each signalling fills in; none of them blocks or raises for what the line does

    @abstractmethod
    def _say_proceeding(self) -> None: ...

    @abstractmethod
    def _say_alerting(self) -> None: ...

    @abstractmethod
    def _say_answer(self) -> None: ...

    @abstractmethod
    def _say_more(self, digits: str) -> None: ...

    @abstractmethod
    def _say_clear(self, cause: Cause) -> None: ...


class Trunk(Protocol):
    """The lines of one kind to one far end. ``offered`` is told each incoming call once its first digits, or for
    analog lines its ring, are there; a trunk that nobody listens to rejects calls. ``failed`` is told each call of the
    far end that was over before it could be offered: cleared, with as much of its numbers as had come."""

    name: str
    offered: Callable[[TrunkCall], None] | None
    failed: Callable[[TrunkCall], None] | None

    @property
    def span(self) -> Channels:
        """Its channels; a `Span` where the lines are digital."""
        ...

    def call(self, numbers: Numbers, *, slot: int | None = None) -> TrunkCall:
        """Seizes a channel, any free one or this, and calls. PortBusy: none is free."""
        ...

    def block(self, slot: int) -> None:
        """Takes a channel out of service for maintenance, once its call is over; the far end is told, if it can be."""
        ...

    def unblock(self, slot: int) -> None:
        """And back."""
        ...

    def close(self) -> None:
        """Clears all calls and listens no more."""
        ...

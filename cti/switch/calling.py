"""Reaching somebody: another telephone of ours, or a number outside over the routes (step 7, and calls out).

Who asked hears ringback, or what the network sends; where it fails, the tone of the cause (busy, congestion, vacant
number) until on-hook. A telephone that is to call without being lifted rings first, for PROMPT_S: who lifts it goes on
with what was asked for (`prompt`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from cti.errors import CannotCall
from cti.switch.connection import Connection
from cti.switch.conversation import Conversation
from cti.switch.device import Device, TrunkEnd
from cti.switch.errors import NotAllowed, NoTrunk, TargetBusy, UnknownNumber, WrongState
from cti.switch.hearing import Sound
from cti.switch.seat import Seat
from drivers.signalling.causes import NORMAL, Cause
from drivers.signalling.interface import TrunkCall, What

if TYPE_CHECKING:
    from cti.switch.on_card import OnCard

PROMPT_S: Final = 20.0
SOUNDS: Final[dict[int, Sound]] = {17: "busy", 1: "info", 3: "info", 28: "info", 34: "congestion", 42: "congestion"}
"""What a caller hears for a cause of Q.850; busy tone for all others."""


class CallOut(Protocol):
    """A call out over the routes (cti.trunks.routes.Outgoing)."""

    call: TrunkCall

    def listen(self, fn: Callable[[CallOut, What], None]) -> Callable[[], None]: ...

    def clear(self, cause: Cause = NORMAL) -> None: ...


class Outside(Protocol):
    """The way out. Raises CannotCall; then nothing was seized."""

    def __call__(self, number: str, seat: Seat) -> CallOut: ...


class Reach:
    """Calls for others."""

    def __init__(self, switch: OnCard, outside: Outside) -> None:
        self._switch, self._outside = switch, outside
        self.preempt: Callable[[Conversation, str, Seat], Connection | None] = lambda conversation, to, by: None
        """What is done where every channel is busy; None: nothing (cti.switch.preemption)."""
        self.check_outside: Callable[[str, Seat], None] = lambda number, by: None
        """Raises CannotCall where a number outside could not be called on behalf of that telephone now."""

    def check(self, to: str, by: Seat) -> None:
        """Before anything is changed, on behalf of a telephone: one of ours that is named must be free, a number
        outside must have a route that is open, and a channel. TargetBusy, UnknownNumber, NotAllowed, NoTrunk."""
        self._check_inside(to)
        if to not in self._switch.seats:
            try:
                self.check_outside(to, by)
            except CannotCall as error:
                raise refusal(error) from error

    def _check_inside(self, to: str) -> None:
        seat = self._switch.seats.get(to)
        if seat is not None and not seat.idle:
            raise TargetBusy(f"telephone {to} is in use" if not seat.alarms else f"telephone {to} is out of order")
        if seat is None and not to.isdigit():
            raise UnknownNumber(f"{to} is no number and no telephone of ours")

    def call(self, conversation: Conversation, to: str, by: Seat) -> Connection:
        """``to`` is called in this conversation, on behalf of a telephone. Raises what `check` does."""
        self._check_inside(to)
        seat = self._switch.seats.get(to)
        if seat is not None:
            return self._switch.deliver(seat, conversation)
        try:
            out = self._outside(to, by)
        except CannotCall as error:
            waits = self.preempt(conversation, to, by) if error.why == "busy" else None
            if waits is not None:
                return waits
            raise refusal(error) from error
        return self.join(conversation, out)

    def join(self, conversation: Conversation, out: CallOut) -> Connection:
        """A call out that was seized gets its part."""
        return _Out(self._switch, conversation, out).connection

    def prompt(self, seat: Seat, shown: str, then: Callable[[], object]) -> None:
        """Rings a telephone that is on-hook, for its own agent's sake; goes on when it is lifted. An off-hook one, with
        nothing else in hand, goes on at once. WrongState."""
        switch = self._switch
        if seat.off_hook and seat.ready_to_go_on:
            self.put_down(seat)
            then()
            return
        if not seat.idle:
            raise WrongState(f"telephone {seat.name} is in use itself")
        conversation = switch.converse(shown)
        conversation.then = then
        with switch.turn():
            rings = switch.deliver(seat, conversation, "prompt")
            switch.limit(rings, seat.takes_s(PROMPT_S), lambda: switch.clear(rings, "not lifted"))

    def put_down(self, seat: Seat) -> None:
        """What an off-hook telephone was about to do, it does not: dial tone, or the tone of a failure, ends."""
        present = seat.present
        if present is not None and present.state in ("initiated", "failed"):
            seat.calm()
            self._switch.clear(present, "goes on with something else")


def refusal(error: CannotCall) -> UnknownNumber | NotAllowed | NoTrunk:
    """As the asker is told it."""
    kinds: dict[str, type[UnknownNumber] | type[NotAllowed]] = {"number": UnknownNumber, "right": NotAllowed}
    return kinds.get(error.why, NoTrunk)(str(error))


class _Out:
    """One call out, as a party of a conversation from its seizure on."""

    def __init__(self, switch: OnCard, conversation: Conversation, out: CallOut) -> None:
        self._switch, self._out = switch, out
        self._end = switch.called(out.call, self._trunk_says)
        self.connection = switch.bring(self._end, conversation, "deliver", "outside")
        self._end.carry(out.call, out.clear)
        out.listen(self._told)

    def _trunk_says(self, end: TrunkEnd, what: What) -> None:
        """The call on the channel; another channel may still be tried, so only `_told` counts."""

    def _told(self, out: CallOut, what: What) -> None:
        connection, switch = self.connection, self._switch
        if out.call is not self._end.call and connection.live:
            switch.moved_to_channel(self._end, out.call, out.clear)
        if what in ("answered",) and connection.state == "alerting":
            switch.answer(connection, "outside")
        elif what in ("alerting", "progress") and connection.state == "alerting":
            with switch.turn():
                connection.in_band = True
                switch.touch(connection)
        elif what in ("suspended", "resumed"):
            switch.went_away(connection, what == "suspended")
        elif what == "cleared":
            self._cleared(out.call.cause or NORMAL)

    def _cleared(self, cause: Cause) -> None:
        connection, switch = self.connection, self._switch
        conversation, waited = connection.conversation, connection.state == "alerting"
        with switch.turn():
            if waited and connection.live:
                for other in conversation.together:
                    if isinstance(other.device, Seat) and _alone_with(other, connection):
                        switch.fail(other, SOUNDS.get(cause.number, "busy"), str(cause))
            switch.trunk_cleared(self._end)


def _alone_with(connection: Connection, other: Connection) -> bool:
    return all(one in (connection, other) for one in connection.conversation.talkers)


def number_of(device: Device) -> str | None:
    """Of somebody outside who was called or has called."""
    if not isinstance(device, TrunkEnd):
        return None
    numbers = device.call.numbers
    return (numbers.calling if device.call.incoming else numbers.called) or None

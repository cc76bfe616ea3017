"""An emergency call finds every channel taken: a call of less weight is cleared for it (110, 119, 120, 122; step 7).

Whose call goes is the site's order (`preempt:`), by what the call is doing now; within a kind the youngest, which has
lost least. Never another emergency call, and only on channels that calls out may use. Both sides are told: the party on
the channel hears the prompt `preempted` to its end, an agent the prompt and busy tone; then the channel is cleared
with cause 9 of Q.850 (preemption, the circuit is reserved for reuse), which stands in the record and in the alarm
`preempted`. The talk was over when the notice began. The channel is asked for as soon as it is free, every RETRY_S; one
that the far end does not let go (R2 by caller's control) is given up FREE_S after the notice, and the next call in the
order goes. Meanwhile no other call out gets one of
the trunks' channels; one that the network seizes first is lost to it. Who calls hears ringback; where nothing is left
to clear, congestion tone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from cti.errors import CannotCall
from cti.site.trunks import Preempted
from cti.switch.calling import CallOut, Outside
from cti.switch.connection import Connection
from cti.switch.conversation import Conversation
from cti.switch.device import Device, TrunkEnd
from cti.switch.seat import Seat
from drivers.clock import DelayedCall
from drivers.operations import quietly
from drivers.signalling.causes import NO_CHANNEL, PREEMPTED, Cause

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.switch.on_card import OnCard
    from cti.trunks.routes import Routes
    from drivers.items import PlayItem

NOTICE_S: Final = 8.0
"""The longest notice, however a site's own prompt may go on: somebody calls 110."""
SILENT_S: Final = 0.1
"""Before the prompt: what the VRU was saying ends."""
FREE_S: Final = 4.0
RETRY_S: Final = 0.1
_DOING: Final[dict[str, Preempted]] = {
    "arriving": "menu",
    "menu": "menu",
    "message": "menu",
    "queued": "queue",
    "transferring": "queue",
    "recall": "queue",
    "talking": "talk",
}


class Waiting(Device):
    """In place of the trunk's end, until there is one."""

    kind = "trunk"
    port = None

    def __init__(self, number: str) -> None:
        super().__init__(number)
        self.over = False

    def released(self, cause: Cause) -> None:
        """Nobody waits any more, or a channel is there."""
        self.over = True


class Preemption:
    """Of one switch. ``farewell(end)``: what the party on a channel is told; ``told(text)``: an alarm."""

    def __init__(
        self,
        switch: OnCard,
        routes: Routes,
        outside: Outside,
        join: Callable[[Conversation, CallOut], object],
        farewell: Callable[[TrunkEnd], list[PlayItem]],
        told: Callable[[str], object],
        order: Sequence[Preempted],
    ) -> None:
        self._switch, self._routes, self._outside, self._join = switch, routes, outside, join
        self._farewell, self._told, self._order = farewell, told, order
        self._going: set[TrunkEnd] = set()
        self._timers: dict[Waiting, DelayedCall] = {}
        self._notices: dict[TrunkEnd, list[DelayedCall]] = {}

    def close(self) -> None:
        """The server stops."""
        notices = (timer for timers in self._notices.values() for timer in timers)
        for timer in (*self._timers.values(), *notices):
            if timer.active():
                timer.cancel()
        self._timers.clear()
        self._notices.clear()

    def begin(self, conversation: Conversation, number: str, by: Seat) -> Connection | None:
        """The call waits in this conversation for a channel. None: it is no emergency, or there is nothing to clear."""
        victim = next(self._victims(number), None)
        if victim is None:
            return None
        waiting = Waiting(number)
        connection = self._switch.bring(waiting, conversation, "deliver", "preempting")
        self._routes.waiting += 1
        self._clear(victim, number, by)
        self._later(waiting, RETRY_S, connection, number, by, FREE_S)
        return connection

    def _try(self, waiting: Waiting, connection: Connection, number: str, by: Seat, left_s: float) -> None:
        del self._timers[waiting]
        if waiting.over:
            self._routes.waiting -= 1
            return
        try:
            out = self._outside(number, by)
        except CannotCall as busy:
            victim = next(self._victims(number), None) if left_s <= 0 else None
            if left_s <= 0 and victim is None:
                self._give_up(connection, str(busy))
                return
            if victim is not None:
                self._clear(victim, number, by)
                left_s = FREE_S
            self._later(waiting, RETRY_S, connection, number, by, left_s if self._notices else left_s - RETRY_S)
            return
        self._routes.waiting -= 1
        with self._switch.turn():
            self._join(connection.conversation, out)
            self._switch.clear(connection, "a channel is free", "divert")

    def _later(
        self, waiting: Waiting, wait_s: float, connection: Connection, number: str, by: Seat, left_s: float
    ) -> None:
        clock = self._switch.clock
        self._timers[waiting] = clock.callLater(wait_s, self._try, waiting, connection, number, by, left_s)

    def _give_up(self, connection: Connection, why: str) -> None:
        self._routes.waiting -= 1
        self._told(f"an emergency call found no channel, and none to clear: {why}")
        with self._switch.turn():
            for other in connection.conversation.together:
                if isinstance(other.device, Seat):
                    self._switch.fail(other, "congestion", str(NO_CHANNEL))
            self._switch.clear(connection, str(NO_CHANNEL))

    # whose call goes

    def _victims(self, number: str) -> Iterator[TrunkEnd]:
        """In the order in which they go."""
        usable = set(self._routes.emergency_trunks(number))
        ends = [
            end
            for end in self._switch.trunks.values()
            if end not in self._going and end.call.cause is None and end.call.trunk.name in usable and self._light(end)
        ]
        for kind in self._order:
            yield from sorted(
                (end for end in ends if self._doing(end) == kind), key=lambda end: end.call.begun_s, reverse=True
            )

    def _light(self, end: TrunkEnd) -> bool:
        call = end.call
        outward = call.trunk.span.directions.get(call.slot) != "in" and call.frees_channel
        return outward and (call.incoming or not self._routes.is_emergency(call.numbers.called))

    def _doing(self, end: TrunkEnd) -> Preempted | None:
        if end.record is not None:
            return _DOING.get(end.record.state)
        return "talk_out" if end.call.state == "answered" else "calling_out"

    def _clear(self, end: TrunkEnd, number: str, by: Seat) -> None:
        """Its parties are told, then it is cleared."""
        switch, cause = self._switch, Cause(PREEMPTED.number, f"for a call to {number}")
        self._going.add(end)
        self._told(f"{end.name} is cleared for a call to {number} by {by.name}")
        answered = end.call.state == "answered"
        farewell = self._farewell(end)
        clock = switch.clock

        def parted(_: Cause) -> None:
            """Its last part in a conversation is over: said once, whoever says so."""
            if end not in self._notices:
                said = [clock.callLater(SILENT_S, say)] if answered else []
                self._notices[end] = [*said, clock.callLater(NOTICE_S if answered else 0.0, gone)]

        def say() -> None:
            if end.call.state == "answered":
                quietly(end.port.play(*farewell)).addBoth(gone)

        def gone(_: object = None) -> None:
            """The notice is over, or lasts too long, or the far end has hung up in it."""
            for timer in self._notices.pop(end, ()):
                if timer.active():
                    timer.cancel()
            self._going.discard(end)
            end.call.clear(cause)

        end.clears(parted)
        with switch.turn():
            for connection in list(end.connections):
                for other in connection.conversation.partners(connection):
                    alone = len(connection.conversation.partners(other)) == 1
                    if alone and other.state == "connected" and isinstance(other.device, Seat):
                        switch.fail(other, "preempted", str(cause))
                switch.clear(connection, str(cause))

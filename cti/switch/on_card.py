"""Our own cards switch: trunks and telephones end on them, and the bridge connects them (step 7).

The switch knows devices (cti.switch.device, seat, mobile_seat) and conversations; what connects or parts them are
transitions of connections (cti.switch.connection), made by moves (cti.switch.moves) in turns (cti.switch.turns). Here
are its trunks, the VRU's hold on a caller, and the transfer of step 7: it ends by what the seat does, ring_s, or the
caller's end; cancelled, the telephone stops ringing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError, Deferred

from cti.switch.connection import Connection
from cti.switch.conversation import Conversation
from cti.switch.device import TrunkEnd
from cti.switch.hearing import Hearing
from cti.switch.interface import Caller, Transfer, TransferResult
from cti.switch.moves import Moves
from cti.switch.seat import Seat
from cti.switch.turns import GONE, NO_ANSWER, SwitchOwner
from drivers.clock import Clock
from drivers.port import Port
from drivers.signalling.causes import NORMAL, Cause
from drivers.signalling.interface import TrunkCall, What

if TYPE_CHECKING:
    from cti.call import Call


class OnCard(Moves):
    """See interface.Switch. ``seats`` by extension, ``trunks``: the calls on them, by port."""

    def __init__(self, clock: Clock, hearing: Hearing, owner: SwitchOwner) -> None:
        super().__init__(clock, hearing, owner)
        self.seats: dict[str, Seat] = {}
        self.trunks: dict[Port, TrunkEnd] = {}

    # the VRU

    def leave_vru(self, conversation: Conversation) -> None:
        """The VRU lets go of the caller."""
        with self.turn():
            conversation.vru = False
            self._changed.setdefault(conversation, "")

    def back_to_vru(self, conversation: Conversation) -> None:
        """The VRU speaks with the caller: nobody else has a part in it."""
        caller = conversation.caller
        with self.turn():
            conversation.vru = True
            for connection in list(conversation.connections):
                if connection.device is not caller:
                    self.clear(connection, "back to the VRU")
        if caller is not None:
            self._hearing.hands_off(caller)

    # trunks

    def caller(self, call: TrunkCall, record: Call, on_told: Callable[[TrunkEnd, What], None]) -> TrunkEnd:
        """A call came on a trunk: its conversation begins, with the VRU."""
        end = TrunkEnd(call, on_told)
        end.record = record
        self.trunks[end.port] = end
        self._hearing.forget(end.port)
        conversation = self.converse(call.numbers.calling or None)
        conversation.vru = True
        self.bring(end, conversation, "originate")
        return end

    def called(self, call: TrunkCall, on_told: Callable[[TrunkEnd, What], None]) -> TrunkEnd:
        """A call out: its channel is an end of ours from now on."""
        end = TrunkEnd(call, on_told)
        self.trunks[end.port] = end
        self._hearing.forget(end.port)
        return end

    def moved_to_channel(self, end: TrunkEnd, call: TrunkCall, clears: Callable[[Cause], None]) -> None:
        """The call out is tried on another channel."""
        with self.turn():
            self._left(end)
            end.carry(call, clears)
            self.trunks[end.port] = end
            self._hearing.forget(end.port)
            for connection in end.connections:
                self.touch(connection)

    def trunk_cleared(self, end: TrunkEnd) -> None:
        """The far end, an alarm, or we: the channel is out of every conversation."""
        self._left(end)
        cause = end.call.cause or NORMAL
        for connection in list(end.connections):
            if connection.live:
                self.clear(connection, str(cause))

    def _left(self, end: TrunkEnd) -> None:
        """It is on its channel no more; after glare somebody else is there already, who is not touched by it."""
        end.forget()
        if self.trunks.get(end.port) is end:
            del self.trunks[end.port]
            self._hearing.forget(end.port)

    # step 7

    async def transfer(
        self, port: Port, extension: str, ring_s: float, before_dial: Callable[[], None], *, flashed: bool = False
    ) -> TransferResult:
        """See interface.Switch. The caller hears music meanwhile, and is with the VRU again when it fails."""
        end, seat = self.trunks.get(port), self.seats.get(extension)
        connection = end.present if end is not None else None
        if connection is None:
            return TransferResult(Transfer.CALLER_LOST, Caller.GONE, "the caller has gone")
        if seat is None:
            return TransferResult(Transfer.REFUSED, Caller.WITH_US, f"there is no seat {extension}")
        if not seat.idle:
            return TransferResult(Transfer.BUSY, Caller.WITH_US, "alarm" if seat.alarms else "busy")
        before_dial()
        conversation = connection.conversation
        conversation.music = True
        with self.turn():
            self.leave_vru(conversation)
            self.deliver(seat, conversation)
        answered = await self.until_answered(conversation, ring_s)
        if isinstance(answered, Connection):
            conversation.music = False
            return TransferResult(Transfer.ANSWERED, Caller.WITH_AGENT, "off_hook", extension=answered.device.name)
        if not connection.live or answered == GONE:
            return TransferResult(Transfer.CALLER_LOST, Caller.GONE, "the caller has gone")
        self.back_to_vru(conversation)
        return TransferResult(Transfer.NO_ANSWER, Caller.WITH_US, answered)

    async def until_answered(self, conversation: Conversation, ring_s: float) -> Connection | str:
        """Who answered in this conversation, or why nobody did; then it still rings. Cancelled, it rings no more."""
        waiting: Deferred[Connection | str] = Deferred()
        conversation.offered = waiting
        timer = self.clock.callLater(ring_s, self.offer_over, conversation, NO_ANSWER)
        try:
            return await waiting
        except CancelledError:
            with self.turn():
                for ringing in conversation.ringing:
                    self.clear(ringing, NO_ANSWER)
            raise
        finally:
            if timer.active():
                timer.cancel()
            if conversation.offered is waiting:
                conversation.offered = None

    def ring_s(self, extension: str, ring_s: float) -> float:
        """See interface.Switch."""
        seat = self.seats.get(extension)
        return seat.takes_s(ring_s) if seat is not None else ring_s

    def agent_answered(self, extension: str, how: str) -> bool:
        """The telephone's own off-hook counts, nobody's word."""
        return False

    def rings(self, extension: str) -> bool:
        """Nothing completes without us."""
        return False

    def close(self) -> None:
        """The server stops: everybody is let go at once, so that nobody hears the end of somebody else's part."""
        with self.turn():
            for conversation in list(self.conversations):
                for connection in list(conversation.connections):
                    if connection.live:
                        self.clear(connection, "the server stops")
        for seat in self.seats.values():
            seat.stop()
        for end in list(self.trunks.values()):
            end.released(NORMAL)

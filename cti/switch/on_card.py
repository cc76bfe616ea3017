"""Our own cards switch: trunks and telephones end on them, and the bridge connects them (step 7).

The switch knows devices (cti.switch.device, seat) and conversations; what connects or parts them are transitions of
connections (cti.switch.connection). Here are the moves all verbs are made of: bring in, let ring, answer, put aside,
take back, let go. Each public method is one turn: when the outermost one is over, conversations in which nobody is left
for somebody are ended, and every port hears what the table (cti.switch.hearing) says.

Who is left alone: a caller's trunk is cleared, a telephone hears busy tone until it is hung up, a ring stops, listeners
hear busy tone. Both hang up at once: each takes its own part out, nothing is left over. A transfer (step 7) ends by
what the seat does, ring_s, or the caller's end; cancelled, its telephone stops ringing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import CancelledError, Deferred

from cti.switch.connection import Connection, Role
from cti.switch.conversation import Conversation
from cti.switch.device import Device, TrunkEnd
from cti.switch.errors import VerbRefused
from cti.switch.hearing import Hearing, Sound, hears, needs_conference
from cti.switch.interface import Caller, Transfer, TransferResult
from cti.switch.seat import Seat
from drivers.clock import Clock
from drivers.port import Port
from drivers.signalling.causes import NORMAL, Cause
from drivers.signalling.interface import TrunkCall, What

if TYPE_CHECKING:
    from cti.call import Call

GONE = "gone"
NO_ANSWER = "no_answer"
# Nobody took a transfer, or a parked call: the telephone that handed it on rings so long, then the call is over.
RECALL_S = 30.0


class SwitchOwner(Protocol):
    """Who hears of it (cti.card_side)."""

    def event(self, kind: str, connection: Connection, cause: str) -> None:
        """An event of call control, in the words of CSTA; told in the middle of a turn."""
        ...

    def settled(self, devices: Iterable[Device], gone: Mapping[Call, str]) -> None:
        """A turn is over, and these devices' connections changed. ``gone``: callers who have no part in anything any
        more, in whatever hands they were, and why."""
        ...


class OnCard:
    """See interface.Switch. ``seats`` by extension."""

    def __init__(self, clock: Clock, hearing: Hearing, owner: SwitchOwner) -> None:
        self.clock = clock
        self.seats: dict[str, Seat] = {}
        self.trunks: dict[Port, TrunkEnd] = {}
        self.conversations: list[Conversation] = []
        self.tones: dict[Connection, Sound] = {}  # of those that dial, or have failed
        self._hearing, self._owner = hearing, owner
        self._serial = 0
        self._depth = 0
        self._dirty: dict[Device, None] = {}
        self._changed: dict[Conversation, str] = {}
        self._gone: dict[Call, str] = {}

    # turns

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
            for connection in list(conversation.connections):
                if connection.live and not conversation.partners(connection) and self._alone(connection):
                    looked.discard(conversation)

    def _alone(self, connection: Connection) -> bool:
        """Nobody is left for this one; True: something was changed."""
        device, conversation = connection.device, connection.conversation
        cause = self._changed.get(conversation, "")
        if connection.state in ("queued", "initiated", "failed"):
            return False
        back, conversation.back = conversation.back, None
        if connection.state == "connected" and back is not None and back is not device and back.idle:
            recall = self.deliver(back, conversation, "recall")
            self.limit(recall, RECALL_S, lambda: self.clear(recall, "nobody took the call back"))
            return True
        if connection.state == "connected" and device.kind == "seat":
            self.fail(connection, "busy", cause or "nobody is left")
        else:
            self.clear(connection, cause or "nobody is left")
        return True

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

    # moves

    def converse(self, calling: str | None = None) -> Conversation:
        """A new conversation; it is over with its last connection."""
        self._serial += 1
        conversation = Conversation(f"v{self._serial}", calling)
        self.conversations.append(conversation)
        return conversation

    def bring(
        self, device: Device, conversation: Conversation, event: str, cause: str = "", role: Role = "talk"
    ) -> Connection:
        """A device gets a part: ``initiate``, ``originate``, ``deliver``, ``queue`` or ``join``."""
        with self.turn():
            connection = Connection(device, conversation, self._tell, role)
            conversation.connections.append(connection)
            device.connections.append(connection)
            self.send(connection, event, cause)
        return connection

    def send(self, connection: Connection, event: str, cause: str = "") -> None:
        """A transition. Its event is told; who has no part any more is out."""
        with self.turn():
            connection.send(event, cause)
            connection.since_s = self.clock.seconds()
            if connection.timer is not None and connection.timer.active():
                connection.timer.cancel()
            connection.timer, connection.in_band = None, False
            self.tones.pop(connection, None)
            self._dirty[connection.device] = None
            self._changed.setdefault(connection.conversation, "")
            if not connection.live:
                self._out(connection, cause)

    def clear(self, connection: Connection, cause: str = "", event: str = "clear") -> None:
        """The part is over: the telephone stops ringing, the trunk is cleared with its last one."""
        rang = connection.state == "alerting"
        with self.turn():
            self.send(connection, event, cause)
            device = connection.device
            if rang and isinstance(device, Seat):
                device.stop_ringing()
            if not device.connections:
                device.released(NORMAL)

    def fail(self, connection: Connection, sound: Sound, cause: str) -> None:
        """It cannot go on: a tone until it is hung up."""
        with self.turn():
            self.send(connection, "fail", cause)
            self.tones[connection] = sound
            if isinstance(connection.device, Seat):
                connection.device.nag()

    def sound(self, connection: Connection, sound: Sound | None) -> None:
        """What a telephone that dials, or has failed, hears from now on."""
        with self.turn():
            self.tones.pop(connection, None)
            if sound is not None:
                self.tones[connection] = sound
            self._changed.setdefault(connection.conversation, "")

    def deliver(self, seat: Seat, conversation: Conversation, cause: str = "") -> Connection:
        """Rings a telephone for a conversation."""
        connection = self.bring(seat, conversation, "deliver", cause)
        seat.ring(conversation.calling)
        return connection

    def limit(self, connection: Connection, seconds: float, then: Callable[[], object]) -> None:
        """``then`` unless its state has changed by that time; an older limit of the same state is replaced."""
        if connection.timer is not None and connection.timer.active():
            connection.timer.cancel()
        connection.timer = self.clock.callLater(seconds, then)

    def touch(self, connection: Connection) -> None:
        """Something about it changed that others hear."""
        self._changed.setdefault(connection.conversation, "")

    def move(self, connection: Connection, to: Conversation, event: str = "move") -> None:
        """Into another conversation, as it is; ``event``: move (transferred) or conference."""
        with self.turn():
            in_band, of = connection.in_band, connection.conversation
            self._changed.setdefault(of, "transferred")
            self._changed.setdefault(to, "")
            of.connections.remove(connection)
            to.connections.append(connection)
            connection.conversation = to
            self.send(connection, event if connection.can(event) else "move", f"from {of.id}")
            connection.in_band = in_band

    def busy(self, seat: Seat, cause: str, sound: Sound = "busy") -> None:
        """A telephone that is off-hook for nothing hears so until it is hung up."""
        if seat.off_hook and not seat.connections:
            with self.turn():
                self.fail(self.bring(seat, self.converse(), "initiate", cause), sound, cause)

    def answer(self, connection: Connection, cause: str = "") -> None:
        """It is answered: who asked for it is told, or what was asked for goes on."""
        conversation = connection.conversation
        then, conversation.then = conversation.then, None
        if then is not None:
            self._go_on(connection, then)
            return
        with self.turn():
            self.send(connection, "answer", cause)
            conversation.back = None
            for other in conversation.ringing if conversation.offered is not None else ():
                self.clear(other, "answered elsewhere", "divert")
            self.offer_over(conversation, connection)

    def _go_on(self, connection: Connection, then: Callable[[], object]) -> None:
        seat = connection.device
        with self.turn():
            self.send(connection, "answer", "prompt")
            self.clear(connection, "goes on")
            try:
                then()
            except VerbRefused as refused:  # what was possible when it was asked for is not any more
                if isinstance(seat, Seat):
                    self.busy(seat, str(refused))

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

    def _out(self, connection: Connection, cause: str) -> None:
        conversation, device = connection.conversation, connection.device
        conversation.connections.remove(connection)
        device.connections.remove(connection)
        self._changed[conversation] = cause or self._changed.get(conversation, "")
        if isinstance(device, TrunkEnd) and device.record is not None and not device.connections:
            self._gone[device.record] = cause

    def _tell(self, kind: str, connection: Connection, cause: str) -> None:
        self._owner.event(kind, connection, cause)

    def new_call_on(self, device: Device) -> None:
        """The epoch of its port is raised, or it is about to leave it."""
        if device.port is not None:
            self._hearing.forget(device.port)

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

    def offer_over(self, conversation: Conversation, result: Connection | str) -> None:
        """Tells who waits that somebody has answered, or that nobody will."""
        waiting, conversation.offered = conversation.offered, None
        if waiting is not None and not waiting.called:
            waiting.callback(result)

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
        """The server stops."""
        for seat in self.seats.values():
            seat.stop()
        for end in list(self.trunks.values()):
            end.released(NORMAL)

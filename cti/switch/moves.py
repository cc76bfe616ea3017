"""The moves that all verbs are made of: bring in, let ring, answer, put aside, take back, let go (step 7).

Each is a turn (cti.switch.turns) or part of one. Every change is a transition of a connection; who has no part any more
is out at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cti.switch.connection import Connection, Role
from cti.switch.conversation import Conversation
from cti.switch.device import Device, TrunkEnd
from cti.switch.errors import VerbRefused
from cti.switch.hearing import Hearing, Sound
from cti.switch.seat import Seat
from cti.switch.turns import SwitchOwner, Turns
from drivers.clock import Clock
from drivers.signalling.causes import NORMAL

# Nobody took a transfer, or a parked call: the telephone that handed it on rings so long, then the caller waits in the
# queue again, and any other call is over.
RECALL_S: Final = 30.0


class Moves(Turns):
    """Over the conversations of one switch."""

    def __init__(self, clock: Clock, hearing: Hearing, owner: SwitchOwner) -> None:
        super().__init__(clock, hearing, owner)
        self._serial = 0

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

    def moved(self, seat: Seat) -> None:
        """The telephone was lifted or hung up, whatever that changes."""
        self._dirty[seat] = None

    def touch(self, connection: Connection) -> None:
        """Something about it changed that others hear."""
        self._changed.setdefault(connection.conversation, "")

    def went_away(self, connection: Connection, away: bool) -> None:
        """The far end of a trunk has hung up and may lift again (R2: clear back), or has done so: who is left hears
        busy tone meanwhile, and may hang up. The signalling clears the call in its time."""
        if connection.state != "connected" or connection.away == away:
            return
        with self.turn():
            connection.away = away
            self.touch(connection)
            self._owner.event("Suspended" if away else "Resumed", connection, "")

    def move(self, connection: Connection, to: Conversation, event: str = "move") -> None:
        """Into another conversation, as it is; ``event``: move (transferred) or conference."""
        with self.turn():
            in_band, away, of = connection.in_band, connection.away, connection.conversation
            self._changed.setdefault(of, "transferred")
            self._changed.setdefault(to, "")
            of.connections.remove(connection)
            to.connections.append(connection)
            connection.conversation = to
            self.send(connection, event if connection.can(event) else "move", f"from {of.id}")
            connection.in_band, connection.away = in_band, away

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
            self.send(connection, "clear", "goes on")  # the telephone keeps its line
            try:
                then()
            except VerbRefused as refused:  # what was possible when it was asked for is not any more
                if isinstance(seat, Seat):
                    self.busy(seat, str(refused))

    def _alone(self, connection: Connection) -> bool:
        """Nobody is left for this one; True: something was changed."""
        device, conversation = connection.device, connection.conversation
        cause = self._changed.get(conversation, "")
        if connection.state in ("queued", "initiated", "failed"):
            return False
        back, conversation.back = conversation.back, None
        if connection.state == "connected" and back is not None and back is not device:
            if back.idle:
                recall = self.deliver(back, conversation, "recall")
                self.limit(recall, back.takes_s(RECALL_S), lambda: self.not_taken(recall))
                return True
            if self._owner.nobody_took(conversation):
                return True
        if connection.state == "connected" and device.kind == "seat":
            self.fail(connection, "busy", cause or "nobody is left")
        else:
            self.clear(connection, cause or "nobody is left")
            if isinstance(device, Seat):
                self.busy(device, cause or "nobody is left")
        return True

    def not_taken(self, recall: Connection) -> None:
        """It rang again where it came from, and nobody lifted."""
        with self.turn():
            alone = len(recall.conversation.partners(recall)) == 1
            if not (alone and self._owner.nobody_took(recall.conversation)):
                self.clear(recall, "nobody took the call back")

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

    def offer_over(self, conversation: Conversation, result: Connection | str) -> None:
        """Tells who waits that somebody has answered, or that nobody will."""
        waiting, conversation.offered = conversation.offered, None
        if waiting is not None and not waiting.called:
            waiting.callback(result)

"""Who hears what, at each moment: the table of conversations, and the bridge that is set by it (step 7).

| a party that is     | and                                | hears                                          |
|---------------------|------------------------------------|------------------------------------------------|
| with the VRU        |                                    | the VRU (not this file's business)             |
| initiated           | no digit yet                       | dial tone; silence from the first digit on     |
| alerting            |                                    | its bell                                       |
| connected           | others are connected               | all of them; a coach only if it is coached     |
| connected           | somebody rings, a queued caller    | music                                          |
| connected           | somebody outside is called         | what the network sends, once it does           |
| connected           | somebody rings                     | ringback                                       |
| connected           | all others hold, or are waited for | music                                          |
| connected           | all others have hung up, may lift  | busy tone                                      |
| connected           | a notice is being said             | the notice, and the others                     |
| queued (parked ...) |                                    | music                                          |
| hold                | is in another conversation         | that one; else nothing                         |
| failed              |                                    | busy tone, or what its cause asks for          |
| listener, coach     |                                    | all who talk                                   |

Two who talk hear each other as a pair, which the bridge passes on bit for bit; more than two are a conference of the
engine, in which each hears all but itself. A coach is heard by the coached beside that. `Hearing.apply` changes only
what is different, so that nothing clicks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from twisted.internet.defer import Deferred

from cti.switch.connection import Connection
from cti.switch.conversation import Conversation
from cti.switch.device import Device
from drivers.errors import EngineError
from drivers.items import PlayItem
from drivers.operations import quietly
from drivers.port import Port
from drivers.problems import note

RESTING: Final = 8
"""So many numbers of conferences rest. An engine has a number for every two of its ports, and 64 ports or more; a
conference has three parties."""

Sound = Literal["dial", "ringback", "busy", "congestion", "info", "howler", "music", "notice", "preempted"]


@dataclass(frozen=True, slots=True)
class Hears:
    """What a port sends. ``others``: heard one by one; ``conference``: its number, 0 none; ``speaks`` there, too."""

    others: tuple[Port, ...] = ()
    conference: int = 0
    speaks: bool = True
    sound: Sound | None = None


SILENCE = Hears()


def hears(connection: Connection, sound: Sound | None = None) -> Hears | None:
    """The table, for a device that is present in this connection. ``sound``: of a failed or dialling one, or a notice.
    None: the VRU's."""
    conversation = connection.conversation
    if conversation.vru:
        return None
    if connection.state == "queued":
        return Hears(sound="music")
    if connection.state != "connected":
        return Hears(sound=sound)
    heard = [one for one in conversation.heard if one is not connection]
    coaches = _coaches(connection)
    if conversation.conference:
        network = _ports(one for one in heard if one.state == "alerting")
        return Hears((*network, *coaches), conversation.conference, connection.role == "talk", sound)
    if heard:
        return Hears((*_ports(heard), *coaches), sound=sound)
    if conversation.ringing:
        return Hears(coaches, sound="music" if conversation.music else "ringback")
    if any(one.state in ("hold", "queued") for one in conversation.talkers if one is not connection):
        return Hears(coaches, sound="music")
    if any(one.away for one in conversation.talkers if one is not connection):
        return Hears(coaches, sound="busy")
    return Hears(coaches, sound=sound)


def needs_conference(conversation: Conversation) -> bool:
    """More than two hear each other."""
    hearing = [one for one in conversation.connections if one.state == "connected"]
    return len(hearing) > 2 and not conversation.vru


def _coaches(connection: Connection) -> tuple[Port, ...]:
    coaching = (one for one in connection.conversation.connections if one.coached is connection.device)
    return _ports(one for one in coaching if one.state == "connected")


def _ports(connections: Iterable[Connection]) -> tuple[Port, ...]:
    return tuple(one.device.port for one in connections if one.device.port is not None)


class Hearing:
    """Sets ports by the table. ``sounds(sound, port)``: what a sound is made of there."""

    def __init__(
        self,
        sounds: Callable[[Sound, Port], list[PlayItem]],
        said: Callable[[Port], object] = lambda port: None,
    ) -> None:
        """``said(port)``: a notice is at its end there."""
        self._sounds, self._said = sounds, said
        self._set: dict[Port, Hears] = {}
        self._unsure: set[Port] = set()  # the engine took less than was wanted
        self._playing: dict[Port, Deferred[Any]] = {}
        self._numbers = 0  # of conferences given so far
        self._rest: deque[int] = deque()

    def forget(self, port: Port) -> None:
        """A new call begins on the port, or it is hung up: the engine has cut everything already."""
        self._set.pop(port, None)
        self._unsure.discard(port)
        playing = self._playing.pop(port, None)
        if playing is not None:
            playing.cancel()
        for other, set_ in self._set.items():
            if port in set_.others:
                self._set[other] = Hears(
                    tuple(one for one in set_.others if one is not port), set_.conference, set_.speaks, set_.sound
                )

    def conference(self) -> int:
        """A number that is free, and has been for a while: who goes from a conference that ends into one that begins
        has to be told, or stays with those who leave."""
        if len(self._rest) > RESTING:
            return self._rest.popleft()
        self._numbers += 1
        return self._numbers

    def conference_over(self, number: int) -> None:
        """May be given again, after others."""
        self._rest.append(number)

    def apply(self, device: Device, wanted: Hears) -> None:
        """Makes it so. Where the engine refuses, that is noted, and at the next change the port begins with nobody: it
        may hear somebody whom it should not."""
        port = device.port
        if port is None:
            return
        is_so = self._set.get(port, SILENCE)
        if wanted == is_so and port not in self._unsure:
            return
        self._set[port] = wanted
        try:
            if port in self._unsure:
                port.hear(None, beside=False)
                port.join(None, talk=True)
                is_so = Hears(sound=is_so.sound)
            self._unsure.discard(port)
            self._bridge(port, is_so, wanted)
        except EngineError as error:
            note(f"{port.name}: bridge: {error}")
            self._unsure.add(port)
        if wanted.sound != is_so.sound:
            self._play(port, wanted.sound)

    def hands_off(self, device: Device) -> None:
        """The VRU has the line from now on: it hears nobody, and nothing of ours plays."""
        self.apply(device, SILENCE)

    def _bridge(self, port: Port, is_so: Hears, wanted: Hears) -> None:
        for gone in is_so.others:
            if gone not in wanted.others:
                port.unhear(gone)
        for new in wanted.others:
            if new not in is_so.others:
                port.hear(new, beside=True)
        if (wanted.conference, wanted.speaks) != (is_so.conference, is_so.speaks):
            port.join(wanted.conference or None, talk=wanted.speaks)

    def _play(self, port: Port, sound: Sound | None) -> None:
        playing = self._playing.pop(port, None)
        if playing is not None:
            playing.cancel()
        if sound is None:
            return
        began = port.play(*self._sounds(sound, port))
        self._playing[port] = began

        def over(result: object) -> None:
            if self._playing.get(port) is began:
                del self._playing[port]
                if sound == "notice":
                    self._said(port)

        quietly(began).addBoth(over)

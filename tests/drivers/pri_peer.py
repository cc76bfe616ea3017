"""The far end of a D channel in a test's own hands: layer 2 as far as it takes to be believed, layer 3 as the test
wants. Typed from Q.921 and Q.931, so that our end cannot merely agree with itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from drivers import events as ev
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.port import Port
from drivers.signalling.dchannel import Side
from drivers.signalling.interface import TrunkCall, What
from drivers.signalling.pri import PriCall, PriTrunk
from drivers.signalling.pri_rules import PriRules
from drivers.span import Span
from drivers.stepped import Stepper

_open: list[PriTrunk] = []


def opened(trunk: PriTrunk) -> PriTrunk:
    """Is closed when the test is over."""
    _open.append(trunk)
    return trunk


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Closes what `opened` was told of; imported by tests that need it."""
    yield
    while _open:
        _open.pop().close()


@dataclass
class Heard:
    """A frame that our end sent, with the time of its arrival."""

    at_s: float
    data: bytes

    @property
    def message(self) -> bytes:
        return self.data[4:]

    @property
    def type(self) -> int:
        """Of a message with a call reference of two octets."""
        return self.data[8]


class Peer:
    """The far end. `mute`: it does not even answer layer 2."""

    def __init__(self, port: Port, side: Side) -> None:
        self.port = port
        self.network = side == "network"
        self.mute = False
        self.frames: list[Heard] = []
        self._ns = self._nr = 0
        port.listen(self._event)

    @property
    def messages(self) -> list[Heard]:
        return [frame for frame in self.frames if not frame.data[2] & 1]

    def types(self) -> list[int]:
        return [message.type for message in self.messages]

    def times(self, kind: int) -> list[float]:
        """When messages of this type came."""
        return [message.at_s for message in self.messages if message.type == kind]

    def say(self, text: str) -> None:
        """A message of layer 3 in hex."""
        head = bytes([0x02 if self.network else 0x00, 1, self._ns << 1, self._nr << 1])
        self._ns = (self._ns + 1) % 128
        self.port.send_frame(head + bytes.fromhex(text))

    def frame(self, text: str) -> None:
        """A frame of layer 2 in hex."""
        self.port.send_frame(bytes.fromhex(text))

    def _answer(self, *octets: int) -> None:
        self.port.send_frame(bytes([0x00 if self.network else 0x02, 1, *octets]))

    def _event(self, event: ev.Event) -> None:
        if not isinstance(event, ev.Frame):
            return
        data = event.data
        self.frames.append(Heard(event.time_s, data))
        if not data[2] & 1:
            self._nr = ((data[2] >> 1) + 1) % 128
            if not self.mute:
                self._answer(1, self._nr << 1)
        elif self.mute:
            pass
        elif data[2] & 3 == 1:
            if data[3] & 1 and bool(data[0] & 2) != self.network:
                self._answer(1, self._nr << 1 | 1)
        elif data[2] & 0xEF == 0x6F:
            self._ns = self._nr = 0
            self._answer(0x73)


@dataclass
class Bench:
    """Our trunk, the peer at its other end."""

    time: Stepper
    trunk: PriTrunk
    peer: Peer
    card: SoftwareCard

    def __post_init__(self) -> None:
        self.offered: list[PriCall] = []
        self.told: dict[TrunkCall, list[tuple[What, float]]] = {}
        self.trunk.offered = self._offered

    def _offered(self, call: TrunkCall) -> None:
        assert isinstance(call, PriCall)
        self.offered.append(call)
        self.follow(call)

    def follow(self, call: TrunkCall) -> TrunkCall:
        said = self.told[call] = []
        call.listen(lambda _, what: said.append((what, self.time.clock.seconds())))
        return call

    def whats(self, call: TrunkCall) -> list[What]:
        return [what for what, _ in self.told[call]]

    @property
    def now_s(self) -> float:
        return self.time.clock.seconds()


def bench(side: Side = "user", rules: PriRules | None = None, *, channels: int = 3, up: bool = True) -> Bench:
    """`side`: ours. `up`: layer 2 is, when it returns."""
    clock = SteppedClock()
    engines = [Engine(clock, name=name, max_ports=16) for name in ("far", "ours")]
    far, near = (SoftwareCard(None, "b", channels, name=name) for name in ("far", "near"))
    for card, engine in ((far, engines[0]), (near, engines[1])):
        card.add_port("d")
        engine.add_card(card)
    for index in range(channels + 1):
        near.wire(index, far, index)
    trunk = opened(PriTrunk(Span("e1", near.ports[:-1], signalling=near.ports[-1]), side, rules))
    made = Bench(Stepper(clock, engines), trunk, Peer(far.ports[-1], "network" if side == "user" else "user"), near)
    if up:
        made.time.run(lambda: trunk.up, 5.0)
    return made

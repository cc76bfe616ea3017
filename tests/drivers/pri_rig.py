"""Two PRI spans on software cards, wired to each other: the user's end, which is ours, and the network's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from drivers import events as ev
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.port import Port
from drivers.signalling.interface import TrunkCall, What
from drivers.signalling.pri import PriCall, PriTrunk
from drivers.signalling.pri_rules import PriRules
from drivers.span import Span
from drivers.stepped import Stepper
from drivers.words import Hunt
from tests.drivers.pri_peer import opened


@dataclass
class PriRig:
    """`user`, `network`: both ends. `offered`: calls that came, by end; `told`: what each call was told, and when."""

    time: Stepper
    user: PriTrunk
    network: PriTrunk
    card: SoftwareCard
    offered: dict[PriTrunk, list[PriCall]] = field(default_factory=dict)
    told: dict[TrunkCall, list[tuple[str, float]]] = field(default_factory=dict)
    frames: dict[PriTrunk, list[ev.PriFrame]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for trunk in (self.user, self.network):
            self.listen_at(trunk)

    def listen_at(self, trunk: PriTrunk) -> None:
        self.offered[trunk] = []
        frames = self.frames[trunk] = []
        trunk.offered = lambda call: self._offered(trunk, call)
        self.d(trunk).listen(lambda event: frames.append(event) if isinstance(event, ev.PriFrame) else None)

    def _offered(self, trunk: PriTrunk, call: TrunkCall) -> None:
        assert isinstance(call, PriCall)
        self.offered[trunk].append(call)
        self.follow(call)

    def follow(self, call: TrunkCall) -> None:
        said = self.told[call] = []
        call.listen(lambda _, what: said.append((what, self.time.clock.seconds())))

    @staticmethod
    def d(trunk: PriTrunk) -> Port:
        assert trunk.span.signalling is not None
        port: Port = trunk.span.signalling
        return port

    def until(self, true: Callable[[], bool], limit_s: float = 60.0) -> None:
        self.time.run(true, limit_s)

    def whats(self, call: TrunkCall) -> list[str]:
        return [what for what, _ in self.told[call]]

    def until_told(self, call: TrunkCall, what: What, limit_s: float = 60.0) -> float:
        """The second at which it was told."""
        self.until(lambda: what in self.whats(call), limit_s)
        return next(at for said, at in self.told[call] if said == what)

    def cut(self, on: int, *, d_only: bool = False) -> None:
        channels = len(self.card.ports)
        for index in range(channels - 1 if d_only else 0, channels):
            self.card.faults(index, cut=on)

    def d_fault(self, **faults: float | str) -> None:
        """On the D channel's wire, both ends' hearing."""
        self.card.faults(len(self.card.ports) - 1, **faults)

    def all_free(self) -> None:
        for trunk in (self.user, self.network):
            self.until(lambda trunk=trunk: trunk.span.state().free == trunk.span.state().channels, 90.0)  # type: ignore[misc]
            self.time.run_for(10)
            stats = trunk.channel.stats()
            assert stats.calls == 0
            assert not [text for port in trunk.span.channels.values() for text in port.operations]


def pri_rig(
    user: PriRules | None = None,
    network: PriRules | None = None,
    *,
    channels: int = 4,
    hunt: tuple[Hunt, Hunt] = ("up", "down"),
    up: bool = True,
) -> PriRig:
    """`channels` B channels, then the D channel. `hunt`: the user's, the network's. `up`: waits for layer 2."""
    clock = SteppedClock()
    engines = [Engine(clock, name=name, max_ports=32) for name in ("office", "server")]
    far, near = (SoftwareCard(None, "b", channels, name=name) for name in ("office", "e1"))
    for card, engine in ((far, engines[0]), (near, engines[1])):
        card.add_port("d")
        engine.add_card(card)
    for index in range(channels + 1):
        near.wire(index, far, index)
    spans = [
        Span(name, card.ports[:-1], signalling=card.ports[-1], hunt=way)
        for name, card, way in (("ours", near, hunt[0]), ("theirs", far, hunt[1]))
    ]
    trunks = opened(PriTrunk(spans[0], "user", user)), opened(PriTrunk(spans[1], "network", network))
    rig = PriRig(Stepper(clock, engines), *trunks, near)
    if up:
        rig.until(lambda: rig.user.up and rig.network.up, 5.0)
    return rig

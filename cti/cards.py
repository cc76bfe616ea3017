"""Opens the cards of the site file and gives each VRU port its card port; keeps backplanes connected.

A real card is a row of DAHDI channels: what is wrong with one is told before anything rings. A software card's wires
end in another process (a simulated PBX, a test rig) at a Unix socket; like a cable that was pulled out, it is plugged
in again when the far end is back. Serves step 3.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping

from cti.errors import TipringError
from cti.site.config import Card, DahdiCard, Site, VruPort, WiredCard
from drivers.card import Backplane, SoftwareCard
from drivers.card import Card as EngineCard
from drivers.clock import Clock, DelayedCall
from drivers.dahdi import DahdiCard as EngineDahdiCard
from drivers.dahdi import DahdiPort
from drivers.engine import Engine
from drivers.errors import EngineError
from drivers.port import Port

# How often a backplane that lost its far end is tried again, and looked at.
LOOK_S = 1.0
LAWS = {"alaw": "a", "ulaw": "mu"}


class BackplaneLink:
    """One card's backplane: connected, or tried every second, with an alarm while it is not."""

    def __init__(
        self, clock: Clock, name: str, path: str, count: int, on_alarm: Callable[[str, bool, str], None]
    ) -> None:
        self.name, self.path = name, path
        self._clock, self._count, self._on_alarm = clock, count, on_alarm
        self._backplane: Backplane | None = None
        self._timer: DelayedCall | None = None
        self._down = False

    def start(self, card: SoftwareCard) -> None:
        """Connects, now or as soon as it can."""
        self._look(card)

    def stop(self) -> None:
        """Looks no more."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def stats(self) -> Mapping[str, int]:
        """Frames, slips, alarm."""
        return self._backplane.stats() if self._backplane is not None else {}

    def _look(self, card: SoftwareCard) -> None:
        self._timer = self._clock.callLater(LOOK_S, self._look, card)
        if self._backplane is not None and not self._backplane.stats()["alarm"]:
            self._tell(False, f"card {self.name}: wires connected")
            return
        if self._backplane is not None and (stats := self._backplane.stats())["refused"]:
            ours, theirs = stats["version"], stats["far_version"]
            which = f"{self.path} speaks version {theirs} of the wires, we speak {ours}"
            self._tell(True, f"card {self.name}: {which}: update the older")
        try:
            far = connect(self.path)
        except OSError as error:
            self._tell(True, f"card {self.name}: {nothing_at(self.path, error)}")
            return
        if self._backplane is None:
            self._backplane = card.backplane(0, self._count, far, paced=True)
        else:
            self._backplane.reconnect(far)

    def _tell(self, down: bool, text: str) -> None:
        if down != self._down:
            self._down = down
            self._on_alarm(f"card_{self.name}", down, text)


def nothing_at(path: str, error: OSError) -> str:
    """Of the far end of a software card's wires, with the remedy."""
    return f"nothing at {path} ({error.strerror}); start it: tipring sim"


def connect(path: str) -> int:
    """A connected descriptor, at once or not at all: a listener with a full queue must not stop the reactor."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as far:
        far.setblocking(False)
        far.connect(path)
        far.setblocking(True)
        return far.detach()


def open_cards(engine: Engine, site: Site) -> dict[str, tuple[Card, EngineCard]]:
    """Every card of the site, adopted by the engine. TipringError where a real one cannot be used, with the remedy."""
    cards: dict[str, tuple[Card, EngineCard]] = {}
    for card in site.cards:
        try:
            cards[card.name] = (card, _open(engine, card))
        except EngineError as error:
            raise TipringError(f"card {card.name}: {error}") from error
    cancel_echoes(cards)
    return cards


def cancel_echoes(cards: Mapping[str, tuple[Card, EngineCard]]) -> None:
    """Our own canceller on the analog ports of software cards, as the site wants it; channels of DAHDI were opened
    with theirs."""
    for row, card in cards.values():
        if isinstance(row, WiredCard):
            for port in card.ports:
                if "echo_canceller" in port.capabilities:
                    port.echo_canceller(row.echo_mode, row.echo_taps)


def _open(engine: Engine, card: Card) -> EngineCard:
    if not isinstance(card, DahdiCard):
        software = software_card(card)
        engine.add_card(software)
        return software
    ports = [
        DahdiPort(
            channel,
            card.type,
            law=LAWS[card.law],
            depth=card.depth,
            rx_db=card.rx_gain_db,
            tx_db=card.tx_gain_db,
            echo_taps=card.echo_taps,
            echo_mode=card.echo_mode,
        )
        for channel in card.numbers
    ]
    return EngineDahdiCard(engine, ports, name=card.name)


def software_card(card: WiredCard) -> SoftwareCard:
    """Not yet adopted by an engine."""
    if card.type != "e1":
        return SoftwareCard(None, card.type, card.ports, law=LAWS[card.law], name=card.name)
    made = SoftwareCard(None, "b", card.ports - 1, law=LAWS[card.law], name=card.name)
    made.add_port("d")
    return made


def seat_ports(site: Site, cards: Mapping[str, tuple[Card, EngineCard]]) -> list[tuple[str, Port]]:
    """Each seat on a card: its extension and its port of the engine."""
    pairs = []
    for seat in (seat for row in site.seats for seat in row.ports()):
        port = cards[seat.card][1].ports[seat.port]
        if port.kind != "fxs":
            raise TipringError(f"seat {seat.card}:{seat.port} is {port.kind}; a telephone needs fxs")
        pairs.append((seat.extension, port))
    return pairs


def vru_ports(site: Site, cards: Mapping[str, tuple[Card, EngineCard]]) -> list[tuple[VruPort, Port]]:
    """Each VRU port of the site with its port of the engine."""
    pairs = []
    for where in site.vru.all_ports():
        port = cards[where.card][1].ports[where.port]
        if port.kind != "fxo":
            raise TipringError(f"VRU port {where.card}:{where.port} is {port.kind}; behind a PBX it must be fxo")
        pairs.append((where, port))
    return pairs

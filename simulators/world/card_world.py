"""The world around a server whose own cards are the switch: no PBX, nothing between the people and the server.

The office's lines are wired to the server's trunk card, agents' telephones to its card of seats; there is no serial
line. What goes on is known from the people alone: who lifts, dials, flashes and hangs up, and what each of them hears
(hearing.py). The kind of trunk is a parameter (offices.py). Serves steps 1 to 9 without a PBX.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from twisted.internet.defer import Deferred

from drivers.card import SoftwareCard
from drivers.clock import Clock
from drivers.engine import Engine
from simulators.office.offices import OFFICES
from simulators.office.span_faults import SpanFaults
from simulators.people.speech import Speech
from simulators.scenario.scenario import Scenario
from simulators.world.surroundings import Surroundings

TRUNKS, SEATS = "co", "seats"
"""The server's cards, as its site file names them."""


class CardWorld(Surroundings):
    """Line `n` of the office is wired to port `n` of the server's trunk card, the telephone of agent `n` to port `n` of
    its card of seats. Without `ears` people speak words, and nobody measures anything."""

    def __init__(
        self,
        clock: Clock,
        engine: Engine,
        scenario: Scenario,
        *,
        speech: Speech | None = None,
        ears: Path | None = None,
    ) -> None:
        super().__init__(clock, engine, scenario, speech=speech, ears=ears)
        kind = OFFICES[scenario.trunk]
        self.office = kind.card(scenario.trunks)
        self.telephones = SoftwareCard(None, "fxo", len(scenario.agents), name="telephones")
        trunk_ports, seat_ports = engine.add_card(self.office), engine.add_card(self.telephones)
        if ears is None:
            self.prepare_speech()
        self.lines = kind.lines(self, trunk_ports, self.exchange)
        for agent, port in zip(scenario.agents, seat_ports, strict=True):
            self.add_agent(agent, port)

    @property
    def cables(self) -> Mapping[str, tuple[SoftwareCard, int]]:
        """Two: the trunks and the seats."""
        return {TRUNKS: (self.office, len(self.office.ports)), SEATS: (self.telephones, len(self.scenario.agents))}

    def wire(self, trunks: SoftwareCard, seats: SoftwareCard) -> None:
        """Stepped: the server's two cards take their wires."""
        changes = self.scenario.wires.changes()
        digital = OFFICES[self.scenario.trunk].of_pbx is not None  # its faults are those of span_faults.py
        for index in range(len(self.office.ports)):
            self.office.wire(index, trunks, index, **({} if digital else changes))
        for index in range(len(self.scenario.agents)):
            self.telephones.wire(index, seats, index, **changes)

    def start(self) -> Deferred[None]:
        """With what is wrong on the span."""
        SpanFaults(self).start()
        return super().start()

    def cut(self, port: int) -> None:
        """The wire of that trunk breaks."""
        self.office.faults(port, cut=True)

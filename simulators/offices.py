"""The office's ends of the server's trunks, by kind: fxo for analog lines; each further kind adds a function here.

An office makes its card for the wires and, once that is adopted, the lines at which callers and subscribers have their
handsets (`party.Line`). A kind of trunk also needs the server's card at the other end (`server_card`) and its part of
the site file (simulators/rig/site_card.py). Serves the world of the card as the switch, step 1 and outside calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.card import SoftwareCard
from drivers.port import Port
from simulators.exchange import Exchange
from simulators.office import OfficeLine
from simulators.party import Line

if TYPE_CHECKING:
    from simulators.card_world import CardWorld

Build = Callable[["CardWorld", Sequence[Port], Exchange], Sequence[Line]]
"""Makes the lines over the ports of the office's card; incoming calls and `exchange` for outgoing ones."""


def _analog_card(lines: int) -> SoftwareCard:
    return SoftwareCard(None, "fxs", lines, name="office")


def _analog(world: CardWorld, ports: Sequence[Port], exchange: Exchange) -> Sequence[Line]:
    plan, note = world.scenario, world.truth.note
    return [
        OfficeLine(world.clock, port, index + 1, plan.dnis[index % len(plan.dnis)], plan.office, note, exchange)
        for index, port in enumerate(ports)
    ]


@dataclass(frozen=True)
class Office:
    """One kind of trunk. `card` and `server_card` make the cards at both ends, for so many lines, not yet adopted;
    `lines` the lines over the office's. Port `n` of one card is wired to port `n` of the other."""

    card: Callable[[int], SoftwareCard]
    server_card: Callable[[int], SoftwareCard]
    lines: Build


OFFICES: dict[str, Office] = {"fxo": Office(_analog_card, lambda lines: SoftwareCard(None, "fxo", lines), _analog)}

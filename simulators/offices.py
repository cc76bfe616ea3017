"""The office's ends of the server's trunks, by kind: fxo for analog lines; each further kind adds a function here.

An office makes its card for the wires and, once that is adopted, the lines at which callers and subscribers have their
handsets (`party.Line`). Serves the world of the card as the switch, step 1 and outside calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


OFFICES: dict[str, tuple[Callable[[int], SoftwareCard], Build]] = {"fxo": (_analog_card, _analog)}
"""Of each kind of trunk: the office's card for so many lines, not yet adopted; and its lines."""

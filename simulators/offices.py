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
from drivers.signalling.interface import Trunk
from drivers.signalling.pri import PriTrunk
from drivers.signalling.r2 import R2Settings, R2Trunk
from drivers.span import Span
from simulators.exchange import Exchange
from simulators.office import OfficeLine
from simulators.party import Line
from simulators.trunk_line import lines_of as trunk_lines

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


def _r2(world: CardWorld, ports: Sequence[Port], exchange: Exchange) -> Sequence[Line]:
    """China No.1, as the server's site has it: the caller's number is asked for after the first digit, so that numbers
    of any length can be dialled."""
    span = Span("office", ports, hunt="down")
    return _digital(world, R2Trunk("office", span, R2Settings(ask_caller=1)), exchange)


def _pri(world: CardWorld, ports: Sequence[Port], exchange: Exchange) -> Sequence[Line]:
    """The network's side of EuroISDN; the D channel is the last port."""
    span = Span("office", ports[:-1], signalling=ports[-1], hunt="down")
    return _digital(world, PriTrunk(span, "network"), exchange)


def _digital(world: CardWorld, trunk: Trunk, exchange: Exchange) -> Sequence[Line]:
    dnis = world.scenario.dnis
    return trunk_lines(trunk, world.clock, lambda at: dnis[at % len(dnis)], world.truth.note, exchange)


def _b_channels(lines: int) -> SoftwareCard:
    return SoftwareCard(None, "b", lines, name="office")


def _e1(lines: int) -> SoftwareCard:
    card = _b_channels(lines)
    card.add_port("d")
    return card


@dataclass(frozen=True)
class Office:
    """One kind of trunk. `card` and `server_card` make the cards at both ends, for so many lines, not yet adopted;
    `lines` the lines over the office's. Port `n` of one card is wired to port `n` of the other."""

    card: Callable[[int], SoftwareCard]
    server_card: Callable[[int], SoftwareCard]
    lines: Build


OFFICES: dict[str, Office] = {
    "fxo": Office(_analog_card, lambda lines: SoftwareCard(None, "fxo", lines), _analog),
    "r2": Office(_b_channels, _b_channels, _r2),
    "pri": Office(_e1, _e1, _pri),
}

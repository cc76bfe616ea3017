"""The office's ends of trunks, by kind: fxo for analog lines; each further kind adds a function here.

An office makes its card for the wires and, once that is adopted, the lines at which callers and subscribers have their
handsets (`party.Line`). A kind of trunk also needs the card at the other end (`far_card`), the server's or a PBX's; the
server's part of the site file is in simulators/rig/site_card.py. Serves step 1 and outside calls in both topologies.
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
from simulators.lines.party import Line
from simulators.office.exchange import Exchange
from simulators.office.office import OfficeLine
from simulators.office.trunk_line import lines_of as trunk_lines

if TYPE_CHECKING:
    from simulators.world.surroundings import Surroundings

Build = Callable[["Surroundings", Sequence[Port], Exchange | None], Sequence[Line]]
"""Makes the lines over the ports of the office's card; incoming calls, and `exchange` for outgoing ones, where it is
given."""
Signal = Callable[[Sequence[Port]], Trunk]
"""Begins the signalling of a PBX at the far end of an E1, over the ports of its card."""


def _analog_card(lines: int) -> SoftwareCard:
    return SoftwareCard(None, "fxs", lines, name="office")


def _analog(world: Surroundings, ports: Sequence[Port], exchange: Exchange | None) -> Sequence[Line]:
    plan, note = world.scenario, world.truth.note
    return [
        OfficeLine(world.clock, port, index + 1, plan.dnis[index % len(plan.dnis)], plan.office, note, exchange)
        for index, port in enumerate(ports)
    ]


NUMBERS = R2Settings(ask_caller=1)
"""China No.1: the caller's number is asked for after the first digit, so that numbers of any length can be dialled."""


def _r2(world: Surroundings, ports: Sequence[Port], exchange: Exchange | None) -> Sequence[Line]:
    return _digital(world, R2Trunk("office", Span("office", ports, hunt="down"), NUMBERS), exchange)


def _r2_of_pbx(ports: Sequence[Port]) -> Trunk:
    return R2Trunk("pbx", Span("pbx", ports, hunt="down"), NUMBERS)


def _pri(world: Surroundings, ports: Sequence[Port], exchange: Exchange | None) -> Sequence[Line]:
    """The network's side of EuroISDN; the D channel is the last port."""
    span = Span("office", ports[:-1], signalling=ports[-1], hunt="down")
    return _digital(world, PriTrunk(span, "network"), exchange)


def _pri_of_pbx(ports: Sequence[Port]) -> Trunk:
    """The user's side."""
    return PriTrunk(Span("pbx", ports[:-1], signalling=ports[-1], hunt="down"), "user")


def _digital(world: Surroundings, trunk: Trunk, exchange: Exchange | None) -> Sequence[Line]:
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
    """One kind of trunk. `card` and `far_card` make the cards at both ends, for so many lines, not yet adopted; `lines`
    the lines over the office's. Port `n` of one card is wired to port `n` of the other. The far end is the server, or
    a PBX; `of_pbx`: its signalling, where the line is an E1."""

    card: Callable[[int], SoftwareCard]
    far_card: Callable[[int], SoftwareCard]
    lines: Build
    of_pbx: Signal | None = None


OFFICES: dict[str, Office] = {
    "fxo": Office(_analog_card, lambda lines: SoftwareCard(None, "fxo", lines), _analog),
    "r2": Office(_b_channels, _b_channels, _r2, _r2_of_pbx),
    "pri": Office(_e1, _e1, _pri, _pri_of_pbx),
}

"""The part of a site file in which the server's own cards are the switch: trunks, routes, seats (see rig/site.py).

The kind of trunk is the scenario's; each kind has its function here, as in simulators/office/offices.py.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

from simulators.scenario.scenario import Scenario
from simulators.world.card_world import SEATS, TRUNKS

Section = dict[str, Any]


def site_on_card(scenario: Scenario, folder: Path) -> Section:
    """`switch`, `cards`, `trunks`, `routes` and `seats`; the sockets of the cards' wires lie in ``folder``."""
    trunk_card, trunks = KINDS[scenario.trunk](scenario)
    seat_card = {"name": SEATS, "kind": "software", "ports": len(scenario.agents), "type": "fxs"}
    cards = [{**card, "backplane": str(folder / f"{card['name']}.sock")} for card in (trunk_card, seat_card)]
    return {
        "switch": "card",
        "cards": cards,
        "trunks": [{"name": "office", "card": TRUNKS, "first": 0, "count": scenario.trunks, **trunks}],
        "routes": [
            {"name": "town", "prefixes": [""], "trunks": ["office"], "toll": "national", "calling": scenario.dnis[0]}
        ],
        "seats": _seats(scenario),
        **scenario.site,
    }


def _fxo(scenario: Scenario) -> tuple[Section, Section]:
    card = {"name": TRUNKS, "kind": "software", "ports": scenario.trunks, "type": "fxo"}
    return card, {"kind": "fxo", "dnis": scenario.dnis[0]}


def _r2(scenario: Scenario) -> tuple[Section, Section]:
    card = {"name": TRUNKS, "kind": "software", "ports": scenario.trunks, "type": "b"}
    return card, {"kind": "r2", "hunt": "down", "variant": "china", "ask_caller": 1}


def _pri(scenario: Scenario) -> tuple[Section, Section]:
    card = {"name": TRUNKS, "kind": "software", "ports": scenario.trunks + 1, "type": "e1"}
    return card, {"kind": "pri", "hunt": "down", "signalling": {"card": TRUNKS, "port": scenario.trunks}}


KINDS: dict[str, Callable[[Scenario], tuple[Section, Section]]] = {"fxo": _fxo, "r2": _r2, "pri": _pri}
"""Of each kind of trunk: the server's card, and what the row of `trunks` says beside its place on it."""


def _seats(scenario: Scenario) -> list[Section]:
    """A row for each run of extensions that count up."""
    numbered = [(index, int(agent.desk.extension)) for index, agent in enumerate(scenario.agents)]
    rows = []
    for _, run in groupby(numbered, key=lambda pair: pair[1] - pair[0]):
        seats = list(run)
        rows.append({"card": SEATS, "first": seats[0][0], "count": len(seats), "extension": str(seats[0][1])})
    return rows

"""The sections `trunks:` and `routes:` of a site file against the cards and each other: every fault at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from cti.site.trunks import PriTrunk, R2Trunk, Route, Trunk

if TYPE_CHECKING:
    from cti.site.checks import Checks, Place

TYPES = {"fxo": ("fxo",), "r2": ("b", "e1"), "pri": ("b", "e1")}
"""The card types that a kind of trunk can use."""


def check_trunks(checks: Checks) -> None:
    """Trunks end on ports that there are, each on its own; routes lead over trunks that can call out."""
    trunks: list[tuple[Place, Trunk]] = checks.entries(Trunk, "trunks")  # type: ignore[arg-type]
    routes = checks.entries(Route, "routes")
    checks.once("trunk", ((trunk.name, (*at, "name")) for at, trunk in trunks), "give each trunk its own name")
    checks.once("route", ((route.name, (*at, "name")) for at, route in routes), "give each route its own name")
    _ports(checks, trunks)
    known = {trunk.name: trunk if checks.sound(at) else None for at, trunk in trunks}
    whole = checks.named("trunks", entries=trunks)
    for at, route in routes:
        _route(checks, at, route, known, whole)
    _tolls(checks, [(at, route) for at, route in routes if checks.sound(at)])
    _preempt(checks)


def _ports(checks: Checks, trunks: list[tuple[Place, Trunk]]) -> None:
    cards = {card.name: card for _, card in checks.cards}
    taken: dict[tuple[str, int], Place] = {
        (port.card, port.port): at for at, entry in checks.port_ranges for port in entry.ports()
    }
    for at, trunk in trunks:
        kind = str(trunk.__struct_config__.tag)
        last = trunk.first + trunk.count - 1
        checks.card_port(at, "card", trunk.card, TYPES[kind], f"trunk of kind {kind}", last, "count")
        card = cards.get(trunk.card)
        ports = [(trunk.card, number) for number in range(trunk.first, trunk.first + trunk.count)]
        checks.taken(at, "port", ports, taken, "let each port stand in one entry")
        if isinstance(trunk, PriTrunk):
            _d_channel(checks, at, trunk, taken)
        slots = trunk.slots()
        for slot in trunk.directions:
            if slot not in slots and card is not None:
                there = f"channels are {slots[0]} to {slots[-1]}"
                if isinstance(trunk, (R2Trunk, PriTrunk)) and slots[-1] > 16:
                    there = f"channels are 1 to 15 and 17 to {slots[-1]}; slot 16 carries the signalling"
                checks.fault((*at, "directions", str(slot)), f"trunk {trunk.name} has no channel {slot}", there)


def _d_channel(checks: Checks, at: Place, trunk: PriTrunk, taken: dict[tuple[str, int], Place]) -> None:
    where, port = (*at, "signalling"), trunk.signalling
    checks.card_port(where, "card", port.card, ("d", "e1"), "D channel", port.port, "port")
    card = next((card for _, card in checks.cards if card.name == port.card), None)
    if card is not None and card.type == "e1" and port.port < card.ports - 1:
        text = f"port {port.port} of card {card.name!r} is a B channel"
        checks.fault((*where, "port"), text, f"its D channel is the last one, {card.ports - 1}")
    checks.taken(where, "port", [(port.card, port.port)], taken, "let each port stand in one entry")


def _route(checks: Checks, at: Place, route: Route, known: dict[str, Trunk | None], whole: bool) -> None:
    for i, name in enumerate(route.trunks):
        trunk = known.get(name)
        if trunk is None:
            if whole and name not in known:
                checks.there((*at, "trunks", i), "trunk", name, known)
        elif trunk.direction == "in" and not any(way != "in" for way in trunk.directions.values()):
            remedy = "write direction: both or out there, or leave it out of the route"
            checks.fault((*at, "trunks", i), f"trunk {name} is for incoming calls only", remedy)
        if trunk is not None and route.keep_free >= trunk.count:
            text = f"route {route.name} keeps {route.keep_free} channels free, trunk {name} has {trunk.count}"
            checks.fault((*at, "keep_free"), text, f"at most {trunk.count - 1}, or no call goes over it")
        if name in route.trunks[:i]:
            checks.fault((*at, "trunks", i), f"trunk {name!r} is there twice", "name it once")
    for i, prefix in enumerate(route.prefixes):
        if prefix in route.prefixes[:i]:
            checks.fault((*at, "prefixes", i), f"prefix {prefix!r} is there twice", "name it once")


def _preempt(checks: Checks) -> None:
    order = [(at, kind) for at, kind in checks.entries(str, "preempt")]
    for at, kind in order:
        if kind in [other for before, other in order if before < at]:
            checks.fault(at, f"{kind} is there twice", "name it once, in the order in which calls are to go")
    if order and checks.switch == "pbx":
        remedy = "leave it out: behind a PBX the trunks are the PBX's, and so is the right to them"
        checks.fault(("preempt",), "calls can be pushed out only where our own cards switch", remedy)


def _tolls(checks: Checks, routes: Iterable[tuple[Place, Route]]) -> None:
    """How far a number is does not depend on which of its routes is free."""
    first: dict[str, tuple[Any, Route]] = {}
    for at, route in routes:
        for i, prefix in enumerate(route.prefixes):
            before, other = first.setdefault(prefix, (at, route))
            if other.toll != route.toll:
                line = checks.document.line(*before)
                text = (
                    f"numbers with {prefix!r} are {other.toll} by route {other.name} on line {line}, here {route.toll}"
                )
                checks.fault((*at, "prefixes", i), text, "give both routes the same toll")

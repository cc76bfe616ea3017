"""Who switches, and the seats of a site file, against all its other sections: what no single field can tell. Step 7."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cti.site.config import SiteFacts
from cti.site.emergency import emergency
from cti.site.seats import SeatRow
from cti.site.star_codes import StarCodes, clashes
from cti.site.trunks import Route

if TYPE_CHECKING:
    from cti.site.checks import Checks, Place


def check_switch(checks: Checks) -> None:
    """What the topology needs is there, and nothing of the other one."""
    if checks.switch == "card":
        _without_pbx(checks)
    elif checks.switch == "pbx":
        _behind_pbx(checks)
    _seats(checks)
    _numbers(checks)
    _star_codes(checks)


def _without_pbx(checks: Checks) -> None:
    for section, remedy in (("pbx", "take it out, or write switch: pbx"), ("smdi", "take it out")):
        if checks.node(section) is not None:
            checks.fault((section,), "switch is card: there is no PBX", remedy)
    if checks.node("vru", "ports") is not None:
        text = "switch is card: the VRU answers on the trunks' own ports"
        checks.fault(("vru", "ports"), text, "take it out, or write switch: pbx")
    for section, example in (
        ("trunks", "- {name: office, kind: fxo, card: co, first: 0, count: 8}"),
        ("seats", '- {card: seats, first: 0, count: 30, extension: "8001"}'),
    ):
        if checks.node(section) is None:
            checks.fault((), f"switch is card, and there is no section {section}", f"add {section}: {example}")


def _behind_pbx(checks: Checks) -> None:
    if checks.node("pbx") is None:
        checks.fault((), "there is no section pbx", "add pbx: {dialect: ...}, or write switch: card")
    if checks.node("vru") is not None and not checks.entries(dict, "vru", "ports"):
        checks.fault(("vru",), "has no ports", "say in ports: on which ports callers come, or write switch: card")
    if checks.node("seats") is not None:
        checks.fault(("seats",), "behind a PBX agents' telephones are the PBX's", "take it out, or write switch: card")
    _outside(checks)


def _outside(checks: Checks) -> None:
    """Numbers outside have the PBX's code in front, which nobody but the site knows."""
    tolls = checks.node("pbx", "tolls")
    if tolls is not None and checks.node("pbx", "services", "outside") is None:
        text = "numbers outside cannot be called: what this PBX wants in front of them is not said"
        remedy = 'write it: services: {outside: "9"}; "" where it wants nothing, "9," where it needs half a second then'
        checks.fault(("pbx", "tolls"), text, remedy)


def _star_codes(checks: Checks) -> None:
    """No two begin alike, whether the file says them or not; each is told with the other one."""
    if checks.node("star_codes") is None:
        return
    if checks.switch == "pbx":
        checks.fault(
            ("star_codes",), "telephones behind a PBX have the PBX's codes", "take it out, or see pbx: services"
        )
    usual, codes = StarCodes(), dict[str, str]()
    for name in StarCodes.__struct_fields__:
        given = checks.node("star_codes", name) is not None
        typed = checks.part(str, "star_codes", name) if given else getattr(usual, name)
        if typed is not None:
            codes[name] = typed
    for one, other in clashes(codes):
        at = other if checks.node("star_codes", other) is not None else one
        same = "is also" if codes[one] == codes[other] else f"begins with {codes[one]!r} of"
        text = f"{codes[other]!r} of {other} {same} {one}: it could never be typed"
        checks.fault(("star_codes", at), text, "write another code, or null where it is not wanted")


def _seats(checks: Checks) -> None:
    """Every port exists, is FXS, and stands once; so does every extension; agents sit at seats that there are."""
    rows = checks.entries(SeatRow, "seats")
    ports: dict[Any, Place] = {}
    extensions: dict[Any, Place] = {}
    for at, row in rows:
        seats = list(row.ports())
        if row.card is not None:
            checks.card_port(at, "card", row.card, ("fxs",), "seat", max(seat.port for seat in seats), "count")
        remedy = "let each port and extension stand in one row"
        checks.taken(at, "port", [(seat.card, seat.port) for seat in seats], ports, remedy)
        checks.taken(at, "extension", row.extensions(), extensions, remedy)
    if checks.switch != "card" or not checks.complete("seats", entries=rows):
        return
    for at, agent in checks.agent_list:
        if agent.extension is not None and agent.extension not in extensions:
            checks.there((*at, "extension"), "seat", agent.extension, extensions)


def _numbers(checks: Checks) -> None:
    """A number is dialled as soon as it is one of our telephones: none may stand before a number outside."""
    facts = checks.part(SiteFacts, "site")
    given = checks.node("emergency") is not None
    urgent = [number for _, number in checks.entries(str, "emergency")]
    if not given and facts is not None:
        urgent = list(emergency(facts.country))
    prefixes = {
        prefix: route.name for _, route in checks.entries(Route, "routes") for prefix in route.prefixes if prefix
    }
    for at, row in checks.entries(SeatRow, "seats"):
        place = (*at, "extension")
        for extension in row.extensions():
            number = next((number for number in urgent if number.startswith(extension)), None)
            prefix = next((prefix for prefix in prefixes if prefix.startswith(extension)), None)
            if number is not None:
                text = f"{extension} would ring here where somebody dials the emergency number {number}"
                checks.fault(place, text, "number telephones otherwise, for example from 8001")
            elif prefix is not None:
                text = f"{extension} would ring here where somebody dials {prefix} for route {prefixes[prefix]}"
                checks.fault(place, text, "number telephones otherwise, for example from 8001")
            else:
                continue
            break

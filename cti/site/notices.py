"""What is right in a site file and yet seldom meant: `tipring check` says it, and the server starts all the same.

Serves all of the nine steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cti.conf import checked_yaml
from cti.conf.checked_yaml import Document
from cti.errors import Fault
from cti.pbx.dialect import Dialect
from cti.site.config import Site
from cti.site.emergency import emergency, emergency_of
from cti.site.service_numbers import BEGINNING, named_outside

if TYPE_CHECKING:
    from cti.vru.flow import Flow


def notices(path: Path, site: Site, flow: Flow, dialect: Dialect | None) -> list[Fault]:
    """Of a site without faults, in the order of the file. ``dialect``: as the site changes it; None without a PBX."""
    document = checked_yaml.read(path)
    found = [*_groups(document, site, flow)]
    found += _behind_pbx(document, site, dialect) if dialect is not None else _on_cards(document, site)
    found += [*_emergency(document, site), *_any_port(document)]
    return sorted(found, key=lambda notice: notice.line)


def _groups(document: Document, site: Site, flow: Flow) -> Iterator[Fault]:
    manned = {name for agent in site.agents for name in agent.groups}
    for at, group in enumerate(site.groups):
        if group.name not in manned:
            yield document.fault(("groups", at), f"no agent is in {group.name}", "nobody answers its callers")
        if group.name not in flow.groups() and group.number is None:
            text = f"no key of flow {flow.name} leads to {group.name}, and it has no number"
            yield document.fault(
                ("groups", at), text, "write a key into the flow, or number: for agents to give callers to"
            )


def _behind_pbx(document: Document, site: Site, dialect: Dialect) -> Iterator[Fault]:
    pbx = site.pbx
    if not pbx.tolls:
        for at, group in enumerate(site.groups):
            if group.calls != "none":
                text = "calls: says nothing here: numbers outside are not called from the screen"
                remedy = 'say how far they are: pbx: tolls: {"": local, "0": national, "00": international}'
                yield document.fault(("groups", at, "calls"), text, remedy)
    yield from _outside(document, site)
    if pbx.smdr is None:
        text = "no smdr: that a conversation is over is known by the agent's desk alone, and no call can be reconciled"
        yield document.fault(("pbx",), text, "wire the PBX's record output: smdr: {device: /dev/ttyS1}")
    sources = dialect.calls.sources
    for name, line in (("smdi", pbx.smdi), ("mci", pbx.mci)):
        if line is None and name in sources:
            where = ("pbx", "sources") if document.has("pbx", "sources") else ("pbx",)
            others = ", ".join(source for source in sources if source != name)
            text = f"no {name}, from which dialect {dialect.name} takes who calls: numbers come from "
            text += "its other sources alone" if others else "nowhere"
            remedy = f"wire it, or write sources: [{others}]" if others else f"wire it: {name}: {{device: /dev/ttyS1}}"
            yield document.fault(where, text, remedy)
    for name, line in (("smdi", pbx.smdi), ("smdr", pbx.smdr), ("mci", pbx.mci)):
        if line is not None and not Path(line.device).exists():
            text = f"there is no {line.device} on this computer now; the server waits for it"
            yield document.fault(("pbx", name, "device"), text, "see: ls /dev/ttyS* /dev/serial/by-id")


def _outside(document: Document, site: Site) -> Iterator[Fault]:
    """Which numbers the screen takes for extensions, where one outside is seldom meant to be."""
    extensions = {port.extension for port in site.vru.all_ports()}
    extensions |= {agent.extension for agent in site.agents if agent.extension is not None}
    for at, agent in enumerate(site.agents):
        if agent.extension in emergency_of(site):
            text = f"{agent.extension} is an emergency number, too: from the screen it rings here"
            yield document.fault(("agents", at, "extension"), text, "with the code in front it is the emergency number")
    tolls, longest = site.pbx.tolls, max(map(len, extensions), default=0)
    named = named_outside(tolls, extensions)
    for beginning in tolls:
        like = next((one for one in sorted(extensions) if one.startswith(beginning)), None)
        if BEGINNING <= len(beginning) <= longest and like is not None:
            text = f"{beginning}… of up to {longest} digits is an extension from the screen, for {like} begins so"
            yield document.fault(("pbx", "tolls", beginning), text, "write a longer beginning of what is outside")
    if tolls and longest > BEGINNING and not named:
        text = f"any number of up to {longest} digits is an extension from the screen, service numbers as well"
        remedy = f"say how those outside begin, by {BEGINNING} digits or more: "
        yield document.fault(("pbx", "tolls"), text, remedy + '"114": local, "10": local, "95": local')


def _on_cards(document: Document, site: Site) -> Iterator[Fault]:
    if not site.routes:
        text = "there are no routes: nobody can call outside but emergency numbers, and no mobile seat is reached"
        yield document.fault((), text, 'add routes: - {name: town, prefixes: [""], trunks: [NAME], toll: local}')
    for at, route in enumerate(site.routes):
        if route.toll == "none":
            text = f"everybody may call over {route.name}, at telephones where nobody is logged in as well"
            yield document.fault(("routes", at, "toll"), text, "write local, national or international")


def _emergency(document: Document, site: Site) -> Iterator[Fault]:
    """Of both: behind a PBX they are what is dialled from the screen without a right."""
    lost = [] if site.emergency is None else [one for one in emergency(site.site.country) if one not in site.emergency]
    if lost:
        text = f"{', '.join(lost)} can be called like other numbers only: emergency: replaces the country's numbers"
        yield document.fault(("emergency",), text, "name them as well")


def _any_port(document: Document) -> Iterator[Fault]:
    """Who wants any free port writes port: 0; left out it is seldom meant."""
    for name, usual in (("desk", 7710), ("metrics", 9110)):
        if document.has(name) and not document.has(name, "port"):
            text = "has no port: it is another one at every start"
            yield document.fault((name,), text, f"write port: {usual}, or port: 0 where that is meant")

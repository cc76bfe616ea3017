"""The site file's fields against each other, and against this computer: what no single field's type can tell.

Works on what can be read of the file, so that a fault in one agent hides neither what else is wrong with him nor that
two others share an extension. What only follows from a field that is wrong is not told. Serves all of the nine steps.
"""

from __future__ import annotations

import difflib
import os
import re
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from cti.conf import checked_yaml, conf_files
from cti.conf.checked_yaml import Document, Unread
from cti.errors import ConfigFaults, Fault
from cti.site.config import Agent, Card, DahdiCard, Group, Listen, Pbx, PortRange, SiteFacts
from cti.site.recording_checks import check_recording
from cti.site.switch_checks import check_switch
from cti.site.trunk_checks import check_trunks
from drivers.errors import ArgumentError
from drivers.tones import load

T = TypeVar("T")
LONGEST_SOCKET = 107
"""Bytes of the path of a Unix socket (unix(7)): the server's is in the state folder."""
Place = tuple[str | int, ...]


def check_site(document: Document, folder: Path, *, machine: bool) -> list[Fault]:
    """Every fault between the fields of a site file (its single fields are cti/site/config.py's)."""
    checks = Checks(document, folder)
    checks.names()
    checks.channels()
    checks.ports()
    checks.agents()
    checks.serial_lines()
    checks.listeners(machine)
    checks.place()
    checks.files()
    check_trunks(checks)
    check_recording(checks)
    check_switch(checks)
    if machine:
        checks.state_dir()
    return checks.faults


def as_far_as_readable(path: Path) -> Checks:
    """The entries of a site file that are right, whatever faults the others have. ConfigFaults: it is not YAML."""
    return Checks(checked_yaml.read(path), path.absolute().parent)


class Checks:
    """One site file's, as far as it can be read. Sections of their own add their faults by `fault`, `once`, `there`."""

    def __init__(self, document: Document, folder: Path) -> None:
        self.document = document
        self.folder = folder
        self.faults: list[Fault] = []
        self._wrong: dict[Place, set[str]] = {}  # entries with faults of their own -> the fields
        cards: list[tuple[Place, Card]] = self.entries(Card, "cards")  # type: ignore[arg-type]
        self.cards = [(at, card) for at, card in cards if self.sound(at)]
        self.card_names = [card.name for _, card in cards] if self.named("cards", entries=cards) else None
        self.port_ranges = self.entries(PortRange, "vru", "ports")
        self.groups = self.entries(Group, "groups")
        self.agent_list = self.entries(Agent, "agents")

    # Reading as far as can be read

    def files_named(self) -> dict[str, str | Path]:
        """The PBX dialect (pbx), the menu flow (flows) and the customer file (customers) that the site file names.

        As far as they can be read, so that their faults can be told together with those of the site file.
        """
        found: dict[str, str | Path] = {}
        for kind, place in (("pbx", ("pbx", "dialect")), ("flows", ("vru", "flow"))):
            name = self.part(str, *place)
            if name is not None:
                found[kind] = self.folder / name if conf_files.is_path(name) else name
        customers = self.part(str, "customers")
        if customers is not None:
            found["customers"] = self.folder / customers
        return found

    @property
    def group_names(self) -> list[str] | None:
        """Of all groups; None where one cannot be read."""
        return [group.name for _, group in self.groups] if self.named("groups", entries=self.groups) else None

    def node(self, *path: str | int) -> Node | None:
        node: Any = self.document.root
        for step in path:
            if isinstance(node, MappingNode):
                node = next((value for key, value in node.value if key.value == step), None)
            elif isinstance(node, SequenceNode) and isinstance(step, int):
                node = node.value[step]
            else:
                return None
        return node if isinstance(node, Node) else None

    def part(self, kind: type[T], *path: str | int) -> T | None:
        """The value at path where it is there and right; its own faults have been told already."""
        node = self.node(*path)
        return None if node is None else checked_yaml.convert(self.document.at(node), kind)[0]

    @property
    def switch(self) -> str:
        """pbx or card; empty where it is neither, and what belongs to one of them cannot be told."""
        if self.node("switch") is None:
            return "pbx"
        found = self.part(str, "switch")
        return found if found in ("pbx", "card") else ""

    def entries(self, kind: type[T], *path: str | int) -> list[tuple[Place, T]]:
        """The entries of a list as far as they can be read, with their paths: see `sound`."""
        node = self.node(*path)
        found: list[tuple[Place, T]] = []
        for i, child in enumerate(node.value if isinstance(node, SequenceNode) else ()):
            place = (*path, i)
            value, faults = checked_yaml.readable(self.document.at(child), kind)
            if faults:
                self._wrong[place] = {fault.field for fault in faults}
            if value is not None:
                found.append((place, value))
        return found

    def sound(self, place: Place) -> bool:
        """Whether that entry has no fault of its own: of one that has, a field may not be what its writer meant."""
        return place not in self._wrong

    def fault(self, path: Place, message: str, remedy: str) -> None:
        if not self._follows(path):
            self.faults.append(self.document.fault(path, message, remedy))

    def _follows(self, path: Place) -> bool:
        """Whether it may only be there because a field of this entry is wrong: it is of that field, or of all of the
        entry."""
        for length in range(len(path), 0, -1):
            wrong = self._wrong.get(path[:length])
            if wrong is not None:
                field = checked_yaml.dotted(path[length:])
                return not field or any(
                    field == one or field.startswith((one + ".", one + "[")) or one.startswith(field + "[")
                    for one in wrong
                )
        return False

    def once(self, what: str, items: Iterator[tuple[Any, Place]], remedy: str) -> None:
        """Each key may stand once."""
        seen: dict[Any, Place] = {}
        for key, path in items:
            if key in seen:
                line = self.document.line(*seen[key])
                self.fault(path, f"{what} {_words(key)} is there twice; the first is on line {line}", remedy)
            else:
                seen[key] = path

    def there(self, path: Place, what: str, name: str, known: Any) -> None:
        """A name of something that is not there."""
        self.fault(path, f"there is no {what} {name!r}", _there(name, known))

    def card_port(
        self, at: Place, field: str, name: str, kinds: tuple[str, ...], what: str, last: int, count: str
    ) -> None:
        """A card (of one of these types, where any is named) is there, and has ports up to `last`; `count` is the field
        that says how many."""
        cards = {card.name: card for _, card in self.cards}
        card = cards.get(name)
        if card is None:
            if self.card_names is not None and name not in self.card_names:
                self.there((*at, field), "card", name, self.card_names)
        elif kinds and card.type not in kinds:
            fitting, words = [card.name for card in cards.values() if card.type in kinds], " or ".join(kinds)
            remedy = f"name a card of type {words}: {_list(fitting)}" if fitting else f"write type: {kinds[0]} there"
            self.fault((*at, field), f"card {name!r} is of type {card.type}, a {what} needs {words}", remedy)
        elif card.type == "e1" and "b" in kinds and last >= card.ports - 1:
            text = f"card {name!r} has {card.ports - 1} B channels, its last port, {card.ports - 1}, is the D channel"
            remedy = f"write ports: {last + 2} at the card, or a smaller count here"
            self.fault((*at, count), text, remedy)
        elif last >= card.ports:
            remedy = f"ports count from 0: the last is {card.ports - 1}"
            self.fault((*at, count), f"card {name!r} has {card.ports} ports, no port {last}", remedy)

    def taken(self, at: Place, what: str, mine: Iterable[Any], before: dict[Any, Place], remedy: str) -> None:
        """Takes what this entry says is its own; one fault where another entry has it already."""
        if not all(map(self.sound, (at, at[:-1]))):
            return
        told = False
        for key in mine:
            first = before.setdefault(key, at)
            if first is not at and not told:
                told = True
                line = self.document.line(*first)
                self.fault(at, f"{what} {_words(key)} is taken by the entry on line {line}", remedy)

    # The checks

    def names(self) -> None:
        """Cards, groups and agents are told apart by their names."""
        self.once("card", ((card.name, (*at, "name")) for at, card in self.cards), "give each card its own name")
        self.once("group", ((group.name, (*at, "name")) for at, group in self.groups), "give each group its own name")
        numbers = ((group.number, (*at, "number")) for at, group in self.groups if group.number is not None)
        self.once("number of a group", numbers, "give each group its own number")
        self.once("agent", ((agent.id, (*at, "id")) for at, agent in self.agent_list), "give each agent its own id")

    def channels(self) -> None:
        """A channel of a real card is one port only."""
        real = [(at, card) for at, card in self.cards if isinstance(card, DahdiCard)]
        taken = ((number, (*at, "channels")) for at, card in real for number in card.numbers)
        self.once("DAHDI channel", taken, "let each channel stand in one card")

    def ports(self) -> None:
        """Every VRU port exists, once; so do its extension and its (message desk, line)."""
        for at, entry in self.port_ranges:
            field = "port" if entry.port is not None else "count"
            last = max(port.port for port in entry.ports())
            self.card_port(at, "card", entry.card, ("fxo",), "VRU port behind a PBX", last, field)
        overlap = "let each port, extension and line stand in one entry; a range counts all three up"
        self.first_clash("port", lambda port: (port.card, port.port), overlap)
        self.first_clash("extension", lambda port: port.extension, overlap)
        self.first_clash("(message desk, line)", lambda port: (port.desk, port.line), overlap)
        if self.node("pbx", "smdi") is not None:
            remedy = "write desk: and line: as the PBX is set, or find them with: tipring pbx learn-ports"
            for at, entry in self.port_ranges:
                if entry.desk is None:
                    self.fault(at, "has no desk and line, by which the PBX names its ports over SMDI", remedy)

    def first_clash(self, what: str, key: Any, remedy: str) -> None:
        """One fault for a pair of overlapping ranges, however many ports they share."""
        seen: dict[Any, Place] = {}
        for at, entry in self.port_ranges:
            self.taken(at, what, [k for k in map(key, entry.ports()) if k != (None, None)], seen, remedy)

    def agents(self) -> None:
        """Agents are in groups that exist, on extensions of their own."""
        known = {group.name for _, group in self.groups}
        whole = self.named("groups", entries=self.groups)
        for at, agent in self.agent_list:
            if not agent.groups:
                self.fault((*at, "groups"), f"agent {agent.id} is in no group", f"name at least one: {_list(known)}")
            for i, name in enumerate(agent.groups):
                if name not in known and whole:
                    self.fault((*at, "groups", i), f"there is no group {name!r}", _there(name, known))
                if name in agent.groups[:i]:
                    self.fault((*at, "groups", i), f"group {name!r} is there twice", "name it once")
        told = [(agent.extension, (*at, "extension")) for at, agent in self.agent_list if agent.extension is not None]
        self.once("extension", iter(told), "give each agent a telephone of his own")
        self.telephones()
        vru = {port.extension for _, entry in self.port_ranges for port in entry.ports()}
        for extension, path in told:
            if extension in vru:
                self.fault(
                    path, f"extension {extension} is a VRU port's", "write the extension of the agent's telephone"
                )

    def telephones(self) -> None:
        """Ports for callers there are; PINs and the service ports where they are typed go together."""
        ports_known = self.complete("vru", "ports", entries=self.port_ranges)
        if ports_known and self.port_ranges and all(entry.use == "agents" for _, entry in self.port_ranges):
            self.fault(("vru", "ports"), "every port is for agents", "leave at least one for callers: no `use`")
        service = next((at for at, entry in self.port_ranges if entry.use == "agents"), None)
        with_pin = [(at, agent) for at, agent in self.agent_list if agent.pin is not None]
        if service is not None and not with_pin and self.complete("agents", entries=self.agent_list):
            remedy = "give agents a pin: `tipring check --password` hashes it"
            self.fault((*service, "use"), "no agent has a pin, nobody can sign in here", remedy)
        for at, agent in with_pin:
            if not agent.id.isdigit():
                self.fault((*at, "pin"), f"the id {agent.id!r} cannot be typed at a telephone", "use digits as the id")

    def complete(self, *path: str, entries: list[tuple[Place, T]]) -> bool:
        """Whether every entry of the list is right; if not, a name missing in it proves nothing."""
        node = self.node(*path)
        whole = isinstance(node, SequenceNode) and len(node.value) == len(entries)
        return whole and all(self.sound(place) for place, _ in entries)

    def named(self, *path: str, entries: list[tuple[Place, T]]) -> bool:
        """Whether the name of every entry can be read, whatever else is wrong with it."""
        node = self.node(*path)
        whole = isinstance(node, SequenceNode) and len(node.value) == len(entries)
        return whole and not any("name" in self._wrong.get(place, ()) for place, _ in entries)

    def serial_lines(self) -> None:
        """SMDI, SMDR and MCI each need a line of their own; the desks named are those of ports."""
        pbx = self.part(Pbx, "pbx")
        if pbx is None:
            return
        lines = {"smdi": pbx.smdi, "smdr": pbx.smdr, "mci": pbx.mci}
        taken: dict[str, str] = {}
        for name, line in lines.items():
            if line is None:
                continue
            if windows := re.fullmatch(r"COM([0-9]+)", line.device, re.IGNORECASE):
                text = f"{line.device} is no device here"
                self.fault(
                    ("pbx", name, "device"), text, f"write /dev/ttyS{max(int(windows[1]) - 1, 0)}, or /dev/ttyUSB0"
                )
            first = taken.setdefault(line.device, name)
            if first != name:
                text = f"{line.device} is the {first.upper()} line's device too"
                self.fault(("pbx", name, "device"), text, "give each its own serial port")
        desks = {entry.desk for _, entry in self.port_ranges if entry.desk is not None}
        for desk in pbx.desks:
            if desk not in desks and self.complete("vru", "ports", entries=self.port_ranges):
                self.fault(
                    ("pbx", "desks", str(desk)),
                    f"no port is of message desk {desk}",
                    f"desks are {_list(map(str, desks))}",
                )

    def listeners(self, machine: bool) -> None:
        """Addresses can be listened on, and not by two at once."""
        found: list[tuple[Any, Place]] = []
        for name, usual in (("desk", 7710), ("metrics", 9110)):
            given = self.node(name) is not None
            listen = self.part(Listen, name) if given else Listen(port=usual)
            if listen is None:
                continue
            path: Place = (name, "listen") if given else (name,)
            if listen.port:
                found.append(((listen.listen, listen.port), (name, "port")))
            reason = _unusable(listen.listen, bind=machine)
            if reason:
                here = "127.0.0.1 (this computer only), 0.0.0.0 (all its networks) or one of its own addresses"
                self.fault(path, f"{listen.listen!r} cannot be listened on: {reason}", f"write {here}")
        every = [key for key, _ in found if key[0] in ("0.0.0.0", "::")]
        told = [((every[0] if every and key[1] == every[0][1] else key), at) for key, at in found]
        self.once("address", iter(told), "give each server its own port")

    def place(self) -> None:
        """The country has a tone plan, the time zone exists."""
        facts = self.part(SiteFacts, "site")
        if facts is None:
            return
        plans = conf_files.names("tones")
        if facts.country not in plans:
            remedy = f"one of: {', '.join(plans)}, or add conf/tones/{facts.country}.yaml"
            self.fault(("site", "country"), f"there is no tone plan for {facts.country!r}", remedy)
        else:
            self.tones(facts.country)
        try:
            ZoneInfo(facts.timezone)
        except (ValueError, OSError, KeyError):
            self.zone(facts.timezone)

    def tones(self, country: str) -> None:
        """The site's changes fit the country's tone plan."""
        changes = self.part(dict[str, dict[str, Any]], "tones")
        if changes:
            plan = YAML(typ="safe", pure=True).load(conf_files.find("tones", country))
            try:
                load(plan, changes)
            except ArgumentError as error:
                self.fault(("tones",), str(error), f"write tones and fields as in conf/tones/{country}.yaml")

    def zone(self, name: str) -> None:
        facts = self.part(SiteFacts, "site")
        of_china = facts is not None and facts.country == "cn" and name.startswith("Asia/")
        near = ["Asia/Shanghai"] if of_china else difflib.get_close_matches(name, available_timezones(), 1, 0.5)
        remedy = f"did you mean {near[0]}?" if near else "write it as Continent/City, for example Asia/Shanghai"
        self.fault(("site", "timezone"), f"there is no time zone {name!r}", remedy)

    def files(self) -> None:
        """The files and folders that the site file names are there."""
        for kind, path in (("pbx", ("pbx", "dialect")), ("flows", ("vru", "flow"))):
            name = self.part(str, *path)
            if name is None:
                continue
            try:
                conf_files.find(kind, self.folder / name if conf_files.is_path(name) else name)
            except ConfigFaults as missing:
                self.fault(path, missing.faults[0].message, missing.faults[0].remedy)
        customers = self.part(str, "customers")
        if customers is not None and not os.path.isfile(self.folder / customers):
            there = f"put it at {self.folder / customers}, or take the field out"
            self.fault(("customers",), f"there is no file {customers!r}", there)
        prompts = self.part(str, "vru", "prompts")
        if prompts is not None and not os.path.isdir(self.folder / prompts):
            there = f"make {self.folder / prompts}, or write null"
            self.fault(("vru", "prompts"), f"there is no folder {prompts!r}", there)
        database = self.part(str, "database")
        if database is not None and not database.startswith(("sqlite://", "postgresql://", "postgresql+psycopg://")):
            forms = "null, sqlite:////absolute/path.db or postgresql://user@host/name"
            self.fault(("database",), "is not a database that Tipring keeps its records in", f"write {forms}")

    def state_dir(self) -> None:
        """The state folder can be made and written."""
        name = self.part(str, "state_dir") or "/var/lib/tipring"
        folder = self.folder / name
        existing = folder
        while not os.path.exists(existing) and existing != existing.parent:
            existing = existing.parent
        if not name.isprintable():
            self.fault(
                ("state_dir",), f"{name!r} is no name of a folder", "name one that can be typed: /var/lib/tipring"
            )
        elif len(os.fsencode(folder / "control.sock")) > LONGEST_SOCKET:
            text = f"{folder} is too long for the socket in it, by which `tipring status` asks the server"
            self.fault(("state_dir",), text, f"name a folder of at most {LONGEST_SOCKET - 13} bytes")
        elif existing.parts[1:2] in (("proc",), ("sys",)):
            self.fault(("state_dir",), f"{existing} keeps no files", "name a folder on a disk: /var/lib/tipring")
        elif not existing.is_dir():
            self.fault(("state_dir",), f"{existing} is not a folder", "name a folder, or a place where one can be made")
        elif not os.access(existing, os.W_OK | os.X_OK):
            remedy = "give the server's user the right to it, or name another folder"
            self.fault(("state_dir",), f"{existing} cannot be written by this user", remedy)


def _unusable(address: str, *, bind: bool) -> str:
    """Why nobody can listen on this address; empty when one can."""
    try:
        flags = socket.AI_PASSIVE if bind else socket.AI_NUMERICHOST
        found = socket.getaddrinfo(address, 0, type=socket.SOCK_STREAM, flags=flags)
    except (OSError, UnicodeError):
        # Without asking the network a name cannot be judged, but what looks like a number can.
        return "there is no such address" if bind or not any(c.isalpha() for c in address) else ""
    if not bind:
        return ""
    family, kind, protocol, _, where = found[0]
    with socket.socket(family, kind, protocol) as trial:
        try:
            trial.bind(where)
        except OSError as error:
            return (error.strerror or str(error)).lower()
    return ""


def _there(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, sorted(known), 1, 0.6)
    return (f"did you mean {near[0]}? " if near else "") + f"there are: {_list(known)}"


def _list(known: Any) -> str:
    return ", ".join(sorted(name for name in known if not isinstance(name, Unread))) or "none"


def _words(key: Any) -> str:
    return " ".join(str(part) for part in key) if isinstance(key, tuple) else str(key)

"""The world behind a PBX: one engine with the ports of office, PBX and telephones, wired, from a scenario.

Office lines, analog or the channels of an E1, are wired to the PBX's trunks and the agents' extensions to their
telephones inside. The PBX's VRU extensions are left for the server: wired to its card in a stepped run (`wire_vru`),
put on the backplane in a paced one (`vru_card`), or ports of a card that is handed over, whose lines lead to the
server's. `truth` is the log of what really happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from twisted.internet.defer import Deferred

from drivers.card import Card, SoftwareCard
from drivers.clock import Clock
from drivers.engine import Engine
from simulators.lines.serial_line import Line, PtyLine, Speed
from simulators.office.offices import OFFICES
from simulators.office.span_faults import SpanFaults
from simulators.pbx.makes import MAKES
from simulators.pbx.pbx import Pbx
from simulators.pbx.records import MciLink, Printer, SmdiLink, Wire
from simulators.people.speech import Speech
from simulators.scenario.scenario import Scenario
from simulators.world.surroundings import Surroundings


def lines_of(scenario: Scenario) -> dict[str, Speed]:
    """The serial lines that this PBX has, each with its speed; those that the one before it had and it has not are
    plugged into it all the same, and nothing comes on them."""
    lines = _lines_of(scenario)
    return lines if scenario.was is None else {**_lines_of(scenario.with_make(scenario.was)), **lines}


def _lines_of(scenario: Scenario) -> dict[str, Speed]:
    make = MAKES[scenario.make]
    lines = {"smdi": make.smdi_speed} if scenario.pbx.smdi is not None else {}
    if scenario.pbx.mci is not None:
        lines["mci"] = make.mci_speed
    if make.records is not None:
        lines["smdr"] = make.smdr_speed
    return lines


def in_memory(clock: Clock, scenario: Scenario) -> dict[str, Wire]:
    """Those lines, for a run in simulated time."""
    return {name: Line(clock, name, speed) for name, speed in lines_of(scenario).items()}


class World(Surroundings):
    """`wires` are its serial lines by name (smdi, mci, smdr), those that the make has: in memory unless given.
    `vru_lines` is a card of FXS ports for the VRU's extensions; a software card, to be wired, unless given."""

    def __init__(
        self,
        clock: Clock,
        engine: Engine,
        scenario: Scenario,
        *,
        speech: Speech | None = None,
        wires: Mapping[str, Wire] | None = None,
        vru_lines: Card | None = None,
        ears: Path | None = None,
    ) -> None:
        super().__init__(clock, engine, scenario, speech=speech, ears=ears, greeting=True)
        self.wires: Mapping[str, Wire] = wires if wires is not None else in_memory(self.clock, scenario)
        self._build(vru_lines)

    def _build(self, vru_lines: Card | None) -> None:
        plan, engine, kind = self.scenario, self.engine, OFFICES[self.scenario.trunk]
        staff, vru = len(plan.agents), len(plan.vru_extensions)
        self.office, self.trunks = kind.card(plan.trunks), kind.far_card(plan.trunks)
        self.trunks.name = "trunks"
        self._vru_wires = SoftwareCard(None, "fxs", vru, name="vru extensions") if vru_lines is None else None
        seats = SoftwareCard(None, "fxs", max(staff, 1), name="agent extensions")
        sets = SoftwareCard(None, "fxo", max(staff, 1), name="telephones")
        ports = {card.name: engine.add_card(card) for card in (self.office, self.trunks, seats, sets)}
        extensions = engine.add_card(vru_lines or self.vru_card)
        for index in range(len(self.office.ports)):
            self.office.wire(index, self.trunks, index)
        for index in range(staff):
            seats.wire(index, sets, index)
        self.prepare_speech()
        self.pbx = self._pbx(self.speech.music())
        if kind.of_pbx is None:
            self.lines = kind.lines(self, ports["office"], self.exchange if plan.subscribers else None)
            trunks = [self.pbx.add_trunk(port, self._dnis(index)) for index, port in enumerate(ports["trunks"])]
        else:
            self.lines = kind.lines(self, ports["office"], self.exchange)
            trunks = [*self.pbx.add_span(kind.of_pbx(ports["trunks"]))]
        for line, trunk in zip(self.lines, trunks, strict=True):
            line.on_call = trunk.belongs_to
        for index, number in enumerate(plan.vru_extensions):
            line_number = plan.first_line + index
            member = self.pbx.add_extension(extensions[index], number, "vru", desk=plan.desk_number, line=line_number)
            member.member = number not in plan.service_ports
        self._swap_lines()
        for index, agent in enumerate(plan.agents):
            self.pbx.add_extension(ports["agent extensions"][index], agent.desk.extension, "agent")
            self.add_agent(agent, ports["telephones"][index])

    def _dnis(self, line: int) -> str:
        return self.scenario.dnis[line % len(self.scenario.dnis)]

    def _pbx(self, music: Path) -> Pbx:
        """With the serial lines that its make has."""
        plan, wires, note = self.scenario, self.wires, self.truth.note
        faults = {"smdi": (plan.smdi, plan.smdi_of), "mci": (plan.mci, plan.smdi_of), "smdr": (plan.smdr, plan.smdr_of)}
        smdi = mci = smdr = None
        if "smdi" in wires and plan.pbx.smdi is not None:
            smdi = SmdiLink(
                self.clock,
                wires["smdi"],
                self.random("smdi"),
                note,
                delay_s=plan.pbx.smdi_delay_s,
                form=plan.pbx.smdi,
            )
        if "mci" in wires and plan.pbx.mci is not None:
            delay_s = plan.pbx.smdi_delay_s
            mci = MciLink(self.clock, wires["mci"], self.random("mci"), note, plan.pbx.mci, delay_s=delay_s)
        records = MAKES[plan.make].records
        if "smdr" in wires and records is not None:
            smdr = Printer(self.clock, wires["smdr"], self.random("smdr"), note, records())
            smdr.stars, smdr.other_end = plan.stars, plan.other_end
        for name, link in (("smdi", smdi), ("mci", mci), ("smdr", smdr)):
            if link is not None:
                link.fault, link.fault_of = faults[name][0], dict(faults[name][1])
                wires[name].noise, wires[name].random = link.fault.noise, self.random(f"noise {name}")
        if plan.was is not None:
            for name, speed in _lines_of(plan.with_make(plan.was)).items():
                wires[name].reader = speed  # as the site file of the PBX before has it
        random = self.random("pbx")
        return Pbx(self.clock, plan.pbx, note, music=music, random=random, smdi=smdi, mci=mci, smdr=smdr)

    def _swap_lines(self) -> None:
        """Pairs of extensions whose message lines somebody has exchanged in the PBX's tables."""
        for one, other in self.scenario.pbx.smdi_swapped:
            first, second = self.pbx.extensions[one], self.pbx.extensions[other]
            first.desk, first.line, second.desk, second.line = second.desk, second.line, first.desk, first.line
            first.crossed = second.crossed = True

    # ---- the server's side ----------------------------------------------------------------------

    @property
    def smdi(self) -> Wire:
        """Of a PBX that has it."""
        return self.wires["smdi"]

    @property
    def smdr(self) -> Wire:
        """Of a PBX that has it."""
        return self.wires["smdr"]

    @property
    def vru_card(self) -> SoftwareCard:
        """The PBX's end of the VRU's wires; ValueError where its lines are not wires of ours."""
        if self._vru_wires is None:
            raise ValueError("the VRU's lines lead over real cards: there are no wires to join, cut or tap")
        return self._vru_wires

    @property
    def cables(self) -> Mapping[str, tuple[SoftwareCard, int]]:
        """One: the VRU's card's."""
        return {"backplane": (self.vru_card, len(self.scenario.vru_extensions))}

    def wire_vru(self, card: SoftwareCard, *, first: int = 0) -> None:
        """Stepped: the server's card takes the PBX's VRU extensions, its port `first` the first of them."""
        for index in range(len(self.scenario.vru_extensions)):
            self.vru_card.wire(index, card, first + index, **self.scenario.wires.changes())

    # ---- the run --------------------------------------------------------------------------------

    def start(self) -> Deferred[None]:
        """See Surroundings; and what befalls the PBX and its serial lines."""
        SpanFaults(self).start()
        done = super().start()
        for name, at_s, for_s in self.scenario.unplugs:
            line = self.wires.get(name)
            if line is None:
                continue
            self.clock.callLater(at_s, self._unplug, name, line)
            if for_s is not None:
                self.clock.callLater(at_s + for_s, line.plug)
        printer = self.pbx.smdr
        for at_s, off_s in self.scenario.offline:
            if printer is None:
                break
            self.clock.callLater(at_s, printer.offline, True)
            self.clock.callLater(at_s + off_s, printer.offline, False)
        for at_s, by_s in self.scenario.pbx_clock_jumps:
            self.clock.callLater(at_s, self.pbx.clock_jumps, by_s)
        for at_s, off_s in self.scenario.power_cuts:
            self.clock.callLater(at_s, self._power, False)
            self.clock.callLater(at_s + off_s, self._power, True)
        return done

    def cut(self, port: int) -> None:
        """The wire of that VRU port breaks."""
        self.vru_card.faults(port, cut=True)

    def _unplug(self, name: str, line: Wire) -> None:
        """What was under way did not arrive whole."""
        if line.unplug():
            for one in reversed(self.truth.log):
                if one.what == name or (one.what == "tells" and one.data["way"] == name):
                    one.data["fault"] = "cut off"
                    if one.what == name:
                        break

    def _power(self, on: bool) -> None:
        """The PBX's power fails or returns: its extension lines have battery, or none; its E1 is dark."""
        if OFFICES[self.scenario.trunk].of_pbx is not None:
            for port in range(len(self.trunks.ports)):
                self.trunks.faults(port, alarm="" if on else "los")
        if on:
            self.pbx.power_returns()
        else:
            self.pbx.power_fails()
            for telephone in self.phones.values():
                telephone.power_fails()
        for port in range(len(self.scenario.vru_extensions)):
            self.vru_card.faults(port, cut=not on)

    @property
    def at_rest(self) -> bool:
        """And has the VRU put down every line?"""
        return super().at_rest and not any(one.in_use for one in self.pbx.hunt)

    def stop(self) -> None:
        """See Surroundings; pseudo-terminals are closed."""
        super().stop()
        for line in self.wires.values():
            if isinstance(line, PtyLine):
                line.close()

"""The world brought to life from a scenario: one engine with the ports of office, PBX and telephones, wired.

Office lines are wired to the PBX's trunks and the agents' extensions to their telephones inside. The PBX's VRU
extensions are left for the server: wired to its card in a stepped run (`wire_vru`), put on the backplane in a paced one
(`vru_card`), or ports of a card that is handed over, whose lines lead to the server's. `truth` is the log of what
really happened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from drivers import problems
from drivers.card import Card, SoftwareCard
from drivers.clock import Clock
from drivers.engine import Engine
from simulators import caller, phone
from simulators.caller import Caller, CallerPlan
from simulators.desk import Desk
from simulators.makes import MAKES
from simulators.office import OfficeLine
from simulators.pbx import Pbx
from simulators.pbx_records import MciLink, Printer, SmdiLink, Wire
from simulators.phone import Phone
from simulators.scenario import Scenario
from simulators.serial_line import Line, PtyLine, Speed
from simulators.speech import Speech
from simulators.truth import Truth
from simulators.world_clock import WorldClock


def lines_of(scenario: Scenario) -> dict[str, Speed]:
    """The serial lines that this PBX has, each with its speed."""
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


class World:
    """`engine` is the world's own. `wires` are its serial lines by name (smdi, mci, smdr), those that the make has: in
    memory unless given. `vru_lines` is a card of FXS ports for the VRU's extensions; a software card, to be wired,
    unless given."""

    def __init__(
        self,
        clock: Clock,
        engine: Engine,
        scenario: Scenario,
        *,
        speech: Speech | None = None,
        wires: Mapping[str, Wire] | None = None,
        vru_lines: Card | None = None,
    ) -> None:
        self.clock, self.engine, self.scenario = WorldClock(clock), engine, scenario
        clock = self.clock
        self.truth = Truth(clock)
        self.speech = speech or Speech()
        self.wires: Mapping[str, Wire] = wires if wires is not None else in_memory(clock, scenario)
        self.callers: list[Caller] = []
        self.done: Deferred[None] = Deferred()
        self._left = len(scenario.callers)
        self._build(vru_lines)

    def _random(self, who: str) -> Random:
        return Random(f"tipring {self.scenario.seed} {who}")

    def _build(self, vru_lines: Card | None) -> None:
        plan, engine = self.scenario, self.engine
        trunks, staff, vru = plan.trunks, len(plan.agents), len(plan.vru_extensions)
        office = SoftwareCard(None, "fxs", trunks, name="office")
        lines = SoftwareCard(None, "fxo", trunks, name="trunks")
        self._vru_wires = SoftwareCard(None, "fxs", vru, name="vru extensions") if vru_lines is None else None
        seats = SoftwareCard(None, "fxs", max(staff, 1), name="agent extensions")
        sets = SoftwareCard(None, "fxo", max(staff, 1), name="telephones")
        ports = {card.name: engine.add_card(card) for card in (office, lines, seats, sets)}
        extensions = engine.add_card(vru_lines or self.vru_card)
        for index in range(trunks):
            office.wire(index, lines, index)
        for index in range(staff):
            seats.wire(index, sets, index)
        note = self.truth.note
        music = self._prepare()
        self.pbx = self._pbx(music)
        self.lines: list[OfficeLine] = []
        for index in range(trunks):
            dnis = plan.dnis[index % len(plan.dnis)]
            line = OfficeLine(self.clock, ports["office"][index], index + 1, dnis, plan.office, note)
            trunk = self.pbx.add_trunk(ports["trunks"][index], dnis)
            line.on_call = trunk.belongs_to
            self.lines.append(line)
        for index, number in enumerate(plan.vru_extensions):
            line_number = plan.first_line + index
            member = self.pbx.add_extension(extensions[index], number, "vru", desk=plan.desk_number, line=line_number)
            member.member = number not in plan.service_ports
        self._swap_lines()
        self.phones: dict[str, Phone] = {}
        self.desks: dict[str, Desk] = {}
        for index, agent in enumerate(plan.agents):
            extension = agent.desk.extension
            self.pbx.add_extension(ports["agent extensions"][index], extension, "agent")
            random = self._random(f"phone {extension}")
            telephone = Phone(self.clock, ports["telephones"][index], extension, agent.phone, random, self.speech, note)
            desk = Desk(self.clock, agent.desk, note)
            if agent.pc:
                telephone.on_ring, telephone.on_hung_up = desk.phone_rings, desk.phone_hung_up
            if plan.desks_tell:
                telephone.on_lifted = desk.phone_lifted
            self.phones[extension], self.desks[agent.desk.agent] = telephone, desk

    def _pbx(self, music: Path) -> Pbx:
        """With the serial lines that its make has."""
        plan, wires, note = self.scenario, self.wires, self.truth.note
        faults = {"smdi": (plan.smdi, plan.smdi_of), "mci": (plan.mci, plan.smdi_of), "smdr": (plan.smdr, plan.smdr_of)}
        smdi = mci = smdr = None
        if "smdi" in wires:
            smdi = SmdiLink(
                self.clock,
                wires["smdi"],
                self._random("smdi"),
                note,
                delay_s=plan.pbx.smdi_delay_s,
                form=plan.pbx.smdi,
            )
        if "mci" in wires and plan.pbx.mci is not None:
            delay_s = plan.pbx.smdi_delay_s
            mci = MciLink(self.clock, wires["mci"], self._random("mci"), note, plan.pbx.mci, delay_s=delay_s)
        records = MAKES[plan.make].records
        if "smdr" in wires and records is not None:
            smdr = Printer(self.clock, wires["smdr"], self._random("smdr"), note, records())
            smdr.stars = plan.stars
        for name, link in (("smdi", smdi), ("mci", mci), ("smdr", smdr)):
            if link is not None:
                link.fault, link.fault_of = faults[name][0], dict(faults[name][1])
                wires[name].noise, wires[name].random = link.fault.noise, self._random(f"noise {name}")
        random = self._random("pbx")
        return Pbx(self.clock, plan.pbx, note, music=music, random=random, smdi=smdi, mci=mci, smdr=smdr)

    def _swap_lines(self) -> None:
        """Pairs of extensions whose message lines somebody has exchanged in the PBX's tables."""
        for one, other in self.scenario.pbx.smdi_swapped:
            first, second = self.pbx.extensions[one], self.pbx.extensions[other]
            first.desk, first.line, second.desk, second.line = second.desk, second.line, first.desk, first.line

    def _prepare(self) -> Path:
        """Makes all that will be said, so that nothing waits for it in a run; returns the music on hold."""
        for voice in caller.VOICES:
            for text in caller.SENTENCES_OF_CALLERS:
                self.speech.say(text, voice=voice)
        for agent in self.scenario.agents:
            for text in phone.SENTENCES_OF_AGENTS:
                self.speech.say(text, voice=agent.phone.voice)
        return self.speech.music()

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

    def wire_vru(self, card: SoftwareCard, *, first: int = 0) -> None:
        """Stepped: the server's card takes the PBX's VRU extensions, its port `first` the first of them."""
        for index in range(len(self.scenario.vru_extensions)):
            self.vru_card.wire(index, card, first + index, **self.scenario.wires.changes())

    def open_desks(self, opener: Callable[[str], Callable[..., object]]) -> None:
        """Switches the agents' PCs on; `opener(agent)` gives each its way to the server."""
        for agent in self.scenario.agents:
            if agent.pc:
                self.desks[agent.desk.agent].open(opener(agent.desk.agent))

    # ---- the run --------------------------------------------------------------------------------

    def start(self) -> Deferred[None]:
        """Callers set out at their times. Fires when the last one is gone."""
        for plan in self.scenario.callers:
            self.clock.callLater(plan.at_s, self._set_out, plan)
        for port, at_s in self.scenario.cuts:
            self.clock.callLater(at_s, self.vru_card.faults, port, cut=True)
        for name, at_s, for_s in self.scenario.unplugs:
            line = self.wires.get(name)
            if line is None:
                continue
            self.clock.callLater(at_s, line.unplug)
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
        for agent, at_s, for_s in self.scenario.desk_drops:
            self.clock.callLater(at_s, self.desks[agent].unplug, for_s)
        if not self._left:
            self.clock.callLater(0.0, self.done.callback, None)
        return self.done

    def _power(self, on: bool) -> None:
        """The PBX's power fails or returns: its extension lines have battery, or none."""
        if on:
            self.pbx.power_returns()
        else:
            self.pbx.power_fails()
            for telephone in self.phones.values():
                telephone.power_fails()
        for port in range(len(self.scenario.vru_extensions)):
            self.vru_card.faults(port, cut=not on)

    def stop(self) -> None:
        """Ends the world: scripts, timers and whatever its ports do. `done` does not fire any more."""
        for person in self.callers:
            person.stop()
        for telephone in self.phones.values():
            telephone.stop()
        for desk in self.desks.values():
            desk.close()
        self.clock.stop()
        for port in self.engine.ports.values():
            port.hangup()
        for line in self.wires.values():
            if isinstance(line, PtyLine):
                line.close()

    def _set_out(self, plan: CallerPlan) -> None:
        if self.scenario.caller_id is not None:
            plan = replace(plan, caller_id=self.scenario.caller_id)
        line = self._free_line(plan)
        self.truth.begin(plan.number, plan.ani, self.scenario.dnis[0] if line is None else line.dnis)
        if line is None:
            self.truth.note(plan.number, "office", "all lines busy")
            self._gone(None)
            return
        person = Caller(self.clock, plan, line, self._random(f"caller {plan.number}"), self.speech, self.truth.note)
        self.callers.append(person)
        person.start().addBoth(self._gone)

    def _free_line(self, plan: CallerPlan) -> OfficeLine | None:
        wanted = self.lines if plan.trunk is None else [self.lines[plan.trunk]]
        return next((line for line in wanted if line.free), None)

    def _gone(self, result: object) -> None:
        if isinstance(result, Failure):
            problems.report("a simulated caller failed", result)
        self._left -= 1
        if not self._left:
            self.clock.callLater(0.0, self.done.callback, None)

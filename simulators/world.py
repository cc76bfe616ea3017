"""The world brought to life from a scenario: one engine with the ports of office, PBX and telephones, wired.

Office lines are wired to the PBX's trunks and the agents' extensions to their telephones inside. The PBX's VRU
extensions are left for the server: wired to its card in a stepped run (`wire_vru`), put on the backplane in a paced one
(`vru_card`), or ports of a card that is handed over, whose lines lead to the server's. `truth` is the log of what
really happened.
"""

from __future__ import annotations

from collections.abc import Callable
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
from simulators.office import OfficeLine
from simulators.pbx import Pbx
from simulators.pbx_records import Printer, SmdiLink, Wire
from simulators.phone import Phone
from simulators.scenario import Scenario
from simulators.serial_line import Line, PtyLine, Speed
from simulators.smdr import WRITERS
from simulators.speech import Speech
from simulators.truth import Truth
from simulators.world_clock import WorldClock

SMDI_SPEED = Speed(9600, 7, "even", 1)
SMDR_SPEED = Speed(9600, 8, "none", 1)


class World:
    """`engine` is the world's own. `smdi` and `smdr` are its serial lines: in memory unless given. `vru_lines` is a
    card of FXS ports for the VRU's extensions; a software card, to be wired, unless given."""

    def __init__(
        self,
        clock: Clock,
        engine: Engine,
        scenario: Scenario,
        *,
        speech: Speech | None = None,
        smdi: Wire | None = None,
        smdr: Wire | None = None,
        vru_lines: Card | None = None,
    ) -> None:
        self.clock, self.engine, self.scenario = WorldClock(clock), engine, scenario
        clock = self.clock
        self.truth = Truth(clock)
        self.speech = speech or Speech()
        self.smdi: Wire = smdi if smdi is not None else Line(clock, "smdi", SMDI_SPEED)
        self.smdr: Wire = smdr if smdr is not None else Line(clock, "smdr", SMDR_SPEED)
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
        smdi = SmdiLink(self.clock, self.smdi, self._random("smdi"), note, delay_s=plan.pbx.smdi_delay_s)
        smdr = Printer(self.clock, self.smdr, self._random("smdr"), note, WRITERS[plan.smdr_format]())
        smdi.fault, smdi.fault_of = plan.smdi, dict(plan.smdi_of)
        smdr.fault, smdr.fault_of = plan.smdr, dict(plan.smdr_of)
        music = self._prepare()
        self.pbx = Pbx(self.clock, plan.pbx, note, music=music, smdi=smdi, smdr=smdr)
        self.lines: list[OfficeLine] = []
        for index in range(trunks):
            dnis = plan.dnis[index % len(plan.dnis)]
            line = OfficeLine(self.clock, ports["office"][index], index + 1, dnis, plan.office, note)
            trunk = self.pbx.add_trunk(ports["trunks"][index], dnis)
            line.on_call = trunk.belongs_to
            self.lines.append(line)
        for index, number in enumerate(plan.vru_extensions):
            line_number = plan.first_line + index
            self.pbx.add_extension(extensions[index], number, "vru", desk=plan.desk_number, line=line_number)
        self.phones: dict[str, Phone] = {}
        self.desks: dict[str, Desk] = {}
        for index, agent in enumerate(plan.agents):
            extension = agent.desk.extension
            self.pbx.add_extension(ports["agent extensions"][index], extension, "agent")
            random = self._random(f"phone {extension}")
            telephone = Phone(self.clock, ports["telephones"][index], extension, agent.phone, random, self.speech, note)
            desk = Desk(self.clock, agent.desk, note)
            telephone.on_ring, telephone.on_hung_up = desk.phone_rings, desk.phone_hung_up
            self.phones[extension], self.desks[agent.desk.agent] = telephone, desk

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
        for agent, desk in self.desks.items():
            desk.open(opener(agent))

    # ---- the run --------------------------------------------------------------------------------

    def start(self) -> Deferred[None]:
        """Callers set out at their times. Fires when the last one is gone."""
        for plan in self.scenario.callers:
            self.clock.callLater(plan.at_s, self._set_out, plan)
        for port, at_s in self.scenario.cuts:
            self.clock.callLater(at_s, self.vru_card.faults, port, cut=True)
        for name, at_s, for_s in self.scenario.unplugs:
            line = self.smdi if name == "smdi" else self.smdr
            self.clock.callLater(at_s, line.unplug)
            if for_s is not None:
                self.clock.callLater(at_s + for_s, line.plug)
        for agent, at_s, for_s in self.scenario.desk_drops:
            self.clock.callLater(at_s, self.desks[agent].unplug, for_s)
        if not self._left:
            self.clock.callLater(0.0, self.done.callback, None)
        return self.done

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
        for line in (self.smdi, self.smdr):
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

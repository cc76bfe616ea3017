"""What surrounds a server whichever way calls are switched: the office's lines with their callers, agents' telephones
and PCs, the log of what really happened. world.py puts a PBX between (steps 1 to 9), card_world.py puts nothing there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from drivers import problems
from drivers.card import SoftwareCard
from drivers.clock import Clock
from drivers.engine import Engine
from drivers.port import Port
from simulators.lines.party import Line
from simulators.office.exchange import Exchange
from simulators.people import caller, phone
from simulators.people.caller import Caller, CallerPlan
from simulators.people.deeds import Deeds
from simulators.people.desk import Desk
from simulators.people.hearing import Voices
from simulators.people.phone import Phone
from simulators.people.speech import Speech
from simulators.scenario.scenario import AgentPlan, Scenario
from simulators.truth import Truth
from simulators.world.clock import WorldClock


class Surroundings(ABC):
    """`engine` is the world's own. `voices`: parties speak in code, and it is measured who hears whom; None: they speak
    words."""

    def __init__(
        self,
        clock: Clock,
        engine: Engine,
        scenario: Scenario,
        *,
        speech: Speech | None = None,
        ears: Path | None = None,
        greeting: bool = False,
    ) -> None:
        """`ears`: a folder; parties speak in code, agents after a `greeting` in words."""
        self.clock, self.engine, self.scenario = WorldClock(clock), engine, scenario
        self.truth = Truth(self.clock)
        self.speech = speech or Speech()
        loss_db = scenario.wires.loss_db or 0.0 if scenario.switch == "card" else 0.0
        self.voices = (
            None
            if ears is None
            else Voices(
                self.clock,
                ears,
                greeting=greeting,
                loss_db=loss_db,
                digital=scenario.trunk != "fxo",
                return_loss_db=scenario.wires.return_loss_db,
            )
        )
        self.callers: list[Caller] = []
        self.lines: Sequence[Line] = ()
        self.office: SoftwareCard
        self.exchange = Exchange(self.clock, scenario.subscribers, self.voices, self.truth.note)
        self.phones: dict[str, Phone] = {}
        self.desks: dict[str, Desk] = {}
        self.deeds = Deeds(self)
        self.done: Deferred[None] = Deferred()
        self.left = len(scenario.callers)
        self.held: list[int] = []  # lines that were not free when the run was over

    def random(self, who: str) -> Random:
        """The random numbers of somebody or something of the world."""
        return Random(f"tipring {self.scenario.seed} {who}")

    def prepare_speech(self) -> None:
        """Makes all that will be said, so that nothing waits for it in a run."""
        for voice in caller.VOICES:
            for text in caller.SENTENCES_OF_CALLERS:
                self.speech.say(text, voice=voice)
        for agent in self.scenario.agents:
            for text in phone.SENTENCES_OF_AGENTS:
                self.speech.say(text, voice=agent.phone.voice)

    def add_agent(self, agent: AgentPlan, port: Port) -> None:
        """The agent's telephone at this port, and the PC beside it."""
        extension, note = agent.desk.extension, self.truth.note
        random = self.random(f"phone {extension}")
        telephone = Phone(self.clock, port, extension, agent.phone, random, self.speech, note, self.voices)
        desk = Desk(self.clock, agent.desk, note)
        if agent.pc:
            telephone.on_ring, telephone.on_hung_up = desk.phone_rings, desk.phone_hung_up
            telephone.on_in_hand = desk.phone_in_hand
        if self.scenario.desks_tell:
            telephone.on_lifted = desk.phone_lifted
        self.phones[extension], self.desks[agent.desk.agent] = telephone, desk

    # ---- the server's side ----------------------------------------------------------------------

    @property
    @abstractmethod
    def cables(self) -> Mapping[str, tuple[SoftwareCard, int]]:
        """The world's ends of the wires to the server's cards: by the name of each card, with the number of wires."""

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
        self.deeds.start()
        for port, at_s in self.scenario.cuts:
            self.clock.callLater(at_s, self.cut, port)
        for agent, at_s, for_s in self.scenario.desk_drops:
            self.clock.callLater(at_s, self.desks[agent].unplug, for_s)
        if not self.left:
            self.clock.callLater(0.0, self.done.callback, None)
        return self.done

    @abstractmethod
    def cut(self, port: int) -> None:
        """The wire of that port of the server's line card breaks."""

    @property
    def at_rest(self) -> bool:
        """Are all handsets down, and the office's lines free?"""
        down = all(telephone.state in ("idle", "off") for telephone in self.phones.values())
        return down and all(line.free for line in self.lines)

    def stop(self) -> None:
        """Ends the world: scripts, timers and whatever its ports do. `done` does not fire any more."""
        self.held = [line.index for line in self.lines if not line.free]
        self.deeds.close()
        for person in self.callers:
            person.stop()
        for telephone in self.phones.values():
            telephone.stop()
        for desk in self.desks.values():
            desk.close()
        self.clock.stop()
        for port in self.engine.ports.values():
            port.hangup()

    def _set_out(self, plan: CallerPlan) -> None:
        self.sets_out(plan).addBoth(self._gone)

    def sets_out(self, plan: CallerPlan) -> Deferred[None]:
        """A caller takes a free line of the office's now. Fires when that one is gone."""
        if self.scenario.caller_id is not None:
            plan = replace(plan, caller_id=self.scenario.caller_id)
        line = self._free_line(plan)
        if line is not None:
            line.dials(plan.dnis)
        self.truth.begin(plan.number, plan.ani, self.scenario.dnis[0] if line is None else line.dnis)
        if line is None:
            self.truth.note(plan.number, "office", "all lines busy")
            return succeed(None)
        random = self.random(f"caller {plan.number}")
        person = Caller(self.clock, plan, line, random, self.speech, self.truth.note, self.voices)
        self.callers.append(person)
        return person.start()

    def _free_line(self, plan: CallerPlan) -> Line | None:
        wanted = self.lines if plan.trunk is None else [self.lines[plan.trunk]]
        return next((line for line in wanted if line.free), None)

    def _gone(self, result: object) -> None:
        if isinstance(result, Failure):
            problems.report("a simulated caller failed", result)
        self.left -= 1
        if not self.left:
            self.clock.callLater(0.0, self.done.callback, None)

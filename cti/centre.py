"""One call centre: the parts joined, whatever clock they run by and whatever their wires are made of.

Made by cti.service for real time, and by the stepped rig for simulated time; both hand over the clock, the ports and
the serial lines. The steps of a call are in cti.nine_steps, what happens between them in cti.conduct; here is what
every step needs: a call's record, its port, its agent's screen. Serves all nine steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal

from cti.acd.agent import Agent
from cti.acd.centre import Acd
from cti.acd.truths import Limits
from cti.call import CALL, Call, Source, Step
from cti.callers import Callers
from cti.conduct import Conduct
from cti.config import Site, VruPort
from cti.desk.server import DeskServer
from cti.desk.telephone import Telephones
from cti.errors import UnknownCall
from cti.lamp_codes import LampCodes
from cti.lamps import Lamps
from cti.log import Log
from cti.machine import Machine
from cti.metrics import Metrics
from cti.nine_steps import NineSteps
from cti.pbx.dialect import Dialect
from cti.pbx.link import Opener
from cti.pbx.mci import lamp as mci_lamp
from cti.pbx.smdi import lamp
from cti.popup import PopUps
from cti.records.records import Records
from cti.settled import Settled
from cti.switch.behind_pbx import BehindPbx
from cti.switch.interface import Switch, Transfer, TransferResult
from cti.vru.attendant import Attendant
from cti.vru.flow import Flow
from cti.vru.line import VruLine
from cti.vru.message import Message
from cti.vru.prompts import Prompts
from drivers.clock import Clock
from drivers.port import Port
from drivers.tones import TonePlan


@dataclass(frozen=True, slots=True)
class SerialWire:
    """One RS232 line: how it is opened, its speed, its data bits and their parity."""

    opener: Opener
    baud: int = 9600
    bits: int = 8
    parity: Literal["none", "even", "odd"] = "none"


@dataclass(frozen=True, slots=True)
class Wiring:
    """What differs between real and simulated time: the ports and the serial lines; and the country's tones."""

    ports: Sequence[tuple[VruPort, Port]]
    smdi: SerialWire | None
    smdr: SerialWire | None
    tones: TonePlan
    mci: SerialWire | None = None


class Centre:
    """All parts of a running call centre."""

    def __init__(
        self,
        clock: Clock,
        site: Site,
        dialect: Dialect,
        wiring: Wiring,
        records: Records,
        flow: Flow,
        prompts: Prompts,
        desks: Callable[[Acd], DeskServer],
        telephones: Callable[[Centre], Telephones],
        metrics: Metrics,
        log: Log,
    ) -> None:
        """``desks(acd)`` makes the desk server over this centre's ACD, ``telephones(centre)`` its service ports."""
        self.clock, self.site, self.records, self.metrics, self.log = clock, site, records, metrics, log
        self.rules = dialect.line
        self.calls: dict[str, Call] = {}
        self.alarms: dict[str, str] = {}
        self.steps = NineSteps(self)
        self.conduct = Conduct(self)
        self.acd = Acd(clock, site.groups, site.agents, self._acd_event, Limits(talk_s=site.limits.talk_s))
        self.desks = desks(self.acd)
        self.pop_ups = PopUps(clock, records, self.desks)
        self.switch: Switch = BehindPbx(clock, self.rules)
        self.attendant = Attendant(clock, site, flow, prompts, self.acd, self._message)
        self.tones = wiring.tones
        if "busy" in self.tones:
            self.tones = self.tones.with_tone("busy", min_cycles=self.rules.busy_cycles)
        self.telephones = telephones(self)
        self.callers = Callers(self, dialect, wiring)
        self.arrivals, self.smdi, self.mci = self.callers.arrivals, self.callers.smdi, self.callers.mci
        self.lines = self.callers.lines
        self.telephones.lines = self.callers.lines_for("agents", self.telephones)
        self.settled = Settled(self, dialect, wiring.smdr)
        self.smdr, self.talks = self.settled.link, self.settled.talks
        self.lamps = self._lamps(dialect)
        self.desks.messages_seen = self.lamps.looked_at
        self.desks.telephone_lifted = self._telephone_lifted

    def _lamps(self, dialect: Dialect) -> Lamps:
        """By feature codes where the dialect has them, else over NEC's message line, else over SMDI, else none."""
        site, smdi, codes, strip = self.site, self.smdi, self.rules.lamp, dialect.smdi.msd_strip
        mci, text = self.mci, dialect.mci.lamp
        kept = site.state / "lamps.json"
        self.lamp_codes: LampCodes | None = None
        if codes is not None:
            self.lamp_codes = LampCodes(self.clock, codes, self.lines, self.alarm)
            toggles = codes.on == codes.off
            return Lamps(site.groups, site.agents, self.lamp_codes.order, kept=kept, toggles=toggles)
        if mci is not None and text is not None:
            texts = partial(mci_lamp, rules=dialect.mci, how=text)
            return Lamps(site.groups, site.agents, lambda number, on: mci.write(texts(number, on), number), kept=kept)
        if smdi is None or not dialect.smdi.lamp:
            return Lamps(site.groups, site.agents, None)
        write = smdi.write
        return Lamps(site.groups, site.agents, lambda number, on: write(lamp(number, on, strip), number), kept=kept)

    @property
    def every_line(self) -> list[VruLine]:
        """Ports for callers and service ports."""
        return [*self.lines, *self.telephones.lines]

    # life

    def start(self) -> None:
        """Opens the serial lines; every port listens."""
        if self.smdr is not None:
            self.smdr.start()
        self.callers.start()
        self.telephones.start()
        self.lamps.start()

    def stop(self) -> None:
        """Ends what goes on: every call gets its end in the record.

        Callers who wait go first: an agent who comes free on the way is not promised to any of them."""
        for call in sorted(self.calls.values(), key=lambda call: call.state != "queued"):
            if call.state == "talking":
                self.conduct.talk_over(call, "the server stops")
            else:
                self.conduct.finish(call, "gone", "failed", "the server stops")
        self.callers.stop()
        self.conduct.close()
        if self.lamp_codes is not None:
            self.lamp_codes.close()
        self.telephones.close()
        self.settled.close()
        if self.smdr is not None:
            self.smdr.stop()
        self.acd.close()
        self.desks.close()

    # calls and their records

    def new_call(self) -> Call:
        """A call with its own number."""
        machine = Machine(CALL, actions=self.conduct, name="call")
        call = Call(self.records.new_call_id(), self.clock.seconds(), machine)
        machine.name = f"call {call.id}"
        self.calls[call.id] = call
        return call

    def mark(self, call: Call, step: int, source: Source, *, as_of: int | None = None) -> None:
        """One of the nine steps begins (the first time counts); ``as_of``: it began with an earlier step, we learn it
        only now."""
        if step in call.steps:
            return
        earlier = call.steps.get(as_of) if as_of is not None else None
        begun = (
            Step(earlier.at_s, earlier.when, source)
            if earlier
            else Step(self.clock.seconds(), self.clock.now(), source)
        )
        call.steps[step] = begun
        told = {"n": step} if earlier is None else {"n": step, "with": as_of}
        self.event(call, "step", source, t=begun.when, **told)
        self.log.debug("step", call=call.id, step=step, source=source)
        self.metrics.step(step, begun.at_s - call.began_s)

    def event(
        self,
        call: Call | None,
        kind: str,
        source: Source,
        agent: str | None = None,
        t: datetime | None = None,
        **data: Any,
    ) -> None:
        """Into the journal, before anyone learns of it."""
        port = call.line.port.number if call is not None and call.line is not None else None
        self.records.event(call.id if call is not None else None, kind, source, agent=agent, port=port, t=t, **data)

    def numbers_changed(self, call: Call) -> None:
        """ANI or DNIS came, early or late: the record, the customer's card and the agent's screen follow."""
        self.event(
            call,
            "ani",
            call.ani_source or "inferred",
            ani=call.ani,
            dnis=call.dnis,
            form=call.ani_form,
            truncated=call.ani_truncated,
            doubt=call.ani_doubt,
            late=call.answered_s is not None,
        )
        self.pop_ups.numbers_changed(call)

    def call_ended(self, call: Call) -> None:
        """The record's last words; the PBX's own record may still come."""
        self.event(call, "outcome", "inferred", outcome=call.outcome, cause=call.cause or None)
        self.event(call, "ended", "inferred")
        self.metrics.call_ended(call.outcome or "failed")
        self.log.info(
            "call ended",
            call=call.id,
            outcome=call.outcome,
            cause=call.cause,
            ani=call.ani,
            group=call.group,
            agent=call.agent,
        )
        self.pop_ups.forget(call)
        self.calls.pop(call.id, None)

    def prepare_port(self, port: Port) -> None:
        """What the ears of an answered port are set to."""
        port.begin_call()
        port.tone_plan(self.tones)
        port.detect("dtmf", "tones", "voice", duck=True)

    # the PBX's lines

    def link_alarm(self, name: str) -> Callable[[str, bool, str], None]:
        def changed(what: str, raised: bool, text: str) -> None:
            self.set_alarm(f"{name}_{what}", raised, text)
            if name in ("smdi", "mci") and what == "down" and not raised:
                self.lamps.refresh()  # the PBX may have been off

        return changed

    def alarm(self, name: str, text: str, source: Source = "smdi") -> None:
        """Something a person should look at; not a lasting state."""
        self.event(None, "alarm", source, what=name, text=text)
        self.log.warning(text, alarm=name)
        self.metrics.alarm(name)

    def set_alarm(self, name: str, raised: bool, text: str) -> None:
        """A lasting alarm comes or goes."""
        if raised:
            self.alarms[name] = text
        else:
            self.alarms.pop(name, None)
        self.event(None, "alarm", "inferred", what=name, raised=raised, text=text)
        self.log.warning(text, alarm=name, raised=raised)
        self.metrics.standing_alarm(name, raised)

    # agents

    def _telephone_lifted(self, agent: str) -> bool:
        extension = self.acd.agent(agent).extension
        return extension is not None and self.conduct.agent_lifted(extension, "desk")

    def _acd_event(self, kind: str, call: str | None, agent: str | None, source: str, data: dict[str, object]) -> None:
        """The ACD's record; and what follows from it."""
        ours = self.calls.get(call) if call is not None else None
        if kind == "talk_ended" and ours is not None and ours.talked_s is not None:
            data = {**data, "seconds": round(ours.talked_s, 1)}
        port = ours.line.port.number if ours is not None and ours.line is not None else None
        self.records.event(call, kind, source, agent=agent, port=port, **data)  # type: ignore[arg-type]
        if kind == "agent_state" and agent is not None:
            self.desks.agent_changed(agent)
        elif kind == "ask" and agent is not None:
            self.desks.ask(agent, call)
        elif kind == "talk_ended" and ours is not None:
            self.conduct.talk_over(ours, str(data.get("cause") or ""))

    async def transfer(
        self, call: Call, agent: Agent, before_dial: Callable[[], None], *, flashed: bool = False
    ) -> TransferResult:
        """Step 7 by the switch of this site; the ACD hears when the telephone rings."""
        assert call.line is not None and agent.extension is not None
        group = self.site.group(call.group or "")

        def dialling() -> None:
            self.acd.line(agent, "ringing", "dialled", call=call.id, source="port")
            before_dial()
            self.metrics.popped_up(self.clock.seconds() - decided_s)

        decided_s = self.clock.seconds()
        call.flashed_s = call.flashed_s if flashed else decided_s
        limit_s = self.rules.no_answer_s  # we give up before the PBX does
        ring_s = min(group.ring_s, limit_s) if group is not None else limit_s
        return await self.switch.transfer(call.line.port, agent.extension, ring_s, dialling, flashed=flashed)

    def _message(self, call: Call, message: Message) -> None:
        """A caller left a message: on the call's row, and told to the desks of the group; or it could not be kept."""
        if call.message_failed:
            text = f"{message.path}: {call.message_failed}; {message.seconds:.1f} s were recorded"
            self.event(call, "alarm", "vru", what="message_not_recorded", text=text)
            self.log.warning(text, alarm="message_not_recorded", call=call.id)
            self.metrics.alarm("message_not_recorded")
        if not call.message_s:
            return
        self.event(call, "message", "vru", path=message.path, seconds=round(message.seconds, 2), why=message.why)
        told = {"call": call.id, "ani": call.ani, "group": call.group, "seconds": round(message.seconds, 1)}
        self.desks.broadcast("message", told, [call.group] if call.group else None)
        self.lamps.message_left(call.group)

    def not_reached(self, call: Call, agent: Agent, result: TransferResult, *, aside: bool = False) -> None:
        """The agent did not answer: the caller keeps the place, the next agent is tried; with ``aside``, not before the
        PBX has brought the caller back."""
        kinds = {Transfer.NO_ANSWER: "no_answer", Transfer.BUSY: "busy"}
        self.settled.reached(agent, busy=result.outcome is Transfer.BUSY)
        with self.acd.turn():
            self.acd.offer_result(call.id, agent, kinds.get(result.outcome, "failed"))
            if aside:
                self.acd.set_aside(call.id)
        self.pop_ups.withdraw(call, agent)

    def talk_began(self, call: Call) -> None:
        """The agent has the caller."""
        assert call.agent is not None and call.extension is not None
        self.settled.reached(self.acd.agent(call.agent), busy=False)
        old = self.talks.begin(call.extension, call)
        if old is not None:
            self.conduct.talk_over(old, "another call reached the extension")
        if not self.acd.offer_result(call.id, call.agent, "answered"):  # waited too long, and was answered even so
            self.event(call, "connected", "port", agent=call.agent)
            self.acd.line(call.agent, "talking", "answered", source="port")

    def came_back(self, call: Call, agent: str | None, extension: str | None) -> None:
        """The PBX gave the caller back: the agent, if there was one, is free, the caller at the old place."""
        if agent is not None and extension is not None:
            self.talks.end(extension, call)
            self.pop_ups.withdraw(call, self.acd.agent(agent))
        try:
            self.acd.requeue(call.id)
        except UnknownCall:
            self.log.info("a caller was recalled whom the queue had forgotten", call=call.id)

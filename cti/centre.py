"""One call centre: the parts joined, whatever clock they run by and whatever their wires are made of.

Made by cti.service for real time, and by the stepped rig for simulated time; both hand over the clock and the side that
stands between the callers and us (a PBX, or our own cards: cti.sides.side). The steps of a call are in cti.nine_steps,
what happens between them in cti.conduct; here is what every step needs: a call's record, its agent's screen. Serves all
nine steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from cti.acd.agent import Agent
from cti.acd.centre import Acd
from cti.acd.truths import Limits
from cti.call import CALL, Call, Source, Step
from cti.conduct import Conduct
from cti.desk.popup import PopUps
from cti.desk.server import DeskServer
from cti.desk.telephone import Telephones
from cti.errors import UnknownCall
from cti.machine import Machine
from cti.nine_steps import NineSteps
from cti.operations.log import Log
from cti.operations.metrics import Metrics
from cti.recordings.messages import MessageFiles
from cti.records.records import Records
from cti.sides.side import Line, Side
from cti.site.config import Site
from cti.switch.interface import Transfer, TransferResult
from cti.vru.attendant import Attendant
from cti.vru.flow import Flow
from cti.vru.message import Message
from cti.vru.prompts import Prompts
from drivers.clock import Clock
from drivers.port import Port
from drivers.tones import TonePlan

# An agent's telephone rings so long where nothing says how long.
RING_S = 30.0
# Said in a step's event from so much on.
AGO_S = 0.001


class Centre:
    """All parts of a running call centre."""

    def __init__(
        self,
        clock: Clock,
        site: Site,
        side: Callable[[Centre], Side],
        tones: TonePlan,
        records: Records,
        flow: Flow,
        prompts: Prompts,
        desks: Callable[[Acd], DeskServer],
        telephones: Callable[[Centre], Telephones],
        metrics: Metrics,
        log: Log,
    ) -> None:
        """``side(centre)`` makes what stands between the callers and us, ``desks(acd)`` the desk server over this
        centre's ACD, ``telephones(centre)`` its service ports. ``tones``: what the ears of a call are set to."""
        self.clock, self.site, self.records, self.metrics, self.log = clock, site, records, metrics, log
        self.calls: dict[str, Call] = {}
        self.turns_away: Callable[[], bool] = lambda: False  # who comes now is not served (cti.operations.drain)
        self.alarms: dict[str, str] = {}
        self.steps = NineSteps(self)
        self.conduct = Conduct(self)
        self.acd = Acd(
            clock,
            site.groups,
            site.agents,
            self._acd_event,
            Limits(talk_s=site.limits.talk_s, misses=site.limits.misses, line_is_known=site.switch == "card"),
        )
        self.desks = desks(self.acd)
        self.pop_ups = PopUps(clock, records, self.desks)
        self.prompts = prompts
        self.attendant = Attendant(clock, site, flow, prompts, self.acd, self._message)
        self.tones = tones
        self.telephones = telephones(self)
        self.side = side(self)
        self.switch = self.side.switch
        self.messages = MessageFiles(
            clock, records, site.messages, site.zone, site.limits.messages_keep_days, self.set_alarm
        )
        self.desks.messages_seen = self.side.lamps.looked_at
        self.desks.call_control = self.side.verb
        self.desks.telephone_lifted = self._telephone_lifted
        self.desks.seated = self.side.has_screen

    @property
    def lines(self) -> Sequence[Line]:
        """Where callers come to."""
        return self.side.lines

    @property
    def every_line(self) -> list[Line]:
        """Ports for callers and service ports."""
        return [*self.lines, *self.telephones.lines]

    # life

    def start(self) -> None:
        """Opens the lines; every port listens."""
        self.side.start()
        self.telephones.start()
        self.side.lamps.start()
        self.messages.start()

    def stop(self) -> None:
        """Ends what goes on: every call gets its end in the record.

        Callers who wait go first: an agent who comes free on the way is not promised to any of them."""
        for call in sorted(self.calls.values(), key=lambda call: call.state != "queued"):
            self.conduct.stop(call, "the server stops")
        self.messages.stop()
        self.records.stop()
        self.side.stop()
        self.telephones.close()
        self.side.close()
        self.acd.close()
        self.desks.close()

    # calls and their records

    def new_call(self, ago_s: float = 0.0) -> Call:
        """A call with its own number; it began so long ago."""
        machine = Machine(CALL, actions=self.conduct, name="call")
        call = Call(self.records.new_call_id(), self.clock.seconds() - ago_s, machine)
        machine.name = f"call {call.id}"
        self.calls[call.id] = call
        return call

    def mark(self, call: Call, step: int, source: Source, *, as_of: int | None = None, ago_s: float = 0.0) -> None:
        """One of the nine steps begins (the first time counts); ``as_of``: it began with an earlier step, ``ago_s``: so
        long ago, we learn it only now."""
        if step in call.steps:
            return
        earlier = call.steps.get(as_of) if as_of is not None else None
        begun = (
            Step(earlier.at_s, earlier.when, source)
            if earlier
            else Step(self.clock.seconds() - ago_s, self.clock.now() - timedelta(seconds=ago_s), source)
        )
        call.steps[step] = begun
        told: dict[str, Any] = {"n": step} if earlier is None else {"n": step, "with": as_of}
        told |= {"ago": round(ago_s, 3)} if ago_s >= AGO_S else {}
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

    # alarms

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
        return extension is not None and self.side.telephone_lifted(extension, "desk")

    def _acd_event(self, kind: str, call: str | None, agent: str | None, source: str, data: dict[str, object]) -> None:
        """The ACD's record; and what follows from it."""
        ours = self.calls.get(call) if call is not None else None
        if kind == "talk_ended" and ours is not None and ours.talked_s is not None:
            data = {**data, "seconds": round(ours.talked_s, 1)}
        port = ours.line.port.number if ours is not None and ours.line is not None else None
        self.records.event(call, kind, source, agent=agent, port=port, **data)  # type: ignore[arg-type]
        if kind == "agent_state" and agent is not None:
            self.desks.agent_changed(agent)
            self.telephones.agent_changed(self.acd.agent(agent))
            self.side.agent_changed(self.acd.agent(agent), str(data.get("cause")))
        elif kind == "ask" and agent is not None:
            self.desks.ask(agent, call)
        elif kind == "talk_ended" and ours is not None and ours.agent == agent:
            self.conduct.talk_over(ours, str(data.get("cause") or ""))

    async def transfer(
        self, call: Call, agent: Agent, before_dial: Callable[[], None], *, flashed: bool = False
    ) -> TransferResult:
        """Step 7 by the switch of this site; the ACD hears when the telephone rings."""
        assert call.line is not None and agent.extension is not None
        group = self.site.group(call.group or "")

        def dialling() -> None:
            agent.rings_for(ring_s)
            self.acd.line(agent, "ringing", "dialled", call=call.id, source="port")
            before_dial()
            self.metrics.popped_up(self.clock.seconds() - decided_s)

        decided_s = self.clock.seconds()
        call.flashed_s = call.flashed_s if flashed else decided_s
        limits = (group.ring_s if group is not None else None, self.side.ring_limit_s())
        ring_s = min((limit for limit in limits if limit is not None), default=RING_S)
        ring_s = self.switch.ring_s(agent.extension, ring_s)
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
        self.side.lamps.message_left(call.group)

    def not_reached(self, call: Call, agent: Agent, result: TransferResult, *, aside: bool = False) -> None:
        """The agent did not answer: the caller keeps the place, the next agent is tried; with ``aside``, not before the
        PBX has brought the caller back."""
        kinds = {Transfer.NO_ANSWER: "no_answer", Transfer.BUSY: "busy"}
        self.side.reached(agent, busy=result.outcome is Transfer.BUSY)
        with self.acd.turn():
            self.acd.offer_result(call.id, agent, kinds.get(result.outcome, "failed"))
            if aside:
                self.acd.set_aside(call.id)
        self.pop_ups.withdraw(call, agent)

    def talk_began(self, call: Call) -> None:
        """The agent has the caller; or somebody who is none of our agents, to whom the call was deflected."""
        if call.agent is None:
            self.acd.remove(call.id, "deflected")
            self.event(call, "connected", "switch", extension=call.extension)
            return
        assert call.extension is not None
        self.side.reached(self.acd.agent(call.agent), busy=False)
        self.pop_ups.show_too(call, self.acd.agent(call.agent))
        old = self.side.talk_began(call)
        if old is not None:
            self.conduct.talk_over(old, "another call reached the extension")
        if not self.acd.offer_result(call.id, call.agent, "answered"):  # forgotten by the queue
            self.event(call, "connected", "port", agent=call.agent)
            self.acd.line(call.agent, "talking", "answered", source="port")

    def came_back(self, call: Call, agent: str | None, extension: str | None, given_to: str | None) -> None:
        """The switch gave the caller back: the agent, if there was one, is free, the caller at the old place; or the
        agent did, to this group's queue."""
        if agent is not None and extension is not None:
            self.side.came_back(call, extension)
            self.pop_ups.withdraw(call, self.acd.agent(agent))
        try:
            if given_to is None:
                self.acd.requeue(call.id)
            else:
                self.acd.give_back(call.id, given_to)
        except UnknownCall:
            self.log.info("a caller was recalled whom the queue had forgotten", call=call.id)
            if call.entry is not None and call.entry.why != "overdue":
                call.entry = None  # comes in anew

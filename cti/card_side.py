"""Our own cards are the switch: callers come on trunks, agents' telephones are seats, the record is our own.

Joins what only such a site has: who calls (the trunks' signalling), the switch (cti.switch.on_card), what its
connections say of the agents, and the record of each talk. Serves steps 1 to 4, 7 and 9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred

from cti.call import Call, Said
from cti.errors import TipringError
from cti.lamps import Lamps
from cti.numbers import Numbers
from cti.recordings.following import Following
from cti.recordings.recordings import Recordings
from cti.records.outcome import Outcome
from cti.side import Line, Record
from cti.switch.agents import AgentLines
from cti.switch.calling import CallOut, Reach
from cti.switch.channel import ChannelLine
from cti.switch.connection import Connection
from cti.switch.conversation import Conversation
from cti.switch.device import Device, TrunkEnd
from cti.switch.errors import WrongState
from cti.switch.hearing import Hearing, Sound
from cti.switch.interface import TransferResult
from cti.switch.on_card import OnCard
from cti.switch.record import TalkRecord
from cti.switch.seat import Seat
from cti.switch.telephone import TelephoneMoves
from cti.switch.verbs import Asker, Verbs
from cti.talks import Match
from cti.trunks.routes import Routes
from cti.trunks.signals import Signals
from drivers.clock import DelayedCall
from drivers.items import PlayItem
from drivers.port import Port
from drivers.signalling.interface import Trunk, TrunkCall, What
from drivers.tones import TonePlan

if TYPE_CHECKING:
    from cti.acd.agent import Agent
    from cti.centre import Centre

# A trunk that never says that the caller's number is complete: answered without it.
NUMBERS_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class CardWiring:
    """What differs between real and simulated time. ``seats``: extension and port."""

    trunks: Sequence[Trunk]
    routes: Routes
    seats: Sequence[tuple[str, Port]]
    tones: TonePlan


class CardSide:
    """See cti.side.Side; and the switch's owner (cti.switch.on_card.SwitchOwner)."""

    gone_in_transfer: Outcome = "abandoned_queue"  # the caller only waited

    def __init__(self, centre: Centre, wiring: CardWiring) -> None:
        self._centre = centre
        self._tones = wiring.tones
        self.trunks: Sequence[Trunk] = wiring.trunks
        self.routes = wiring.routes
        self.signals = Signals(centre.site.trunks)
        self.switch = OnCard(centre.clock, Hearing(self._sound), self)
        self.agents = AgentLines(centre.acd, centre.calls)
        self.verbs = Verbs(self.switch, Reach(self.switch, self._outside), self._told)
        self.verbs.others.same_group = self._same_group
        self.moves = TelephoneMoves(self.switch, self.verbs, self, self._trouble)
        cadence = wiring.tones.ring_cadence_ms
        for extension, port in wiring.seats:
            self.switch.seats[extension] = Seat(centre.clock, port, extension, cadence, centre.site.zone, self.moves)
        self.lines: Sequence[Line] = [
            ChannelLine(trunk, slot, port, self.switch.trunks)
            for trunk in self.trunks
            for slot, port in (trunk.span.channels.items() if trunk.span is not None else ())
        ]
        self.lamps = Lamps(centre.site.groups, centre.site.agents, self._lamp, kept=centre.site.state / "lamps.json")
        self._profiles = {profile.id: profile for profile in centre.site.agents}
        self._roles = {profile.id: profile.role for profile in centre.site.agents}
        self._arriving: dict[TrunkEnd, DelayedCall] = {}
        site = centre.site
        self.recordings = Recordings(
            centre.clock, centre.records, site.recording, site.recordings, site.zone, centre.set_alarm
        )
        self._following = Following(self.recordings, self._agent_at)

    # life

    def start(self) -> None:
        """Seats are heard, trunks offer calls; recordings that a crash left open are mended."""
        self.recordings.start()
        for seat in self.switch.seats.values():
            seat.start()
        self.signals.failures(self.trunks, partial(self._centre.event, None, "trunk_failed", "trunk"))
        for trunk in self.trunks:
            trunk.offered = self._offered

    def stop(self) -> None:
        """No new calls; every conversation ends."""
        for trunk in self.trunks:
            trunk.offered = None
        for timer in self._arriving.values():
            timer.cancel()
        self._arriving.clear()
        self.moves.close()
        self.switch.close()
        for trunk in self.trunks:
            trunk.close()
        self.recordings.stop()

    def close(self) -> None:
        """Our own records wait for nothing."""

    # steps 1 to 4: a call on a trunk

    def _offered(self, offered: TrunkCall) -> None:
        centre = self._centre
        call = centre.steps.step_1_call_arrives("trunk")
        if call is None:
            offered.clear()
            return
        self.signals.follow(offered, partial(centre.event, call, "signalling", "trunk"))
        end = self.switch.caller(offered, call, self._trunk_says)
        call.trunk = end.name
        call.rang_s = centre.clock.seconds()
        centre.steps.step_3_hunted_to(call, end, "switch")
        if offered.numbers.complete:
            self._complete(end, call)
        else:
            self._arriving[end] = centre.clock.callLater(NUMBERS_S, self._complete, end, call)

    def _complete(self, end: TrunkEnd, call: Call) -> None:
        """Nothing more is to be learnt of the caller: answered."""
        self._arriving.pop(end, None)
        numbers = end.call.numbers
        end.connections[0].conversation.calling = None if numbers.restricted else numbers.calling or None
        calling = None if numbers.restricted else numbers.calling or None
        steps = self._centre.steps
        steps.step_2_numbers(call, Numbers(calling, numbers.called or None, "trunk", "trunk"))
        steps.step_4_pbx_tells(call, "switch")
        if call.state == "arriving" and call.line is end:
            end.call.alerting()
            self._centre.conduct.answer(call)

    def _trunk_says(self, end: TrunkEnd, what: What) -> None:
        timer = self._arriving.get(end)
        if what == "cleared":
            if timer is not None:
                timer.cancel()
                del self._arriving[end]
            self.switch.trunk_cleared(end)
        elif what == "digits" and timer is not None and end.call.numbers.complete:
            timer.cancel()
            if end.record is not None:
                self._complete(end, end.record)

    def learned(self, call: Call, numbers: Numbers) -> bool:
        """The signalling says it once."""
        changed = (numbers.ani or call.ani, numbers.dnis or call.dnis) != (call.ani, call.dnis)
        if numbers.ani:
            call.ani, call.ani_source, call.ani_form = numbers.ani, numbers.source, numbers.form
            call.said[numbers.source] = Said(numbers.ani, numbers.form)
        call.dnis = numbers.dnis or call.dnis
        return changed

    # the VRU's part

    async def lifted(self, call: Call) -> bool:
        """The trunk is answered; the signalling watches for the hang-up."""
        end = call.line
        if not isinstance(end, TrunkEnd) or end.call.state == "cleared":
            return False
        end.call.answer()
        end.port.detect("dtmf", "voice", duck=True)
        return call.line is end

    async def gone(self, call: Call) -> str:
        """The signalling would have said so."""
        return ""

    def completes_alone(self, call: Call, how: str) -> bool:
        """Nothing does."""
        return False

    # step 7

    async def put_through(self, call: Call, agent: Agent) -> TransferResult | None:
        """The seat rings; the caller hears music."""
        return await self._centre.steps.step_7_transfer(call, agent)

    def hopeless(self, call: Call) -> str:
        """There is always another agent."""
        return ""

    def failed(self, call: Call, agent: Agent, result: TransferResult) -> None:
        """Nothing is to be learnt of it."""

    def ring_limit_s(self) -> float | None:
        """As long as the group says."""
        return None

    def left(self, call: Call, line: Line) -> None:
        """For good: the trunk is cleared. Put through: the switch has the caller."""
        if call.state == "ended" and isinstance(line, TrunkEnd):
            line.released()

    def await_recall(self, call: Call) -> None:
        """The caller never leaves our hands."""

    # step 9

    def talk_began(self, call: Call) -> Call | None:
        """The switch knows who talks with whom."""
        return None

    def talk_over(self, call: Call, cause: str) -> None:
        """Where a limit or the desk ended it, not the line: the line follows."""
        conversation = self.of(call)
        if conversation is not None:
            with self.switch.turn():
                for connection in list(conversation.connections):
                    if connection.live and connection.device is conversation.caller:
                        self.switch.clear(connection, cause)

    def came_back(self, call: Call, extension: str) -> None:
        """Likewise."""

    def reached(self, agent: Agent, *, busy: bool) -> None:
        """Likewise."""

    def match(self, record: Record, alone: bool) -> Match | None:
        """It says itself of which call it is."""
        assert isinstance(record, TalkRecord)
        return Match(record.call, ends_talk=True, talk_s=record.talked_s)

    def settle(self, record: Record, match: Match | None) -> None:
        """The agent is free."""
        assert isinstance(record, TalkRecord)
        centre, call = self._centre, record.call
        if call.agent is None or not centre.acd.line(call.agent, "idle", "switch", call=call.id, source="switch"):
            centre.conduct.talk_over(call, record.ended_by)

    def forget(self, call: Call) -> None:
        """The conversation ends by itself."""

    # the switch tells

    def event(self, kind: str, connection: Connection, cause: str) -> None:
        """Into the journal, before anyone learns of it; then to the desks of who has a part in it."""
        conversation, device = connection.conversation, connection.device
        told = {"event": kind, "device": device.name, "conversation": conversation.id}
        told |= {"cause": cause} if cause else {}
        call = conversation.call or (device.record if isinstance(device, TrunkEnd) else None)
        more: dict[str, Any] = dict(told)
        self._centre.event(call, "connection", "switch", **more)
        if kind == "Delivered":
            self._shows(connection, call)
        parts = [{"device": one.device.name, "state": one.state, "role": one.role} for one in conversation.connections]
        said = {**told, "state": connection.state, "call": call.id if call is not None else None, "connections": parts}
        for name in dict.fromkeys([device.name, *(one.device.name for one in conversation.connections)]):
            agent = self._centre.acd.at_extension(name)
            if agent is not None:
                self._centre.desks.notify(agent.id, "connection", said)

    def _shows(self, connection: Connection, call: Call | None) -> None:
        """A telephone rings: the caller is on its agent's screen; of a consultation, the one who is on hold."""
        agent, conversation = self._centre.acd.at_extension(connection.device.name), connection.conversation
        if call is None:
            held = (h for one in conversation.talkers if one is not connection for h in one.device.held)
            call = next((one.conversation.call for one in held if one.conversation.call is not None), None)
        if agent is not None and call is not None and call.agent != agent.id and call.state == "talking":
            self._centre.pop_ups.show_too(call, agent)

    def settled(self, devices: Iterable[Device], gone: Mapping[Call, str]) -> None:
        """A turn is over. Nobody is promised to an agent between the end of a talk and the telephone's own state."""
        with self._centre.acd.turn():
            for call, cause in gone.items():
                self._caller_gone(call, cause)
            self.agents.follow(devices)
        self.verbs.waiting.look(devices)
        self._following.look(devices)

    def _caller_gone(self, call: Call, cause: str) -> None:
        """From the VRU, or while an agent's telephone rings; from a talk: step 9, our own record."""
        if call.state != "talking" or call.talk_s is None:
            self._centre.conduct.caller_gone(call, cause)
            return
        talked_s = self._centre.clock.seconds() - call.talk_s
        self._centre.steps.step_9_record(TalkRecord(call, call.extension, talked_s, cause))

    def of(self, call: Call) -> Conversation | None:
        """The conversation that carries a caller."""
        return next((one for one in self.switch.conversations if one.call is call), None)

    # verbs

    def verb(self, agent: str, verb: str, to: str | None) -> Mapping[str, Any]:
        """An agent asks by the desk. VerbRefused says why not."""
        centre = self._centre
        found = centre.acd.agent(agent)
        seat = self.switch.seats.get(found.extension or "")
        if seat is None:
            raise WrongState(f"agent {agent} is at no telephone of ours: log in at a seat")
        return self.verbs.do(Asker(seat, agent, self._roles.get(agent, "agent"), "desk"), verb, to)

    def asker(self, seat: Seat) -> Asker:
        """Who types on a telephone: whoever is logged in there."""
        agent = self._centre.acd.at_extension(seat.name)
        if agent is None or agent.declared == "logged_off":
            return Asker(seat, None, "agent", "telephone")
        return Asker(seat, agent.id, self._roles.get(agent.id, "agent"), "telephone")

    def said(self, seat: Seat, word: str) -> bool:
        """By star code, at the telephone where the agent is logged in."""
        agent, acd = self.asker(seat).agent, self._centre.acd
        if agent is None:
            return False
        words: dict[str, Callable[[], object]] = {
            "ready": lambda: acd.ready(agent),
            "not_ready": lambda: acd.not_ready(agent, "telephone"),
            "wrap_up_done": lambda: acd.wrap_up_done(agent),
            "logout": lambda: acd.logout(agent),
        }
        words[word]()
        return True

    def _same_group(self, one: str, other: str) -> bool:
        agents = [self._centre.acd.at_extension(extension) for extension in (one, other)]
        groups = [set(agent.group_names) if agent is not None else set() for agent in agents]
        return bool(groups[0] & groups[1])

    def _told(self, asker: Asker, verb: str, to: str | None, call: Call | None) -> None:
        """Into the journal, of the call that it was done with."""
        data: dict[str, Any] = {"verb": verb, "to": to, "device": asker.seat.name, "by": asker.source}
        self._centre.event(call, "verb", "desk" if asker.source == "desk" else "switch", agent=asker.agent, **data)

    def _outside(self, number: str, seat: Seat) -> CallOut:
        """By the right of who sits there; emergency numbers always."""
        agent = self._centre.acd.at_extension(seat.name)
        profile = self._profiles.get(agent.id) if agent is not None and agent.declared != "logged_off" else None
        return self.routes.call(number, self.routes.right(profile))

    # within

    def _agent_at(self, extension: str) -> str | None:
        agent = self._centre.acd.at_extension(extension)
        return agent.id if agent is not None else None

    def _sound(self, sound: Sound) -> list[PlayItem]:
        if sound == "music":
            music, _ = self._centre.prompts.music()
            return [music]
        return [self._tones.item(sound)]

    def _lamp(self, telephone: str, on: bool) -> None:
        seat = self.switch.seats.get(telephone)
        if seat is not None and "lamp" in seat.port.capabilities:
            seat.port.lamp(on)

    def _trouble(self, seat: Seat, what: str, raised: bool) -> None:
        text = {
            "off_hook": f"the telephone {seat.name} is not hung up",
            "alarm": f"seat {seat.name}: " + (", ".join(seat.alarms) or "in order again"),
        }[what]
        self._centre.set_alarm(f"seat_{what}_{seat.name}", raised, text)
        agent = self._centre.acd.at_extension(seat.name)
        if agent is not None and raised and what == "off_hook":
            self._centre.desks.notify(agent.id, "alarm", {"what": "off_hook", "text": text})
        self.agents.follow([seat])

    # what operations see

    def open_talks(self) -> int:
        """Conversations with callers."""
        return sum(one.call is not None for one in self.switch.conversations)

    def call_at(self, line: Line) -> Call | None:
        """Of a trunk's call."""
        end = line.end if isinstance(line, ChannelLine) else line
        return end.record if isinstance(end, TrunkEnd) else None

    def status(self) -> Mapping[str, Any]:
        """Seats and conversations."""
        seats = [
            {
                "seat": seat.name,
                "off_hook": seat.off_hook,
                "alarms": list(seat.alarms),
                "connections": {one.conversation.id: one.state for one in seat.connections},
            }
            for seat in self.switch.seats.values()
        ]
        return {"links": [], "pbx_clock_s": None, "seats": seats}

    def links_up(self) -> Mapping[str, bool]:
        """No serial lines."""
        return {}

    def call_port(self, line: Line) -> Deferred[str]:
        """Our own office would have to call itself."""
        raise TipringError(f"port {line.extension}: calls come over trunks here; call in from outside")

    def telephone_lifted(self, extension: str, how: str) -> bool:
        """The telephone says so itself."""
        return False

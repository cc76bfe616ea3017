"""Our own cards are the switch: callers come on trunks, agents' telephones are seats, the record is our own.

Joins what only such a site has: who calls (the trunks' signalling), the switch (cti.switch.on_card), what its
connections say of the agents, and the record of each talk. Serves steps 1 to 4, 7 and 9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from cti.arrivals.numbers import Numbers
from cti.call import Call
from cti.errors import TipringError
from cti.recordings.following import Following
from cti.recordings.recordings import Recordings
from cti.records.outcome import Outcome
from cti.sides.lamps import Lamps
from cti.sides.side import Line, Record
from cti.switch.agents import AgentLines
from cti.switch.arrivals import TrunkArrivals
from cti.switch.calling import Reach
from cti.switch.calls_out import CallsOut
from cti.switch.channel import ChannelLine
from cti.switch.connection import Connection
from cti.switch.conversation import Conversation
from cti.switch.device import Device, TrunkEnd
from cti.switch.errors import UnknownNumber
from cti.switch.hearing import Hearing, Sound
from cti.switch.interface import TransferResult
from cti.switch.mobile_seat import MobileSeat
from cti.switch.on_card import OnCard
from cti.switch.own_records import OwnRecords
from cti.switch.preemption import Preemption
from cti.switch.record import TalkRecord
from cti.switch.seat import CardSeat, Seat
from cti.switch.seating import Seating
from cti.switch.telephone import TelephoneMoves
from cti.switch.telling import Telling
from cti.switch.verbs import Verbs
from cti.switch.verbs.handing import wanted_group
from cti.talks.talks import Ambiguous, Match
from cti.trunks.routes import Routes
from cti.trunks.signals import Signals
from drivers.items import PlayItem
from drivers.port import Port
from drivers.signalling.causes import PREEMPTED
from drivers.signalling.interface import Trunk
from drivers.tones import TonePlan

if TYPE_CHECKING:
    from cti.acd.agent import Agent
    from cti.centre import Centre
    from cti.site.seats import SeatRow


@dataclass(frozen=True, slots=True)
class CardWiring:
    """What differs between real and simulated time. ``seats``: extension and port."""

    trunks: Sequence[Trunk]
    routes: Routes
    seats: Sequence[tuple[str, Port]]
    tones: TonePlan


class CardSide:
    """See cti.sides.side.Side; and the switch's owner (cti.switch.turns.SwitchOwner)."""

    gone_in_transfer: Outcome = "abandoned_queue"  # the caller only waited

    def __init__(self, centre: Centre, wiring: CardWiring) -> None:
        self._centre = centre
        self._tones = wiring.tones
        self.trunks: Sequence[Trunk] = wiring.trunks
        self.routes = wiring.routes
        self.signals = Signals(centre.clock, centre.site.trunks)
        self.switch = OnCard(centre.clock, Hearing(self._sound, self._notice_over), self)
        self.arrivals = TrunkArrivals(centre, self.switch, self.signals)
        self.routes.seized = CallsOut(centre.records, self.switch, self.signals).seized
        self.telling, self.agents = Telling(centre), AgentLines(centre.acd, centre.calls, self._rings_elsewhere)
        self.seating = Seating(centre.site, centre.acd, self.switch, self.routes, centre.telephones)
        reach = Reach(self.switch, self.seating.outside)
        reach.check_outside = self.seating.check_outside
        self.verbs = Verbs(self.switch, reach, self.telling.verb)
        self.verbs.others.same_group = self.seating.same_group
        self.verbs.handing.to_queue = self._to_queue
        self.preemption = Preemption(
            self.switch,
            self.routes,
            self.seating.outside,
            reach.join,
            self._farewell,
            lambda text: centre.alarm("preempted", text, "switch"),
            centre.site.preempt,
        )
        reach.preempt = self.preemption.begin
        self.moves = TelephoneMoves(
            self.switch, self.verbs, self.seating, self._trouble, centre.site.star_codes.table()
        )
        self.switch.seats.update(self._seats(wiring))
        centre.acd.seats = self.switch.seats
        self.lines: Sequence[Line] = [
            ChannelLine(trunk, slot, port, self.switch.trunks)
            for trunk in self.trunks
            for slot, port in (trunk.span.channels.items() if trunk.span is not None else ())
        ]
        self.lamps = Lamps(centre.site.groups, centre.site.agents, self._lamp, kept=centre.site.state / "lamps.json")
        site = centre.site
        self.recordings = Recordings(
            centre.clock, centre.records, site.recording, site.recordings, site.zone, centre.set_alarm
        )
        self._own_records = OwnRecords(centre.records, self.seating.name_at)
        self._following = Following(self.recordings, self.seating.name_at)

    # life

    def start(self) -> None:
        """Seats are heard, trunks offer calls; recordings that a crash left open are mended."""
        self.recordings.start()
        for seat in self.switch.seats.values():
            seat.start()
        for trunk in self.trunks:
            trunk.offered, trunk.failed = self.arrivals.offered, self.arrivals.failed

    def stop(self) -> None:
        """No new calls; every conversation ends."""
        for trunk in self.trunks:
            trunk.offered = None
        self.arrivals.close()
        self.preemption.close()
        self.moves.close()
        self.switch.close()
        for trunk in self.trunks:
            trunk.close()
            trunk.failed = None
        self._own_records.close()
        self.recordings.stop()

    def close(self) -> None:
        """Our own records wait for nothing."""

    def flush(self) -> None:
        """The signals of calls, as far as they have come."""
        self.signals.close()

    # steps 1 to 4

    def learned(self, call: Call, numbers: Numbers) -> bool:
        """The signalling says it once."""
        return self.arrivals.learned(call, numbers)

    # the VRU's part

    async def lifted(self, call: Call) -> bool:
        """The trunk is answered; the signalling watches for the hang-up."""
        end = call.line
        if not isinstance(end, TrunkEnd) or end.call.state == "cleared":
            return False
        if end.call.state != "answered":  # who is given back by an agent is
            end.call.answer()
        end.port.detect("dtmf", "voice", duck=True)
        return call.line is end

    async def gone(self, call: Call, agent: Agent) -> str:
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
        """The switch knows who talks with whom. The caller is told the agent's number, where the group wants that."""
        group, conversation = self._centre.site.group(call.group or ""), self.of(call)
        caller = conversation.of(conversation.caller) if conversation is not None and conversation.caller else None
        if group is not None and group.agent_number and (call.agent or "").isdigit() and caller is not None:
            self.switch.sound(caller, "notice")
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

    def settle(self, record: Record, match: Match | Ambiguous | None) -> None:
        """The agent is free."""
        assert isinstance(record, TalkRecord)
        centre, call = self._centre, record.call
        cause = record.ended_by if _preempted(record.ended_by) else "switch"
        if call.agent is None or not centre.acd.line(call.agent, "idle", cause, call=call.id, source="switch"):
            centre.conduct.talk_over(call, record.ended_by)

    def forget(self, call: Call) -> None:
        """The conversation ends by itself; nobody comes back to the queue."""
        self._centre.acd.remove(call.id, "over")

    # the switch tells

    def event(self, kind: str, connection: Connection, cause: str) -> None:
        """To the journal and the desks."""
        self._own_records.event(kind, connection, cause)
        self.telling.event(kind, connection, cause)

    def settled(self, devices: Iterable[Device], gone: Mapping[Call, str]) -> None:
        """A turn is over. Nobody is promised to an agent between the end of a talk and the telephone's own state."""
        with self._centre.acd.turn():
            for call, cause in gone.items():
                self._caller_gone(call, cause)
            self.agents.follow(devices)
        self.verbs.waiting.look(devices)
        self.moves.look(devices)
        self._limit(devices)
        self._own_records.look(devices)
        self._following.look(devices)

    def _rings_elsewhere(self, call: Call, before: Agent, after: Agent) -> None:
        """The one agent's screen, and the other's."""
        self._centre.pop_ups.withdraw(call, before)
        self._centre.pop_ups.show_too(call, after)

    def _limit(self, devices: Iterable[Device]) -> None:
        """A conversation of trunks alone, which nobody of ours hears, has the site's limit: a line may not say that it
        is over."""
        for connection in [one for device in devices for one in device.connections if one.state == "connected"]:
            talkers = connection.conversation.talkers
            alone = len(talkers) > 1 and all(isinstance(one.device, TrunkEnd) for one in talkers)
            if alone and connection.timer is None and not connection.conversation.vru:
                seconds = self._centre.site.limits.talk_s
                self.switch.limit(connection, seconds, partial(self.switch.clear, connection, "talk_limit"))

    def _caller_gone(self, call: Call, cause: str) -> None:
        """From the VRU, or while an agent's telephone rings; from a talk: step 9, our own record."""
        if _preempted(cause) and call.state != "talking":
            self._centre.conduct.finish(call, "gone", "failed", cause)
            return
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
        return self.verbs.do(self.seating.at_desk(agent), verb, to)

    def agent_changed(self, agent: Agent, cause: str) -> None:
        """Who logs in at a telephone that is in use gets callers as soon as it is hung up; who logs out needs none."""
        seat = self.switch.seats.get(agent.extension or "")
        if seat is None:
            return
        if agent.declared == "logged_off":
            seat.nobody_sits()
        elif cause == "login" and not seat.idle:
            self.agents.follow([seat])

    def has_screen(self, agent: str) -> None:
        """An off-hook telephone, or one out of order, is told: no callers come there."""
        seat = self.switch.seats.get(self._centre.acd.agent(agent).extension or "")
        if seat is not None and (seat.alarms or seat.ready_to_go_on):
            self.telling.no_callers(agent, seat)

    # within

    def _to_queue(self, call: Call, number: str | None) -> Callable[[], object]:
        """For an agent who gives a caller back."""
        group = wanted_group(self._centre.site, call, number)
        return lambda: self._given_back(call, group)

    def nobody_took(self, conversation: Conversation) -> bool:
        """Back to the queue from which the caller came, to the place of the arrival."""
        call = conversation.call
        if call is None or call.state != "talking":
            return False
        try:
            group = wanted_group(self._centre.site, call, None)
        except UnknownNumber:
            return False
        self.switch.back_to_vru(conversation)
        self._given_back(call, group)
        return True

    def _given_back(self, call: Call, group: str) -> None:
        """The VRU has the caller; the agent's handset, if it is still lifted, is in use."""
        centre, conversation = self._centre, self.of(call)
        seat = self.switch.seats.get(call.extension or "")
        agent = call.agent
        call.line = conversation.caller if conversation is not None else None
        with centre.acd.turn():
            centre.conduct.is_back(call, group)
            if agent is not None and seat is not None and seat.off_hook:
                centre.acd.line(agent, "talking", "telephone", source="switch")
        centre.conduct.serve_again(call, "given_back")

    def _seats(self, wiring: CardWiring) -> dict[str, Seat]:
        """Those on cards, and those reached over the routes, by the site's own right."""
        centre, cadence = self._centre, wiring.tones.ring_cadence_ms
        clock, site, say = centre.clock, centre.site, centre.prompts.say
        seats: dict[str, Seat] = {
            extension: CardSeat(clock, port, extension, cadence, site.zone, self.moves)
            for extension, port in wiring.seats
        }

        def kept(row: SeatRow) -> bool:
            agent = self.seating.agent_at(row.extension)
            return row.nailed_up and agent is not None and agent.declared != "logged_off"

        for row in (row for row in site.seats if row.numbers):
            seats[row.extension] = MobileSeat(
                clock,
                row.extension,
                row.numbers,
                self.moves,
                lambda number, shown: self.routes.call(number, "international", shown),
                ring=row.ring,
                nailed_up=partial(kept, row),
                question=(lambda: say("mobile_confirm", site.site.language)) if row.confirm else None,
            )
        return seats

    def _sound(self, sound: Sound, port: Port) -> list[PlayItem]:
        if sound == "music":
            music, _ = self._centre.prompts.music()
            return [music]
        if sound == "preempted":
            return [*self._centre.prompts.say("preempted", self._centre.site.site.language), self._tones.item("busy")]
        if sound == "notice":
            end = self.switch.trunks.get(port)
            call = end.record if end is not None else None
            if call is None or not (call.agent or "").isdigit():
                return []
            return self._centre.prompts.say("agent_number", call.language, agent=call.agent or "")
        return [self._tones.item(sound)]

    def _farewell(self, end: TrunkEnd) -> list[PlayItem]:
        language = end.record.language if end.record is not None else self._centre.site.site.language
        return self._centre.prompts.say("preempted", language)

    def _notice_over(self, port: Port) -> None:
        end = self.switch.trunks.get(port)
        present = end.present if end is not None else None
        if present is not None:
            self.switch.sound(present, None)

    def _lamp(self, telephone: str, on: bool) -> None:
        seat = self.switch.seats.get(telephone)
        if seat is not None:
            seat.lamp(on)

    def _trouble(self, seat: Seat, what: str, raised: bool) -> None:
        self.telling.trouble(seat, what, raised)
        self.agents.follow([seat])

    # what operations see

    def unfinished(self) -> int:
        """Recordings under way, or on their way to their day; calls whose last signals are still to come."""
        return len(self.recordings.under_way) + self.signals.waiting

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


def _preempted(cause: str) -> bool:
    """Was the channel taken for an emergency call (cti.switch.preemption)?"""
    return cause.startswith(f"{PREEMPTED.number} ")

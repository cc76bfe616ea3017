"""What the PBX's call records settle: who is free, how long they talked, and what could not be read (step 9).

Here the SMDR line ends. Every record goes into the journal, with its call where it is of one; a line that no form of
the dialect reads goes there too (`tipring pbx unread` lists them), never nowhere. A record that ends the talk under way
frees the agent; one that comes later mends the length of a talk whose end the desk's word, or a limit, had to tell. A
call that gets no record in time is marked so (`recorded: missing`) until one comes after all; one whose record may be
damaged, too (`recorded: doubtful`). A record that can be of several calls is nobody's.

Without a record the agent is freed by the desk's word, or asked at talk_s and freed ask_s later (cti.acd.truths); if
the next transfer finds the extension busy after such a guess, the guess is noted as wrong; the caller keeps the place.

Alarms: smdr_down and smdr_silent (cti.pbx.link), smdr_damaged (damage in several of the last lines; of a line that
names callers, in one: cti.arrivals.trust), smdr_late (records come long after the end of their calls), pbx_clock (a
jump of over a minute), smdr_stamp (cti.talks.stamps), smdr_unread (several lines in a row that no form reads:
cti.pbx.unread).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from cti.arrivals.former import MESSAGE_S
from cti.arrivals.numbers import agree
from cti.arrivals.trust import RecentDamage
from cti.call import Call
from cti.pbx.dialect import Dialect
from cti.pbx.doubts import Looks
from cti.pbx.link import PbxLink
from cti.pbx.parity import ParityCheck
from cti.pbx.pbx_clock import PbxClock
from cti.pbx.smdr import SmdrDecoder, SmdrItem, SmdrRecord, SmdrUnknown
from cti.pbx.unread import UnreadLines
from cti.talks.held import Held
from cti.talks.left_behind import left_behind
from cti.talks.stamps import MISREAD, Stamps
from cti.talks.talks import OFTEN, Ambiguous, Match, Talks
from cti.vru.line import VruLine

if TYPE_CHECKING:
    from cti.acd.agent import Agent
    from cti.centre import Centre
    from cti.sides.pbx_side import PbxSide, SerialWire

# Two lines printed for two events have more time between them than this beyond their own length.
BREATH_S: Final = 0.5
# A talk whose end was guessed, and at whose extension the next transfer met busy.
GUESSED: Final = ("talk_limit",)


class Settled:
    """The records of one PBX. link: the SMDR line, None without one."""

    def __init__(self, centre: Centre, side: PbxSide, dialect: Dialect, wire: SerialWire | None) -> None:
        self._centre, self._side = centre, side
        self._rules = dialect.smdr
        self._byte_s = 10 / wire.baud if wire is not None else 0.0
        self._trust = side.callers.trust["smdr"]
        own = {where.extension for where in centre.site.vru.all_ports()}
        kept = centre.site.state / "pbx_clock.json"
        self.pbx = PbxClock(centre.clock, centre.site.zone, lambda text: centre.alarm("pbx_clock", text, "smdr"), kept)
        kept = centre.site.state / "smdr_stamps.json"
        self._stamps = Stamps(centre.clock, lambda raised, text: centre.set_alarm("smdr_stamp", raised, text), kept)
        overdue = self._overdue if wire is not None else (lambda call: None)
        self.talks = Talks(centre.clock, self._rules.legs, self.pbx, own, overdue, self._on_port)
        self._unread = UnreadLines(dialect.name, centre.records.outside, self.pbx.now, self._unread_alarm)
        parity = wire is not None and ParityCheck(wire.bits, wire.parity).checks
        self._checked = parity or "stx_etx_bcc" in self._rules.terminators
        self._damage, self._looks = RecentDamage(self._damaged), Looks(self._rules.encoding == "ascii")
        self._last_s = float("-inf")  # when a line came last
        self._held = Held(centre.clock, self._dated, self._breath_s, lambda *whole: centre.steps.step_9_record(*whole))
        self._guessed: dict[str, Call] = {}  # extension -> the call whose end there was guessed
        self._closed = self._late = False
        self._link_alarm = side.link_alarm("smdr")
        self.link: PbxLink[SmdrItem] | None = None
        if wire is not None:
            self.link = PbxLink(
                centre.clock,
                wire.opener,
                SmdrDecoder(dialect, self.pbx.now, strip_bit7=wire.bits == 7),
                self.take,
                self._link_changed,
                name="smdr",
                baud=wire.baud,
                parity=ParityCheck(wire.bits, wire.parity),
                on_damage=self._trust.damaged,
                silence_s=self._rules.silence_s,
            )

    def start(self) -> None:
        """Opens the line. Calls of the run before that have no record yet, and say nothing of it, are marked; a record
        that the PBX has kept meanwhile finds them all the same."""
        if self.link is None:
            return
        legs = {row.id: left_behind(row, self._centre.clock) for row in self._centre.records.owed}
        self.talks.remember(leg for leg in legs.values() if leg is not None)
        for row in self._centre.records.owed:
            if row.recorded is None:
                self._centre.records.event(row.id, "unrecorded", "inferred", why="the server stopped before it came")
        self.link.start()

    def close(self) -> None:
        """The server stops: calls that still wait for their record are marked."""
        self._held.let_go()
        self._closed = True
        for call in self.talks.close():
            if self.link is not None and 9 not in call.steps:
                self._centre.event(call, "unrecorded", "inferred", why="the server stops")

    # from the line

    @property
    def believed(self) -> bool:
        """Does the line not show damage again and again? Where it has parity or check characters, what is damaged is
        seen."""
        return self._checked or not self._damage.often

    def take(self, item: SmdrItem) -> None:
        """A line was read, or could not be."""
        is_second = self._held.line(item)
        if isinstance(item, SmdrUnknown):
            self._cannot_read(item)
            return
        self._came(item.doubt is not None)
        if item.doubt is None:
            self._trust.sound()
            self._looks.record(item.raw)
        else:
            self._trust.damaged()
        if not item.mended or self._ours(item.extension):
            self._unread.read()
        alone = self._alone(item) and not item.waited
        if item.event == "end":
            if alone and item.end is not None:
                self.pbx.heard(item.end, item.resolution_s)
                self._stamps.heard(item)
            elif item.doubt is None and self._stamps.wrong(item):
                item = replace(item, doubt=MISREAD)
            self._held.take(item, alone)
            return
        if is_second:
            return
        self._history(None, item)
        if item.event == "ring" and not item.mended and not self._old(item, alone):  # mended: may name another number
            self._side.callers.record_at_ring(item)
        elif item.event == "answer" and item.extension and item.doubt is None:
            self._side.transfers.agent_lifted(item.extension, "record")

    def _say_late(self) -> None:
        """Records come late, all of them: agents are freed by their own word, or late."""
        late_s = self.pbx.late_s
        if bool(late_s) is not self._late:
            self._late = bool(late_s)
            came = f"{late_s:.0f} s after the end of their calls" if late_s else "at once again"
            self._centre.set_alarm("smdr_late", self._late, f"the PBX's records come {came}")

    def settle(self, record: SmdrRecord, match: Match | Ambiguous | None) -> None:
        """Into the history; where it ends a conversation under way, the agent is free."""
        self._say_late()
        if isinstance(match, Ambiguous):
            for call in match.calls:
                call.contested = True
            self._history(None, record, between=[call.id for call in match.calls])
            return
        if match is None:
            self._history(None, record)
            self._ended_on_our_port(record)
            when, clock = self.talks.interval(record), self._centre.clock
            began = clock.now() - timedelta(seconds=clock.seconds() - when.start_s) if when is not None else None
            self._side.own_calls.record(record, began)
            return
        call = match.call
        if not match.completes:
            self._history(call, record, leg="vru", doubt=match.doubt)
            self._our_leg(call, record)
            return
        if match.doubt is None and not match.confirmed and not self._checked:
            self._damage.believed(call)
        if not match.ends_talk:
            self._history(call, record, match.talk_s, doubt=match.doubt)
            self._after_all(call, record)
            return
        self._history(call, record, doubt=match.doubt)
        if not self._side.transfers.given_now(call, lambda: self._talked(call, record, match.talk_s)):
            self._talked(call, record, match.talk_s)

    def _talked(self, call: Call, record: SmdrRecord, talk_s: float | None) -> None:
        """The talk under way is over: the agent is free."""
        centre = self._centre
        if call.state != "talking":
            return
        call.unanswered = call.blind and record.answered is False
        call.talked_s = talk_s
        agent = call.agent
        if agent is None or not centre.acd.line(agent, "idle", "smdr", call=call.id, source="smdr"):
            centre.conduct.talk_over(call, "smdr")  # the ACD let the caller go before the agent answered
            if agent is not None and centre.acd.agent(agent).call is None:
                centre.acd.line(agent, "idle", "smdr", source="smdr")

    # from the calls

    def left_port(self, extension: str, call: Call, *, completes: bool) -> None:
        """A call has left our port, for an agent or for good: its record will come, or has come already. One whose
        message is closed as the server stops is marked at once."""
        if self._closed:
            if self.link is not None and call.answered_s is not None and 9 not in call.steps:
                self._centre.event(call, "unrecorded", "inferred", why="the server stops")
            return
        record = self.talks.owe(extension, call, completes=completes and call.answered_s is not None)
        if record is not None:
            self._early(call, record, completes)
        elif call.answered_s is not None and (completes or self._rules.legs != "whole_call"):
            self._expect()

    def talk_over(self, call: Call, cause: str) -> None:
        """The talk with an agent is over, by whatever evidence."""
        assert call.extension is not None
        self.talks.end(call.extension, call)
        if call.talk_s is not None:
            call.measured_s = self._centre.clock.seconds() - call.talk_s
        if cause in GUESSED:
            self._guessed[call.extension] = call
        if 9 in call.steps:
            return
        if call.outcome == "lost_in_transfer":
            self._centre.mark(call, 9, "smdr")  # by the record of our own port's part
        record = self.talks.owe(call.extension, call, agents=True, guessed=cause in GUESSED)
        if record is not None:
            self._early(call, record, completes=True)
        else:
            self._expect()

    def caller_left(self, call: Call) -> bool:
        """Did the PBX's record of this call come already, while our port has not yet heard the end?"""
        assert isinstance(call.line, VruLine)
        return self.talks.gone_already(call.line.extension, call, call.line.supervision.key_s)

    def reached(self, agent: Agent, *, busy: bool) -> None:
        """A transfer tried the agent's extension. Busy after a guess: the guess was wrong, the talk goes on."""
        call = self._guessed.pop(agent.extension or "", None)
        if call is not None and busy:
            text = f"extension {agent.extension} is still busy: the talk was not over at the limit"
            self._centre.event(call, "alarm", "port", agent=agent.id, what="still_busy", text=text)
            self._centre.log.warning(text, alarm="still_busy", call=call.id)
            self._centre.metrics.alarm("still_busy")

    # within

    def _expect(self) -> None:
        if self.link is not None:
            self.link.expect()

    def _old(self, record: SmdrRecord, alone: bool) -> bool:
        """Is it out of a buffer? What rang then rings no more. By itself it may be late for another reason."""
        when = self.talks.interval(record, self._centre.clock.seconds() if alone else None)
        late_s = self._centre.clock.seconds() - when.end_s if when is not None else 0.0
        return when is not None and late_s > (MESSAGE_S if alone else when.within)

    def _alone(self, record: SmdrRecord) -> bool:
        """Did it not come right behind the line before it, as from a buffer?"""
        now = self._centre.clock.seconds()
        alone = now - self._last_s > self._breath_s(record)
        self._last_s = now
        return alone

    def _breath_s(self, record: SmdrRecord) -> float:
        return 2 * len(record.raw) * self._byte_s + BREATH_S

    def _dated(self, record: SmdrRecord) -> bool:
        return self.talks.interval(record) is not None

    def _link_changed(self, what: str, raised: bool, text: str) -> None:
        if what in ("down", "silent") and not raised:
            self._last_s = self._centre.clock.seconds()  # what comes now may have waited
        self._link_alarm(what, raised, text)

    def _cannot_read(self, item: SmdrUnknown) -> None:
        centre = self._centre
        self._last_s = centre.clock.seconds()
        if self.link is not None:
            self.link.unread += 1
        self._trust.damaged()
        self._came(item.broken or self._looks.damaged(item.raw))
        centre.event(None, "smdr_unread", "smdr", raw=item.raw, reason=item.reason, line=item.line_no)
        centre.log.warning(f"smdr: {item.reason}", link="smdr", line=item.line_no, raw=item.raw)
        centre.metrics.garbage("smdr", 1)
        self._unread.unread(item.raw, endless=item.endless)

    def _came(self, damaged: bool) -> None:
        """A line, and whether it shows damage."""
        for call in self._damage.line(damaged):
            assert isinstance(call, Call)
            self._centre.event(call, "doubted", "smdr", why=OFTEN)

    def _damaged(self, raised: bool, text: str) -> None:
        if not self._side.callers.numbers.listens("smdr"):  # else the first damaged byte has told it
            self._centre.set_alarm("smdr_damaged", raised, text)

    def _unread_alarm(self, raised: bool, text: str) -> None:
        self._centre.set_alarm("smdr_unread", raised, text)

    def _overdue(self, call: Call) -> None:
        if 9 in call.steps:
            return
        why = "the line is down" if self.link is not None and not self.link.up else "none came"
        if call.contested:
            why = "one came that can be of another call as well"
        self._centre.event(call, "unrecorded", "inferred", why=why)
        self._centre.metrics.unrecorded()

    def _early(self, call: Call, record: SmdrRecord, completes: bool) -> None:
        """A record that came before we noticed that its call was over."""
        if completes:
            self._centre.mark(call, 9, "smdr")
            self._history(call, record, doubt=record.doubt or (None if self.believed else OFTEN))
        else:
            self._history(call, record, leg="vru")
            self._our_leg(call, record)

    def _our_leg(self, call: Call, record: SmdrRecord) -> None:
        """The record of our port's part in a call that an agent has taken: did the caller come along?"""
        known = agree(call.ani, record.number)
        call.unmarked = self._rules.marks_transfers and known and not (record.transferred or record.condition)
        if call.unmarked and call.ended and 9 not in call.steps and call.outcome == "answered":
            self._centre.mark(call, 9, "smdr")
            self._corrected(call, "lost_in_transfer", "the PBX's record says that the call ended at the VRU")

    def _after_all(self, call: Call, record: SmdrRecord) -> None:
        """The agent's record, after other evidence had ended the talk."""
        if call.outcome == "lost_in_transfer" and call.unmarked and record.answered:
            self._corrected(call, "answered", "the PBX's record says that the agent had the call")
        when, extension = self.talks.interval(record), record.extension or ""
        self._guessed.pop(extension, None)
        agent = self._centre.acd.at_extension(extension)
        if agent is None or agent.cause != "busy" or agent.call is not None or agent.line != "unknown":
            return
        if when is not None and when.end_s - when.within > agent.since_s:  # the busy call was this one, and is over
            self._centre.acd.line(agent, "idle", "smdr", source="smdr")

    def _corrected(self, call: Call, outcome: str, cause: str) -> None:
        call.outcome, call.cause = outcome, cause
        self._centre.event(call, "outcome", "smdr", outcome=outcome, cause=cause)
        self._centre.log.info("outcome corrected", call=call.id, outcome=outcome, cause=cause)

    def _ended_on_our_port(self, record: SmdrRecord) -> None:
        """While a transfer is under way our flash hides what the line would tell: the PBX took it for on-hook, or the
        caller hung up that moment. A record of this call says that the caller is gone."""
        extension = record.extension or ""
        call = self._on_port(extension)
        if call is not None and call.state == "transferring" and self.talks.gone_already(extension, call):
            self._side.transfers.record_says_gone(call, record)

    def _ours(self, extension: str | None) -> bool:
        """A port or an agent's telephone. What was cut out of a line for another one may have been no record."""
        ports = (line.extension for line in self._side.lines)
        return extension is not None and (extension in ports or self._centre.acd.at_extension(extension) is not None)

    def _on_port(self, extension: str) -> Call | None:
        line = next((line for line in self._side.lines if line.extension == extension), None)
        return self._side.arrivals.call_at(line) if line is not None else None

    def _history(self, call: Call | None, record: SmdrRecord, talk_s: float | None = None, **given: Any) -> None:
        """talk_s: the record came after the end of the talk, and tells its length. given: what else is to be told."""
        more = {name: value for name, value in given.items() if value is not None}
        fields = {
            "extension": record.extension,
            "trunk": record.trunk,
            "number": record.number,
            "duration_s": record.duration_s,
            "direction": record.direction,
            **({"condition": record.condition} if record.condition is not None else {}),
            **record.fields,
        }
        if call is not None and talk_s is not None and call.measured_s is not None:
            more |= {"talk_s": round(talk_s, 1), "instead_of": round(call.measured_s, 3)}
        self._centre.event(call, "smdr", "smdr", raw=record.raw, fields=fields, **more)

"""Brings together what is known of an arriving call: the ring on a port, the PBX's message, in-band caller ID.

They come in any order and any of them may be late, missing or said twice. Whose is a message?

- of the call on its line that has none yet, unless the numbers say that it is late and of the call before;
- said again with the same numbers: of the same call, and no news;
- of a call that was taken without one and has left the line (to an agent, or for good) within the last MESSAGE_S: told
  to that call, late, when the numbers agree; where nothing tells, after DOUBT_S without a ring on that line;
- else of the call that will ring there: held, or the call is opened by it; MESSAGE_S without a ring end that.

A message that may be of a call that has left the line, as it came before the ring, or waited longer than LONG_S for
it, or the former call rang within LATEST_S and nothing was said of it, makes nobody certain (`place_guessed`); where
another one comes for the same line within LONG_S of the ring, that one is of the call there, and the first was the
former's.

A call without a message or a whole in-band ID is answered after the site's ``ani_wait``, counted from the first ring;
so is one whose message is doubted (cti.arrivals.numbers), as the in-band ID may confirm it. A ring on a line that a
transfer left may be the PBX's recall: the message, the in-band number, or their absence for ``ani_wait`` decides. One
message a line is held; another one replaces it with an alarm. A message that names no line is of the only one that
rings without a message, if there is exactly one. A serial line that brings damaged bytes opens no call by its word
alone. Serves steps 1 to 4; the steps themselves are in cti.nine_steps, which number counts is in cti.arrivals.numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cti.arrivals.former import MESSAGE_S, Formers, is_meant
from cti.arrivals.interface import Service, Steps
from cti.arrivals.numbers import DnisRules, Numbers, agree
from cti.arrivals.port_map import PortMap
from cti.call import Call, Source
from cti.pbx.announcement import SERIAL, Announcement
from cti.vru.line import VruLine
from drivers.callerid import CallerIdFields, decode
from drivers.clock import Clock, DelayedCall
from drivers.errors import CallerIdError
from drivers.events import CallerId

# A message on a quiet line may be the next call's, which rings within this time, or else is the former call's.
DOUBT_S = 3.0
# Message and ring of one call are hardly further apart than this.
LONG_S = 5.0
# In-band ID before the first ring (DTMF, GB/T and ETSI) is followed by the ring within this time.
ID_RING_S = 10.0


@dataclass(slots=True)
class _Held:
    """A message that waits for its ring. former: who may be meant in place of the next caller."""

    message: Announcement
    timer: DelayedCall | None
    since_s: float
    former: Call | None = None


class Arrivals:
    """The lines' owner: of each until its call is answered, and of its signs afterwards."""

    def __init__(
        self,
        clock: Clock,
        lines: Sequence[VruLine],
        steps: Steps,
        service: Service,
        *,
        ani_wait_s: float,
        dnis: DnisRules,
        port_map: PortMap,
        alarm: Callable[[str, str], object],
        in_band: bool = True,
        damaged: Callable[[Source], bool] = lambda source: False,
    ) -> None:
        """``alarm(name, text)``: something that a person should look at. ``in_band``: does caller ID on the port
        count? ``damaged``: does the serial line of this source bring damaged bytes now?"""
        self._clock = clock
        self._steps, self._service = steps, service
        self._ani_wait_s = ani_wait_s
        self._dnis, self._map, self._alarm, self._in_band = dnis, port_map, alarm, in_band
        self._damaged = damaged
        self._by_name = {(line.desk, line.line): line for line in lines if line.desk is not None}
        self._by_extension = {line.extension: line for line in lines}
        self._calls: dict[VruLine, Call] = {}
        self._held: dict[VruLine, _Held] = {}
        self._of_either: dict[Call, _Held] = {}  # calls that were given a message which may be another's
        self._timers: dict[Call, DelayedCall] = {}
        self._formers = Formers(clock)
        self._foretold: dict[VruLine, tuple[float, CallerIdFields, str]] = {}  # numbers before a ring, of recalls
        self._undecided: dict[VruLine, DelayedCall] = {}  # rings that may be recalls

    def close(self) -> None:
        """Forgets everything that waits."""
        timers = [held.timer for held in self._held.values() if held.timer is not None]
        for timer in (*timers, *self._timers.values(), *self._undecided.values()):
            if timer.active():
                timer.cancel()
        self._held.clear()
        self._of_either.clear()
        self._timers.clear()
        self._undecided.clear()
        self._formers.clear()
        self._map.close()

    def call_at(self, line: VruLine) -> Call | None:
        """The call on a line, from its first sign until it leaves the line."""
        return self._calls.get(line)

    def left(self, line: VruLine, call: Call) -> bool:
        """The call is no longer on the line; a message for it may still come. False: it was not there any more."""
        self._stop_timer(call)
        self._of_either.pop(call, None)
        if self._calls.get(line) is not call:
            return False
        del self._calls[line]
        self._formers.left(line, call)
        return True

    def took(self, line: VruLine, call: Call) -> None:
        """A known call is on this line (again)."""
        self._calls[line] = call

    # from the line

    def line_rings(self, line: VruLine) -> None:
        """The first burst of ringing."""
        call = self._calls.get(line)
        if call is not None and call.state != "arriving":  # its end is under way; this is somebody else
            del self._calls[line]
            call = None
        if call is not None:
            call.rang_s = self._clock.seconds()
            self._stop_timer(call)
            self._map.met(line) if call.announced else self._map.ring(line)
            ready = call.told.called and not self._may_confirm(call)
            self._answer(call) if ready else self._start_timer(call, self._ani_wait_s, self._answer)
            return
        held = self._drop(line)
        if held is not None:
            doubtful = held.former is not None or self._clock.seconds() - held.since_s > LONG_S
            self._decide(line, held.message, None, held=held if doubtful else None)
        elif told := self._just_foretold(line):
            self._decide(line, None, *told)
        elif self._service.recall_expected(line):
            self._undecided[line] = self._clock.callLater(self._ani_wait_s, self._nothing_told, line)
        else:
            call = self._rings(line)
            if call is not None:
                self._start_timer(call, self._ani_wait_s, self._answer)

    def line_stopped_ringing(self, line: VruLine) -> None:
        """The caller gave up before we answered, or the line went out of order."""
        if self._settle(line):
            if self._service.recall_stopped(line):
                return
            self._rings(line)  # somebody else, who rang and left
        call = self._calls.get(line)
        if call is not None:
            self._gone(call)

    def line_has_caller_id(self, line: VruLine, event: CallerId) -> None:
        """A whole in-band caller ID; one with a bad checksum, or that cannot be read, says nothing."""
        fields = _read(event) if self._in_band else None
        if fields is None:
            return
        if self._settle(line):
            self._decide(line, None, fields, event.form)
            return
        call = self._calls.get(line)
        if call is not None and call.rang_s is None and self._is_anothers(call, fields):
            self._gone(call)
            self._calls.pop(line, None)
            call = None
        if call is None:
            if self._service.recalled(line, None, fields.number or "") is not None:
                self._foretold[line] = self._clock.seconds(), fields, event.form  # the ring will follow
                return
            call = self._open(line, "port")
            if call is None:
                return
            self._start_timer(call, ID_RING_S, self._gone)
        self._told_in_band(call, fields, event.form)

    def _is_anothers(self, call: Call, fields: CallerIdFields) -> bool:
        """A second number before any ring: who gave the first has hung up, and this is the next caller's."""
        said = call.said.get("port")
        return said is not None and bool(fields.number) and not agree(said.ani, fields.number)

    def line_lost_caller(self, line: VruLine, how: str) -> None:
        """The far end has hung up, or the line is out of order."""
        call = self._calls.get(line)
        if call is not None:
            self._service.caller_gone(call, how)
        else:
            self.line_stopped_ringing(line)

    # from the PBX

    def pbx_says(self, message: Announcement) -> None:
        """A message: for the call that rings on its line, for one that will, or for one that did."""
        line, guessed = self._place(message)
        if line is None:
            return
        if self._settle(line):
            self._decide(line, message, None)
            return
        call, former = self._calls.get(line), self._formers.of(line)
        if call is not None and message.source not in call.announced_by:
            if former is not None and is_meant(former, call, message):
                self._late(line, former, message)
            else:
                if former is not None and self._formers.may_be_meant(former, message):
                    self._of_either[call] = _Held(message, None, self._clock.seconds(), former)
                    self._map.met(line)
                    guessed = True
                self._told(call, line, message, guessed)
        elif call is not None and self._is_the_second(call, message):
            self._own_after_all(call, line, message)
        elif call is not None and self._said_before(call, line, message):
            self._steps.step_2_numbers(call, self._numbers(line, message))
        elif former is not None and agree(former.ani, message.calling):
            self._late(line, former, message)
        elif call is not None or line.state not in ("idle", "guard") or self._service.recalled(line, message, None):
            self._hold(line, message, MESSAGE_S, self._expire)
            if line.state not in ("alarm", "blocked"):  # those may be rung as much as the PBX likes
                self._map.message(line)
        elif self._damaged(message.source):
            self._hold(line, message, MESSAGE_S, self._expire)
        elif former is not None and not (former.ani and message.calling) and not self._first_was_late(line, message):
            self._hold(line, message, DOUBT_S, self._late_after_all, former)
        else:
            call = self._open(line, message.source)
            if call is not None:
                self._start_timer(call, MESSAGE_S, self._gone)
                self._told(call, line, message)
                self._map.message(line)

    def pbx_sent(self, call: Call, line: VruLine, message: Announcement) -> None:
        """What the PBX sent in the voice path of a call that we have answered."""
        self._told(call, line, message)

    def _place(self, message: Announcement) -> tuple[VruLine | None, bool]:
        """The line that a message is about, and whether that is a guess; None: none of ours."""
        if message.desk is not None and message.line is not None:
            line = self._by_name.get((message.desk, message.line))
            if line is None:
                self._alarm("unknown_line", f"the PBX names {message.place}, which the site has not")
            return line, False
        if message.extension is not None:
            return self._by_extension.get(message.extension), False  # others' telephones are told of as well
        ringing = [line for line, call in self._calls.items() if line.ringing and not call.announced]
        return (ringing[0], True) if len(ringing) == 1 else (None, True)

    # whose is it?

    def _said_before(self, call: Call, line: VruLine, message: Announcement) -> bool:
        dnis, _ = self._dnis.of(message, line)
        said = call.said.get(message.source)
        ani = said.ani if said is not None else call.ani
        same_caller = not message.calling or not ani or agree(ani, message.calling)
        return same_caller and (dnis is None or call.dnis is None or dnis == call.dnis)

    def _late(self, line: VruLine, call: Call, message: Announcement) -> None:
        """The message of a call that has left the line: its record has the numbers all the same."""
        self._formers.told(line)
        if call.ended:
            self._alarm("message_too_late", f"the message for line {line.line} came after the end of its call")
        self._told(call, line, message)

    def _late_after_all(self, line: VruLine) -> None:
        held = self._held.pop(line)
        assert held.former is not None
        self._late(line, held.former, held.message)

    def _first_was_late(self, line: VruLine, message: Announcement) -> bool:
        """Does another message wait for a ring or for the former call's? Then that one is the former's, and this one
        the next caller's."""
        held = self._held.get(line)
        if held is None or held.former is None or held.message == message:
            return False
        self._drop(line)
        self._late(line, held.former, held.message)
        return True

    def _is_the_second(self, call: Call, message: Announcement) -> bool:
        """Was the call given a message that may be another's, and is this one about another caller?"""
        held = self._of_either.get(call)
        if held is None or held.message.source != message.source or call.rang_s is None:
            return False
        other = message.calling is not None and message.calling != held.message.calling
        return other and self._clock.seconds() - call.rang_s <= LONG_S

    def _own_after_all(self, call: Call, line: VruLine, message: Announcement) -> None:
        """This message is the call's own, and the one before was the former's."""
        held = self._of_either.pop(call)
        call.said.pop(message.source, None)
        call.dnis = None
        if held.former is not None:
            self._late(line, held.former, held.message)
        self._told(call, line, message)

    def _just_foretold(self, line: VruLine) -> tuple[CallerIdFields, str] | None:
        """A number that came before this ring, and is a recall's."""
        told_s, fields, form = self._foretold.pop(line, (float("-inf"), None, ""))
        return (fields, form) if fields is not None and self._clock.seconds() - told_s <= ID_RING_S else None

    def _settle(self, line: VruLine) -> bool:
        """Was it undecided whether the ring is a recall? It is being decided now."""
        timer = self._undecided.pop(line, None)
        if timer is not None and timer.active():
            timer.cancel()
        return timer is not None

    def _nothing_told(self, line: VruLine) -> None:
        del self._undecided[line]
        self._decide(line, None, None)

    def _decide(
        self,
        line: VruLine,
        message: Announcement | None,
        fields: CallerIdFields | None,
        form: str = "",
        held: _Held | None = None,
    ) -> None:
        """The line rings, and what could be waited for is there: a recall, or a call that arrives."""
        known = self._service.recalled(line, message, (fields.number or "") if fields is not None else None)
        if known is not None:
            if message is not None:
                self._map.met(line)
            self._service.resume(known, line)
            return
        call = self._rings(line)
        if call is None:
            return
        if message is not None:
            if held is not None:
                self._of_either[call] = held
            self._start_timer(call, self._ani_wait_s, self._answer)
            self._told(call, line, message, guessed=held is not None)
        elif fields is not None:
            self._told_in_band(call, fields, form)
        else:
            self._answer(call)

    def _rings(self, line: VruLine) -> Call | None:
        call = self._open(line, "port")
        if call is not None:
            call.rang_s = self._clock.seconds()
            self._map.ring(line)
        return call

    def _open(self, line: VruLine, source: Source) -> Call | None:
        call = self._steps.step_1_call_arrives(source)
        if call is None:
            return None
        self._calls[line] = call
        call.hunted = line
        self._steps.step_3_hunted_to(call, line, source)
        dnis, rank = self._dnis.of(None, line)
        if dnis is not None:
            self._steps.step_2_numbers(call, Numbers(None, dnis, "", source, rank))
        return call

    def _numbers(self, line: VruLine, message: Announcement, guessed: bool = False) -> Numbers:
        dnis, rank = self._dnis.of(message, line)
        form = "digits" if message.source == "dtmf" else message.source
        return Numbers(message.calling, dnis, form, message.source, rank, guessed)

    def _told(self, call: Call, line: VruLine, message: Announcement, guessed: bool = False) -> None:
        call.announced_by.add(message.source)
        if call.rang_s is not None and not guessed and message.source in SERIAL:
            self._map.met(line)
        self._steps.step_2_numbers(call, self._numbers(line, message, guessed))
        self._tell(call, message.source)

    def _told_in_band(self, call: Call, fields: CallerIdFields, form: str) -> None:
        self._steps.step_2_numbers(call, Numbers(fields.number, None, form, "port"))
        self._tell(call, "port")

    def _tell(self, call: Call, source: Source) -> None:
        self._steps.step_4_pbx_tells(call, source)
        if source != "port" and self._may_confirm(call):
            return
        if 4 in call.steps and not call.told.called:
            call.told.callback(None)
        if call.told.called and call.rang_s is not None:
            self._stop_timer(call)
            self._answer(call)

    def _may_confirm(self, call: Call) -> bool:
        """The caller ID on the line may still confirm a number that is doubted."""
        return call.ani_doubt is not None and self._in_band

    def _answer(self, call: Call) -> None:
        self._timers.pop(call, None)
        if call.state == "arriving":
            self._service.answer(call)

    def _gone(self, call: Call) -> None:
        """The ringing stopped, or never came."""
        said = "a message" if call.announced else "a number"
        self._service.caller_gone(call, "the ringing stopped" if call.rang_s is not None else f"{said} without a ring")

    def _hold(
        self,
        line: VruLine,
        message: Announcement,
        seconds: float,
        then: Callable[[VruLine], None],
        former: Call | None = None,
    ) -> None:
        old = self._drop(line)
        if old is not None and old.message != message:
            self._alarm("message_replaced", f"a second message for line {line.line} before the first one's ring")
        self._held[line] = _Held(message, self._clock.callLater(seconds, then, line), self._clock.seconds(), former)

    def _drop(self, line: VruLine) -> _Held | None:
        """Holds a message no longer."""
        held = self._held.pop(line, None)
        if held is not None:
            assert held.timer is not None
            held.timer.cancel()
        return held

    def _expire(self, line: VruLine) -> None:
        self._held.pop(line, None)
        self._alarm("message_without_ring", f"no ring within {MESSAGE_S:g} s of a message for line {line.line}")

    def _start_timer(self, call: Call, seconds: float, then: Callable[[Call], None]) -> None:
        self._stop_timer(call)
        self._timers[call] = self._clock.callLater(seconds, then, call)

    def _stop_timer(self, call: Call) -> None:
        timer = self._timers.pop(call, None)
        if timer is not None and timer.active():
            timer.cancel()


def _read(event: CallerId) -> CallerIdFields | None:
    """What an in-band message says; None where its checksum is bad or it is not understood."""
    if not event.ok:
        return None
    try:
        return decode(event.raw, event.form)
    except CallerIdError:
        return None

"""Analog trunks: FXO ports on subscriber lines of an office (loop start), as a `Trunk`.

Incoming: the first ring offers a call, its numbers not complete yet; `digits` tells them once the caller ID is there
(FSK between the first two rings, DTMF before the first), or cannot come any more. Answering closes the loop. A line
says nothing of how far we are, so `proceeding` and `alerting` change nothing on it, and nothing but an answer ends its
ringing: a call that is refused rings on, unheard, until the caller gives up.

Outgoing: the loop is closed, the office gives dial tone, digits go out by DTMF. Ringback is alerting; a reversal of the
battery, a voice after ringback, or ringback that stops are the answer, as the line can tell it; busy, congestion and
vacant-number tone are causes. A line that rings in the very moment in which we seize it has given us its caller: our
call fails with cause 44, theirs is offered. So is silence in place of dial tone on a line that gave one before: the
burst may have been too short to be told.

The far end's hang-up is a loop drop, a reversal, busy tone, or dial tone. Time-outs: `AnalogRules`. Ground start is not
there. Sources: GB/T 3380 (tones), YDN 069 and GR-30 (caller ID). Serves steps 1 to 3, and outside calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from drivers._engine import lib
from drivers.callerid import decode
from drivers.channels import Channels
from drivers.clock import DelayedCall
from drivers.errors import ArgumentError, CallEnded, CallerIdError, EngineError, PortBusy, TimedOut
from drivers.events import (
    Alarm,
    CallerId,
    Event,
    Fallback,
    LoopDrop,
    NotTone,
    Polarity,
    RingBegin,
    RingEnd,
    ToneHeard,
    ToneOverdue,
)
from drivers.operations import Operation, quietly
from drivers.port import Port
from drivers.problems import is_a, report
from drivers.signalling.causes import (
    BUSY,
    CONGESTION,
    FAILURE,
    NO_ANSWER,
    NORMAL,
    UNALLOCATED,
    Cause,
    reason,
)
from drivers.signalling.interface import MAX_DIGITS, Numbers, TrunkCall, What
from drivers.tones import EMPTY, TonePlan
from drivers.words import Answer, Direction, Disconnect, Hunt

DIAL_TONES: Final = ("dial", "stutter")
FAILURES: Final[Mapping[str, Cause]] = {
    "busy": replace(BUSY, detail="busy tone"),
    "congestion": replace(CONGESTION, detail="congestion tone"),
    "info": replace(UNALLOCATED, detail="vacant-number tone"),
    "howler": replace(FAILURE, detail="howler tone"),
}
LONGEST_RING_S: Final = 2.0
"""A card may tell a burst's begin only; GB/T 3380 rings for 1 s, others for up to 2."""
FRESH_ID_S: Final = 6.0
"""A caller ID heard on-hook belongs to the ring that follows within this time (DTMF before the first ring)."""
ANSWER_REVERSAL_S: Final = 0.6
"""A reversal so soon after our answer is the office's answer signal, not the caller's hang-up (chan_dahdi's
polarityonanswerdelay)."""
GLARE: Final = Cause(44, "the line rang while it was seized")


@dataclass(frozen=True, slots=True)
class AnalogRules:
    """How the lines behave; all of it is the site's to set, seconds unless named otherwise."""

    tones: TonePlan = EMPTY
    dnis: str = ""
    """The number that callers dialled: analog lines do not say it."""
    caller_id: bool = True
    """The office sends it; else calls are offered with complete numbers at once."""
    id_wait_s: float = 3.0
    """From the end of the first ring; a second ring ends the wait, too."""
    ring_gap_s: float = 7.0
    """No ring for so long: the caller gave up (a Chinese office rings 1 s in 5)."""
    dial_tone_s: float = 5.0
    """0: dials after `dial_pause_s` without waiting for dial tone."""
    dial_pause_s: float = 0.5
    """From dial tone, or from off-hook, to the first digit."""
    digit_on_ms: int = 100
    digit_off_ms: int = 100
    answer: tuple[Answer, ...] = ("polarity", "ringback_stops", "voice")
    answer_s: float = 60.0
    """From the last digit; then the call ends with cause 19."""
    disconnect: tuple[Disconnect, ...] = ("loop_drop", "polarity", "busy_tone", "dial_tone")
    guard_s: float = 2.0
    """On-hook before the line may be seized again: the office must notice (a Q.118 release guard has no like here)."""
    busy_out: bool = True
    """A blocked line is kept off-hook, so that the office hunts past it."""


class _Ears(Operation[None]):
    """Has the tones of the plan listened for as long as the call is on the line, whatever else is armed."""

    detectors = lib.TR_DETECT_TONES


class AnalogCall(TrunkCall):
    """A call on an analog line."""

    def __init__(self, line: _Line, numbers: Numbers, *, incoming: bool) -> None:
        super().__init__(line.trunk, line.port, line.slot, numbers, incoming=incoming)
        self.offered = True
        self._line = line

    def _say_proceeding(self) -> None:
        """The line has no sign for it."""

    def _say_alerting(self) -> None:
        """Nor for this: the caller hears ringback since the ring began."""

    def _say_answer(self) -> None:
        self._line.answer(self)

    def _say_more(self, digits: str) -> None:
        self._line.dial(self, digits)

    def _say_clear(self, cause: Cause) -> None:
        self._line.clear(self)


class AnalogTrunk:
    """The lines of one group, slots 1, 2 .. in the order of the ports."""

    def __init__(
        self,
        name: str,
        ports: Sequence[Port],
        rules: AnalogRules,
        *,
        hunt: Hunt = "up",
        directions: Mapping[int, Direction] | None = None,
        prepare: Callable[[Port], None] = lambda port: None,
    ) -> None:
        """Ports of kind "fxo". `prepare` sets the gains of a port at the begin of each call."""
        self.name = name
        self.rules = rules
        self.offered: Callable[[TrunkCall], None] | None = None
        self.failed: Callable[[TrunkCall], None] | None = None  # never told: the first ring offers a call
        self.prepare = prepare
        self._span = Channels(name, ports, hunt=hunt, directions=directions)
        self._lines = {slot: _Line(self, slot, port) for slot, port in self._span.channels.items()}

    @property
    def span(self) -> Channels:
        """The lines."""
        return self._span

    def call(self, numbers: Numbers, *, slot: int | None = None) -> TrunkCall:
        """Seizes a line and dials `numbers.called` on it; other numbers cannot be sent. PortBusy: none is free."""
        if "+" in numbers.called:
            raise ArgumentError(f"{self.name}: {numbers.called} cannot be dialled")
        port = self._span.seize(slot)
        return self._lines[self._span.slot_of(port)].call(numbers)

    def block(self, slot: int) -> None:
        """Out of service once its call is over; held off-hook where `busy_out` says so."""
        self._span.block(slot)
        self._lines[slot].blocked()

    def unblock(self, slot: int) -> None:
        """And back."""
        self._span.unblock(slot)
        self._lines[slot].unblocked()

    def close(self) -> None:
        """Clears all calls, leaves all lines on-hook and unheard."""
        for line in self._lines.values():
            line.close()


class _Line:
    """One line. ``phase``: idle, rings (offered, or to nobody where `current` is None), seizing, dialling, calling,
    talking, guard (on-hook, not free yet), held (out of service, off-hook), closed."""

    def __init__(self, trunk: AnalogTrunk, slot: int, port: Port) -> None:
        self.trunk, self.slot, self.port = trunk, slot, port
        self.phase = "idle"
        self.current: AnalogCall | None = None
        self._clock = port.engine.clock
        self._rules = trunk.rules
        self._timers: dict[str, DelayedCall] = {}
        self._digits = ""  # still to be dialled
        self._dialling: Deferred[None] | None = None
        self._loop_closed = False
        self._gave_dial_tone = False
        self._reversed = False
        self._heard_id: tuple[CallerId, float] | None = None
        self._ears: _Ears | None = None
        self._failure: str | None = None  # why the call before was never answered
        self._deaf = port.listen(self._event)
        self._listen()

    # ---- what the trunk and its calls ask -----------------------------------------------------

    def call(self, numbers: Numbers) -> AnalogCall:
        """The channel is seized: closes the loop and dials."""
        call = self.current = AnalogCall(self, numbers, incoming=False)
        self.phase = "seizing"
        self._digits = numbers.called
        self._reversed = self.port.state().reversed
        self._loop_closed = True
        self.trunk.prepare(self.port)
        self._start(self._seize(call))
        return call

    def answer(self, call: AnalogCall) -> None:
        """Closes the loop, where glare has not closed it already."""
        if call is self.current:
            self._talk()
            if not self._loop_closed:
                self._loop_closed = True
                self.trunk.prepare(self.port)
                self.port.answer().addErrback(self._not_closed)

    def dial(self, call: AnalogCall, digits: str) -> None:
        """Further digits, behind those that are being dialled."""
        if call is self.current:
            self._digits += digits
            if self.phase == "calling":
                self._start(self._dial(call))

    def clear(self, call: AnalogCall) -> None:
        """Our end is over. A line that rings unanswered rings on, to nobody."""
        if call is not self.current:
            return
        if self.phase == "rings" and not self._loop_closed:
            self.current = None
            self._failure = reason(call.cause or NORMAL)
            self._cancel("id")
            self._clock.callLater(0, call.told, "cleared")
        else:
            self._release(call, None)

    def blocked(self) -> None:
        """Takes an idle line off-hook, if that is how it is made busy."""
        if self.phase == "idle" and self._rules.busy_out:
            self.phase = "held"
            quietly(self.port.answer()).addErrback(lambda found: report(f"{self.port.name}: busy out", found))

    def unblocked(self) -> None:
        """Lets go of a line that was held."""
        if self.phase == "held":
            self._on_hook()

    def close(self) -> None:
        """Ends what there is, and hears the port no more."""
        call, self.current = self.current, None
        self._deaf()
        for name in tuple(self._timers):
            self._cancel(name)
        self._stop_dialling()
        self.trunk.span.free(self.port)
        self.port.hangup()
        self.phase = "closed"
        if call is not None:
            call.told("cleared", cause=replace(NORMAL, detail="trunk closed"))

    # ---- outgoing -------------------------------------------------------------------------------

    async def _seize(self, call: AnalogCall) -> None:
        """Dial tone first. While it is waited for, ringback cannot come, so it need not be told from it."""
        rules, port = self._rules, self.port
        port.tone_plan(rules.tones.without("ringback"))
        await port.answer()
        if rules.dial_tone_s:
            wanted = [name for name in (*DIAL_TONES, *FAILURES) if name in rules.tones]
            try:
                heard = await port.wait_tone(wanted, rules.dial_tone_s)
            except TimedOut:
                self._dialling = None  # ends by itself
                if self._gave_dial_tone:
                    self._glare()
                else:
                    self._far_end(replace(FAILURE, detail=f"no dial tone within {rules.dial_tone_s:g} s"))
                return
            if heard.name in FAILURES:
                self._dialling = None
                self._far_end(replace(CONGESTION, detail=f"{heard.name} tone in place of dial tone"))
                return
            self._gave_dial_tone = True
        self.phase = "dialling"
        await self._pause(rules.dial_pause_s)
        port.tone_plan(rules.tones)
        await self._dial(call)

    async def _dial(self, call: AnalogCall) -> None:
        self.phase = "dialling"
        self._cancel("answer")
        while self._digits:
            digits, self._digits = self._digits, ""
            await self.port.dial(digits, self._rules.digit_on_ms, self._rules.digit_off_ms)
        self.phase = "calling"
        self._open_ears()
        if call.numbers.complete:
            call.told("proceeding")
        self._later("answer", self._rules.answer_s, lambda: self._far_end(replace(NO_ANSWER, detail="time-out")))

    def _start(self, work: object) -> None:
        self._dialling = Deferred.fromCoroutine(work)  # type: ignore[arg-type]
        self._dialling.addErrback(self._dialling_failed)

    def _dialling_failed(self, found: Failure) -> None:
        if is_a(found, CancelledError, CallEnded):
            return
        if not is_a(found, EngineError):
            report(f"{self.port.name}: outgoing call", found)
        self._far_end(replace(FAILURE, detail=str(found.value)))

    def _stop_dialling(self) -> None:
        dialling, self._dialling = self._dialling, None
        if dialling is not None and not dialling.called:
            dialling.cancel()

    def _pause(self, seconds: float) -> Deferred[None]:
        waiting: Deferred[None] = Deferred(lambda _: self._cancel("pause"))
        self._later("pause", seconds, lambda: waiting.callback(None))
        return waiting

    def _sign(self, call: AnalogCall, event: Event) -> None:
        """What an outgoing call hears after its digits."""
        how = self._rules.answer
        if isinstance(event, ToneHeard):
            if event.name == "ringback":
                self._tell(call, "alerting")
            elif event.name in FAILURES:
                self._far_end(FAILURES[event.name])
            elif event.name in DIAL_TONES:
                self._far_end(replace(FAILURE, detail="dial tone after the number"))
        elif isinstance(event, Polarity) and event.reversed != self._reversed:
            if "polarity" in how:
                self._answered(call)
        elif isinstance(event, ToneOverdue):
            if event.name == "ringback" and "ringback_stops" in how:
                self._answered(call)
        elif isinstance(event, NotTone):
            if "voice_at_once" in how or (call.state == "alerting" and "voice" in how):
                self._answered(call)
            else:
                self._tell(call, "progress")
        elif isinstance(event, LoopDrop):
            self._far_end(Cause(31, "loop drop before the answer"))

    def _answered(self, call: AnalogCall) -> None:
        self._talk()
        self._reversed = self.port.state().reversed
        self._tell(call, "answered")

    # ---- incoming -------------------------------------------------------------------------------

    def _ring(self, event: Event) -> None:
        begins = isinstance(event, RingBegin)
        if self.phase in ("idle", "guard"):
            self._first_ring(begins)
        elif self.phase == "seizing":
            self._glare()
        elif self.phase == "rings" and not self._loop_closed:
            self._later("ring", self._rules.ring_gap_s, self._rings_no_more)
            if self.current is not None and not self.current.numbers.complete:
                if begins:
                    self._complete(None)  # the second ring
                else:
                    self._later("id", self._rules.id_wait_s, self._complete)

    def _first_ring(self, begins: bool) -> None:
        trunk, heard = self.trunk, self._heard_id
        if self.phase == "guard":
            self._cancel("guard")
            trunk.span.free(self.port, self._failure)
            self._listen()
        self.phase = "rings"
        self._later("ring", self._rules.ring_gap_s, self._rings_no_more)
        try:
            trunk.span.taken(self.slot, begin=False)
        except PortBusy:  # out of service, or for outgoing calls only
            return
        if trunk.offered is None:
            return
        fresh = heard is not None and self._clock.seconds() - heard[1] <= FRESH_ID_S
        expects = self._rules.caller_id and "hears_on_hook" in self.port.capabilities
        numbers = Numbers(called=self._rules.dnis, complete=fresh or not expects)
        self._failure = None
        if fresh and heard is not None:
            numbers = self._with_id(numbers, heard[0])
        self.current = AnalogCall(self, numbers, incoming=True)
        if not numbers.complete:
            self._later("id", self._rules.id_wait_s + (LONGEST_RING_S if begins else 0.0), self._complete)
        self._offer(self.current)

    def _offer(self, call: AnalogCall) -> None:
        offered = self.trunk.offered
        try:
            if offered is not None:
                offered(call)
        except Exception:  # noqa: BLE001 - whoever takes calls has failed; logged, and the line rings on, to nobody
            report(f"{call!r}: offered")
            call.clear(replace(FAILURE, detail="the call could not be taken"))

    def _id_heard(self, event: CallerId) -> None:
        call = self.current
        if self.phase in ("idle", "guard"):
            self._heard_id = (event, self._clock.seconds())
        elif self.phase == "rings" and call is not None and not call.numbers.complete:
            self._complete(event)

    def _complete(self, event: CallerId | None = None) -> None:
        """No more is to be learnt of the caller."""
        self._cancel("id")
        call = self.current
        if call is not None and not call.numbers.complete:
            numbers = replace(call.numbers, complete=True)
            call.told("digits", numbers=self._with_id(numbers, event) if event is not None else numbers)

    def _with_id(self, numbers: Numbers, event: CallerId) -> Numbers:
        """A damaged message, or one that carries no number, leaves the caller unknown."""
        try:
            fields = decode(event.raw, event.form) if event.ok else None
        except CallerIdError:
            fields = None
        if fields is None:
            return numbers
        return replace(
            numbers,
            calling=_digits(fields.number),
            restricted=fields.absence == "private",
            redirecting=_digits(fields.redirecting),
            name=fields.name or "",
        )

    def _rings_no_more(self) -> None:
        call = self.current
        if call is not None:
            self._release(call, replace(NORMAL, detail="ringing stopped"))
        else:
            self._on_hook(self._failure)

    def _glare(self) -> None:
        """We have answered a caller by seizing. Ours fails, theirs is offered with the loop closed already."""
        ours = self.current
        self._stop_dialling()
        self._heard_id = None
        if ours is not None:
            self.trunk.span.turned(self.slot, reason(GLARE))
        self.phase = "rings"
        call = self.current = AnalogCall(self, Numbers(called=self._rules.dnis), incoming=True)
        if ours is not None:
            self._tell(ours, "cleared", GLARE)
        if self.trunk.offered is None:
            self._release(call, FAILURE)
        else:
            self._offer(call)

    # ---- both -----------------------------------------------------------------------------------

    def _event(self, event: Event) -> None:
        call = self.current
        if isinstance(event, (RingBegin, RingEnd)):
            self._ring(event)
        elif isinstance(event, CallerId):
            self._id_heard(event)
        elif isinstance(event, Alarm):
            if event.alarms and call is not None:
                self._far_end(replace(FAILURE, detail=f"alarm {' '.join(event.alarms)}"))
        elif isinstance(event, Fallback):
            if event.what == "on_hook" and call is not None:
                self._far_end(replace(FAILURE, detail="hung up by the engine, the server stood still"))
        elif call is None:
            pass
        elif self.phase == "calling":
            self._sign(call, event)
        elif self.phase in ("seizing", "dialling", "talking"):
            how = self._hung_up(event)
            if how:
                self._far_end(replace(NORMAL, detail=how))

    def _hung_up(self, event: Event) -> str:
        signs = self._rules.disconnect
        if isinstance(event, LoopDrop) and "loop_drop" in signs:
            return "loop drop"
        if self.phase != "talking":
            return ""
        if isinstance(event, Polarity) and "polarity" in signs:
            if "settling" in self._timers:
                self._reversed = event.reversed
            elif event.reversed != self._reversed:
                return "polarity"
        if isinstance(event, ToneHeard):
            if event.name in ("busy", "congestion", "howler") and "busy_tone" in signs:
                return f"{event.name} tone"
            if event.name in DIAL_TONES and "dial_tone" in signs:
                return "dial tone"
        return ""

    def _talk(self) -> None:
        self.phase = "talking"
        for name in ("id", "ring", "answer"):
            self._cancel(name)
        self._reversed = self.port.state().reversed
        self._later("settling", ANSWER_REVERSAL_S, lambda: None)
        if self.current is not None and self.current.incoming:
            self.port.tone_plan(self._rules.tones)
            self._open_ears()

    def _open_ears(self) -> None:
        """Ends with the call on the port, by whomever that is ended: then the call is over, too."""
        if self._ears is None or self._ears.closed:
            call = self.current
            self._ears = _Ears(self.port, "tones of the trunk")
            quietly(self._ears.begin()).addCallback(lambda _: self._port_hung_up(call))

    def _port_hung_up(self, call: AnalogCall | None) -> None:
        if call is not None and call is self.current:
            call.clear()

    def _not_closed(self, found: Failure) -> None:
        if not is_a(found, CallEnded, CancelledError):
            self._far_end(replace(FAILURE, detail=str(found.value)))

    def _far_end(self, cause: Cause) -> None:
        """The call has ended, not by us."""
        if self.current is not None:
            self._release(self.current, cause)

    def _release(self, call: AnalogCall, cause: Cause | None) -> None:
        """On-hook; `cause` None: we cleared, and are told in the clock's next turn."""
        self.current = None
        self._stop_dialling()
        ended = cause or call.cause or NORMAL
        answered = call.state == "answered"
        self._on_hook(None if answered else reason(ended))
        if cause is None:
            self._clock.callLater(0, call.told, "cleared")
        else:
            self._tell(call, "cleared", cause)

    def _on_hook(self, failure: str | None = None) -> None:
        for name in tuple(self._timers):
            self._cancel(name)
        self._digits = ""
        self._failure = failure
        self.port.hangup()
        self.phase = "guard"
        self._listen()
        self._later("guard", self._rules.guard_s, self._idle)

    def _idle(self) -> None:
        self.phase = "idle"
        self.trunk.span.free(self.port, self._failure)
        self._listen()
        if self.trunk.span.blocked_by(self.slot):
            self.blocked()

    def _listen(self) -> None:
        """On-hook: a new epoch, and ears for caller ID."""
        self._loop_closed = False
        self._heard_id = None
        self.port.begin_call()
        if "hears_on_hook" in self.port.capabilities:
            self.port.detect("fsk_id", "dtmf_id")

    def _tell(self, call: AnalogCall, what: What, cause: Cause | None = None) -> None:
        call.told(what, cause=cause)

    def _later(self, name: str, seconds: float, what: Callable[[], None]) -> None:
        self._cancel(name)

        def due() -> None:
            self._timers.pop(name, None)
            what()

        self._timers[name] = self._clock.callLater(seconds, due)

    def _cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None and timer.active():
            timer.cancel()


def _digits(number: str | None) -> str:
    """What can be kept of a number that a caller ID carries; one that is too long is none."""
    kept = "".join(digit for digit in number or "" if digit in "0123456789*#ABCD+")
    return kept if len(kept) <= MAX_DIGITS else ""

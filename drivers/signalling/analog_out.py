"""A call out on an analog line: dial tone, digits, and what is heard after them. Serves outside calls.

Ringback is alerting; a reversal of the battery, a voice after ringback, or ringback that stops are the answer, as the
line's rules say; busy, congestion and vacant-number tone are causes. No dial tone within `dial_tone_s` ends the call,
no answer within `answer_s`, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from drivers.errors import CallEnded, EngineError, TimedOut
from drivers.events import Event, LoopDrop, NotTone, Polarity, ToneHeard, ToneOverdue
from drivers.problems import is_a, report
from drivers.signalling.analog_call import AnalogCall
from drivers.signalling.causes import BUSY, CONGESTION, FAILURE, NO_ANSWER, UNALLOCATED, Cause

if TYPE_CHECKING:
    from drivers.signalling.analog_line import Line

DIAL_TONES: Final = ("dial", "stutter")
FAILURES: Final[Mapping[str, Cause]] = {
    "busy": replace(BUSY, detail="busy tone"),
    "congestion": replace(CONGESTION, detail="congestion tone"),
    "info": replace(UNALLOCATED, detail="vacant-number tone"),
    "howler": replace(FAILURE, detail="howler tone"),
}


class Dialling:
    """Of one line."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._digits = ""  # still to be dialled
        self._dialling: Deferred[None] | None = None
        self._gave_dial_tone = False

    def begin(self, call: AnalogCall) -> None:
        """The loop is closed: dial tone is waited for, then the number goes out."""
        self._digits = call.numbers.called
        self._start(self._seize(call))

    def more(self, call: AnalogCall, digits: str) -> None:
        """Behind those that are being dialled."""
        self._digits += digits
        if self._line.phase == "calling":
            self._start(self._dial(call))

    def forget(self) -> None:
        """On-hook: what was not dialled is not dialled any more."""
        self._digits = ""

    async def _seize(self, call: AnalogCall) -> None:
        """Dial tone first. While it is waited for, ringback cannot come, so it need not be told from it."""
        rules, port = self._line.rules, self._line.port
        port.tone_plan(rules.tones.without("ringback"))
        await port.answer()
        if rules.dial_tone_s:
            wanted = [name for name in (*DIAL_TONES, *FAILURES) if name in rules.tones]
            try:
                heard = await port.wait_tone(wanted, rules.dial_tone_s)
            except TimedOut:
                self._dialling = None  # ends by itself
                if self._gave_dial_tone:
                    self._line.ringing.glare()
                else:
                    self._line.far_end(replace(FAILURE, detail=f"no dial tone within {rules.dial_tone_s:g} s"))
                return
            if heard.name in FAILURES:
                self._dialling = None
                self._line.far_end(replace(CONGESTION, detail=f"{heard.name} tone in place of dial tone"))
                return
            self._gave_dial_tone = True
        self._line.phase = "dialling"
        await self._pause(rules.dial_pause_s)
        port.tone_plan(rules.tones)
        await self._dial(call)

    async def _dial(self, call: AnalogCall) -> None:
        self._line.phase = "dialling"
        self._line.cancel("answer")
        while self._digits:
            digits, self._digits = self._digits, ""
            await self._line.port.dial(digits, self._line.rules.digit_on_ms, self._line.rules.digit_off_ms)
        self._line.phase = "calling"
        self._line.open_ears()
        if call.numbers.complete:
            call.told("proceeding")
        self._line.later(
            "answer", self._line.rules.answer_s, lambda: self._line.far_end(replace(NO_ANSWER, detail="time-out"))
        )

    def _start(self, work: object) -> None:
        self._dialling = Deferred.fromCoroutine(work)  # type: ignore[arg-type]
        self._dialling.addErrback(self._dialling_failed)

    def _dialling_failed(self, found: Failure) -> None:
        if is_a(found, CancelledError, CallEnded):
            return
        if not is_a(found, EngineError):
            report(f"{self._line.port.name}: outgoing call", found)
        self._line.far_end(replace(FAILURE, detail=str(found.value)))

    def stop(self) -> None:
        """The call is over, or a caller's."""
        dialling, self._dialling = self._dialling, None
        if dialling is not None and not dialling.called:
            dialling.cancel()

    def _pause(self, seconds: float) -> Deferred[None]:
        waiting: Deferred[None] = Deferred(lambda _: self._line.cancel("pause"))
        self._line.later("pause", seconds, lambda: waiting.callback(None))
        return waiting

    def sign(self, call: AnalogCall, event: Event) -> None:
        """What an outgoing call hears after its digits."""
        how = self._line.rules.answer
        if isinstance(event, ToneHeard):
            if event.name == "ringback":
                self._line.tell(call, "alerting")
            elif event.name in FAILURES:
                self._line.far_end(FAILURES[event.name])
            elif event.name in DIAL_TONES:
                self._line.far_end(replace(FAILURE, detail="dial tone after the number"))
        elif isinstance(event, Polarity) and event.reversed != self._line.reversed:
            if "polarity" in how:
                self._answered(call)
        elif isinstance(event, ToneOverdue):
            if event.name == "ringback" and "ringback_stops" in how:
                self._answered(call)
        elif isinstance(event, NotTone):
            if "voice_at_once" in how or (call.state == "alerting" and "voice" in how):
                self._answered(call)
            else:
                self._line.tell(call, "progress")
        elif isinstance(event, LoopDrop):
            self._line.far_end(Cause(31, "loop drop before the answer"))

    def _answered(self, call: AnalogCall) -> None:
        self._line.talk()
        self._line.reversed = self._line.port.state().reversed
        self._line.tell(call, "answered")

"""One line of an analog trunk: its hook, its phase, and how a call on it ends. Serves steps 1 to 3, outside calls.

What comes is in analog_in.py, what goes out in analog_out.py. The far end's hang-up is a loop drop, a reversal, busy
tone, or dial tone, as the rules say; on-hook the line rests for `guard_s` before it is free.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure

from drivers._engine import lib
from drivers.clock import DelayedCall
from drivers.errors import CallEnded
from drivers.events import (
    Alarm,
    CallerId,
    DigitBegin,
    Event,
    Fallback,
    LoopDrop,
    Polarity,
    RingBegin,
    RingEnd,
    ToneHeard,
)
from drivers.operations import Operation, quietly
from drivers.port import Port
from drivers.problems import is_a, report
from drivers.signalling.analog_call import AnalogCall
from drivers.signalling.analog_in import Ringing
from drivers.signalling.analog_out import DIAL_TONES, Dialling
from drivers.signalling.causes import FAILURE, NORMAL, Cause, reason
from drivers.signalling.interface import Numbers, What

if TYPE_CHECKING:
    from drivers.signalling.analog import AnalogTrunk

ANSWER_REVERSAL_S: Final = 0.6
"""A reversal so soon after our answer is the office's answer signal, not the caller's hang-up (chan_dahdi's
polarityonanswerdelay)."""


class _Ears(Operation[None]):
    """Has the tones of the plan listened for as long as the call is on the line, whatever else is armed."""

    detectors = lib.TR_DETECT_TONES


class Line:
    """One line. ``phase``: idle, rings (offered, or to nobody where `current` is None), seizing, dialling, calling,
    talking, guard (on-hook, not free yet), held (out of service, off-hook), closed."""

    def __init__(self, trunk: AnalogTrunk, slot: int, port: Port) -> None:
        self.trunk, self.slot, self.port = trunk, slot, port
        self.phase = "idle"
        self.current: AnalogCall | None = None
        self.clock = port.engine.clock
        self.rules = trunk.rules
        self.timers: dict[str, DelayedCall] = {}
        self.dialling, self.ringing = Dialling(self), Ringing(self)
        self.loop_closed = False
        self.reversed = False
        self._ears: _Ears | None = None
        self.failure: str | None = None  # why the call before was never answered
        self._deaf = port.listen(self._event)
        self.listen()

    # ---- what the trunk and its calls ask -----------------------------------------------------

    def call(self, numbers: Numbers) -> AnalogCall:
        """The channel is seized: closes the loop and dials."""
        call = self.current = AnalogCall(self, numbers, incoming=False)
        self.phase = "seizing"
        self.reversed = self.port.state().reversed
        self.loop_closed = True
        self.trunk.prepare(self.port)
        self.dialling.begin(call)
        return call

    def answer(self, call: AnalogCall) -> None:
        """Closes the loop, where glare has not closed it already."""
        if call is self.current:
            self.talk()
            if not self.loop_closed:
                self.loop_closed = True
                self.trunk.prepare(self.port)
                self.port.answer().addErrback(self._not_closed)

    def dial(self, call: AnalogCall, digits: str) -> None:
        """Further digits, behind those that are being dialled."""
        if call is self.current:
            self.dialling.more(call, digits)

    def clear(self, call: AnalogCall) -> None:
        """Our end is over. A line that rings unanswered rings on, to nobody."""
        if call is not self.current:
            return
        if self.phase == "rings" and not self.loop_closed:
            self.current = None
            self.failure = reason(call.cause or NORMAL)
            self.cancel("id")
            self.clock.callLater(0, call.told, "cleared")
        else:
            self.release(call, None)

    def blocked(self) -> None:
        """Takes an idle line off-hook, if that is how it is made busy."""
        if self.phase == "idle" and self.rules.busy_out:
            self.phase = "held"
            quietly(self.port.answer()).addErrback(lambda found: report(f"{self.port.name}: busy out", found))

    def unblocked(self) -> None:
        """Lets go of a line that was held."""
        if self.phase == "held":
            self.on_hook()

    def close(self) -> None:
        """Ends what there is, and hears the port no more."""
        call, self.current = self.current, None
        self._deaf()
        for name in tuple(self.timers):
            self.cancel(name)
        self.dialling.stop()
        self.trunk.span.free(self.port)
        self.port.hangup()
        self.phase = "closed"
        if call is not None:
            call.told("cleared", cause=replace(NORMAL, detail="trunk closed"))

    # ---- both -----------------------------------------------------------------------------------

    def _event(self, event: Event) -> None:
        call = self.current
        if isinstance(event, (RingBegin, RingEnd)):
            self.ringing.rang(event)
        elif isinstance(event, CallerId):
            self.ringing.id_heard(event)
        elif isinstance(event, DigitBegin) and call is None:
            self.ringing.digit_heard(event)
        elif isinstance(event, Alarm):
            if event.alarms and call is not None:
                self.far_end(replace(FAILURE, detail=f"alarm {' '.join(event.alarms)}"))
        elif isinstance(event, Fallback):
            if event.what == "on_hook" and call is not None:
                self.far_end(replace(FAILURE, detail="hung up by the engine, the server stood still"))
        elif call is None:
            pass
        elif self.phase == "calling":
            self.dialling.sign(call, event)
        elif self.phase in ("seizing", "dialling", "talking"):
            how = self._hung_up(event)
            if how:
                self.far_end(replace(NORMAL, detail=how))

    def _hung_up(self, event: Event) -> str:
        signs = self.rules.disconnect
        if isinstance(event, LoopDrop) and "loop_drop" in signs:
            return "loop drop"
        if self.phase != "talking":
            return ""
        if isinstance(event, Polarity) and "polarity" in signs:
            if "settling" in self.timers:
                self.reversed = event.reversed
            elif event.reversed != self.reversed:
                return "polarity"
        if isinstance(event, ToneHeard):
            if event.name in ("busy", "congestion", "howler") and "busy_tone" in signs:
                return f"{event.name} tone"
            if event.name in DIAL_TONES and "dial_tone" in signs:
                return "dial tone"
        return ""

    def talk(self) -> None:
        """It is answered, by whichever end."""
        self.phase = "talking"
        for name in ("id", "ring", "answer"):
            self.cancel(name)
        self.reversed = self.port.state().reversed
        self.later("settling", ANSWER_REVERSAL_S, lambda: None)
        if self.current is not None and self.current.incoming:
            self.port.tone_plan(self.rules.tones)
            self.open_ears()

    def open_ears(self) -> None:
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
            self.far_end(replace(FAILURE, detail=str(found.value)))

    def far_end(self, cause: Cause) -> None:
        """The call has ended, not by us."""
        if self.current is not None:
            self.release(self.current, cause)

    def release(self, call: AnalogCall, cause: Cause | None) -> None:
        """On-hook; `cause` None: we cleared, and are told in the clock's next turn."""
        self.current = None
        self.dialling.stop()
        ended = cause or call.cause or NORMAL
        answered = call.state == "answered"
        self.on_hook(None if answered else reason(ended))
        if cause is None:
            self.clock.callLater(0, call.told, "cleared")
        else:
            self.tell(call, "cleared", cause)

    def on_hook(self, failure: str | None = None) -> None:
        """The guard time runs; `failure`: why the call was never answered."""
        for name in tuple(self.timers):
            self.cancel(name)
        self.dialling.forget()
        self.failure = failure
        self.port.hangup()
        self.phase = "guard"
        self.listen()
        self.later("guard", self.rules.guard_s, self._idle)

    def _idle(self) -> None:
        self.phase = "idle"
        self.trunk.span.free(self.port, self.failure)
        self.listen()
        if self.trunk.span.blocked_by(self.slot):
            self.blocked()

    def listen(self) -> None:
        """On-hook: a new epoch, and ears for caller ID."""
        self.loop_closed = False
        self.ringing.forget()
        self.port.begin_call()
        self.hears_id("dtmf")

    def hears_id(self, *besides: str) -> None:
        """Ears for caller ID, where the card hears the on-hook line."""
        if "hears_on_hook" in self.port.capabilities:
            self.port.detect("fsk_id", "dtmf_id", *besides)

    def tell(self, call: AnalogCall, what: What, cause: Cause | None = None) -> None:
        """A step of the far end."""
        call.told(what, cause=cause)

    def later(self, name: str, seconds: float, what: Callable[[], None]) -> None:
        """A timer of this name; one that runs is replaced."""
        self.cancel(name)

        def due() -> None:
            self.timers.pop(name, None)
            what()

        self.timers[name] = self.clock.callLater(seconds, due)

    def cancel(self, name: str) -> None:
        """A timer, where it runs."""
        timer = self.timers.pop(name, None)
        if timer is not None and timer.active():
            timer.cancel()

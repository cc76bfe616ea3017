"""The central office (step 1): one subscriber line to each analog trunk of the PBX or of the server, and its signals.

A call comes in by ringing with caller ID: FSK between the first and the second ring, or DTMF before the first. When the
caller hangs up, the office tells the PBX by a loop drop, by polarity, or by nothing but busy tone. The caller's voice
*is* this port: see caller.py. A trunk that is lifted while nobody rings it wants to dial: see outward.py. Both at once
(glare): whoever lifts a line that has just begun to be rung has answered it, and dials into the caller's ear.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from twisted.internet.defer import Deferred

from drivers import events
from drivers.clock import Clock, DelayedCall
from drivers.port import Port
from simulators.lines import caller_id
from simulators.lines.party import Sounds, ended
from simulators.lines.tones import CHINA, RING_CADENCE_MS
from simulators.office.exchange import Exchange
from simulators.office.outward import Outward
from simulators.truth import Note

GUARD_S = 8.0  # a line just freed is not called again at once: the PBX may still count rings


@dataclass(frozen=True)
class OfficePlan:
    """`disconnect`: loop_drop (battery away for `loop_drop_ms`), polarity, or none. `answer`: how it says that somebody
    called has lifted: polarity, or voice (by nothing but that ringback stops). `dial_tone` no: it gives none."""

    disconnect: str = "loop_drop"
    loop_drop_ms: int = 600
    busy_tone_s: float = 60.0
    utc_offset_h: float = 8.0
    answer: str = "polarity"
    dial_tone: bool = True


class OfficeLine:
    """`state`: idle, ringing, talking, clearing (the caller has gone, the far end still holds the line), resting, or
    seized (the far end calls somebody)."""

    def __init__(
        self,
        clock: Clock,
        port: Port,
        index: int,
        dnis: str,
        plan: OfficePlan,
        note: Note,
        exchange: Exchange | None = None,
    ) -> None:
        """`exchange` None: nobody can be called over this line."""
        self._clock, self.port, self.index, self.dnis, self._plan, self._note = clock, port, index, dnis, plan, note
        self.state = "idle"
        self.call_no: int | None = None
        self.sounds = Sounds(port)
        self.on_call: Callable[[int], None] = lambda call_no: None  # tells the world's log who is on this line
        self._ringing: Deferred[None] | None = None
        self._answered: Deferred[bool] | None = None
        self._far_gone: Callable[[], None] = lambda: None
        self._timer: DelayedCall | None = None
        self._outward = None if exchange is None else Outward(clock, self, exchange, plan.answer, plan.dial_tone, note)
        port.setting("flash_max_ms", 200)
        port.listen(self._event)

    @property
    def free(self) -> bool:
        """Can it be called?"""
        return self.state == "idle"

    def dials(self, dnis: str | None) -> None:
        """An analog line has one number."""

    def ring(
        self, call_no: int, ani: str | None, form: str, absence: str, far_gone: Callable[[], None]
    ) -> Deferred[bool]:
        """Rings the PBX's trunk; fires with True at the answer, with False when `hang_up` came first. `form`: fsk,
        dtmf or none. `far_gone` is called when the PBX lets go of the line in talk."""
        self.state, self.call_no, self._far_gone = "ringing", call_no, far_gone
        self.on_call(call_no)
        message: bytes | str | None = None
        if form == "fsk":
            local = self._clock.now() + timedelta(hours=self._plan.utc_offset_h)
            message = caller_id.fsk_message(ani, local, absence=absence)
        elif form == "dtmf":
            message = caller_id.dtmf_digits(ani, absence=absence)
        self.port.begin_call()
        self._ringing = self.port.ring(RING_CADENCE_MS, message)
        self._ringing.addErrback(ended)
        self._answered = Deferred()
        self._note(call_no, f"line {self.index}", "rings", ani=ani, form=form, dnis=self.dnis, digital=False)
        return self._answered

    def _event(self, event: events.Event) -> None:
        if isinstance(event, events.OffHook) and self.state == "ringing":
            self.state = "talking"
            self._stop_ringing()
            self._tell(True)
        elif isinstance(event, events.OffHook) and self.state in ("idle", "resting") and self._outward is not None:
            self._cancel_timer()
            self.state, self.call_no = "seized", None
            self.port.begin_call()
            self._outward.seized()
        elif self.state == "seized" and self._outward is not None:
            self._outward.event(event)
            if isinstance(event, events.OnHook):
                self._free()
        elif isinstance(event, events.OnHook):
            if self.state == "talking":
                self._note(self.call_no, f"line {self.index}", "far end on-hook")
                self._free()
                self._far_gone()
            elif self.state == "clearing":
                self._free()

    def hang_up(self) -> None:
        """The caller has put down the handset."""
        if self.state == "ringing":
            self._stop_ringing()
            self._free()
            self._tell(False)
        elif self.state in ("talking", "seized"):
            self.state = "clearing"
            self.sounds.stop()
            self.port.detect()
            if self._plan.disconnect == "loop_drop":
                self.port.loop_open(self._plan.loop_drop_ms).addErrback(ended)
                self._timer = self._clock.callLater(self._plan.loop_drop_ms / 1000 + 2.0, self._busy)
            elif self._plan.disconnect == "polarity":
                self.port.polarity(self.call_no is not None)  # of a line that was dialled out on: back to normal
                self._timer = self._clock.callLater(2.0, self._busy)
            else:
                self._busy()

    def _busy(self) -> None:
        busy = CHINA["busy"]
        assert busy is not None
        self.sounds.play(busy.item())
        self._timer = self._clock.callLater(self._plan.busy_tone_s, self._blocked)

    def _blocked(self) -> None:
        self._note(self.call_no, f"line {self.index}", "trunk not released")
        self.sounds.stop()

    def _stop_ringing(self) -> None:
        ringing, self._ringing = self._ringing, None
        if ringing is not None and not ringing.called:
            ringing.cancel()

    def _tell(self, answered: bool) -> None:
        waiting, self._answered = self._answered, None
        if waiting is not None and not waiting.called:
            waiting.callback(answered)

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _free(self) -> None:
        self._cancel_timer()
        self.sounds.stop()
        self.port.detect()
        if self._plan.disconnect == "polarity" or self._outward is not None:
            self.port.polarity(False)
        self.state = "resting"
        self._timer = self._clock.callLater(GUARD_S, self._rested)

    def _rested(self) -> None:
        self.state = "idle"

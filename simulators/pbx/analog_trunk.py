"""An analog trunk of the simulated PBX: an FXO port on the central office's line (steps 1 and 2).

It listens on-hook for caller ID of either form, answers, and notices that the outside party has gone by loop drop,
polarity or busy tone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from drivers import events
from drivers.port import Port
from simulators.lines import caller_id
from simulators.lines.party import ended
from simulators.lines.tones import listening_plan
from simulators.pbx.trunk import Trunk

if TYPE_CHECKING:
    from simulators.pbx.extension import Extension
    from simulators.pbx.pbx import Pbx

NO_MORE_RINGS_S = 6.5  # China rings 1 s in 5: so long without a ring, the caller has given up
ANSWER_AFTER_ID_S = 0.2
OFFICE_GUARD_S = 1.0


class AnalogTrunk(Trunk):
    """One line of the office's. `on_released`: told when a call out over it is over."""

    def __init__(self, pbx: Pbx, port: Port, number: int, dnis: str) -> None:
        super().__init__(pbx, port, number, dnis)
        self._rings = 0
        self.on_released: Callable[[], None] | None = None
        port.tone_plan(listening_plan())
        port.listen(self._event)
        self._ready()

    def _ready(self) -> None:
        self.state = "idle"
        self._rings, self.calling, self.owner, self.peer, self.on_released = 0, None, None, None, None
        self.legs.begin()
        self.port.begin_call()
        self.port.detect("fsk_id", "dtmf_id")

    def _event(self, event: events.Event) -> None:
        match event:
            case events.RingBegin():
                self._ring()
            case events.CallerId(form=form, raw=raw, ok=ok):
                self._caller_id(form, raw, ok)
            case events.LoopDrop():
                self._far_end_gone("loop_drop")
            case events.Polarity(reversed=True) if self.on_released is None:  # of a call out it is the answer
                self._far_end_gone("polarity")
            case events.ToneHeard(name=name) if name in ("busy", "congestion"):
                self._far_end_gone("busy")
            case _:
                pass

    # ---- steps 1 and 2 --------------------------------------------------------------------------

    def _ring(self) -> None:
        if self.state not in ("idle", "ringing"):
            return
        self.state = "ringing"
        self._rings += 1
        self._watch_rings()
        if self._rings >= 2:
            self._answer()
        elif self.calling is not None and self.pbx.plan.answer_trunk == "caller_id":
            self.pbx.clock.callLater(ANSWER_AFTER_ID_S, self._answer)

    def _watch_rings(self) -> None:
        self._cancel_timer()
        self._timer = self.pbx.clock.callLater(NO_MORE_RINGS_S, self._gave_up)

    def _gave_up(self) -> None:
        if self.state == "ringing":
            self._note("ringing stopped")
            self._ready()

    def _caller_id(self, form: str, raw: bytes, ok: bool) -> None:
        if self.state not in ("idle", "ringing"):
            return
        heard = caller_id.read_fsk(raw) if form == "fsk" else caller_id.read_dtmf(raw.decode("ascii", "replace"))
        self.calling = heard.number if heard.ok and ok else None
        self._note("caller id", form=form, number=self.calling, ok=heard.ok and ok)
        if self.state == "ringing" and self.pbx.plan.answer_trunk == "caller_id":
            self.pbx.clock.callLater(ANSWER_AFTER_ID_S, self._answer)
        elif self.state == "idle":
            self._watch_rings()
            self.state = "ringing"  # DTMF caller ID comes before the first ring

    def _answer(self) -> None:
        if self.state != "ringing":
            return
        self._cancel_timer()
        self.state = "busy"
        self.port.answer().addErrback(ended)
        self.port.detect("tones") if "busy" in self.pbx.plan.trunk_disconnect else self.port.detect()
        self._note("answered", calling=self.calling)
        self.pbx.route(self)

    # ---- calls out ------------------------------------------------------------------------------

    def seize(self, by: Extension) -> None:
        """An extension has dialled for a line. Tones of the line are for it to hear."""
        self._cancel_timer()
        self.state, self.call_number = "busy", None
        self.port.begin_call()
        self.port.answer().addErrback(ended)
        self.port.detect()
        self.owner = by
        self._note("seized", extension=by.number)

    # ---- the end --------------------------------------------------------------------------------

    def _far_end_gone(self, how: str) -> None:
        if self.state != "busy" or how not in self.pbx.plan.trunk_disconnect:
            return
        self._note("far end gone", how=how)
        self.pbx.trunk_gone(self)
        self.release()

    def release(self) -> None:
        if self.state != "busy":
            return
        self.state = "resting"
        self._note("released")
        if self.on_released is not None:
            self.on_released()
        else:
            self.legs.ends()
        self.hear_nothing()
        self.port.hangup()
        self.owner = self.peer = None
        self.pbx.clock.callLater(OFFICE_GUARD_S, self._ready)

    def power_fails(self) -> None:
        """The line falls on-hook."""
        self._cancel_timer()
        if self.state == "busy":
            self._note("power cut")
            self._note("released")
            self.hear_nothing()
            self.port.hangup()
        self.legs.begin()
        self.state, self.owner, self.peer = "dead", None, None
        self.port.detect()

    def power_returns(self) -> None:
        self._ready()

"""Brings together what is known of an arriving call: the ring on a port, the PBX's message, in-band caller ID.

They come in any order and any of them may be late or missing. A message that belongs to a line which does not ring
yet is
held MESSAGE_S; a call without one is answered after the site's ``ani_wait``. Serves steps 1 to 4; the steps themselves
are in cti.nine_steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cti.call import Call, Source
from cti.pbx.smdi import SmdiCall
from cti.vru.line import VruLine
from drivers.callerid import CallerIdFields, decode
from drivers.clock import Clock, DelayedCall
from drivers.events import CallerId

# A message waits so long for its ring, and a ring's message may be this late (Asterisk's res_smdi keeps 30 s).
MESSAGE_S = 30.0


@dataclass(frozen=True, slots=True)
class Numbers:
    """Who calls whom, as one source says it."""

    ani: str | None
    dnis: str | None
    form: str  # smdi, fsk, dtmf
    source: Source


class Steps(Protocol):
    """The first four of the nine steps, as cti.nine_steps has them."""

    def step_1_call_arrives(self, source: Source) -> Call | None: ...

    def step_2_numbers(self, call: Call, numbers: Numbers) -> None: ...

    def step_3_hunted_to(self, call: Call, line: VruLine, source: Source) -> None: ...

    def step_4_pbx_tells(self, call: Call, source: Source) -> None: ...

    def answer(self, call: Call) -> None: ...

    def resume(self, line: VruLine, message: SmdiCall | None) -> bool: ...

    def gone_before_answer(self, call: Call) -> None: ...

    def alarm(self, name: str, text: str) -> None: ...


class Arrivals:
    """The lines' owner until a call is answered."""

    def __init__(
        self,
        clock: Clock,
        lines: Sequence[VruLine],
        steps: Steps,
        *,
        ani_wait_s: float,
        dnis_of: Callable[[SmdiCall], str | None],
    ) -> None:
        self._clock = clock
        self._steps = steps
        self._ani_wait_s = ani_wait_s
        self._dnis_of = dnis_of
        self._by_name = {(line.desk, line.line): line for line in lines}
        self._calls: dict[VruLine, Call] = {}
        self._held: dict[VruLine, tuple[SmdiCall, DelayedCall]] = {}
        self._timers: dict[Call, DelayedCall] = {}
        self._left: dict[VruLine, tuple[Call, float]] = {}  # who left a line without having been announced, and when

    def close(self) -> None:
        """Forgets everything that waits."""
        for _, timer in self._held.values():
            timer.cancel()
        for timer in self._timers.values():
            timer.cancel()
        self._held.clear()
        self._timers.clear()

    def call_at(self, line: VruLine) -> Call | None:
        """The call on a line, from its first sign until it leaves the line."""
        return self._calls.get(line)

    def left(self, line: VruLine) -> None:
        """The call is no longer on the line. A message for it may still come: see ``pbx_says``."""
        call = self._calls.pop(line, None)
        if call is not None:
            self._stop_timer(call)
            if not call.announced:
                self._left[line] = (call, self._clock.seconds())

    def took(self, line: VruLine, call: Call) -> None:
        """A known call is on this line (again)."""
        self._calls[line] = call

    # from the line

    def line_rings(self, line: VruLine) -> None:
        """The first burst of ringing."""
        call = self._calls.get(line)
        if call is None:
            held = self._held.pop(line, None)
            message = None
            if held is not None:
                message, timer = held
                timer.cancel()
            if self._steps.resume(line, message):
                return
            call = self._open(line, "port")
            if call is None:
                return
            call.rang_s = self._clock.seconds()
            if message is not None:
                self._told(call, message)
                return
            self._start_timer(call, self._ani_wait_s, self._answer)
            return
        call.rang_s = self._clock.seconds()
        self._stop_timer(call)
        self._answer(call) if call.told.called else self._start_timer(call, self._ani_wait_s, self._answer)

    def line_stopped_ringing(self, line: VruLine) -> None:
        """The caller gave up before we answered."""
        call = self._calls.get(line)
        if call is not None:
            self._steps.gone_before_answer(call)

    def line_has_caller_id(self, line: VruLine, event: CallerId) -> None:
        """A whole in-band caller ID; a bad checksum is no number."""
        fields = decode(event.raw, event.form) if event.ok else CallerIdFields()
        call = self._calls.get(line) or self._open(line, "port")
        if call is None or not event.ok:
            return
        self._steps.step_2_numbers(call, Numbers(fields.number, None, event.form, "port"))
        self._tell(call, "port")

    # from the PBX

    def pbx_says(self, message: SmdiCall) -> None:
        """An SMDI message: for the call that rings there, or for one that will."""
        line = self._by_name.get((message.desk, message.line))
        if line is None:
            self._steps.alarm(
                "unknown_line", f"SMDI names desk {message.desk} line {message.line}, which the site has not"
            )
            return
        call = self._calls.get(line)
        if call is not None and not call.announced:
            self._told(call, message)
        elif self._too_late(line, message):
            self._steps.alarm("message_too_late", f"a message for line {line.line} whose call has left it")
        elif call is not None or line.state not in ("idle", "guard"):
            self._hold(line, message)
        elif self._steps.resume(line, message):
            return
        else:
            call = self._open(line, "smdi")
            if call is not None:
                self._start_timer(call, MESSAGE_S, self._steps.gone_before_answer)
                self._told(call, message)

    def _too_late(self, line: VruLine, message: SmdiCall) -> bool:
        """Is it the message of the call before, which was taken without one and has gone by now?"""
        left = self._left.pop(line, None)
        if left is None or self._clock.seconds() - left[1] > MESSAGE_S or not message.calling:
            return False
        return left[0].ani == message.calling

    def _open(self, line: VruLine, source: Source) -> Call | None:
        call = self._steps.step_1_call_arrives(source)
        if call is None:
            return None
        self._calls[line] = call
        self._steps.step_3_hunted_to(call, line, source)
        return call

    def _told(self, call: Call, message: SmdiCall) -> None:
        call.announced = True
        self._steps.step_2_numbers(call, Numbers(message.calling, self._dnis_of(message), "smdi", "smdi"))
        self._tell(call, "smdi")

    def _tell(self, call: Call, source: Source) -> None:
        self._steps.step_4_pbx_tells(call, source)
        if 4 in call.steps and not call.told.called:
            call.told.callback(None)
        if call.told.called and call.rang_s is not None:
            self._stop_timer(call)
            self._answer(call)

    def _answer(self, call: Call) -> None:
        self._timers.pop(call, None)
        if call.state == "arriving":
            self._steps.answer(call)

    def _hold(self, line: VruLine, message: SmdiCall) -> None:
        old = self._held.pop(line, None)
        if old is not None:
            old[1].cancel()
            self._steps.alarm("message_replaced", f"a second message for line {line.line} before the first one's ring")
        self._held[line] = (message, self._clock.callLater(MESSAGE_S, self._expire, line))

    def _expire(self, line: VruLine) -> None:
        self._held.pop(line, None)
        self._steps.alarm("message_without_ring", f"no ring within {MESSAGE_S:g} s of a message for line {line.line}")

    def _start_timer(self, call: Call, seconds: float, then: Callable[[Call], None]) -> None:
        self._stop_timer(call)
        self._timers[call] = self._clock.callLater(seconds, then, call)

    def _stop_timer(self, call: Call) -> None:
        timer = self._timers.pop(call, None)
        if timer is not None and timer.active():
            timer.cancel()

"""Calls that come on an analog line: rings, and the caller ID before or between them. Serves steps 1 to 3.

The first ring offers a call; its numbers are complete once the caller ID is there, with the second ring, or `id_wait_s`
after the first. No ring for `ring_gap_s`: the caller gave up. A line that rings in the very moment in which it is
seized has given us its caller: ours fails, theirs is offered with the loop closed already. Digits on the idle line say
before the first ring that it is about to ring: it is not seized then.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from drivers.callerid import decode
from drivers.errors import CallerIdError, PortBusy
from drivers.events import CallerId, DigitBegin, Event, RingBegin
from drivers.problems import report
from drivers.signalling.analog_call import AnalogCall
from drivers.signalling.causes import FAILURE, NORMAL, Cause, reason
from drivers.signalling.interface import MAX_DIGITS, Numbers

if TYPE_CHECKING:
    from drivers.signalling.analog_line import Line

LONGEST_RING_S: Final = 2.0
"""A card may tell a burst's begin only; GB/T 3380 rings for 1 s, others for up to 2."""
FRESH_ID_S: Final = 6.0
"""A caller ID heard on-hook belongs to the ring that follows within this time (DTMF before the first ring)."""
COMING_S: Final = 2.0
"""The first ring follows the digits of a caller ID within a second; so long after the last one none will."""
GLARE: Final = Cause(44, "the line rang while it was seized")


class Ringing:
    """Of one line."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._heard_id: tuple[CallerId, float] | None = None
        self._digit_s: float | None = None

    def forget(self) -> None:
        """On-hook anew: no caller ID was heard yet."""
        self._heard_id = self._digit_s = None

    def digit_heard(self, event: DigitBegin) -> None:
        """Perhaps of a caller ID, whose first ring is still to come."""
        if self._line.phase in ("idle", "guard"):
            self._digit_s = self._line.clock.seconds()

    @property
    def coming(self) -> bool:
        """Whoever lifts the line now answers a caller."""
        return self._digit_s is not None and self._line.clock.seconds() - self._digit_s < COMING_S

    def rang(self, event: Event) -> None:
        """A burst of ringing begins or ends."""
        begins = isinstance(event, RingBegin)
        if self._line.phase in ("idle", "guard"):
            self._first_ring(begins)
        elif self._line.phase == "seizing":
            self.glare()
        elif self._line.phase == "rings" and not self._line.loop_closed:
            self._line.later("ring", self._line.rules.ring_gap_s, self._rings_no_more)
            if self._line.current is not None and not self._line.current.numbers.complete:
                if begins:
                    self._complete(None)  # the second ring
                else:
                    self._line.later("id", self._line.rules.id_wait_s, self._complete)

    def _first_ring(self, begins: bool) -> None:
        trunk, heard = self._line.trunk, self._heard_id
        if self._line.phase == "guard":
            self._line.cancel("guard")
            trunk.span.free(self._line.port, self._line.failure)
            self._line.listen()
        self._line.phase = "rings"
        self._line.hears_id()
        self._line.port.typed_ahead.clear()  # of the number; none of them was typed by the caller
        self._line.later("ring", self._line.rules.ring_gap_s, self._rings_no_more)
        try:
            trunk.span.taken(self._line.slot, begin=False)
        except PortBusy:  # out of service, or for outgoing calls only
            return
        if trunk.offered is None:
            return
        fresh = heard is not None and self._line.clock.seconds() - heard[1] <= FRESH_ID_S
        expects = self._line.rules.caller_id and "hears_on_hook" in self._line.port.capabilities
        numbers = Numbers(called=self._line.rules.dnis, complete=fresh or not expects)
        self._line.failure = None
        if fresh and heard is not None:
            numbers = self._with_id(numbers, heard[0])
        self._line.current = AnalogCall(self._line, numbers, incoming=True)
        if not numbers.complete:
            self._line.later("id", self._line.rules.id_wait_s + (LONGEST_RING_S if begins else 0.0), self._complete)
        self._offer(self._line.current)

    def _offer(self, call: AnalogCall) -> None:
        offered = self._line.trunk.offered
        try:
            if offered is not None:
                offered(call)
        except Exception:  # noqa: BLE001 - whoever takes calls has failed; logged, and the line rings on, to nobody
            report(f"{call!r}: offered")
            call.clear(replace(FAILURE, detail="the call could not be taken"))

    def id_heard(self, event: CallerId) -> None:
        """A caller ID, sound or damaged."""
        call = self._line.current
        if self._line.phase in ("idle", "guard"):
            self._heard_id = (event, self._line.clock.seconds())
        elif self._line.phase == "rings" and call is not None and not call.numbers.complete:
            self._complete(event)

    def _complete(self, event: CallerId | None = None) -> None:
        """No more is to be learnt of the caller."""
        self._line.cancel("id")
        call = self._line.current
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
        call = self._line.current
        if call is not None:
            self._line.release(call, replace(NORMAL, detail="ringing stopped"))
        else:
            self._line.on_hook(self._line.failure)

    def glare(self) -> None:
        """We have answered a caller by seizing. Ours fails, theirs is offered with the loop closed already."""
        ours = self._line.current
        self._line.dialling.stop()
        self._heard_id = None
        if ours is not None:
            self._line.trunk.span.turned(self._line.slot, reason(GLARE))
        self._line.phase = "rings"
        call = self._line.current = AnalogCall(self._line, Numbers(called=self._line.rules.dnis), incoming=True)
        if ours is not None:
            self._line.tell(ours, "cleared", GLARE)
        if self._line.trunk.offered is None:
            self._line.release(call, FAILURE)
        else:
            self._offer(call)


def _digits(number: str | None) -> str:
    """What can be kept of a number that a caller ID carries; one that is too long is none."""
    kept = "".join(digit for digit in number or "" if digit in "0123456789*#ABCD+")
    return kept if len(kept) <= MAX_DIGITS else ""

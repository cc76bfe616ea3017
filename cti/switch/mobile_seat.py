"""A seat that is reached over the trunks: an agent's mobile, or a telephone at home (移动坐席; step 7).

To let it ring is to call its numbers, one after the other for ORDER_S each, or all at once; it is lifted when the
network says that one has answered, and the others are cleared. With ``confirm`` only a key within CONFIRM_S counts, as
voice boxes and wrong numbers answer calls, too. Nobody answers at any number: it does not ring any more, and the caller
goes to the next agent. There is no recall button: verbs come from the desk.

Nailed up, the line stays when a conversation is over: the next call is announced by a beep and is there at once. It
is cleared when its agent logs out, in a talk when that is over. What would be busy tone is the end of the line, after
BUSY_S, or for a nailed-up one nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal

from cti.errors import CannotCall
from cti.switch.calling import CallOut
from cti.switch.seat import Seat, SeatOwner
from drivers.clock import Clock, DelayedCall
from drivers.events import DigitEnd, Event
from drivers.items import PlayItem, Tone
from drivers.operations import quietly
from drivers.port import Port
from drivers.signalling.causes import NO_ANSWER, NORMAL, Cause
from drivers.signalling.interface import TrunkCall, What

ORDER_S: Final = 20.0
SETUP_S: Final = 8.0
CONFIRM_S: Final = 8.0
BUSY_S: Final = 3.0
BEEP: Final = Tone(1000, level_dbm0=-15.0, ms=200)
"""Before a call on a nailed-up line: not a frequency of the network."""


class MobileSeat(Seat):
    """``call_out(number, shown)``: over the routes, CannotCall says why not. ``question``: what asks for the key.
    ``nailed_up``: does the line stay now?"""

    def __init__(
        self,
        clock: Clock,
        extension: str,
        numbers: Sequence[str],
        owner: SeatOwner,
        call_out: Callable[[str, str], CallOut],
        *,
        ring: Literal["in_order", "at_once"] = "in_order",
        nailed_up: Callable[[], bool] = lambda: False,
        question: Callable[[], list[PlayItem]] | None = None,
    ) -> None:
        super().__init__(extension)
        self._clock, self._owner, self._call_out = clock, owner, call_out
        self._numbers, self._in_order = tuple(numbers), ring == "in_order"
        self._nailed_up, self._question = nailed_up, question
        self._calling: list[CallOut] = []  # numbers that are being called, or asked for the key
        self._left: list[str] = []  # numbers not called yet
        self._shown = ""
        self._line: CallOut | None = None  # answered
        self._timer: DelayedCall | None = None
        self._deaf: Callable[[], None] = lambda: None

    def start(self) -> None:
        """It is somewhere else: nothing is known of it."""

    def stop(self) -> None:
        """Every line to it is cleared."""
        self._nailed_up = lambda: False
        self.stop_ringing()
        self._hang_up()

    @property
    def port(self) -> Port | None:
        """Of the channel on which it has answered."""
        return self._line.call.port if self._line is not None else None

    def takes_s(self, ring_s: float) -> float:
        """Each number has its time, or all have it together, and has to be called first."""
        if self._line is not None:
            return ring_s
        return ORDER_S * len(self._numbers) if self._in_order else ring_s + SETUP_S

    def ring(self, number: str | None) -> None:
        """A line that is kept needs no ringing."""
        self._shown = number or ""
        line = self._line
        if line is not None:
            beep = quietly(line.call.port.play(BEEP))
            beep.addBoth(lambda _: self._beeped(line))
            return
        self._call()

    def calls_by(self, call: TrunkCall) -> bool:
        """Is this one of its calls?"""
        line = [self._line] if self._line is not None else []
        return any(out.call is call for out in (*self._calling, *line))

    def stop_ringing(self) -> None:
        """Nobody is called here any more."""
        self._left.clear()
        self._stop_timer()
        calling, self._calling = self._calling, []
        for out in calling:
            out.clear(NO_ANSWER)

    def listen_for_digits(self, on: bool) -> None:
        """Its digits are the far end's."""

    def lamp(self, on: bool) -> None:
        """There is none."""

    def released(self, cause: Cause) -> None:
        """Its last part is over."""
        if not self.off_hook:
            return
        self.off_hook = False
        if not self._nailed_up():
            self._hang_up()

    def nag(self) -> None:
        """Busy tone for a moment; then the line is cleared, or kept for the next call."""
        self._stop_timer()
        self._timer = self._clock.callLater(0.0 if self._nailed_up() else BUSY_S, self._over)

    def calm(self) -> None:
        """Something else came before that."""
        self._stop_timer()

    def nobody_sits(self) -> None:
        """Its agent has logged out: a line that is kept for nothing is cleared."""
        if self.idle and self._line is not None:
            self._hang_up()

    # within

    def _beeped(self, line: CallOut) -> None:
        """Unless the line came to its end in the beep: then it is, or will be, called anew."""
        if self._line is line and line.call.cause is None:
            self._answered(line)

    def _call(self) -> None:
        self._left = list(self._numbers)
        self._next()

    def _next(self) -> None:
        """The next number, or all of them; when none is left to try, it does not ring any more."""
        while self._left:
            number = self._left.pop(0)
            try:
                out = self._call_out(number, self._shown)
            except CannotCall:
                continue
            self._calling.append(out)
            out.listen(self._told)
            if self._in_order:
                self._stop_timer()
                self._timer = self._clock.callLater(ORDER_S, self._too_long, out)
                return
        if not self._calling:
            self._rings_no_more()

    def _too_long(self, out: CallOut) -> None:
        self._timer = None
        if out in self._calling:
            self._calling.remove(out)
            out.clear(NO_ANSWER)
        self._next()

    def _told(self, out: CallOut, what: What) -> None:
        if what == "answered" and out in self._calling:
            self._stop_timer() if self._in_order else None
            self._ask(out) if self._question is not None else self._answered(out)
        elif what == "cleared":
            if out in self._calling:
                self._calling.remove(out)
                if not self._calling:
                    self._stop_timer()
                    self._next()
            elif out is self._line:
                self._line_gone()
        elif what == "suspended" and out is self._line:  # who sits there has hung up: that is on-hook
            self._line_gone()
            out.clear(NORMAL)

    def _ask(self, out: CallOut) -> None:
        """A key says that a person is there."""
        port = out.call.port
        port.detect("dtmf")

        def key(event: Event) -> None:
            if isinstance(event, DigitEnd) and out in self._calling:
                forget()
                self._answered(out)

        forget = port.listen(key)
        assert self._question is not None
        quietly(port.play(*self._question(), stop_on_digit=True))
        self._clock.callLater(CONFIRM_S, self._not_confirmed, out, forget)

    def _not_confirmed(self, out: CallOut, forget: Callable[[], None]) -> None:
        forget()
        if out in self._calling:
            self._calling.remove(out)
            out.clear(NORMAL)
            if not self._calling:
                self._next()

    def _answered(self, out: CallOut) -> None:
        """Its owner is there; the other numbers stop ringing."""
        if self.alerting is None:  # meanwhile the caller went elsewhere
            if out in self._calling:
                self._calling.remove(out)
            if out is not self._line or not self._nailed_up():
                out.clear(NORMAL)
            return
        self._calling = [one for one in self._calling if one is not out]
        self.stop_ringing()
        self._line, self.off_hook = out, True
        self._owner.new_call_on(self)
        self._owner.lifted(self)

    def _rings_no_more(self) -> None:
        self._clock.callLater(0, self._owner.not_reached, self)

    def _over(self) -> None:
        self._timer = None
        self.off_hook = False
        if not self._nailed_up():  # first: who is free may be called in this very moment, and not on this line
            self._hang_up()
        self._owner.hung_up(self)

    def _hang_up(self) -> None:
        line, self._line = self._line, None
        self._stop_timer()
        if line is not None:
            self._owner.new_call_on(self)
            line.clear(NORMAL)

    def _line_gone(self) -> None:
        """The far end hung up, or the trunk has failed."""
        self._owner.new_call_on(self)
        self._line = None
        self._stop_timer()
        if self.off_hook:
            self.off_hook = False
            self._owner.hung_up(self)
        elif self.alerting is not None:
            self._call()

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

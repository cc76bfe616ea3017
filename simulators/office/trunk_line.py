"""The office's end of an E1: each channel a line at which callers and subscribers have their handsets (`party.Line`).

The office is the network's side of `drivers.signalling`: it sends calling and called number by R2 registers or in a
SETUP, rings whom the server calls (exchange.py), and gives tones in the band where a person would hear them. What it
sent, what came, and how each call ended with which cause is in the world's log, as it saw it. Serves step 1, and
outside calls, where the lines are digital.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from twisted.internet.defer import Deferred

from drivers.clock import Clock, DelayedCall
from drivers.errors import PortBusy
from drivers.port import Port
from drivers.signalling.causes import BUSY, NO_CHANNEL, UNALLOCATED, Cause
from drivers.signalling.interface import Numbers, Trunk, TrunkCall, What
from simulators.lines.party import Sounds
from simulators.lines.tones import CHINA
from simulators.office.exchange import Exchange
from simulators.people.subscriber import Subscriber
from simulators.truth import Note

GUARD_S: Final = 1.0  # a channel just freed rests before the office seizes it again
RINGS_S: Final = 60.0  # nobody answers
REFUSED: Final[Mapping[str, Cause]] = {"busy": BUSY, "vacant": UNALLOCATED}


class TrunkLine:
    """One channel, by its slot. `state`: idle, calling (a caller of ours rings the server), talking, called (the server
    calls somebody of the town), or resting."""

    def __init__(
        self, clock: Clock, trunk: Trunk, slot: int, dnis: str, note: Note, exchange: Exchange | None = None
    ) -> None:
        """`exchange` None: nobody can be called over this channel."""
        self._clock, self._trunk, self._note, self._exchange = clock, trunk, note, exchange
        self.index = slot
        self.port: Port = trunk.span.channels[slot]
        self._usual_dnis = self.dnis = dnis
        self.sounds = Sounds(self.port)
        self.state = "idle"
        self.call_no: int | None = None
        self.on_call: Callable[[int], None] = lambda call_no: None
        self._call: TrunkCall | None = None
        self._answered: Deferred[bool] | None = None
        self._far_gone: Callable[[], None] = lambda: None
        self._called = ""
        self._person: Subscriber | None = None
        self._timer: DelayedCall | None = None

    @property
    def free(self) -> bool:
        """Can a caller take it?"""
        return self.state == "idle" and self._trunk.span.is_now(self.index) == "free"

    @property
    def in_registers(self) -> bool:
        """Is a call being set up on it?"""
        return self.state == "calling" or (self.state == "called" and self._person is None)

    def dials(self, dnis: str | None) -> None:
        """The number that the next caller of this line dials; None: the usual one."""
        self.dnis = dnis or self._usual_dnis

    # ---- callers --------------------------------------------------------------------------------

    def ring(
        self, call_no: int, ani: str | None, form: str, absence: str, far_gone: Callable[[], None]
    ) -> Deferred[bool]:
        """See party.Line; `form` none sends no calling number, `absence` private withholds it."""
        self.state, self.call_no, self._far_gone = "calling", call_no, far_gone
        self.on_call(call_no)
        calling = "" if form == "none" or ani is None else ani
        numbers = Numbers(called=self.dnis, calling=calling, restricted=ani is None and absence == "private")
        answered: Deferred[bool] = Deferred()
        self._answered = answered
        self._note(call_no, self._name, "rings", ani=ani, form=form, dnis=self.dnis, digital=True)
        try:
            call = self._trunk.call(numbers, slot=self.index)
        except PortBusy:  # the far end has seized it that very moment, or the D channel is down
            self._clock.callLater(0, self._over, NO_CHANNEL)
            return answered
        self._call = call
        call.listen(self._of_our_caller)
        return answered

    def _of_our_caller(self, call: TrunkCall, what: What) -> None:
        if call is not self._call:
            return
        if what == "answered" and self.state == "calling":
            self.state = "talking"
            self._note(self.call_no, self._name, "trunk answered")
            self._tell(True)
        elif what == "suspended":  # the server's end has hung up: nobody of the town waits for it to lift again
            call.clear()
        elif what == "cleared":
            self._over(call.cause)

    def hang_up(self) -> None:
        """The person has put down the handset."""
        if self._call is not None:
            self._call.clear()

    # ---- calls of the server --------------------------------------------------------------------

    def offered(self, call: TrunkCall) -> None:
        """The server calls somebody."""
        if self._answered is not None and self._call is not None:  # glare: ours has lost, and is told as such
            self._over(Cause(44, "glare"))
        self._cancel()
        self.state, self.call_no, self._call = "called", None, call
        call.listen(self._of_the_server)
        if call.numbers.complete:
            self._route(call)

    def _of_the_server(self, call: TrunkCall, what: What) -> None:
        if call is not self._call:
            return
        if what == "digits" and call.numbers.complete:
            self._route(call)
        elif what in ("suspended", "cleared"):
            if what == "suspended":
                call.clear()
            else:
                self._over(call.cause)

    def _route(self, call: TrunkCall) -> None:
        number = self._called = call.numbers.called
        self._note(None, self._name, "trunk called", number=number, ani=call.numbers.calling)
        reached = self._exchange.reach(number) if self._exchange is not None else "vacant"
        if reached != "rings" or self._exchange is None:
            self._called = ""
            call.clear(REFUSED[reached])
            return
        call.alerting()
        ringback = CHINA["ringback"]
        assert ringback is not None
        self.sounds.play(ringback.item())
        wait_s = self._exchange.answer_s(number)
        if wait_s is not None:
            self._timer = self._clock.callLater(wait_s, self._lifts, call, self._exchange)
        else:
            self._timer = self._clock.callLater(RINGS_S, call.clear, Cause(19))

    def _lifts(self, call: TrunkCall, exchange: Exchange) -> None:
        self.sounds.stop()
        call.answer()
        self._note(None, self._name, "answered", number=self._called)
        self._person = exchange.answered(self._called, self)

    # ---- both -----------------------------------------------------------------------------------

    def _over(self, cause: Cause | None) -> None:
        """The call is off the line."""
        self._cancel()
        self.sounds.stop()
        was, self.state, self._call = self.state, "resting", None
        number = 0 if cause is None else cause.number
        text = "no channel" if cause is None else cause.text
        self._note(self.call_no, self._name, "trunk cleared", cause=number, text=text, state=was)
        if self._person is not None:
            self._person.released()
        elif self._called and self._exchange is not None:
            self._exchange.left(self._called)
        self._called, self._person = "", None
        far_gone, self._far_gone = self._far_gone, lambda: None
        if was in ("calling", "talking"):
            far_gone()
        self._tell(False)
        self._timer = self._clock.callLater(GUARD_S, self._rested)

    def _tell(self, answered: bool) -> None:
        waiting, self._answered = self._answered, None
        if waiting is not None and not waiting.called:
            waiting.callback(answered)

    def _cancel(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _rested(self) -> None:
        self.state = "idle"

    @property
    def _name(self) -> str:
        return f"line {self.index}"


def lines_of(
    trunk: Trunk, clock: Clock, dnis: Callable[[int], str], note: Note, exchange: Exchange | None
) -> list[TrunkLine]:
    """A line for each channel of the office's trunk; `dnis` of the position, from 0."""
    lines = {
        slot: TrunkLine(clock, trunk, slot, dnis(at), note, exchange)
        for at, slot in enumerate(sorted(trunk.span.channels))
    }
    trunk.offered = lambda call: lines[call.slot].offered(call)
    return list(lines.values())

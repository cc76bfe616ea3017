"""The channels of an E1 that ends on the simulated PBX: who calls and whom is said by the signalling (steps 1 and 2).

The PBX is the user's side. It hunts as soon as both numbers are there, lets the caller hear ringback in the band and
says that it rings, and answers when an extension is lifted. A call that nobody can take is refused with its cause. When
either end hangs up the channel is cleared by message or line signal: no tone has to be understood.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from drivers.signalling.causes import BUSY, NO_ANSWER, NORMAL, OUT_OF_ORDER, Cause
from drivers.signalling.interface import Trunk as Signalling
from drivers.signalling.interface import TrunkCall, What
from simulators.lines.party import Party
from simulators.pbx.trunk import Trunk

if TYPE_CHECKING:
    from simulators.pbx.pbx import Pbx


DARK_S: Final = 0.1
"""After a power failure: what is said then reaches nobody."""


class DigitalTrunk(Trunk):
    """One channel, by its slot."""

    def __init__(self, pbx: Pbx, signalling: Signalling, slot: int, number: int) -> None:
        super().__init__(pbx, signalling.span.channels[slot], number, "")
        self.slot = slot
        self._call: TrunkCall | None = None
        self._coming: int | None = None

    def belongs_to(self, call_number: int) -> None:
        """From the moment on in which the call is here: the last one may not be over for us yet."""
        self._coming = call_number

    # ---- steps 1 and 2 --------------------------------------------------------------------------

    def offered(self, call: TrunkCall) -> None:
        """The office calls on this channel."""
        if self.state != "idle":
            call.clear(OUT_OF_ORDER)
            self.failed(call)
            return
        self._call, self.state, self.call_number = call, "ringing", self._coming
        self.owner = self.peer = None
        self.legs.begin()
        call.listen(self._told)
        if call.numbers.complete:
            self._route(call)

    def _told(self, call: TrunkCall, what: What) -> None:
        if call is not self._call:
            return
        if what == "digits" and call.numbers.complete:
            self._route(call)
        elif what in ("suspended", "cleared"):
            self._far_end_gone(call.cause or NORMAL)
            if what == "suspended":
                call.clear()
            else:
                self._call, self.state = None, "idle"

    def _route(self, call: TrunkCall) -> None:
        numbers = call.numbers
        self.dnis, self.calling = numbers.called, None if numbers.restricted else numbers.calling or None
        self._note("offered", calling=self.calling, called=self.dnis)
        self.pbx.route(self)

    def rings(self) -> None:
        if self._call is not None:
            self._call.alerting()
        super().rings()

    def refuse(self) -> None:
        self._let_go(BUSY)

    def join(self, other: Party) -> None:
        """Whom the caller wants has lifted."""
        super().join(other)
        if self.state == "ringing" and self._call is not None:
            self.state = "busy"
            self._note("answered", calling=self.calling)
            self._call.answer()

    def failed(self, call: TrunkCall) -> None:
        """A seizure of the office's that was over before it could be offered, or came while the last call was here."""
        cause = call.cause or NORMAL
        text = ", ".join(filter(None, (cause.text, call.reached)))
        self.pbx.note(self._coming, f"trunk {self.number}", "seizure failed", cause=cause.number, text=text)

    # ---- the end --------------------------------------------------------------------------------

    def _far_end_gone(self, cause: Cause) -> None:
        if self.state in ("ringing", "busy"):
            self._note("far end gone", how=str(cause))
            self.pbx.trunk_gone(self)
            self._let_go(cause)

    def release(self) -> None:
        if self.state in ("ringing", "busy"):
            self._let_go(NORMAL if self.state == "busy" else NO_ANSWER)

    def _let_go(self, cause: Cause) -> None:
        """The PBX has done with the call; the channel is free when the office says so, too."""
        self.state = "resting"
        self._note("released", cause=cause.number, text=cause.text)
        self.legs.ends()
        self.hear_nothing()
        self.owner = self.peer = None
        if self._call is not None:
            self._call.clear(cause)

    # ---- power ----------------------------------------------------------------------------------

    def power_fails(self) -> None:
        """The line is dark: the office hears of it by the alarm."""
        if self.state in ("ringing", "busy"):
            self._note("power cut")
            self._note("released")
        self.hear_nothing()
        call, self._call = self._call, None
        if call is not None:
            self.pbx.clock.callLater(DARK_S, call.clear, OUT_OF_ORDER)
        self.legs.begin()
        self.state, self.owner, self.peer = "dead", None, None

    def power_returns(self) -> None:
        self.state = "idle"


def channels_of(pbx: Pbx, signalling: Signalling, first: int) -> list[DigitalTrunk]:
    """A trunk for each channel of the PBX's end of an E1, numbered from `first` in the order of their slots."""
    slots = sorted(signalling.span.channels)
    trunks = {slot: DigitalTrunk(pbx, signalling, slot, number) for number, slot in enumerate(slots, first)}
    signalling.offered = lambda call: trunks[call.slot].offered(call)
    signalling.failed = lambda call: trunks[call.slot].failed(call) if call.slot in trunks else None
    return list(trunks.values())

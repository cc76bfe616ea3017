"""An agent's telephone: what any seat does, and the one on an FXS port, which rings with caller ID, is lifted, flashes,
types, is hung up (step 7). Telephones elsewhere are in cti.switch.mobile_seat.

It only says what happens; what that means is the switch's business (cti.switch.telephone). Glare, a telephone lifted
to dial in the moment in which it begins to ring: it has answered, as on any exchange.

A telephone that hears busy tone for BUSY_S and is not hung up gets the howler (催挂音) for HOWLER_S; then its line is
silent until on-hook. Its agent is told, and gets no calls meanwhile.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import tzinfo
from typing import Final, Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from cti.switch.device import Device
from drivers.callerid import encode_mdmf
from drivers.clock import Clock, DelayedCall
from drivers.errors import CallerIdError
from drivers.events import Alarm, DigitEnd, Event, Fallback, Flash, OffHook, OnHook, PulseDigit
from drivers.operations import quietly
from drivers.port import Port
from drivers.problems import report
from drivers.signalling.causes import Cause

BUSY_S: Final = 30.0
HOWLER_S: Final = 60.0


class SeatOwner(Protocol):
    """Who is told what a telephone does."""

    def lifted(self, seat: Seat) -> None: ...

    def hung_up(self, seat: Seat) -> None: ...

    def flashed(self, seat: Seat) -> None: ...

    def typed(self, seat: Seat, digit: str) -> None: ...

    def left_off_hook(self, seat: Seat, still: bool) -> None:
        """Nobody hung it up for BUSY_S; or now somebody did (``still`` False)."""
        ...

    def out_of_order(self, seat: Seat, alarms: tuple[str, ...]) -> None:
        """The card or its port; none: in order again."""
        ...

    def not_reached(self, seat: Seat) -> None:
        """It cannot be rung (any more): nobody answers at any of its numbers."""
        ...

    def new_call_on(self, seat: Seat) -> None:
        """The port's epoch is raised: what was heard on it is cut."""
        ...


class Seat(Device):
    """A telephone at which an agent can sit. ``off_hook``: it is lifted; ``howls``: left so, ``silent``: for good."""

    kind = "seat"

    def __init__(self, extension: str) -> None:
        super().__init__(extension)
        self.off_hook = False
        self.alarms: tuple[str, ...] = ()
        self.howls = False
        self.silent = False

    @property
    def idle(self) -> bool:
        """On-hook, in order, and nothing goes on there."""
        return not self.connections and not self.off_hook and not self.alarms

    @property
    def ready_to_go_on(self) -> bool:
        """Off-hook, but with nothing in hand: dial tone, or the tone of a failure."""
        states = {one.state for one in self.connections}
        return self.off_hook and not self.alarms and states <= {"initiated", "failed"}

    @abstractmethod
    def start(self) -> None:
        """The server begins."""

    @abstractmethod
    def stop(self) -> None:
        """The server stops."""

    @abstractmethod
    def ring(self, number: str | None) -> None:
        """Rings until it is lifted or `stop_ringing`, showing the number."""

    @abstractmethod
    def stop_ringing(self) -> None:
        """Nobody is called here any more."""

    @abstractmethod
    def listen_for_digits(self, on: bool) -> None:
        """Whether `SeatOwner.typed` is told of DTMF."""

    @abstractmethod
    def nag(self) -> None:
        """It hears busy tone from now on: something must make its owner hang up."""

    @abstractmethod
    def calm(self) -> None:
        """It does not hear busy tone any more."""

    @abstractmethod
    def lamp(self, on: bool) -> None:
        """The message lamp, where it has one."""

    def nobody_sits(self) -> None:
        """Who was logged in there has logged out."""


class CardSeat(Seat):
    """On an FXS port."""

    def __init__(
        self, clock: Clock, port: Port, extension: str, cadence_ms: Sequence[int], zone: tzinfo, owner: SeatOwner
    ) -> None:
        """``zone``: of the time that the telephone shows."""
        super().__init__(extension)
        self._clock, self._port, self._cadence_ms, self._owner = clock, port, tuple(cadence_ms), owner
        self._zone = zone
        self._ringing: Deferred[None] | None = None
        self._timer: DelayedCall | None = None
        self._deaf = port.listen(self._event)

    def start(self) -> None:
        """What is true of the telephone now: one that is off-hook already is heard when it is hung up."""
        state = self._port.state()
        self.off_hook, self.alarms = state.off_hook, state.alarms
        self._port.setting("fallback", "on_hook")  # where this server stands still, nobody is rung for ever
        self._port.begin_call()
        if self.alarms:
            self._owner.out_of_order(self, self.alarms)
        elif self.off_hook:
            self._owner.lifted(self)

    def stop(self) -> None:
        """The server stops."""
        self._deaf()
        self.calm()
        self._port.hangup()

    @property
    def port(self) -> Port:
        """Of the card."""
        return self._port

    def ring(self, number: str | None) -> None:
        """Rings until it is lifted or `stop_ringing`, showing the number."""
        self._owner.new_call_on(self)
        self._port.begin_call()
        try:
            shown = encode_mdmf(number, None, self._clock.now().astimezone(self._zone))
        except CallerIdError:  # what cannot be shown must ring all the same
            shown = encode_mdmf(None)
        self._ringing = quietly(self._port.ring(self._cadence_ms, shown))
        self._ringing.addErrback(self._rings_not)

    def stop_ringing(self) -> None:
        """Nobody is called here any more."""
        ringing, self._ringing = self._ringing, None
        if ringing is not None:
            ringing.cancel()

    def listen_for_digits(self, on: bool) -> None:
        """DTMF; pulses are always heard."""
        self._port.detect(*(("dtmf",) if on else ()))

    def released(self, cause: Cause) -> None:
        """It has to hang up; the switch lets it hear busy tone."""

    def lamp(self, on: bool) -> None:
        """Of the telephone."""
        if "lamp" in self._port.capabilities:
            self._port.lamp(on)

    def nag(self) -> None:
        """It hears busy tone from now on: the howler follows."""
        if self._timer is None and not self.howls:
            self._timer = self._clock.callLater(BUSY_S, self._howl)

    def calm(self) -> None:
        """It does not hear busy tone any more."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if self.howls:
            self.howls = self.silent = False
            self._owner.left_off_hook(self, False)

    def _howl(self) -> None:
        self.howls = True
        self._timer = self._clock.callLater(HOWLER_S, self._give_up)
        self._owner.left_off_hook(self, True)

    def _give_up(self) -> None:
        self._timer = None
        self.silent = True
        self._owner.left_off_hook(self, True)

    def _rings_not(self, failure: Failure) -> None:
        """The card would not: it is lifted in this very moment (its event follows), or out of order (so does that)."""
        report(f"seat {self.name}: ringing", failure)

    def _event(self, event: Event) -> None:
        if isinstance(event, OffHook):
            if not self.off_hook:
                self.off_hook = True
                if self._ringing is None:
                    self._owner.new_call_on(self)
                    self._port.begin_call()
                self._ringing = None
                self._owner.lifted(self)
        elif isinstance(event, OnHook):
            if self.off_hook:
                self.off_hook = False
                self.calm()
                self._owner.new_call_on(self)
                self._port.hangup()
                self._port.begin_call()
                self._owner.hung_up(self)
        elif isinstance(event, Flash):
            if self.off_hook:
                self._owner.flashed(self)
        elif isinstance(event, (DigitEnd, PulseDigit)):
            if self.off_hook:
                self._owner.typed(self, event.digit)
        elif isinstance(event, Fallback):
            if event.what != "leave":
                self._owner.not_reached(self)
        elif isinstance(event, Alarm):
            self.alarms = event.alarms
            if event.alarms:
                self.stop_ringing()
            self._owner.out_of_order(self, event.alarms)

"""An analog line that the server lifts to call somebody: dial tone, digits, ringback, the answer (outside calls).

GB/T 3380: dial tone within a moment of the seizure, busy tone after 20 s without a digit or a number that is busy, the
vacant tone for one that nobody has. The answer reverses the battery where the office does that; ringback stops anyhow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from drivers import events
from drivers.clock import Clock, DelayedCall
from simulators.lines.tones import CHINA
from simulators.office.exchange import Exchange
from simulators.people.subscriber import Subscriber
from simulators.truth import Note

if TYPE_CHECKING:
    from simulators.office.office import OfficeLine

DIAL_TONE_AFTER_S = 0.3
FIRST_DIGIT_S = 20.0
NEXT_DIGIT_S = 4.0
ROUTING_S = 0.6  # from the last digit to the first ring
RINGS_S = 60.0  # then the office gives up


class Outward:
    """Of one line. `state`: waiting (for dial tone), digits, ringing, refused, talking."""

    def __init__(
        self, clock: Clock, line: OfficeLine, exchange: Exchange, answer: str, dial_tone: bool, note: Note
    ) -> None:
        self._clock, self._line, self._exchange, self._note = clock, line, exchange, note
        self._by_polarity, self._dial_tone = answer == "polarity", dial_tone
        self.state = "waiting"
        self._digits = ""
        self._called: str | None = None
        self._person: Subscriber | None = None
        self._timer: DelayedCall | None = None

    def seized(self) -> None:
        """The far end has lifted the idle line."""
        self.state, self._digits, self._called, self._person = "waiting", "", None, None
        self._note(None, f"line {self._line.index}", "seized")
        self._after(DIAL_TONE_AFTER_S, self._ready)

    def event(self, event: events.Event) -> None:
        """What the line reports while it is seized."""
        match event:
            case events.DigitBegin() if self.state == "digits":
                self._line.sounds.stop()
            case events.DigitEnd(digit=digit) | events.PulseDigit(digit=digit) if self.state == "digits":
                self._digit(digit)
            case events.OnHook():
                self._over()
            case _:
                pass

    def _ready(self) -> None:
        self.state = "digits"
        self._line.port.detect("dtmf")
        if self._dial_tone:
            self._tone("dial")
        self._after(FIRST_DIGIT_S, self._refuse, "busy")

    def _digit(self, digit: str) -> None:
        self._line.sounds.stop()
        self._digits += digit
        if self._exchange.whole(self._digits):
            self._after(ROUTING_S, self._route)
        else:
            self._after(NEXT_DIGIT_S, self._route)

    def _route(self) -> None:
        number = self._digits
        self._note(None, f"line {self._line.index}", "dials", number=number)
        self._line.port.detect()
        reached = self._exchange.reach(number)
        if reached != "rings":
            self._refuse(reached)
            return
        self.state, self._called = "ringing", number
        self._tone("ringback")
        wait_s = self._exchange.answer_s(number)
        if wait_s is not None:
            self._after(wait_s, self._answered, number)
        else:
            self._after(RINGS_S, self._refuse, "busy")

    def _answered(self, number: str) -> None:
        self.state = "talking"
        self._line.sounds.stop()
        if self._by_polarity:
            self._line.port.polarity(True)
        self._note(None, f"line {self._line.index}", "answered", number=number)
        self._person = self._exchange.answered(number, self._line)

    def _refuse(self, tone: str) -> None:
        self.state = "refused"
        if self._called is not None:
            self._exchange.left(self._called)
        self._line.port.detect()
        self._tone(tone)

    def _over(self) -> None:
        """The far end has let go of the line."""
        self._stop_timer()
        self._note(None, f"line {self._line.index}", "far end on-hook")
        if self._person is not None:
            self._person.released()
        elif self._called is not None:
            self._exchange.left(self._called)

    def _tone(self, name: str) -> None:
        sent = CHINA[name]
        self._line.sounds.play(sent.item())

    def _after(self, seconds: float, what: Callable[..., None], *args: str) -> None:
        self._stop_timer()
        self._timer = self._clock.callLater(seconds, what, *args)

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

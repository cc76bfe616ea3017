"""What a VRU port hears from the PBX between a flash and the end of a transfer, in the words of the dialect (step 7).

Tones, status digits in place of tones (Panasonic DTMF integration), a voice, a ringback burst that is overdue, a
reversal, a loop drop, and what others say of the agent (the PBX's record, the agent's PC): each becomes a `Sign`, kept
in order until it has been looked at, so that a loop drop while we dial is not missed.

A status digit is sound outside the tone plan, as a voice is: where the dialect has a table of digits, a voice counts
only when no digit was heard DOUBT_S around it. Digits of a code come within GAP_S of each other; one that begins no
code is a key of somebody's telephone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from cti.pbx.line_rules import LineRules
from drivers.clock import Clock, DelayedCall
from drivers.errors import TimedOut
from drivers.events import DigitBegin, Event, LoopDrop, NotTone, Polarity, ToneHeard, ToneOverdue
from drivers.port import Port

Kind = Literal[
    "dial_tone",  # one that allows dialling
    "fresh_dial_tone",  # one that this PBX gives to an empty line only
    "ringing",
    "busy",
    "refused",
    "answered",  # certain: polarity, a digit, the PBX's or the agent's word
    "voice",
    "overdue",  # a burst of ringback did not come
    "confirmed",  # a feature code was accepted
    "key",  # a DTMF digit that is no code of the PBX
    "gone",  # the caller has hung up
    "redirected",  # an agent wants the ringing call elsewhere: ``how`` is the extension
]

# Tones by which a PBX asks for digits, whatever the dialect lets them mean.
DIAL_TONES = frozenset({"dial", "stutter"})
BUSY_TONES = frozenset({"busy"})
REFUSALS = frozenset({"congestion", "info", "howler"})
HEARD = (ToneHeard, NotTone, ToneOverdue, Polarity, LoopDrop, DigitBegin)
# A voice so near to a DTMF digit is the digit.
DOUBT_S = 0.3
# Digits of one status code follow each other within this time (160 ms on and off at most, Panasonic).
GAP_S = 0.6
# What each status digit says.
SAYS: dict[str, Kind] = {
    "ringing": "ringing",
    "busy": "busy",
    "refused": "refused",
    "dnd": "refused",
    "forwarded": "refused",
    "answered": "answered",
    "confirmed": "confirmed",
    "gone": "gone",
}


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing heard; ``how`` names the evidence: a tone, voice, polarity, ``digit 2: busy``, record, desk, ..."""

    kind: Kind
    how: str


class Signs:
    """Listens from the moment it is made until `close`."""

    def __init__(
        self,
        clock: Clock,
        rules: LineRules,
        port: Port,
        heard: Callable[[], object] = lambda: None,
        *,
        consulting: bool = True,
    ) -> None:
        """``heard`` is called at each sign. ``consulting``: the PBX may tell how the transfer goes; else its digits
        say only that the caller has gone, and every other is a key of the caller's."""
        self._clock, self._rules, self._port, self._heard = clock, rules, port, heard
        codes = rules.status_digits.codes()
        self._codes = {code: name for code, name in codes if consulting or name == "gone"}
        self._reversed = port.state().reversed
        self._queue: deque[Sign] = deque()
        self.rang = False  # the telephone called was heard to ring
        self._waiting: tuple[Deferred[bool], Deferred[Event]] | None = None
        self._typed = ""
        self._last_digit_s = float("-inf")
        self._timers: dict[str, DelayedCall] = {}
        self._unlisten = port.listen(self._event)

    def close(self) -> None:
        """Hears no more. Status digits are no keys of the caller's: none of them waits to be collected."""
        self._unlisten()
        for timer in self._timers.values():
            if timer.active():
                timer.cancel()
        self._timers.clear()
        self._port.typed_ahead.clear()

    def told(self, kind: Kind, how: str) -> None:
        """Somebody else knows more than the line: the PBX's record, the agent's PC. Looked at in the next turn."""
        self._add(Sign(kind, how))
        self._later("wake", 0, self._wake)

    def since_flash(self) -> Sign | None:
        """What was heard before the flash was of the call before it, and is forgotten; but a caller who hung up in it
        is gone. Returns that sign."""
        gone = next((sign for sign in self._queue if sign.kind == "gone"), None)
        self._queue.clear()
        return gone

    async def next(self, ends_s: float) -> Sign | None:
        """The next sign that has not been looked at; None: none until ``ends_s`` of the clock. CallEnded with the call
        on the port."""
        while not self._queue:
            left = ends_s - self._clock.seconds()
            if left <= 0 or (await self._until(left) and not self._queue):
                return None
        return self._queue.popleft()

    def _until(self, seconds: float) -> Deferred[bool]:
        """Fires at the next event; True: there was none for so long."""
        heard = self._port.wait_for(*HEARD, timeout_s=seconds)
        done: Deferred[bool] = Deferred(lambda cancelled: heard.cancel())
        self._waiting = done, heard

        def over(result: object) -> None:
            if done.called:
                return
            if isinstance(result, Failure) and not isinstance(result.value, TimedOut):
                done.errback(result)
            else:
                done.callback(isinstance(result, Failure))

        heard.addBoth(over)
        return done

    def _wake(self) -> None:
        """What came not from the port (whose event ends the wait by itself) is to be looked at."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting[0].called:
            waiting[0].callback(False)
            waiting[1].cancel()

    def _add(self, sign: Sign) -> None:
        self._queue.append(sign)
        self.rang = self.rang or sign.kind == "ringing"
        self._heard()

    def _event(self, event: Event) -> None:
        if isinstance(event, ToneHeard):
            kind = self._tone(event.name)
            if kind is not None:
                self._add(Sign(kind, event.name))
        elif isinstance(event, NotTone):
            self._voice()
        elif isinstance(event, ToneOverdue):
            self._add(Sign("overdue", f"{event.name}_overdue"))
        elif isinstance(event, Polarity):
            self._polarity(event.reversed)
        elif isinstance(event, LoopDrop):
            if "loop_drop" in self._rules.disconnect:
                self._add(Sign("gone", "loop_drop"))
        elif isinstance(event, DigitBegin):
            self._digit(event.digit)

    def _tone(self, name: str) -> Kind | None:
        if name in self._rules.dial_tone:
            return "dial_tone"
        if name in DIAL_TONES:
            return "fresh_dial_tone"
        if name in BUSY_TONES:
            return "busy"
        if name in REFUSALS:
            return "refused"
        return {"ringback": "ringing", "confirmation": "confirmed"}.get(name)  # type: ignore[return-value]

    def _polarity(self, now: bool) -> None:
        """A reversal is the agent's answer where the dialect says so, on a line whose wires are crossed, too; else the
        caller's hang-up, where it says that."""
        if "polarity" in self._rules.answer:
            if now != self._reversed:
                self._add(Sign("answered", "polarity"))
        elif "polarity" in self._rules.disconnect:
            self._add(Sign("gone", "polarity"))

    def _voice(self) -> None:
        if not self._codes:
            self._add(Sign("voice", "voice"))
        elif self._clock.seconds() - self._last_digit_s > DOUBT_S:
            self._later("voice", DOUBT_S, self._voice_after_all)

    def _voice_after_all(self) -> None:
        self._add(Sign("voice", "voice"))
        self._wake()

    def _digit(self, digit: str) -> None:
        self._last_digit_s = self._clock.seconds()
        self._cancel("voice")
        self._cancel("digits")
        self._typed += digit
        while self._typed:
            name = self._codes.get(self._typed)
            if name is not None:
                self._add(Sign(SAYS[name], f"digit {self._typed}: {name}"))
                self._typed = ""
            elif any(code.startswith(self._typed) for code in self._codes):
                self._later("digits", GAP_S, self._no_code)
                return
            else:
                self._add(Sign("key", self._typed[0]))
                self._typed = self._typed[1:]

    def _no_code(self) -> None:
        for digit in self._typed:
            self._add(Sign("key", digit))
        self._typed = ""
        self._wake()

    def _later(self, name: str, seconds: float, what: Callable[[], None]) -> None:
        self._cancel(name)
        self._timers[name] = self._clock.callLater(seconds, what)

    def _cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None and timer.active():
            timer.cancel()

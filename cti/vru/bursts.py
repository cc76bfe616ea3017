"""Digits that follow each other faster than people press keys: strings which the PBX sends during a call (step 4).

A burst is what comes with at most gap_s of silence between two digits; it is told when the silence after it is longer.
People who press two keys leave more than 0.2 s between them, PBXs send 80 to 160 ms of silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from drivers.clock import Clock, DelayedCall
from drivers.events import DigitBegin, DigitEnd, Event

LONGEST = 64


class Bursts:
    """The ears for one line."""

    def __init__(self, clock: Clock, gap_s: float, heard: Callable[[str], object]) -> None:
        """``heard(digits)``: a burst of two digits or more is over."""
        self._clock, self._gap_s, self._heard = clock, gap_s, heard
        self._digits = ""
        self._ended_s = 0.0
        self._digit = ""  # one that has begun
        self._timer: DelayedCall | None = None

    def left_s(self, strings: Iterable[str]) -> float:
        """So long it may be before a burst is over that may become one of these strings, said once or several times; 0:
        there is none."""
        digits = self._digits + self._digit
        if not digits or not any((one * len(digits)).startswith(digits) for one in strings):
            return 0.0
        timer = self._timer
        return self._gap_s if timer is None else max(timer.getTime() - self._clock.seconds(), 0.0)

    def event(self, event: Event) -> None:
        """Whatever the port reports."""
        if isinstance(event, DigitBegin):
            if self._digits and event.time_s - self._ended_s > self._gap_s:
                self._over()
            self._stop()
            self._digit = event.digit
        elif isinstance(event, DigitEnd):
            self._digit = ""
            self._digits = (self._digits + event.digit)[-LONGEST:]
            self._ended_s = event.time_s
            self._stop()
            self._timer = self._clock.callLater(self._gap_s, self._over)

    def clear(self) -> None:
        """Forgets what was heard; no timer is left."""
        self._digits = self._digit = ""
        self._stop()

    def _over(self) -> None:
        self._stop()
        digits, self._digits = self._digits, ""
        if len(digits) > 1:
            self._heard(digits)

    def _stop(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

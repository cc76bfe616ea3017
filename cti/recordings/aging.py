"""What is older than the site wants to keep it is removed: at night, a few files at a time (step 9).

NIGHT are hours of the site's zone in which few call; what is OVERDUE_DAYS over its time, the PC being off at night,
goes at any hour. A step removes at most REMOVE files, the next one comes STEP_S later while there are more (140,000
an hour), else LOOK_S later. A disk that does not answer, or refuses, is told and tried again.

A clock that is years ahead makes everything old. So nothing goes in the first hour (FIRST_S: a PC whose battery is
empty has been told the time by then), nor for a day (SETTLES_S) after the clock was set forward by a day or more
(LEAP): that is told, so that somebody may set it right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from twisted.python.failure import Failure

from cti.errors import OutsideError
from cti.outside import Outside
from drivers.clock import Clock, DelayedCall

NIGHT: Final = range(1, 5)
OVERDUE_DAYS: Final = 2
REMOVE: Final = 200
STEP_S: Final = 5.0
LOOK_S: Final = 600.0
FIRST_S: Final = 3600.0
LEAP: Final = timedelta(days=1)
SETTLES_S: Final = 86400.0

Remove = Callable[[date, int], tuple[list[str], bool]]
"""Removes files of days before this one, at most so many: their names, and whether none are left."""


def goes_on(day: date, keep_days: int) -> date:
    """In the night to which day something of this day is removed."""
    return day + timedelta(days=keep_days + 1)


class Aging:
    """``removed(names, before)`` is told what went, ``trouble(text)`` why nothing goes; empty: it does again."""

    def __init__(
        self,
        clock: Clock,
        disk: Outside,
        zone: tzinfo,
        keep_days: int | None,
        remove: Remove,
        removed: Callable[[Sequence[str], date], object],
        trouble: Callable[[str], object],
    ) -> None:
        """keep_days None: for ever."""
        self._clock, self._disk, self._zone, self._keep_days = clock, disk, zone, keep_days
        self._remove, self._removed, self._trouble = remove, removed, trouble
        self._timer: DelayedCall | None = None
        self._base: datetime = clock.now() - timedelta(seconds=clock.seconds())  # the time of day at second 0
        self._from_s = 0.0
        self._waits = ""

    def start(self) -> None:
        """From now on."""
        if self._keep_days is not None:
            self._from_s = self._clock.seconds() + FIRST_S
            self._look(self._keep_days)

    def stop(self) -> None:
        """No more."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _look(self, keep_days: int) -> None:
        now = self._clock.now().astimezone(self._zone)
        before = now.date() - timedelta(days=keep_days + (0 if now.hour in NIGHT else OVERDUE_DAYS))
        self._timer = self._clock.callLater(LOOK_S, self._look, keep_days)
        self._see_leap(now)
        if self._clock.seconds() < self._from_s:
            if self._waits:
                self._trouble(self._waits)
            return
        self._waits = ""
        self._disk.ask(self._remove, before, REMOVE).addCallbacks(
            self._went, self._failed, callbackArgs=(before, keep_days)
        )

    def _see_leap(self, now: datetime) -> None:
        base = now - timedelta(seconds=self._clock.seconds())
        was = self._base + timedelta(seconds=self._clock.seconds())
        if base - self._base >= LEAP:
            self._from_s = self._clock.seconds() + SETTLES_S
            self._waits = (
                f"this computer's clock was set forward from {was.astimezone(self._zone):%Y-%m-%d} to {now:%Y-%m-%d}; "
                "set it right if that is wrong: they go a day from now"
            )
        elif self._base - base >= LEAP and self._waits:  # it was set right
            self._from_s, self._waits = self._clock.seconds() + FIRST_S, ""
            self._trouble("")
        self._base = base

    def _went(self, result: tuple[list[str], bool], before: date, keep_days: int) -> None:
        names, done = result
        self._trouble("")
        if names:
            self._removed(names, before)
        if not done and self._timer is not None and self._timer.active():
            self._timer.cancel()
            self._timer = self._clock.callLater(STEP_S, self._look, keep_days)

    def _failed(self, failure: Failure) -> None:
        if not isinstance(failure.value, OSError | OutsideError):
            failure.raiseException()
        self._trouble(failure.getErrorMessage())

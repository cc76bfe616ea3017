"""The clock as the world's actors see it: all calls they have asked for can be taken back when the world ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from drivers.clock import Clock, DelayedCall

TIDY_AT = 256


class WorldClock:
    """A clock over another one. `stop` cancels what is still due, and what is asked for afterwards: the lines of a
    world that has ended still fall on-hook."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._calls: list[DelayedCall] = []
        self._tidy_at = TIDY_AT
        self._stopped = False

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kw: object) -> DelayedCall:
        call = self._clock.callLater(delay, callable, *args, **kw)
        if self._stopped:
            call.cancel()
            return call
        self._calls.append(call)
        if len(self._calls) > self._tidy_at:
            self._calls = [call for call in self._calls if call.active()]
            self._tidy_at = 2 * len(self._calls) + TIDY_AT
        return call

    def seconds(self) -> float:
        return self._clock.seconds()

    def now(self) -> datetime:
        return self._clock.now()

    def stop(self) -> None:
        self._stopped = True
        for call in self._calls:
            if call.active():
                call.cancel()
        self._calls.clear()

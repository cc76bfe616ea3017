"""The one way by which the server asks things outside itself (look-ups in the database, directories, web services).

Production: a small pool of threads; what runs there must be short and spend its time in C that releases the GIL (SQL
through a driver does). Stepped runs: the same function runs inline and its answer is delivered after a stated line
time of the clock, so a run is the same every time.

Limits: at most ``WAITING`` questions wait; one more fails at once with OutsideError. An answer that has not come after
``LATE_S`` seconds by the clock is an OutsideError too, and is thrown away when it comes. Serves step 8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from cti.errors import OutsideError

P = ParamSpec("P")
T = TypeVar("T")
THREADS = 4
WAITING = 200
LATE_S = 2.0
LINE_TIME_S = 0.02
"""Stepped: how long every question takes."""


class Cancellable(Protocol):
    """A timer's handle."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """The part of drivers.clock.Clock that is needed here."""

    def callLater(self, delay: float, f: Callable[..., object], /, *args: object) -> Cancellable: ...


class Outside(Protocol):
    """Asks; see the two implementations."""

    def ask(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """The function's result, or its error. Cancelling throws the answer away."""

    def close(self) -> None:
        """No more questions; those under way end."""


class SteppedOutside:
    """Runs the function at once and delivers after line_s by the clock."""

    def __init__(self, clock: Clock, line_s: float = LINE_TIME_S) -> None:
        self._clock = clock
        self._line_s = line_s
        self.asked = 0

    def ask(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """See Outside."""
        self.asked += 1
        results: list[object] = []
        maybeDeferred(function, *args, **kwargs).addBoth(results.append)
        answer: Deferred[T] = Deferred(lambda _: timer.cancel())
        timer = self._clock.callLater(self._line_s, _deliver, answer, results[0])
        return answer

    def close(self) -> None:
        """Nothing is held."""


class ThreadedOutside:
    """Runs the function in one of a few threads of its own, beside the reactor's pool."""

    def __init__(
        self, clock: Clock, from_thread: Callable[..., object], *, late_s: float = LATE_S, waiting: int = WAITING
    ) -> None:
        """from_thread: reactor.callFromThread."""
        self._clock = clock
        self._from_thread = from_thread
        self._late_s = late_s
        self._waiting = waiting
        self._under_way = 0
        self._pool = ThreadPool(0, THREADS, "outside")
        self._pool.start()
        self.asked = self.late = self.refused = 0

    def ask(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """See Outside."""
        self.asked += 1
        if self._under_way >= self._waiting:
            self.refused += 1
            return fail(OutsideError(f"{self._under_way} questions wait already"))
        self._under_way += 1
        answer: Deferred[T] = Deferred(lambda _: timer.cancel())
        timer = self._clock.callLater(self._late_s, self._too_late, answer)

        def done(success: bool, result: object) -> None:
            self._from_thread(self._done, answer, timer, result)

        self._pool.callInThreadWithCallback(done, function, *args, **kwargs)
        return answer

    def close(self) -> None:
        """Waits for what is under way (each question is short) and ends the threads."""
        self._pool.stop()

    def _done(self, answer: Deferred[Any], timer: Cancellable, result: object) -> None:
        self._under_way -= 1
        if not answer.called:
            timer.cancel()
            _deliver(answer, result)

    def _too_late(self, answer: Deferred[Any]) -> None:
        if not answer.called:
            self.late += 1
            answer.errback(OutsideError(f"no answer within {self._late_s:g} s"))


def _deliver(answer: Deferred[T], result: object) -> None:
    if isinstance(result, Failure):
        answer.errback(result)
    else:
        answer.callback(cast(T, result))

"""The one way by which the server asks things outside itself (look-ups in the database, directories, web services).

Production: a few threads; what runs there must be short and spend its time in C that releases the GIL (SQL through a
driver does). Stepped runs: the same function runs inline and its answer is delivered after a stated line
time of the clock, so a run is the same every time.

Limits: at most ``WAITING`` questions wait; one more fails at once with OutsideError. An answer that has not come after
``LATE_S`` seconds by the clock is an OutsideError too, and is thrown away when it comes. Serves step 8.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.python.failure import Failure

from cti.errors import OutsideError

P = ParamSpec("P")
T = TypeVar("T")
THREADS = 4
WAITING = 200
LATE_S = 2.0
CLOSES_S = 5.0
"""The threads are waited for so long at the end."""
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

    def apart(self, late_s: float) -> Outside:
        """Another one, for what may hang for long (a disk, a share of the network): it answers in the order of the
        questions, and never holds up this one. It is closed with this one."""

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
        answer: Deferred[T] = Deferred(lambda _: timer.cancel())
        timer = self._clock.callLater(self._line_s, _deliver, answer, _answered(function, *args, **kwargs))
        return answer

    def apart(self, late_s: float) -> SteppedOutside:
        """Nothing hangs here."""
        return SteppedOutside(self._clock, self._line_s)

    def close(self) -> None:
        """Nothing is held."""


class ThreadedOutside:
    """Runs the function in one of a few threads of its own, beside the reactor's pool. They start as needed."""

    def __init__(
        self,
        clock: Clock,
        from_thread: Callable[..., object],
        *,
        late_s: float = LATE_S,
        waiting: int = WAITING,
        threads: int = THREADS,
    ) -> None:
        """from_thread: reactor.callFromThread."""
        self._clock = clock
        self._from_thread = from_thread
        self._late_s = late_s
        self._waiting = waiting
        self._under_way = 0
        self._most = threads
        self._threads: list[threading.Thread] = []
        self._questions: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._apart: list[ThreadedOutside] = []
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

        def question() -> None:
            self._from_thread(self._done, answer, timer, _answered(function, *args, **kwargs))

        self._questions.put(question)
        if len(self._threads) < min(self._most, self._under_way):
            self._start()
        return answer

    def apart(self, late_s: float) -> ThreadedOutside:
        """See Outside."""
        other = ThreadedOutside(self._clock, self._from_thread, late_s=late_s, threads=1)
        self._apart.append(other)
        return other

    def close(self) -> None:
        """Waits for what is under way, each question being short; one that hangs is left behind after CLOSES_S."""
        pools = [self, *self._apart]
        for pool in pools:
            for _ in pool._threads:
                pool._questions.put(None)
        wait_s = CLOSES_S
        for thread in [thread for pool in pools for thread in pool._threads]:
            thread.join(wait_s)
            wait_s = 0.0 if thread.is_alive() else wait_s

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, name=f"outside-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (question := self._questions.get()) is not None:
            question()

    def _done(self, answer: Deferred[Any], timer: Cancellable, result: object) -> None:
        self._under_way -= 1
        if not answer.called:
            timer.cancel()
            _deliver(answer, result)

    def _too_late(self, answer: Deferred[Any]) -> None:
        if not answer.called:
            self.late += 1
            answer.errback(OutsideError(f"no answer within {self._late_s:g} s"))


def _answered(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> object:
    """The result, or the Failure."""
    results: list[object] = []
    maybeDeferred(function, *args, **kwargs).addBoth(results.append)
    return results[0]


def _deliver(answer: Deferred[T], result: object) -> None:
    if isinstance(result, Failure):
        answer.errback(result)
    else:
        answer.callback(cast(T, result))

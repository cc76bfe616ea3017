"""Simulated time made to run: engines in lock step with a stepped clock.

One step is: the engines run up to the next due timer, in C, ending early at the first event; the clock follows;
events are delivered; Python runs until no call is due. No Python runs for a tick in which nothing happens, so a
minute-long call takes milliseconds, and the same way every time. Serves all nine steps in tests, demo and planning.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from drivers.clock import SteppedClock, ticks_for
from drivers.errors import Limit

T = TypeVar("T")


class Steppable(Protocol):
    """What a stepper asks of an engine (`drivers.engine.Engine`)."""

    def pump(self) -> int: ...
    @property
    def backlog(self) -> int: ...
    @property
    def handle(self) -> Any: ...


StepEngines = Callable[[list[Any], int], int]


def _step_engines(handles: list[Any], ticks: int) -> int:
    from drivers.engine import step

    return step(handles, ticks)


class Stepper:
    """Runs `engines` and `clock` together. All engines whose cards are wired to each other belong to one stepper."""

    def __init__(
        self, clock: SteppedClock, engines: Iterable[Steppable] = (), *, step: StepEngines = _step_engines
    ) -> None:
        self.clock = clock
        self.engines: list[Steppable] = []
        self._handles: list[Any] = []
        self._step = step
        self._running = False
        for engine in engines:
            self.add(engine)

    def add(self, engine: Steppable) -> None:
        """One more engine, from the next step on."""
        if engine not in self.engines:
            self.engines.append(engine)
            self._handles.append(engine.handle)

    def remove(self, engine: Steppable) -> None:
        """The engine is stepped no more."""
        at = self.engines.index(engine)
        del self.engines[at], self._handles[at]

    def run_for(self, seconds: float) -> None:
        """Lets so much time pass."""
        self._run(lambda: False, self.clock.ticks + ticks_for(seconds), per_tick=False)

    def run(
        self, until: Deferred[T] | Coroutine[Deferred[Any], Any, T] | Callable[[], bool], limit_s: float = 60.0
    ) -> T | None:
        """Runs until the Deferred (or coroutine) has a result, and returns it or raises its failure; or until the
        function, asked after every tick, is true. `Limit` where that takes more than `limit_s` of simulated time."""
        end = self.clock.ticks + ticks_for(limit_s)
        if callable(until):
            if not self._run(until, end, per_tick=True):
                raise Limit(f"not true within {limit_s} s")
            return None
        awaited: Deferred[T] = until if isinstance(until, Deferred) else Deferred.fromCoroutine(until)
        results: list[T | Failure] = []
        awaited.addBoth(results.append)
        if not self._run(lambda: bool(results), end, per_tick=False):
            awaited.cancel()
            self.clock.run_due()
            raise Limit(f"no result within {limit_s} s")
        result = results[0]
        if isinstance(result, Failure):
            result.raiseException()
        return result

    def _run(self, done: Callable[[], bool], end: int, *, per_tick: bool) -> bool:
        if self._running:
            raise RuntimeError("a stepper cannot be run from within what it runs")
        self._running = True
        clock = self.clock
        try:
            while True:
                self._settle()
                if done():
                    return True
                ahead = end - clock.ticks
                if ahead <= 0:
                    return False
                due = clock.next_due()
                if due is not None:
                    ahead = min(ahead, due - clock.ticks)
                if per_tick or any(engine.backlog for engine in self.engines):
                    ahead = 1
                clock.move(self._step(self._handles, ahead) if self._handles else ahead)
        finally:
            self._running = False

    def _settle(self) -> None:
        """Delivers events and runs calls until there are none."""
        for engine in self.engines:
            engine.pump()
        while self.clock.run_due():
            for engine in self.engines:
                engine.pump()

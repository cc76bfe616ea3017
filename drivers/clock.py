"""Time as everything above the engine is handed it: `callLater`, `seconds()` that never jumps, `now()` in UTC.

Two clocks. `ReactorClock` is real time over a Twisted reactor. `SteppedClock` is simulated: integer ticks of 20 ms (the
engine's own) and a heap, so that sums do not drift and ten thousand timers cost nothing while none is due.
Durations come from `seconds()`, never from `now()`: the wall clock may be set back and forward at any time.
Serves all nine steps.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, cast

from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer  # type: ignore[import-untyped]

from drivers.errors import RunawayError
from drivers.problems import report

TICK_MS = 20
TICKS_PER_SECOND = 50
RUNAWAY = 10_000
"""So many calls without the clock advancing are an error."""


class DelayedCall(Protocol):
    """A call to come; cancel or reset it, as with Twisted's IDelayedCall."""

    def active(self) -> bool: ...
    def cancel(self) -> None: ...
    def getTime(self) -> float: ...
    def reset(self, secondsFromNow: float) -> None: ...


class Clock(Protocol):
    """What is handed to everything that waits or looks at the time."""

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kw: object) -> DelayedCall: ...
    def seconds(self) -> float: ...
    def now(self) -> datetime: ...


def ticks_for(seconds: float) -> int:
    """Whole ticks that last at least `seconds` (a billionth of slack, so that 0.04 is two ticks, not three)."""
    return max(0, math.ceil(seconds * TICKS_PER_SECOND - 1e-9))


@implementer(IDelayedCall)
class SteppedCall:
    """A delayed call of a `SteppedClock`."""

    __slots__ = ("_clock", "_entry", "args", "called", "cancelled", "due", "func", "kw")

    def __init__(
        self,
        clock: SteppedClock,
        due: int,
        func: Callable[..., object],
        args: tuple[object, ...],
        kw: dict[str, object],
    ) -> None:
        self._clock = clock
        self._entry = 0
        self.due = due
        self.func = func
        self.args = args
        self.kw = kw
        self.called = False
        self.cancelled = False

    def active(self) -> bool:
        return not (self.called or self.cancelled)

    def getTime(self) -> float:
        return self.due / TICKS_PER_SECOND

    def cancel(self) -> None:
        self._check()
        self.cancelled = True
        self._clock._forget()

    def reset(self, secondsFromNow: float) -> None:
        self._check()
        self.due = self._clock.ticks + ticks_for(secondsFromNow)
        self._clock._push(self)

    def delay(self, secondsLater: float) -> None:
        self._check()
        self.due += ticks_for(secondsLater)
        self._clock._push(self)

    def _check(self) -> None:
        if self.cancelled:
            raise AlreadyCancelled
        if self.called:
            raise AlreadyCalled

    def __repr__(self) -> str:
        return f"<{name_of(self.func)} at {self.getTime():.2f} s>"


def name_of(func: Callable[..., object]) -> str:
    """A function's name for messages, without addresses in memory."""
    owner = getattr(getattr(func, "__self__", None), "name", None)
    name = getattr(func, "__qualname__", None) or type(func).__qualname__
    return f"{name} of {owner}" if isinstance(owner, str) else str(name)


@implementer(IReactorTime)
class SteppedClock:
    """Simulated time. `Stepper` moves it; tests without an engine move it by `advance`.

    Calls due at the same tick run in the order in which they were made. A call that raises is logged as in a
    reactor and does not stop others.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 5, 1, 0, tzinfo=UTC), *, runaway: int = RUNAWAY) -> None:
        if start.tzinfo is None:
            raise ValueError("start must carry a time zone")
        self.ticks = 0
        self._start = start
        self._shift = timedelta()
        self._heap: list[tuple[int, int, SteppedCall]] = []
        self._serial = 0
        self._dead = 0
        self._runaway = runaway
        self._since_advance = 0

    def seconds(self) -> float:
        return self.ticks / TICKS_PER_SECOND

    def now(self) -> datetime:
        return self._start + self._shift + timedelta(milliseconds=self.ticks * TICK_MS)

    def shift_wall(self, seconds: float) -> None:
        """Sets the wall clock forward, or back, as an administrator would: `now()` jumps, `seconds()` does not."""
        self._shift += timedelta(seconds=seconds)

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kw: object) -> SteppedCall:
        """Calls `callable` at the first tick that lies `delay` seconds or more from now."""
        if delay < 0:
            raise ValueError(f"{delay} s is in the past")
        call = SteppedCall(self, self.ticks + ticks_for(delay), callable, args, kw)
        self._push(call)
        return call

    def getDelayedCalls(self) -> list[SteppedCall]:
        """Those still to come, in the order of their time."""
        return [call for _, serial, call in sorted(self._heap, key=lambda e: e[:2]) if self._live(serial, call)]

    def next_due(self) -> int | None:
        """The tick of the next call, None where there is none."""
        heap = self._heap
        while heap:
            due, serial, call = heap[0]
            if self._live(serial, call):
                return due
            heapq.heappop(heap)
            self._dead = max(0, self._dead - 1)
        return None

    def run_due(self) -> int:
        """Runs what is due now, also what that schedules for now, until nothing is; returns how many."""
        count = 0
        while (due := self.next_due()) is not None and due <= self.ticks:
            call = heapq.heappop(self._heap)[2]
            call.called = True
            count += 1
            self._since_advance += 1
            if self._since_advance > self._runaway:
                self._stop_runaway(call)
            try:
                call.func(*call.args, **call.kw)
            except RunawayError:
                raise
            except Exception:  # noqa: BLE001 - as in a reactor: logged, and the others go on
                report(f"delayed call {name_of(call.func)}")
        return count

    def advance(self, seconds: float = 1 / TICKS_PER_SECOND) -> None:
        """Moves on tick by tick that has calls, running them: one tick unless told otherwise."""
        end = self.ticks + ticks_for(seconds)
        self.run_due()
        while self.ticks < end:
            due = self.next_due()
            self.move(min(end, due) - self.ticks if due is not None else end - self.ticks)
            self.run_due()

    def move(self, ticks: int) -> None:
        """Moves on without running calls; for `Stepper`, which runs the engines over these ticks."""
        if ticks > 0:
            self.ticks += ticks
            self._since_advance = 0

    def _live(self, serial: int, call: SteppedCall) -> bool:
        return call._entry == serial and not call.cancelled and not call.called

    def _push(self, call: SteppedCall) -> None:
        if call._entry:
            self._forget()  # the former entry stays in the heap, dead
        self._serial += 1
        call._entry = self._serial
        heapq.heappush(self._heap, (call.due, self._serial, call))

    def _forget(self) -> None:
        self._dead += 1
        if self._dead > 64 and self._dead * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if self._live(entry[1], entry[2])]
            heapq.heapify(self._heap)
            self._dead = 0

    def _stop_runaway(self, last: SteppedCall) -> None:
        waiting = Counter(name_of(call.func) for due, serial, call in self._heap if due <= self.ticks)
        waiting[name_of(last.func)] += 1
        culprit = min(waiting, key=lambda name: (-waiting[name], name))
        raise RunawayError(f"{self._since_advance} calls at {self.seconds():.2f} s without advancing: {culprit}")


@implementer(IReactorTime)
class ReactorClock:
    """Real time. `seconds()` is the reactor's; install `cti.reactor` so that it is monotonic."""

    def __init__(self, reactor: object) -> None:
        self.reactor = cast(Any, reactor)

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kw: object) -> DelayedCall:
        return cast(DelayedCall, self.reactor.callLater(delay, callable, *args, **kw))

    def seconds(self) -> float:
        return float(self.reactor.seconds())

    def now(self) -> datetime:
        return datetime.now(UTC)

    def getDelayedCalls(self) -> list[DelayedCall]:
        return list(self.reactor.getDelayedCalls())

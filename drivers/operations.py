"""One awaitable piece of work on a port, and the simple ones: answer, flash, loop opening, waiting.

Rules that all operations share. A canceller only errbacks and issues commands that carry the old epoch. An operation
ended by the call's end is over at once (no timer, detector or player is left to it), while its CallEnded is posted
to the clock's next turn, so that nothing runs on the stack of whoever hung up. Serves all nine steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from drivers import events as ev
from drivers._engine import lib
from drivers.clock import TICK_MS, DelayedCall
from drivers.errors import CallEnded, EngineError, TimedOut, error_for
from drivers.problems import failure, is_a, report

if TYPE_CHECKING:
    from drivers.port import Port

T = TypeVar("T")

GUARD_S = 1.0
"""A flash or loop opening whose end the card has not told this long after it was due has failed."""
ANSWER_S = 1.0
"""The loop must be closed this long after the command."""
LOOK_AGAIN_S = 3 * TICK_MS / 1000
"""After an overrun, what the level state does not show is lost only if it is still not there then: a command may not
have been taken yet, a file may just be closing."""


def quietly(deferred: Deferred[T]) -> Deferred[T | None]:
    """For work that nobody awaits: being cancelled, or ended by the call's end, is no failure of it."""

    def ended(result: T | Failure) -> T | Failure | None:
        return None if isinstance(result, Failure) and is_a(result, CancelledError, CallEnded) else result

    return cast("Deferred[T | None]", deferred.addBoth(ended))


class Operation(Generic[T]):
    """Work on a port that ends with a result, an error, by being cancelled, or with the call."""

    detectors = 0
    """Detectors armed while it runs (mask of enum tr_detect)."""
    options = 0
    """Their options (mask of enum tr_detect_option)."""
    deaf = 0
    """Detectors that are not to hear while it runs: the line returns what we send ourselves."""

    def __init__(self, port: Port, name: str) -> None:
        self.port = port
        self.name = name
        self.epoch = port.epoch
        self.closed = False
        self.deferred: Deferred[T] = Deferred(self._cancelled)
        self._timers: list[DelayedCall] = []
        self.ids: set[int] = set()

    def begin(self) -> Deferred[T]:
        """Enters the port and starts; an error at once is told by the Deferred as any other."""
        self.port.enter(self)
        try:
            self.start()
        except EngineError as error:
            self.fail(error)
        return self.deferred

    # what each kind of operation fills in

    def start(self) -> None:
        """Issues the first commands."""

    def event(self, event: ev.Event) -> None:
        """Hears an event of the port."""

    def abort(self) -> None:
        """Takes back what was commanded; called once, and not after a natural end."""

    def reconcile(self, playing: bool, recording: int) -> None:
        """Events were lost: what of ours may be over without our knowing?"""

    # what they use

    def send(self, op: int, *a: int, side: bytes = b"") -> int:
        """A command for the call this operation belongs to; returns its id."""
        id = self.port.engine.next_id()
        self.ids.add(id)
        self.port.engine.command(op, self.port.number, self.epoch, id, a, side)
        return id

    def after(self, seconds: float, fn: Callable[..., object], *args: object) -> DelayedCall:
        """A delayed call that ends with the operation."""
        self._timers = [timer for timer in self._timers if timer.active()]
        timer = self.port.engine.clock.callLater(seconds, fn, *args)
        self._timers.append(timer)
        return timer

    def finish(self, result: T) -> None:
        if self._close(abort=False):
            self.deferred.callback(result)

    def fail(self, error: Exception) -> None:
        if self._close(abort=True):
            self.deferred.errback(failure(error))

    def end(self, error: CallEnded) -> None:
        """The call is over. The errback comes in the clock's next turn."""
        if self._close(abort=True):
            self.port.engine.clock.callLater(0, self._tell, error)

    def refused(self, event: ev.CommandFailed) -> None:
        """One of our commands was refused by the engine."""
        self.fail(error_for(event.result, f"{self.port.name}: {self.name}"))

    def _tell(self, error: CallEnded) -> None:
        if not self.deferred.called:
            self.deferred.errback(failure(error))

    def _cancelled(self, _deferred: Deferred[T]) -> None:
        self._close(abort=True)  # Deferred.cancel errbacks with CancelledError

    def _close(self, *, abort: bool) -> bool:
        if self.closed:
            return False
        self.closed = True
        for timer in self._timers:
            if timer.active():
                timer.cancel()
        self._timers.clear()
        if abort:
            try:
                self.abort()
            except EngineError:
                report(f"{self.port.name}: {self.name} could not be taken back")
        self.port.leave(self)
        return True

    def __repr__(self) -> str:
        return f"<{self.name} on {self.port.name}>"


class Answer(Operation[None]):
    """Closes the loop; done when the card's hook state says so."""

    def start(self) -> None:
        self.port.forget_tone()
        self.send(lib.TR_OP_HOOK, 1)
        self._left = round(ANSWER_S * 1000 / TICK_MS)
        self.after(TICK_MS / 1000, self._look)

    def _look(self) -> None:
        self._left -= 1
        if self.port.state().off_hook:
            self.finish(None)
        elif self._left <= 0:
            self.fail(TimedOut(f"{self.port.name}: the loop did not close within {ANSWER_S} s"))
        else:
            self.after(TICK_MS / 1000, self._look)

    def abort(self) -> None:
        """The loop stays as it is: only `hangup` opens it."""


class HookTimed(Operation[None]):
    """A flash, or a loop opening: the card times it and tells its end. It cannot be taken back."""

    def __init__(self, port: Port, name: str, op: int, ms: int) -> None:
        super().__init__(port, name)
        self._op = op
        self._ms = ms

    def start(self) -> None:
        self.port.forget_tone()
        self.send(self._op, self._ms)
        self.after(self._ms / 1000 + GUARD_S, self._overdue)

    def event(self, event: ev.Event) -> None:
        if isinstance(event, ev.HookDone) and event.id in self.ids:
            self.finish(None)

    def _overdue(self) -> None:
        self.fail(TimedOut(f"{self.port.name}: the card did not tell the end of {self.name}"))


class WaitFor(Operation[ev.Event]):
    """Waits for an event that `wanted` accepts."""

    def __init__(
        self,
        port: Port,
        name: str,
        wanted: Callable[[ev.Event], bool],
        timeout_s: float | None,
        detectors: int = 0,
    ) -> None:
        super().__init__(port, name)
        self._wanted = wanted
        self._timeout_s = timeout_s
        self.detectors = detectors

    def start(self) -> None:
        if self._timeout_s is not None:
            self.after(self._timeout_s, self._overdue)

    def event(self, event: ev.Event) -> None:
        if self._wanted(event):
            self.finish(event)

    def _overdue(self) -> None:
        self.fail(TimedOut(f"{self.port.name}: {self.name}: nothing within {self._timeout_s} s"))

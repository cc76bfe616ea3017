"""The scope of one call: every coroutine of the call lives in it, and it alone cancels them.

Once, and never from the call's own stack: `cancel` only posts to the clock's next turn. A scope is closed when it has
been cancelled and all its children have ended; a child that goes on awaiting after it was cancelled keeps the scope
open (tests fail for it). Cleanup is commands that carry the old epoch, not awaits. Serves all nine steps.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from drivers.clock import Clock
from drivers.errors import CallEnded
from drivers.problems import failure, is_a, report

T = TypeVar("T")


class CallScope:
    """Children of one call. `on_error(name, failure)` hears of a child that failed, other than by being cancelled or by
    the end of the call; without it such failures are logged."""

    def __init__(
        self, clock: Clock, name: str = "call", on_error: Callable[[str, Failure], None] | None = None
    ) -> None:
        self.name = name
        self.reason: str | None = None
        self.on_error = on_error
        self.closed: Deferred[str] = Deferred()
        """Fires once with the reason, when the last child has ended after `cancel`."""
        self._clock = clock
        self._children: dict[int, tuple[str, Deferred[Any]]] = {}
        self._serial = 0
        self._posted = False
        self._failed: list[Deferred[Any]] = []

    @property
    def children(self) -> list[str]:
        """Names of the children still running."""
        return [name for name, _ in self._children.values()]

    @property
    def is_open(self) -> bool:
        return not self.closed.called

    def start(self, coro: Coroutine[Deferred[Any], Any, T], name: str) -> Deferred[T]:
        """Runs `coro` until it ends or the scope is cancelled. The Deferred tells its result to one awaiter; nobody
        has to look at it. In a scope already cancelled the coroutine does not begin."""
        outcome: Deferred[T] = Deferred()
        if self.reason is not None:
            coro.close()
            outcome.errback(failure(CallEnded(f"{self.name}: {name} started after the end ({self.reason})")))
            self._keep(outcome)
            return outcome
        self._serial += 1
        serial = self._serial
        ended = False

        def end(result: T | Failure) -> None:
            nonlocal ended
            ended = True
            self._children.pop(serial, None)
            if isinstance(result, Failure):
                self._report(name, result)
                outcome.errback(result)
                self._keep(outcome)
            else:
                outcome.callback(result)
            self._settle()

        running: Deferred[T] = Deferred.fromCoroutine(coro)
        if not running.called:
            self._children[serial] = (name, running)
        running.addBoth(end)
        if not ended and serial not in self._children:  # fired, but paused on another Deferred
            self._children[serial] = (name, running)
        return outcome

    def cancel(self, reason: str) -> None:
        """Ends the call: its children are cancelled in the clock's next turn, in the order in which they were started.
        Only the first reason counts."""
        if self.reason is not None:
            return
        self.reason = reason
        self._posted = True
        self._clock.callLater(0, self._cancel_children)

    def _cancel_children(self) -> None:
        self._posted = False
        for serial in list(self._children):
            child = self._children.get(serial)
            if child is not None:
                child[1].cancel()
        self._settle()

    def _settle(self) -> None:
        if self.reason is None or self._posted or self._children or self.closed.called:
            return
        for outcome in self._failed:
            outcome.addErrback(lambda _failure: None)  # reported; nobody awaited it
        self._failed.clear()
        self.closed.callback(self.reason)

    def _keep(self, outcome: Deferred[Any]) -> None:
        """A failed outcome stays for a late awaiter; once the scope is closed nobody will come."""
        if self.closed.called:
            outcome.addErrback(lambda _failure: None)
        else:
            self._failed.append(outcome)

    def _report(self, name: str, found: Failure) -> None:
        if is_a(found, CancelledError, CallEnded):
            return
        if self.on_error is None:
            report(f"{self.name}: {name}", found)
            return
        try:
            self.on_error(name, found)
        except Exception:  # noqa: BLE001 - the listener's own fault; logged
            report(f"{self.name}: on_error for {name}")

    def __repr__(self) -> str:
        state = "open" if self.reason is None else f"cancelled: {self.reason}"
        return f"<CallScope {self.name} {state} {self.children}>"

"""The scope of a call: cancelled once, from nobody's stack, closed when all children have ended."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from drivers.clock import SteppedClock
from drivers.errors import CallEnded
from drivers.scope import CallScope
from tests.conftest import LoggedFailures


def result_of(deferred: Deferred[str]) -> list[object]:
    results: list[object] = []
    deferred.addBoth(results.append)
    return results


def test_a_childs_result_reaches_its_awaiter() -> None:
    clock = SteppedClock()
    scope = CallScope(clock)
    waiting: Deferred[str] = Deferred()

    async def child() -> str:
        return await waiting + "!"

    got = result_of(scope.start(child(), "child"))
    assert scope.children == ["child"]
    waiting.callback("done")
    assert got == ["done!"] and scope.children == []
    assert scope.is_open
    closed = result_of(scope.closed)
    scope.cancel("over")
    clock.advance()
    assert closed == ["over"]


def test_cancel_never_runs_on_the_callers_stack_and_only_once() -> None:
    clock = SteppedClock()
    scope = CallScope(clock)
    log: list[str] = []

    async def child() -> None:
        try:
            await Deferred()
        except CancelledError:
            log.append("cancelled")
            raise

    async def caller() -> None:
        scope.cancel("first")
        scope.cancel("second")
        log.append("still here")
        await Deferred()

    scope.start(child(), "child")
    scope.start(caller(), "caller")
    closed = result_of(scope.closed)
    assert log == ["still here"]
    clock.advance()
    assert log == ["still here", "cancelled"]
    assert closed == ["first"]


def test_a_child_that_cleans_up_holds_the_scope() -> None:
    clock = SteppedClock()
    scope = CallScope(clock)
    gate: Deferred[None] = Deferred()

    async def child() -> None:
        try:
            await Deferred()
        except CancelledError:
            await gate

    scope.start(child(), "slow")
    closed = result_of(scope.closed)
    scope.cancel("over")
    clock.advance()
    assert closed == [] and scope.children == ["slow"]
    gate.callback(None)
    assert closed == ["over"]


def test_a_child_cancelled_by_another_ones_cleanup() -> None:
    clock = SteppedClock()
    scope = CallScope(clock)
    other: Deferred[None] = Deferred()

    async def first() -> None:
        try:
            await Deferred()
        finally:
            other.cancel()

    async def second() -> None:
        await other

    scope.start(first(), "first")
    scope.start(second(), "second")
    closed = result_of(scope.closed)
    scope.cancel("over")
    clock.advance()
    assert closed == ["over"]


def test_errors_are_told_once_and_stay_for_an_awaiter() -> None:
    clock = SteppedClock()
    told: list[tuple[str, str]] = []
    scope = CallScope(clock, "call 7", lambda name, failure: told.append((name, str(failure.value))))

    async def fails() -> str:
        raise ValueError("menu")

    async def awaits() -> str:
        try:
            return await outcome
        except ValueError as error:
            return f"seen {error}"

    outcome = scope.start(fails(), "menu")
    assert told == [("menu", "menu")]
    assert result_of(scope.start(awaits(), "awaits")) == ["seen menu"]
    scope.start(fails(), "nobody awaits this one")
    scope.cancel("over")
    clock.advance()
    assert scope.closed.called


def test_the_end_of_the_call_is_no_error() -> None:
    clock = SteppedClock()
    told: list[str] = []
    scope = CallScope(clock, on_error=lambda name, failure: told.append(name))

    async def ends() -> None:
        raise CallEnded("hung up")

    scope.start(ends(), "prompt")
    scope.cancel("over")
    clock.advance()
    assert told == [] and not scope.is_open


def test_without_on_error_failures_are_logged(logged_failures: LoggedFailures) -> None:
    clock = SteppedClock()
    scope = CallScope(clock, "call 8")

    async def fails() -> None:
        raise ValueError("unheard")

    scope.start(fails(), "child")
    scope.cancel("over")
    clock.advance()
    assert [str(error) for error in logged_failures.flush(ValueError)] == ["unheard"]


def test_nothing_starts_after_the_end() -> None:
    clock = SteppedClock()
    scope = CallScope(clock)
    scope.cancel("over")

    async def late() -> str:
        raise AssertionError("must not run")

    [failure] = result_of(scope.start(late(), "late"))
    assert isinstance(failure, Failure)
    with pytest.raises(CallEnded):
        failure.raiseException()
    clock.advance()
    assert not scope.is_open

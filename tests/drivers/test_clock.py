"""The clocks: integer ticks, order, cancel and reset, wall clock jumps, runaways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.task import Clock as TwistedClock

from drivers.clock import ReactorClock, SteppedClock, ticks_for
from drivers.errors import RunawayError
from tests.conftest import LoggedFailures


def test_calls_run_at_the_first_tick_not_before_their_time() -> None:
    clock = SteppedClock()
    ran: list[tuple[str, int]] = []
    for delay in (0.0, 0.001, 0.02, 0.021, 0.04):
        clock.callLater(delay, lambda delay=delay: ran.append((str(delay), clock.ticks)))
    clock.advance(0.1)
    assert ran == [("0.0", 0), ("0.001", 1), ("0.02", 1), ("0.021", 2), ("0.04", 2)]


def test_many_small_steps_do_not_drift() -> None:
    clock = SteppedClock()
    for _ in range(50 * 3600):
        clock.move(1)
    assert clock.seconds() == 3600.0


def test_same_tick_runs_in_the_order_made() -> None:
    clock = SteppedClock()
    ran: list[int] = []
    for at in range(20):
        clock.callLater(0.5, ran.append, at)
    clock.advance(1)
    assert ran == list(range(20))


def test_cancel_and_reset() -> None:
    clock = SteppedClock()
    ran: list[str] = []
    cancelled = clock.callLater(0.1, ran.append, "cancelled")
    moved = clock.callLater(0.1, ran.append, "moved")
    cancelled.cancel()
    moved.reset(0.5)
    assert [call.getTime() for call in clock.getDelayedCalls()] == [0.5]
    clock.advance(0.3)
    assert ran == []
    clock.advance(0.3)
    assert ran == ["moved"]
    with pytest.raises(AlreadyCancelled):
        cancelled.cancel()
    with pytest.raises(AlreadyCalled):
        moved.cancel()
    assert not moved.active() and not cancelled.active()


def test_ten_thousand_cancelled_timers_do_not_stay() -> None:
    clock = SteppedClock()
    keep = clock.callLater(100, lambda: None)
    for _ in range(10_000):
        clock.callLater(50, lambda: None).cancel()
    assert len(clock._heap) < 200
    assert clock.getDelayedCalls() == [keep]
    keep.cancel()
    assert clock.next_due() is None


@given(st.lists(st.tuples(st.floats(0, 5), st.booleans(), st.floats(0, 5) | st.none()), max_size=40))
def test_any_mix_runs_in_time_order(calls: list[tuple[float, bool, float | None]]) -> None:
    clock = SteppedClock()
    ran: list[int] = []
    expected = []
    for delay, cancel, reset in calls:
        call = clock.callLater(delay, lambda: ran.append(clock.ticks))
        if reset is not None:
            call.reset(reset)
        if cancel:
            call.cancel()
        else:
            expected.append(ticks_for(delay if reset is None else reset))
    clock.advance(6)
    assert ran == sorted(expected)


def test_the_wall_clock_may_be_set() -> None:
    clock = SteppedClock(datetime(2026, 3, 1, tzinfo=UTC))
    ran: list[float] = []
    clock.callLater(10, lambda: ran.append(clock.seconds()))
    clock.shift_wall(-3600)
    clock.advance(5)
    assert clock.now() == datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=5 - 3600)
    clock.shift_wall(7200)
    clock.advance(5)
    assert ran == [10.0]


def test_naive_start_is_refused() -> None:
    with pytest.raises(ValueError):
        SteppedClock(datetime(2026, 1, 1))


def test_runaway_names_the_culprit() -> None:
    clock = SteppedClock()

    def spins_for_ever() -> None:
        clock.callLater(0, spins_for_ever)

    clock.callLater(0, spins_for_ever)
    with pytest.raises(RunawayError, match="spins_for_ever"):
        clock.advance(1)
    for call in clock.getDelayedCalls():
        call.cancel()


def test_a_call_that_raises_is_logged_and_stops_nobody(logged_failures: LoggedFailures) -> None:
    clock = SteppedClock()
    ran: list[int] = []

    def fails() -> None:
        raise KeyError("ours")

    clock.callLater(0.1, fails)
    clock.callLater(0.1, ran.append, 1)
    clock.advance(1)
    assert ran == [1]
    assert [str(error) for error in logged_failures.flush(KeyError)] == ["'ours'"]


def test_reactor_clock_is_the_reactors() -> None:
    reactor = TwistedClock()
    clock = ReactorClock(reactor)
    ran: list[int] = []
    call = clock.callLater(3, ran.append, 1)
    assert call.active() and clock.seconds() == 0.0
    reactor.advance(3)
    assert ran == [1] and clock.seconds() == 3.0
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)

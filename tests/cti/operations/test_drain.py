"""Draining in the simulated world: calls that are up live to their end, new ones are not hunted to our ports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cti.assemble import Assembly
from cti.operations.drain import WAIT_MAX_S, Drain
from cti.sides.side import Line
from drivers.clock import SteppedClock
from drivers.stepped import Stepper
from simulators.rig.stepped import Run, run
from simulators.scenario.scenario import mixed
from simulators.world.world import World


def drained(at_s: float, undo_s: float | None = None) -> tuple[Run, list[dict[str, Any]], list[Any]]:
    """A run that drains; the drain's progress at each second from then on, and its alarms."""
    seen: list[dict[str, Any]] = []
    alarms: list[Any] = []
    parts: list[tuple[SteppedClock, Drain, Sequence[Line]]] = []

    def change(server: Assembly, world: World, clock: SteppedClock) -> None:
        centre = server.centre
        drain = Drain(clock, centre.lines, lambda: centre.calls, lambda *alarm: alarms.append(alarm))
        parts.append((clock, drain, centre.lines))
        clock.callLater(1.0, centre.lines[0].block)  # the operator's own
        clock.callLater(at_s, drain.begin)
        clock.callLater(at_s, drain.begin)
        if undo_s is not None:
            clock.callLater(undo_s, drain.undo)

    def look(gone: float) -> None:
        clock, drain, lines = parts[0]
        if clock.seconds() > at_s:
            seen.append({**drain.progress(), "done": drain.done, "states": {line.state for line in lines}})

    plan = mixed(2, 12)
    plan = replace(plan, pbx=replace(plan.pbx, all_busy="busy"))
    return run(plan, change=change, progress=look, limit_s=600.0), seen, alarms


def test_calls_that_are_up_end_in_peace_and_no_new_one_comes() -> None:
    result, seen, alarms = drained(30.0)
    assert 0 < len(result.calls) < 12
    assert any(call["outcome"] == "answered" for call in result.calls)
    assert all(call["steps"]["3"] < 31.0 for call in result.calls)
    first = next(at for at, state in enumerate(seen) if state["done"])
    assert all(state["done"] for state in seen[first:])
    assert seen[0]["calls"] and seen[-1]["states"] == {"blocked"}
    assert alarms == [("draining", True, "no new calls are taken; tipring drain --undo takes calls again")]


def test_taken_back() -> None:
    _, seen, alarms = drained(5.0, undo_s=60.0)
    assert [alarm[:2] for alarm in alarms] == [("draining", True), ("draining", False)]
    assert not seen[-1]["draining"] and not seen[-1]["done"]
    assert "blocked" in seen[-1]["states"] and seen[-1]["states"] != {"blocked"}  # the operator's port stays out


def test_waiting_for_it() -> None:
    clock, calls = SteppedClock(), [1]
    drain = Drain(clock, [], lambda: calls, lambda *alarm: None)
    stepper = Stepper(clock)

    def waits(limit_s: float) -> dict[str, int | bool]:
        left = stepper.run(drain.wait(60.0), limit_s=limit_s)
        assert left is not None
        return left

    assert not waits(0.1)["draining"]  # nobody drains: told at once
    drain.begin()
    assert waits(WAIT_MAX_S + 1)["calls"] == 1
    clock.callLater(2.0, calls.clear)
    assert waits(2.5)["calls"] == 0 and drain.done


def test_a_pbx_that_keeps_callers_waiting_is_told_by_the_calls_that_came() -> None:
    seen: list[dict[str, Any]] = []
    parts: list[Drain] = []

    def change(server: Assembly, world: World, clock: SteppedClock) -> None:
        centre = server.centre
        parts.append(Drain(clock, centre.lines, lambda: centre.calls, lambda *alarm: None))
        clock.callLater(20.0, parts[0].begin)

    plan = mixed(2, 14, every_s=2.0, vru_ports=2)
    run(plan, change=change, progress=lambda gone: seen.append(dict(parts[0].progress())))
    assert not any(state["came"] for state in seen if not state["draining"])
    assert seen[-1]["came"] > 3 and parts[0].done  # as soon as no more callers wait


def test_it_ends_however_many_callers_the_pbx_keeps_waiting() -> None:
    """Two ports, and a caller every two seconds for five minutes: who comes later than 30 s is turned away, one more at
    each port, which then stays off-hook."""
    seen: list[tuple[float, dict[str, Any]]] = []
    parts: list[tuple[SteppedClock, Drain, Sequence[Line]]] = []

    def change(server: Assembly, world: World, clock: SteppedClock) -> None:
        centre = server.centre
        drain = Drain(clock, centre.lines, lambda: centre.calls, lambda *alarm: None)
        centre.turns_away = lambda: drain.turns_away
        parts.append((clock, drain, centre.lines))
        clock.callLater(20.0, drain.begin, 30.0)

    def look(gone: float) -> None:
        seen.append((parts[0][0].seconds(), dict(parts[0][1].progress())))

    result = run(mixed(2, 150, every_s=2.0, vru_ports=2), change=change, progress=look)
    away = [call for call in result.calls if (call["cause"] or "").startswith("turned away")]
    assert 1 <= len(away) <= 2 and all(call["outcome"] == "failed" for call in away)
    assert any(20.0 < call["steps"]["3"] < 50.0 for call in result.calls), "and who came before was served"
    assert max(call["steps"]["3"] for call in result.calls) < 120.0
    done = [at for at, left in seen if left["draining"] and not left["calls"] and not left["ports_busy"]]
    assert done and min(done) < 200.0 < seen[-1][0], "while callers still wait at the PBX"
    assert {line.state for line in parts[0][2]} <= {"blocked", "alarm"} or parts[0][1].done

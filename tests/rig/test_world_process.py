"""The world in real time: PCs that find no server try again, as real ones do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet.error import ConnectionRefusedError
from twisted.internet.testing import RaisingMemoryReactor

from drivers.clock import SteppedClock
from drivers.stepped import Stepper
from simulators.people.desk import Desk, DeskPlan
from simulators.rig.world_process import WorldProcess


def test_a_pc_that_is_refused_tries_again() -> None:
    tries = []

    class Refusing(RaisingMemoryReactor):
        def connectTCP(self, *given: Any, **more: Any) -> Any:
            tries.append(given[1])
            raise ConnectionRefusedError

    process: Any = object.__new__(WorldProcess)
    process.reactor, process._desk_port = Refusing(), 41349
    clock = SteppedClock()
    said: list[str] = []
    desk = Desk(clock, DeskPlan("1001", "secret", "8001"), lambda call, who, what, **data: said.append(what))
    desk.open(WorldProcess._desk(process, "1001"))
    Stepper(clock, []).run_for(10.0)
    assert len(tries) > 3 and set(tries) == {41349} and set(said) == {"no connection"}
    desk.close()
    Stepper(clock, []).run_for(10.0)
    assert clock.getDelayedCalls() == []


def test_a_world_that_ends_looks_for_no_server_any_more() -> None:
    """Its socket is closed, and the reactor goes on a little."""
    clock = SteppedClock()
    process: Any = object.__new__(WorldProcess)
    process.reactor, process._cables, process._unplugged, process.wires = clock, [], set(), {}
    process._office, process.world = SimpleNamespace(close=list), SimpleNamespace(desks={})
    process.engine = SimpleNamespace(stopService=list)
    process._accept()
    assert len(clock.getDelayedCalls()) == 1
    process.stop()
    assert clock.getDelayedCalls() == []

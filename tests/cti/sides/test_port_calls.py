"""Every VRU port called from another one through the simulated PBX, while the server runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from cti.assemble import Assembly
from cti.errors import TipringError
from cti.operations.operator import Operator
from drivers.clock import SteppedClock
from simulators.faults import parse
from simulators.rig.stepped import Run, run
from simulators.scenario.scenario import mixed
from simulators.scenario.table import read_table
from simulators.world.world import World


def called(
    wanted: Sequence[str],
    *faults: str,
    make: str = "generic",
    ports: int = 3,
    table: str = "",
    at_s: float = 1.0,
    between_s: float = 3.0,
) -> tuple[Run, list[str]]:
    """What the operator is told of each port, called one after the other."""
    scenario = mixed(1, 1, trunks=2, vru_ports=ports).with_make(make)
    scenario = replace(scenario, callers=()) if not table else read_table(table)
    for fault in faults:
        scenario = scenario.with_fault(parse(fault))
    told: list[str] = []

    def change(server: Assembly, world: World, clock: SteppedClock) -> None:
        operator = Operator(server.centre, server.centre.every_line[0].port.engine, {})
        left = list(wanted)

        def following() -> None:
            if not left:
                return
            try:
                answer = operator.requests()["port.call"]({"port": left.pop(0)})
                assert isinstance(answer, Deferred)
                answer.addCallbacks(lambda found: over(found["text"]), lambda failure: over(failure.getErrorMessage()))
            except TipringError as error:
                over(str(error))

        def over(text: str) -> None:
            told.append(text)
            clock.callLater(between_s, following)

        clock.callLater(at_s, following)
        world.start = lambda start=world.start: waiting(start())  # type: ignore[method-assign, misc]

        def waiting(done: Deferred[None]) -> Deferred[None]:
            """The world goes on until all are called."""
            through: Deferred[None] = Deferred()
            done.addCallback(lambda _: clock.callLater(at_s + 25.0 * len(wanted), through.callback, None))
            return through

    return run(scenario, change=change), told


def test_each_port_is_reached_though_the_pbx_prefers_the_first() -> None:
    result, told = called(["2001", "2002", "2003"])
    assert [text[:25] for text in told] == [f"port {extension}: called from 20" for extension in (2001, 2002, 2003)]
    assert all("answered; told by smdi, the caller named by smdi" in text for text in told)
    assert [(call["extension"], call["cause"]) for call in result.calls] == [
        ("2001", "loop_drop"),
        ("2002", "loop_drop"),
        ("2003", "loop_drop"),
    ]
    assert all(call["ani"] in ("2001", "2002", "2003") for call in result.calls)


def test_what_an_operator_has_done_is_in_the_journal() -> None:
    """Why a port took no calls can be read later."""
    had: list[Any] = []

    def change(server: Assembly, world: World, clock: SteppedClock) -> None:
        operator = Operator(server.centre, server.centre.every_line[0].port.engine, {})
        requests = operator.requests()

        def begin() -> None:
            for do in ("port.block", "port.unblock"):
                requests[do]({"do": do, "port": "2001", "by": "root"})
            for do in ("drain", "drain.undo"):
                requests[do]({"do": do, "by": "root"})
            with pytest.raises(TipringError):
                requests["port.block"]({"do": "port.block", "port": "9999"})

        clock.callLater(1.0, begin)
        clock.callLater(10.0, lambda: had.extend(server.store.of_system("operator")))
        world.start = lambda start=world.start: waiting(start())  # type: ignore[method-assign, misc]

        def waiting(done: Deferred[None]) -> Deferred[None]:
            through: Deferred[None] = Deferred()
            done.addCallback(lambda _: clock.callLater(12.0, through.callback, None))
            return through

    run(replace(mixed(1, 1, trunks=2, vru_ports=3), callers=()), change=change)
    assert [(event.data["do"], event.data["by"], event.data.get("extension")) for event in had] == [
        ("port.block", "root", "2001"),
        ("port.unblock", "root", "2001"),
        ("drain", "root", None),
        ("drain.undo", "root", None),
    ]


def test_the_port_that_has_just_called_is_called_next() -> None:
    """It has hung up, and waits its guard time."""
    _, told = called(["2001", "2003", "2002", "2003"], between_s=0.02)
    assert all("answered" in text for text in told), told


def test_a_port_that_never_rings_and_a_make_that_sends_no_messages() -> None:
    _, told = called(["2002", "2001"], "port=dead:2002", make="panasonic-tda")
    assert told[0] == "port 2002, called from 2003: no call was answered there within 12 s"
    assert told[1] == "port 2001: called from 2003, answered; told by no source, the caller named by port"


def test_message_lines_that_are_exchanged_make_the_number_doubtful() -> None:
    _, told = called(["2001", "2002", "2001", "2002"], "swap=2001:2002")
    assert any("no caller's number" in text or "unconfirmed" in text for text in told), told


TABLE = """
setup  | world      | vru_extensions=2001,2002
1.0    | caller 1   | 13800138000 by fsk: wait 30
1.5    | caller 2   | 13900139000 by fsk: wait 30
"""


def test_ports_with_callers_are_left_alone() -> None:
    result, told = called(["2001"], table=TABLE, at_s=12.0)
    assert told == ["port 2001 is busy: try it when it is idle"] and len(result.calls) == 2
    _, told = called(["2003", "2001"], ports=1)
    assert told[0].startswith("no port '2003'") and told[1] == "port 2001: no other port is idle to call it from"

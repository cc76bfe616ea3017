"""The server is stopped in the middle of whatever goes on: every call has its end, every file is closed."""

from __future__ import annotations

from typing import Any

import pytest

from cti.assemble import Assembly
from drivers.clock import SteppedClock
from simulators.rig import on_card, stepped
from simulators.scenario.card_scenario import mixed as mixed_on_card
from simulators.scenario.scenario import mixed


class Stop:
    """The states in which calls are when the run ends, and what the server was still about nearly a second later:
    operations, calls, timers."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self.left: list[str] = []

    def __call__(self, server: Assembly, world: Any, clock: SteppedClock) -> None:
        stop, engine = server.stop, next(iter(server.centre.lines)).port.engine

        def now() -> None:
            self.states = {call.id: call.state for call in server.centre.calls.values()}
            stop()
            clock.callLater(0.9, look)

        def look() -> None:
            self.left = [*engine.operations(), *server.centre.calls]
            for timer in clock.getDelayedCalls():
                if "cti." in repr(getattr(timer.func, "__module__", timer.func)):
                    self.left.append(repr(timer))
                timer.cancel()  # the world's people go on for ever

        server.stop = now  # type: ignore[method-assign]


@pytest.mark.parametrize("at_s", [5, 11, 24, 28, 61, 81])
def test_on_cards_everybody_is_let_go_and_each_recording_is_closed(at_s: int) -> None:
    stop = Stop()
    result = on_card.run(mixed_on_card(5, 30), limit_s=at_s, change=stop)
    assert stop.left == [] and stop.states
    assert [call for call in result.calls if call["outcome"] is None] == []


@pytest.mark.parametrize("at_s", [8, 19, 33, 52])
def test_behind_a_pbx_every_call_has_its_end(at_s: int) -> None:
    stop = Stop()
    result = stepped.run(mixed(7, 8, vru_ports=8), limit_s=at_s, change=stop)
    assert stop.left == [] and stop.states
    assert [call for call in result.calls if call["outcome"] is None] == []


def test_what_a_caller_has_said_until_the_stop_is_a_message() -> None:
    stop = Stop()
    result = stepped.run(mixed(3, 16, vru_ports=8), limit_s=58.0, change=stop)
    (told,) = [call for call in result.calls if stop.states.get(call["call"]) == "message"]
    assert stop.left == []
    assert (told["outcome"], told["cause"]) == ("message", "the server stops")

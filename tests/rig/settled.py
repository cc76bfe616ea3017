"""A run whose server is looked at just before it stops: whatever was wrong in the world, nothing may be stuck."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cti.assemble import Assembly
from drivers.clock import SteppedClock
from simulators.rig.stepped import Run, run
from simulators.scenario.scenario import Scenario
from simulators.world.world import World

Change = Callable[[Assembly, World, SteppedClock], None]


@dataclass
class Seen:
    """What the server held at the end of a run, and when each call ended (seconds of the run)."""

    run: Run
    agents: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    stuck: list[str] = field(default_factory=list)
    lines: dict[str, str] = field(default_factory=dict)
    alarms: dict[str, str] = field(default_factory=dict)
    ended_at: dict[str, float] = field(default_factory=dict)
    events: list[tuple[float, str | None, str, dict[str, Any]]] = field(default_factory=list)

    def calls(self, *outcomes: str) -> list[dict[str, Any]]:
        """The calls of these outcomes."""
        return [call for call in self.run.calls if call["outcome"] in outcomes]

    def kinds(self, kind: str, **data: object) -> list[tuple[float, str | None, dict[str, Any]]]:
        """Events of a kind whose data hold these values: second, call, data."""
        return [
            (at, call, more)
            for at, call, name, more in self.events
            if name == kind and all(more.get(key) == value for key, value in data.items())
        ]


def look(
    scenario: Scenario,
    *,
    faults: Iterable[str] = (),
    wires: Path | None = None,
    change: Change | None = None,
) -> Seen:
    """Runs a scenario; `settled` says whether all is well at its end."""
    found: dict[str, Any] = {"events": [], "ended_at": {}}

    def joined(server: Assembly, world: World, clock: SteppedClock) -> None:
        centre, stop, event = server.centre, server.stop, server.centre.records.event
        side = centre.side

        def noted(*given: Any, **data: Any) -> Any:
            call, kind = given[:2]
            found["events"].append((round(clock.seconds(), 3), call, kind, data))
            if kind == "ended":
                found["ended_at"][call] = clock.seconds()
            return event(*given, **data)

        def at_the_end() -> None:
            stuck = [f"call {call.id} {call.state}" for call in centre.calls.values()]
            stuck += [f"in a queue: {entry}" for entry in centre.acd.entries]
            stuck += [f"{agent.id} with {agent.call}" for agent in centre.acd.agents.values() if agent.call]
            stuck += ["a conversation"] * side.open_talks()
            found["stuck"] = stuck
            found["agents"] = {agent.id: agent.truths for agent in centre.acd.agents.values()}
            found["lines"] = {line.extension: line.state for line in centre.lines}
            found["alarms"] = dict(centre.alarms)
            stop()

        server.stop = at_the_end  # type: ignore[method-assign]
        centre.records.event = noted  # type: ignore[method-assign]
        if change is not None:
            change(server, world, clock)

    result = run(scenario, faults=faults, wires=wires, change=joined)
    return Seen(result, **found)


def settled(
    seen: Seen, *, alarms: Iterable[str] = (), dead: Iterable[str] = (), signed_off: Iterable[str] = ()
) -> None:
    """No stuck call, agent or port; each row is complete. ``alarms`` stand at the end, lines ``dead`` are in alarm,
    agents ``signed_off`` have gone home."""
    assert seen.stuck == []
    assert {line for line, state in seen.lines.items() if state != "idle"} == set(dead)
    gone = dict.fromkeys(signed_off, "logged_off")
    assert {a: t for a, t in seen.agents.items() if t != (gone.get(a, "ready"), "idle", "none")} == {}
    damaged = {"smdr_damaged"} if seen.run.scenario.smdr_of else set()  # a record or two: then it may stand
    assert set(seen.alarms) - damaged == set(alarms) - damaged
    assert seen.run.popups == []
    for call in seen.run.calls:
        assert call["outcome"] and call["port"] is not None and call["extension"], call
        assert call["cause"] != "the server stops", call
        assert call["call"] in seen.ended_at
        if call["outcome"] == "answered":
            assert call["agent"] and call["talk_s"] is not None and call["wait_s"] is not None, call
        for number in ("1", "3"):
            assert number in call["steps"], call

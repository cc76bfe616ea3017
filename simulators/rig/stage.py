"""World and server in one process and in simulated time: two engines in step, desk links in memory, taps on the wires.

Nothing here depends on the machine, the hour or a hash; whatever stands on it runs the same way every time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from cti.assemble import Assembly
from cti.records.row import CallRow
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.stepped import Stepper
from simulators.lines.serial_line import Line, Speed
from simulators.people.speech import default_cache
from simulators.scenario.scenario import Scenario
from simulators.world.surroundings import Surroundings

# After the last caller has gone: records printed, agents' work done.
SETTLE_S = 20.0
LAST_CALL_S = 120.0
"""And calls out, which may ring for a minute: what holds a line after so long is stuck."""
LAST_WORD_S = 8.0
"""After the last handset came down: an agent's PC says five seconds later that the talk is over."""
MAX_PORTS = 1024


def prompt_cache() -> Path:
    """Prompts are the same in every run: made once for this user."""
    return default_cache() / "prompts"


class Told(NamedTuple):
    """An alarm of the server's: seconds since the run began, name, text."""

    at_s: float
    name: str
    text: str


class Stage:
    """`outside` is the world's engine, `inside` the server's. `taps`: card, port and file name of each wire that is
    written down where that is asked for."""

    def __init__(self) -> None:
        self.clock = SteppedClock()
        self.began = self.clock.now()
        self.outside = Engine(self.clock, max_ports=MAX_PORTS, name="world")
        self.inside = Engine(self.clock, max_ports=MAX_PORTS, name="server")
        self.stepper = Stepper(self.clock, [self.outside, self.inside])
        self.taps: list[tuple[SoftwareCard, int, str]] = []
        self.alarms: list[Told] = []
        """Those that the server raised in `play`."""

    def ears(self, scenario: Scenario, folder: Path) -> Path | None:
        """Where it matters who hears whom (a scenario says so, or there is no PBX that could tell), a folder for it."""
        if scenario.switch == "pbx" and not scenario.hears:
            return None
        place = folder / "ears"
        place.mkdir()
        return place

    def play(
        self,
        world: Surroundings,
        server: Assembly,
        *,
        limit_s: float,
        wires: Path | None,
        progress: Callable[[float], None] | None,
    ) -> list[CallRow]:
        """Runs both to the end, and no longer than `limit_s`; the rows of the server's calls, in order. The server is
        closed then."""
        with self._tapped(wires):
            server.start()
            world.open_desks(self._lan(server))
            ended: list[None] = []
            world.start().addCallback(lambda _: ended.append(None))
            while not ended and self.clock.seconds() < limit_s:
                self.stepper.run_for(1.0)
                if progress is not None:
                    progress(len(world.scenario.callers) - world.left)
            self.stepper.run_for(SETTLE_S)
            over_s = min(limit_s, self.clock.seconds() + LAST_CALL_S)
            waited = ended and not world.at_rest
            while ended and not world.at_rest and self.clock.seconds() < over_s:
                self.stepper.run_for(1.0)
            if waited:
                self.stepper.run_for(LAST_WORD_S)
            world.stop()
            server.stop()
            self.stepper.run_for(1.0)
        server.forwarder.forward_once()
        rows = sorted(server.store.calls(limit=1_000_000), key=lambda row: row.id)
        self.alarms = [
            Told((event.t - self.began).total_seconds(), str(event.data["what"]), str(event.data.get("text", "")))
            for event in server.store.of_system("alarm", limit=1_000_000)
            if event.data.get("raised", True)
        ]
        server.close()
        return rows

    @contextmanager
    def _tapped(self, wires: Path | None) -> Iterator[None]:
        if wires is not None:
            wires.mkdir(parents=True, exist_ok=True)
            for card, index, name in self.taps:
                card.tap(index, wires / name)
        yield
        if wires is not None:
            for card, index, _ in self.taps:
                card.tap(index, None)

    def _lan(self, server: Assembly) -> Callable[[str], Callable[..., object]]:
        """The way from each agent's PC to the server."""

        def desk_link(agent: str) -> Callable[..., object]:
            def open_link(protocol: Any) -> object:
                line = Line(self.clock, f"desk {agent}", Speed(0), network=True)
                line.server.connect(server.centre.desks.factory.buildProtocol(None))
                return line.pbx.connect(protocol)

            return open_link

        return desk_link

"""The simulated PBX with an installer's bench at its VRU lines, in simulated time; the server is not there."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from cti.install.alone import Bench, CardPort
from cti.site.config import load_site
from cti.site.pbx_dialect import site_dialect
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.stepped import Stepper
from simulators.faults import parse
from simulators.lines.serial_line import Line
from simulators.pbx.makes import USUAL
from simulators.people.speech import Speech
from simulators.rig.site import write_site
from simulators.scenario.scenario import Scenario, mixed
from simulators.world.world import World

T = TypeVar("T")


class SiteWorld:
    """`cables` gives the card port of each VRU extension in turn; straight unless given. `plan`: fields of the
    PBX's plan that are otherwise than its make's."""

    def __init__(
        self,
        folder: Path,
        *,
        make: str = USUAL,
        ports: int = 4,
        faults: Sequence[str] = (),
        cables: Sequence[int] | None = None,
        plan: Mapping[str, Any] | None = None,
    ) -> None:
        scenario: Scenario = mixed(1, 1, trunks=2, vru_ports=ports).with_make(make)
        scenario = replace(scenario, callers=())
        for fault in faults:
            scenario = scenario.with_fault(parse(fault))
        scenario = replace(scenario, pbx=replace(scenario.pbx, **(plan or {})))
        self.clock = SteppedClock()
        outside, inside = (Engine(self.clock, max_ports=256, name=name) for name in ("world", "bench"))
        self.world = World(self.clock, outside, scenario, speech=Speech())
        card = SoftwareCard(None, "fxo", ports, name="vru")
        added = inside.add_card(card)
        for index, where in enumerate(cables or range(ports)):
            self.world.vru_card.wire(index, card, where)
        self.site = load_site(write_site(scenario, folder))
        serial = {name: line.opener for name, line in self.world.wires.items() if isinstance(line, Line)}
        self.bench = Bench(
            self.clock,
            self.site,
            site_dialect(self.site),
            [CardPort("vru", index, port) for index, port in enumerate(added)],
            serial,
        )
        self.stepper = Stepper(self.clock, [outside, inside])

    def run(self, work: Coroutine[Any, Any, T], limit_s: float = 3600.0) -> T:
        """Lets the work be done."""
        result = self.stepper.run(work, limit_s)
        assert result is not None
        return result


@contextmanager
def site_world(folder: Path, **kinds: Any) -> Iterator[SiteWorld]:
    """A world that ends with the test."""
    made = SiteWorld(folder, **kinds)
    try:
        yield made
    finally:
        made.world.stop()
        for one in made.bench.ports:
            one.port.hangup()
        made.stepper.run_for(1.0)

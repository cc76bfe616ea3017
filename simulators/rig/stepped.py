"""A whole run in simulated time: world and server in one process, on wires, serial lines and desk links in memory.

The same seed gives the same bytes: nothing here depends on the machine, the hour or a hash. Times of the result are
seconds since the run began, as in the wires' files.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cti.assemble import Assembly, assemble_stepped
from cti.config import load_site
from drivers.card import Card, SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.stepped import Stepper
from simulators.faults import parse
from simulators.freed import Freed, agents_freed
from simulators.judge import Finding, judge, popups, records, strangers
from simulators.rig.result import call_object
from simulators.rig.site import write_site
from simulators.scenario import Scenario
from simulators.serial_line import Line, Speed
from simulators.speech import Speech, default_cache
from simulators.world import World

Lines = Callable[[int], tuple[Card, Card]]
"""Makes so many lines for the VRU: a card of the PBX (FXS) and one of the server (FXO), joined somehow."""

# After the last caller has gone: records printed, agents' work done.
SETTLE_S = 20.0
LONGEST_CALL_S = 3600.0
MAX_PORTS = 1024


def prompt_cache() -> Path:
    """Prompts are the same in every run: made once for this user."""
    return default_cache() / "prompts"


@dataclass
class Run:
    """A finished run."""

    scenario: Scenario
    calls: list[dict[str, Any]]
    world: World
    seconds: float  # simulated
    findings: list[Finding] = field(default_factory=list)
    popups: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    records: dict[str, int] = field(default_factory=dict)
    freed: Freed = field(default_factory=Freed)


def run(
    scenario: Scenario,
    *,
    faults: Iterable[str] = (),
    wires: Path | None = None,
    limit_s: float | None = None,
    progress: Callable[[float], None] | None = None,
    change: Callable[[Assembly, World, SteppedClock], None] | None = None,
    lines: Lines | None = None,
) -> Run:
    """Runs a scenario to its end. ``wires``: a folder for what passed on every wire of ours and serial line. ``change``
    is called with everything joined, before the first tick. ``limit_s``: the run ends then whatever goes on, usually
    an hour after the last caller has set out. ``lines``: the VRU's, over real cards; wires unless given."""
    for spec in faults:
        scenario = scenario.with_fault(parse(spec))
    folder = Path(tempfile.mkdtemp(prefix="tipring-run-"))
    try:
        if limit_s is None:
            limit_s = LONGEST_CALL_S + max((caller.at_s for caller in scenario.callers), default=0.0)
        return _run(scenario, folder, wires, limit_s, progress, change, lines)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(
    scenario: Scenario,
    folder: Path,
    wires: Path | None,
    limit_s: float,
    progress: Callable[[float], None] | None,
    change: Callable[[Assembly, World, SteppedClock], None] | None,
    lines: Lines | None,
) -> Run:
    clock = SteppedClock()
    began = clock.now()
    outside = Engine(clock, max_ports=MAX_PORTS, name="world")
    inside = Engine(clock, max_ports=MAX_PORTS, name="server")
    extensions, card = (None, None) if lines is None else lines(len(scenario.vru_extensions))
    world = World(clock, outside, scenario, speech=Speech(), vru_lines=extensions)
    serial = {name: line for name, line in world.wires.items() if isinstance(line, Line)}
    openers: dict[str, Any] = {name: line.opener for name, line in serial.items()}
    site = load_site(write_site(scenario, folder))
    tapped: list[tuple[SoftwareCard, int, str]] = []
    if card is not None:
        inside.add_card(card)
    else:
        card = wired = SoftwareCard(inside, "fxo", len(scenario.vru_extensions), name="vru")
        world.wire_vru(wired)
        tapped = [(wired, index, f"vru-{number}") for index, number in enumerate(scenario.vru_extensions)]
    server = assemble_stepped(
        clock,
        site,
        {"vru": card},
        smdi=openers.get("smdi"),
        smdr=openers.get("smdr"),
        mci=openers.get("mci"),
        prompts=prompt_cache(),
    )
    stepper = Stepper(clock, [outside, inside])
    lan: list[Line] = []

    def desk_link(agent: str) -> Callable[..., object]:
        def open_link(protocol: Any) -> object:
            line = Line(clock, f"desk {agent}", Speed(0), network=True)
            lan.append(line)
            line.server.connect(server.centre.desks.factory.buildProtocol(None))
            return line.pbx.connect(protocol)

        return open_link

    if wires is not None:
        wires.mkdir(parents=True, exist_ok=True)
        for tap, index, name in tapped:
            tap.tap(index, wires / name)
    for at_s, by_s in scenario.clock_shifts:
        clock.callLater(at_s, clock.shift_wall, by_s)
    if change is not None:
        change(server, world, clock)
    server.start()
    world.open_desks(desk_link)
    done = world.start()
    ended: list[None] = []
    done.addCallback(lambda _: ended.append(None))
    while not ended and clock.seconds() < limit_s:
        stepper.run_for(1.0)
        if progress is not None:
            progress(len(scenario.callers) - world.left)
    stepper.run_for(SETTLE_S)
    world.stop()
    server.stop()
    stepper.run_for(1.0)
    server.forwarder.forward_once()
    rows = sorted(server.store.calls(limit=1_000_000), key=lambda row: row.id)
    calls = [call_object(row, began) for row in rows]
    if wires is not None:
        for tap, index, _ in tapped:
            tap.tap(index, None)
        for line in serial.values():
            line.log.write(wires / f"{line.name}.jsonl")
    server.close()
    result = Run(scenario, calls, world, clock.seconds())
    result.findings = judge(calls, world.truth, scenario)
    result.popups = popups(world.truth)
    result.strangers = strangers(calls, world.truth, scenario)
    result.records = records(calls, world.truth, scenario)
    result.freed = agents_freed(calls, world.truth, scenario)
    return result

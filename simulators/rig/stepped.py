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
from cti.site.config import load_site
from drivers.card import Card, SoftwareCard
from drivers.clock import SteppedClock
from simulators.faults import parse
from simulators.judge.freed import Freed, agents_freed
from simulators.judge.judge import Finding, judge, records
from simulators.judge.screens import popups, strangers
from simulators.lines.serial_line import Line
from simulators.office.log import OfficeLog, office_file
from simulators.people.speech import Speech
from simulators.rig.result import call_object
from simulators.rig.sent import Lost, join_behind_pbx
from simulators.rig.site import write_site
from simulators.rig.stage import Stage, Told, prompt_cache
from simulators.scenario.scenario import Scenario
from simulators.world.world import World

Lines = Callable[[int], tuple[Card, Card]]
"""Makes so many lines for the VRU: a card of the PBX (FXS) and one of the server (FXO), joined somehow."""

LONGEST_CALL_S = 3600.0


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
    lost: list[Lost] = field(default_factory=list)
    """Calls that failed on an E1 before the PBX had them."""
    alarms: list[Told] = field(default_factory=list)
    """Of the server, in their order."""


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
            limit_s = longest_s(scenario)
        return _run(scenario, folder, wires, limit_s, progress, change, lines)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def longest_s(scenario: Scenario) -> float:
    """An hour after the last caller has set out."""
    return LONGEST_CALL_S + max((caller.at_s for caller in scenario.callers), default=0.0)


def _run(
    scenario: Scenario,
    folder: Path,
    wires: Path | None,
    limit_s: float,
    progress: Callable[[float], None] | None,
    change: Callable[[Assembly, World, SteppedClock], None] | None,
    lines: Lines | None,
) -> Run:
    stage = Stage()
    extensions, card = (None, None) if lines is None else lines(len(scenario.vru_extensions))
    ears = stage.ears(scenario, folder)
    world = World(stage.clock, stage.outside, scenario, speech=Speech(), vru_lines=extensions, ears=ears)
    serial = {name: line for name, line in world.wires.items() if isinstance(line, Line)}
    openers: dict[str, Any] = {name: line.opener for name, line in serial.items()}
    site = load_site(write_site(scenario, folder))
    if card is not None:
        stage.inside.add_card(card)
    else:
        card = wired = SoftwareCard(stage.inside, "fxo", len(scenario.vru_extensions), name="vru")
        world.wire_vru(wired)
        stage.taps += [(wired, index, f"vru-{number}") for index, number in enumerate(scenario.vru_extensions)]
    server = assemble_stepped(
        stage.clock,
        site,
        {"vru": card},
        smdi=openers.get("smdi"),
        smdr=openers.get("smdr"),
        mci=openers.get("mci"),
        prompts=prompt_cache(),
    )
    for at_s, by_s in scenario.clock_shifts:
        stage.clock.callLater(at_s, stage.clock.shift_wall, by_s)
    if change is not None:
        change(server, world, stage.clock)
    office = office_file(wires or folder)
    log = OfficeLog(world.truth, office)
    rows = stage.play(world, server, limit_s=limit_s, wires=wires, progress=progress)
    log.close()
    calls = [call_object(row, stage.began) for row in rows]
    if wires is not None:
        for line in serial.values():
            line.log.write(wires / f"{line.name}.jsonl")
    result = Run(scenario, calls, world, stage.clock.seconds())
    result.alarms = stage.alarms
    result.findings = judge(calls, world.truth, scenario)
    sent, result.lost = join_behind_pbx(calls, world.truth, scenario, office)
    result.findings += [*sent, *(Finding(0, None, f"line {index} is not free") for index in world.held)]
    result.popups = popups(world.truth)
    result.strangers = strangers(calls, world.truth, scenario)
    result.records = records(calls, world.truth, scenario)
    result.freed = agents_freed(calls, world.truth, scenario)
    return result

"""A whole run in simulated time in which the server's own cards are the switch: office and telephones on its wires.

The same seed gives the same bytes. People speak in code, so that the run says who heard whom, and a stranger with the
wires' files can look for himself. Serves steps 1 to 9 without a PBX, and `tipring demo --stepped --switch card`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cti.assemble import Assembly, assemble_stepped
from cti.records.journal_read import read
from cti.site.config import load_site
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from simulators.judge.card_judge import CardFinding, judge, match, popups
from simulators.office.log import OfficeLog, office_file
from simulators.office.offices import OFFICES
from simulators.people.speech import Speech
from simulators.rig.parties import parties_of, unrecorded, verbs_of
from simulators.rig.recorded import Recorded, keep, misrecorded, recordings_of, unrecorded_talks
from simulators.rig.result import call_object
from simulators.rig.sent import Lost, join
from simulators.rig.site import write_site
from simulators.rig.stage import Stage, prompt_cache
from simulators.rig.stepped import longest_s
from simulators.scenario.scenario import Scenario
from simulators.world.card_world import SEATS, TRUNKS, CardWorld

Change = Callable[[Assembly, CardWorld, SteppedClock], None]


@dataclass
class CardRun:
    """A finished run. `calls` as with a PBX, each with `parties`, `verbs` and `recordings`."""

    scenario: Scenario
    calls: list[dict[str, Any]]
    world: CardWorld
    seconds: float  # simulated
    findings: list[CardFinding] = field(default_factory=list)
    popups: list[str] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    """Calls that failed on the line before the server had them."""
    recordings: list[Recorded] = field(default_factory=list)


def run(
    scenario: Scenario,
    *,
    wires: Path | None = None,
    limit_s: float | None = None,
    progress: Callable[[float], None] | None = None,
    change: Change | None = None,
) -> CardRun:
    """Runs a scenario to its end; the arguments are those of `stepped.run`."""
    folder = Path(tempfile.mkdtemp(prefix="tipring-run-"))
    try:
        return _run(scenario, folder, wires, limit_s or longest_s(scenario), progress, change)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(
    scenario: Scenario,
    folder: Path,
    wires: Path | None,
    limit_s: float,
    progress: Callable[[float], None] | None,
    change: Change | None,
) -> CardRun:
    stage = Stage()
    world = CardWorld(stage.clock, stage.outside, scenario, speech=Speech(), ears=stage.ears(scenario, folder))
    site = load_site(write_site(scenario, folder))
    trunks = OFFICES[scenario.trunk].far_card(scenario.trunks)
    seats = SoftwareCard(None, "fxs", len(scenario.agents), name=SEATS)
    stage.inside.add_card(trunks)
    stage.inside.add_card(seats)
    world.wire(trunks, seats)
    stage.taps += [(trunks, at, f"line-{line.index}") for at, line in enumerate(world.lines)]
    stage.taps += [(seats, index, f"seat-{agent.desk.extension}") for index, agent in enumerate(scenario.agents)]
    server = assemble_stepped(
        stage.clock, site, {TRUNKS: trunks, SEATS: seats}, smdi=None, smdr=None, prompts=prompt_cache()
    )
    for at_s, by_s in scenario.clock_shifts:
        stage.clock.callLater(at_s, stage.clock.shift_wall, by_s)
    if change is not None:
        change(server, world, stage.clock)
    office = office_file(wires or folder)
    log = OfficeLog(world.truth, office)
    rows = stage.play(world, server, limit_s=limit_s, wires=wires, progress=progress)
    log.close()
    entries = list(read(site.journal))
    calls = [call_object(row, stage.began) for row in rows]
    numbers = {id(call): number for number, call in match(calls, world.truth).items()}
    names = {card.ports[index].number: name for card, index, name in stage.taps}
    recordings = recordings_of(entries, names, world, stage.began)
    for call in calls:
        number = numbers.get(id(call))
        call["parties"] = parties_of(call["call"], entries, world, stage.began)
        call["verbs"] = verbs_of(number, world) if number is not None else []
        call["recordings"] = [one.about() for one in recordings if one.call == call["call"]]
    if wires is not None:
        keep(recordings, site.recordings, wires)
    result = CardRun(scenario, calls, world, stage.clock.seconds(), recordings=recordings)
    differ, result.lost, gone = join(calls, office, scenario.alarms)
    result.findings = [found for found in judge(calls, world) if found.number not in gone] + differ
    result.findings += [CardFinding(0, None, what) for what in unrecorded(entries, world, stage.began)]
    amiss = [*unrecorded_talks(calls), *misrecorded(recordings, site.recordings, world)]
    result.findings += [CardFinding(0, None, what) for what in amiss]
    result.popups = popups(world)
    return result

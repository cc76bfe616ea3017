"""The world at the wires of the server that systemd starts, and the site file for it."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from simulators.people.caller import CallerPlan, Step
from simulators.people.phone import Behaviour, PhonePlan
from simulators.rig.site import write_site
from simulators.rig.world_process import run_world
from simulators.scenario.scenario import Scenario, agents

FOLDER = Path("/var/lib/world")
SITE = Path("/etc/tipring/site.yaml")
CALLS = 3
DESK_PORT = 8101
TALK_S = 900.0


def scenario(sales: int = 2, service: int = 0) -> Scenario:
    """Two agents who talk for long, so that of three callers two talk and one waits."""
    staff = tuple(
        replace(agent, phone=PhonePlan(usual=Behaviour(1.5, TALK_S)))
        for agent in agents(sales, service)[: sales + service]
    )
    steps = (Step("choose", "1", seconds=1.5), Step("talk", seconds=TALK_S))
    callers = tuple(CallerPlan(1 + n, 3.0 + n, f"1390000{n:04}", steps, TALK_S) for n in range(CALLS))
    return Scenario(1, callers, staff, trunks=8, vru_extensions=tuple(str(2001 + n) for n in range(8)))


def lay_out() -> None:
    """The site file at its place, state at its own; as root. One agent more than the world has: the checks are that."""
    path = write_site(scenario(2, 1), FOLDER, desk_port=DESK_PORT, metrics_port=8102)
    SITE.parent.mkdir(parents=True, exist_ok=True)
    text = path.read_text("utf-8").replace(f"{FOLDER}/state", "/var/lib/tipring")
    for each in (path, SITE):
        each.write_text(text, "utf-8")
    os.system(f"chown -R tipring:tipring {FOLDER}; chgrp -R tipring {SITE.parent}; chmod 640 {SITE}")


if __name__ == "__main__":
    sys.exit(run_world(FOLDER, scenario(), keep=True))

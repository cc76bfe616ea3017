"""Power cut: the server on FXO channels, its state on a disk, the machine switched off in the middle of ten calls.

    python -m tests.dahdi.inside.power calls     ten calls are up: says so, and goes on until the power is gone
    python -m tests.dahdi.inside.power again     the same disk, untouched: a call is served, the ten have their end

The server is `tipring run` as a process of its own; PBX, callers and agents are the world of `tipring sim`, its VRU
extensions FXS channels. The world loses its power as well.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from cti.customers.numbering import NumberPlan
from cti.reactor import install
from cti.records.records import unfinished
from cti.records.store import existing_store
from cti.site.config import load_site
from drivers.dahdi import DahdiCard, DahdiPort
from simulators.people.caller import CallerPlan, Step
from simulators.people.phone import Behaviour, PhonePlan
from simulators.rig.site import write_site
from simulators.rig.stage import prompt_cache
from simulators.rig.world_process import WorldProcess
from simulators.scenario.scenario import Scenario, agents

FOLDER = Path("/state/site")
CALLS = 10
LINES = 16
UP = "ten calls are up"
LOOK_S = 0.5
NEVER = 1 << 60
"""A boot after all others: to it every open call is one that was left open."""


def scenario(callers: tuple[CallerPlan, ...]) -> Scenario:
    """Two agents of sales who talk for long, so that of ten callers two talk and eight wait."""
    staff = tuple(replace(agent, phone=PhonePlan(usual=Behaviour(1.5, 600.0))) for agent in agents(2, 1))
    extensions = tuple(str(2001 + index) for index in range(LINES))
    return Scenario(1, callers, staff, trunks=CALLS + 2, vru_extensions=extensions)


def callers(count: int, *, talk_s: float) -> tuple[CallerPlan, ...]:
    """A caller each second, for sales."""
    steps = (Step("choose", "1", seconds=1.5), Step("talk", seconds=talk_s))
    return tuple(CallerPlan(1 + n, 4.0 + n, f"1390000{n:04}", steps, 600.0) for n in range(count))


def lay_out(plan: Scenario) -> Path:
    """The site of the first boot; the second one finds it there."""
    path = write_site(plan, FOLDER, desk_port=8101, metrics_port=8102)
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    site = yaml.load(path.read_text(encoding="utf-8"))
    channels = f"{LINES + 1}-{2 * LINES}"
    site["cards"] = [{"name": "vru", "kind": "dahdi", "type": "fxo", "channels": channels, "law": "alaw"}]
    with path.open("w", encoding="utf-8") as out:
        yaml.dump(site, out)
    shutil.copytree(prompt_cache(), FOLDER / "state" / "prompts", dirs_exist_ok=True)
    os.sync()  # the site was made long ago
    return path


def serve(path: Path) -> subprocess.Popen[bytes]:
    """The server, as an administrator starts it."""
    return subprocess.Popen(["tipring", "run", "-c", str(path), "--log", str(FOLDER / "server.jsonl")])


def world(reactor: Any, plan: Scenario) -> WorldProcess:
    """The PBX, plugged into the FXS channels."""
    lines = DahdiCard(None, [DahdiPort(1 + n, "fxs") for n in range(LINES)], name="pbx")
    process = WorldProcess(reactor, FOLDER, plan, False, vru_lines=lines)
    reactor.callWhenRunning(process.start)
    reactor.addSystemEventTrigger("before", "shutdown", process.stop)
    return process


def calls() -> int:
    """Until the power is gone; status 1 where that does not come."""
    reactor: Any = install()
    plan = scenario(callers(CALLS, talk_s=500.0))
    path = lay_out(plan)
    world(reactor, plan)
    server = serve(path)
    journal = load_site(path).journal

    def look() -> None:
        if len(unfinished(journal, NEVER)) >= CALLS:
            reactor.callLater(5.0, print, UP, flush=True)
            return
        reactor.callLater(LOOK_S, look)

    reactor.callLater(LOOK_S, look)
    reactor.run()
    server.kill()
    return 1


def again() -> int:
    """Status 0 where the ten calls were ended with their cause and a new one went through all nine steps."""
    reactor: Any = install()
    path = FOLDER / "site.yaml"
    world(reactor, scenario(callers(1, talk_s=4.0)))
    server = serve(path)
    reactor.run()
    server.send_signal(signal.SIGTERM)
    status = server.wait()
    site = load_site(path)
    rows = existing_store(site.database_url, NumberPlan(site.site.country, site.site.area_code)).calls(limit=1000)
    left = [row for row in rows if row.id.startswith("1-")]
    served = [row for row in rows if row.id.startswith("2-")]
    for row in rows:
        print(f"call {row.id}: {row.outcome}, {row.cause or 'no cause'}, steps {sorted(row.steps)}", flush=True)
    closed = len(left) == CALLS and all(row.outcome and row.cause and row.ended_at for row in left)
    whole = [row.outcome == "answered" and sorted(row.steps) == list(range(1, 10)) for row in served]
    print(f"power cut: {len(left)} calls closed: {closed}; served after it: {len(served)}, whole: {whole}", flush=True)
    return 0 if status == 0 and closed and whole == [True] else 1


if __name__ == "__main__":
    sys.exit({"calls": calls, "again": again}[sys.argv[1]]())

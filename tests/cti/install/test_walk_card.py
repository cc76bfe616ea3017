"""The checklist of a site whose own cards are the switch: what it asks for, and how a server that runs is judged."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cti.assemble import Assembly
from cti.install.walk import judge, open_walk, report
from cti.install.walk_guide import Guide
from cti.install.walk_steps import CARD_STEPS
from cti.operations.operator import Operator
from cti.records.row import CallRow
from cti.site.config import Site, load_site
from cti.site.trunks import FxoTrunk
from drivers.clock import SteppedClock
from simulators.rig.on_card import run
from simulators.rig.site import write_site
from simulators.scenario.table import read_table
from simulators.world.card_world import CardWorld

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TABLE = """
setup  | world       | trunks=4
setup  | agent 1001  | sales 8001 answers after 2 talks 20
setup  | agent 1002  | complaints 8002 answers after 2 talks 20
setup  | rights      | national
setup  | subscriber 66880001 | answers after 2
4.0    | caller 1    | 13800138000 by fsk: choose 1 after 1.5; talk 10; patience 90
40.0   | caller 2    | 13900139000 by fsk: wait 6; hang_up
60.0   | desk 1001   | make 8002
90.0   | desk 1001   | make 66880001
lifts 66880001+8 | phone 8001 | hangs up
130.0  | caller 3    | 13900139001 by fsk: wait 6; hang_up
"""


@dataclass
class Installed:
    """A site with what its server said in the end."""

    site: Site
    status: dict[str, Any] = field(default_factory=dict)
    rows: list[CallRow] = field(default_factory=list)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The day's first calls, on cards."""
    scenario = replace(read_table(TABLE), switch="card")
    found = Installed(load_site(write_site(scenario, tmp_path_factory.mktemp("site"))))

    def watched(server: Assembly, world: CardWorld, clock: SteppedClock) -> None:
        stop, close = server.stop, server.close

        def stopping() -> None:
            operator = Operator(server.centre, server.centre.every_line[0].port.engine, {})
            found.status = json.loads(json.dumps({**operator.status({}), **operator.spans({})}))
            stop()

        def closing() -> None:
            found.rows = server.store.calls(kind=None, limit=1000)
            close()

        server.stop, server.close = stopping, closing  # type: ignore[method-assign]

    run(scenario, change=watched)
    return found


def verdicts(made: Installed, **changes: Any) -> dict[str, tuple[bool, str]]:
    seen = replace(made, **changes)
    keys = [step.key for step in CARD_STEPS if step.how in ("server", "calls")]
    return {key: judge(key, seen.site, seen.status, seen.rows) for key in keys}


def test_a_site_on_which_all_is_well(made: Installed) -> None:
    found = verdicts(made)
    assert all(good for good, _ in found.values()), found
    assert found["incoming"][1] == "channels reached: office/1" and found["seats"][1] == "all 2 telephones"
    assert "to 66880001 was answered" in found["out"][1] and "110" in found["emergency"][1]
    assert "8001" in found["transfer"][1] and "loop drop" in found["disconnect"][1]


def test_what_is_wrong_is_found(made: Installed) -> None:
    status = json.loads(json.dumps(made.status))
    status["ports"][2]["state"] = "alarm"
    status["seats"][1]["off_hook"] = True
    status["trunks"][0] |= {"alarmed": 1, "alarms": ["los"]}
    rows = [msgspec.structs.replace(row, ani=None) for row in made.rows if row.kind == "inward"]
    found = verdicts(made, status=status, rows=rows)
    assert found["cards"] == (False, "in alarm: office/3; off-hook without a call: 8002")
    assert found["trunks"] == (False, "office: 4 channels (1 alarmed, los: tipring span show office --channels)")
    assert found["incoming"] == (False, "no caller's number over office; channels reached: office/1")
    assert found["seats"] == (False, "1 of 2; not yet 8002") and found["out"] == (False, "no such call yet")


def test_lines_that_only_bring_calls_carry_no_emergency(made: Installed) -> None:
    [trunk] = made.site.trunks
    assert isinstance(trunk, FxoTrunk)
    bringing = msgspec.structs.replace(trunk, direction="in", caller_id=False)
    site = msgspec.structs.replace(made.site, trunks=(bringing,), routes=())
    nameless = [msgspec.structs.replace(row, ani=None) for row in made.rows if row.kind == "inward"]
    found = verdicts(made, site=site, rows=nameless)
    assert found["emergency"][1].startswith("no trunk may call out: 110") and not found["emergency"][0]
    assert found["incoming"][0] and "no routes" in found["out"][1]


def test_the_whole_walk_and_its_report(made: Installed, tmp_path: Path) -> None:
    path, ran = tmp_path / "walk.json", []
    typed = ["y", "", "", "y", ""]  # the pop-up, its remark; Enter runs the list of recordings, heard, its remark
    guide = Guide(
        path,
        open_walk(path, made.site, NOW),
        made.site,
        "王工",
        now=lambda: NOW,
        ask=lambda text: typed.pop(0) if typed else None,
        say=lambda text: None,
        status=lambda: made.status,
        rows=lambda since: made.rows,
        check=list,
        command=lambda words: ran.append(tuple(words)) or 0,  # type: ignore[func-returns-value]
        wait=lambda seconds: None,
    )
    assert guide.run() and not typed
    assert ran == [("recordings", "find", "--since", "today")]
    again = open_walk(path, made.site, NOW)
    assert again.complete and again.next() is None
    text = report(again, made.site, "1", NOW)
    assert "the cards are the switch, no PBX; 1 中继 trunks, 2 话机 telephones" in text
    assert text.count("通过 passed") == len(CARD_STEPS) and "全部通过" in text
    assert "learn-ports" not in text and "clock" not in text


def test_without_a_server_and_without_calls(made: Installed) -> None:
    for key in (step.key for step in CARD_STEPS if step.how in ("server", "calls")):
        good, text = judge(key, made.site, None, [])
        assert text and good == (key == "emergency"), key

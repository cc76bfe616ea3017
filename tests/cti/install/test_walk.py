"""The checklist of an installation: judged by a server that runs, led through by typed answers, taken up again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from cti.assemble import Assembly
from cti.errors import TipringError
from cti.install.walk import HUNG_UP, Walk, judge, open_walk, report
from cti.install.walk_guide import Guide
from cti.install.walk_steps import STEPS
from cti.operations.operator import Operator
from cti.records.row import CallRow
from cti.site.config import Site, load_site
from drivers.clock import SteppedClock
from simulators.faults import parse
from simulators.rig.site import write_site
from simulators.rig.stepped import run
from simulators.scenario.table import read_table
from simulators.world.world import World

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CALLS = """
setup  | world      | vru_extensions=2001,2002
setup  | agent 1001 | sales 8001 answers after 2 talks 20
4.0    | caller 1   | 13800138000 by fsk: choose 1 after 1.5; talk 30
6.0    | caller 2   | 13900139000 by fsk: wait 6; hang_up
60.0   | caller 3   | 13800138001 by fsk: choose 1 after 1.5; talk 6
100.0  | caller 4   | 13800138002 by fsk: choose 1 after 1.5; talk 6
140.0  | caller 5   | 13800138003 by fsk: choose 1 after 1.5; talk 6
180.0  | caller 6   | 13800138004 by fsk: choose 1 after 1.5; talk 6
220.0  | caller 7   | 13800138005 by fsk: choose 1 after 1.5; talk 6
"""


@dataclass
class Installed:
    """A site with what its server said in the end."""

    site: Site
    status: dict[str, Any] = field(default_factory=dict)
    rows: list[CallRow] = field(default_factory=list)


def installed(folder: Path, *faults: str) -> Installed:
    """The day's first calls on the simulated PBX."""
    scenario = read_table(CALLS)
    for fault in faults:
        scenario = scenario.with_fault(parse(fault))
    found = Installed(load_site(write_site(scenario, folder)))

    def watched(server: Assembly, world: World, clock: SteppedClock) -> None:
        stop, close = server.stop, server.close

        def stopping() -> None:
            [engine] = {line.port.engine for line in server.centre.every_line}
            found.status = json.loads(json.dumps(Operator(server.centre, engine, {}).status({})))
            stop()

        def closing() -> None:
            found.rows = server.store.calls(limit=1000)
            close()

        server.stop, server.close = stopping, closing  # type: ignore[method-assign]

    run(scenario, change=watched)
    return found


def verdicts(made: Installed) -> dict[str, tuple[bool, str]]:
    keys = [step.key for step in STEPS if step.how in ("server", "calls")]
    return {key: judge(key, made.site, made.status, made.rows) for key in keys}


def test_a_site_on_which_all_is_well(tmp_path: Path) -> None:
    found = verdicts(installed(tmp_path))
    assert all(good for good, _ in found.values()), found
    assert found["calls"][1] == "all 2 ports, each with a caller's number"
    assert "8001" in found["transfer"][1] and "loop_drop" in found["disconnect"][1]


def test_who_hung_up_before_the_answer_proves_no_hang_up(tmp_path: Path) -> None:
    """A port that answers after that hears dial tone."""
    made = installed(tmp_path)
    made.rows = [row for row in made.rows if row.cause in HUNG_UP]
    assert made.rows and verdicts(made)["disconnect"][0]
    for row in made.rows:
        row.outcome, row.cause = "abandoned_ring", "dial_tone"
    assert not verdicts(made)["disconnect"][0]


def test_what_is_wrong_is_found(tmp_path: Path) -> None:
    found = verdicts(installed(tmp_path, "clock=wrong:7min", "smdi=lost:100%"))
    assert found["clock"] == (False, "the PBX's clock is 420 s fast") or "fast" in found["clock"][1]
    assert not found["clock"][0] and not found["serial"][0] and not found["calls"][0]
    assert "without a caller's number" in found["calls"][1] and "smdi up, 0 messages" in found["serial"][1]


def test_a_line_of_which_nothing_is_understood_brings_nothing(tmp_path: Path) -> None:
    made = installed(tmp_path, "smdr=noise:5%")
    [smdr] = [link for link in made.status["links"] if link["link"] == "smdr"]
    assert 0 < smdr["unread"] < smdr["items"]
    assert f"{smdr['items']} messages, {smdr['unread']} of them not understood" in verdicts(made)["serial"][1]
    smdr["unread"] = smdr["items"]
    assert not verdicts(made)["serial"][0]


def test_without_a_server_and_without_calls(tmp_path: Path) -> None:
    site = load_site(write_site(read_table(CALLS), tmp_path))
    for step in STEPS:
        if step.how in ("server", "calls"):
            good, text = judge(step.key, site, None, [])
            assert not good and text
    assert judge("calls", site, None, [])[1] == "0 of 2; none yet at 2001, 2002"


class Typed:
    """A guide whose installer types these lines."""

    def __init__(self, made: Installed, path: Path, lines: Sequence[str], *, faults: Sequence[str] = ()) -> None:
        self.lines, self.said, self.ran = list(lines), [], []  # type: ignore[var-annotated]
        self.guide = Guide(
            path,
            open_walk(path, made.site, NOW),
            made.site,
            "王工",
            now=lambda: NOW,
            ask=lambda text: self.lines.pop(0) if self.lines else None,
            say=self.said.append,
            status=lambda: made.status,
            rows=lambda since: made.rows,
            check=lambda: list(faults),
            command=self._command,
            wait=lambda seconds: None,
        )

    def _command(self, words: Sequence[str]) -> int:
        self.ran.append(tuple(words))
        return 0 if words[0] == "line" else len(self.ran) - 1  # ports: right at the first, not at the second


def test_a_walk_that_is_broken_off_goes_on(tmp_path: Path) -> None:
    made, path = installed(tmp_path), tmp_path / "walk.json"
    first = Typed(made, path, ["", "", "y", "", "n", "late by a second"])
    assert not first.guide.run()
    assert first.ran == [("pbx", "learn-ports"), ("line", "learn", "2001")]
    assert first.guide.walk.done["popup"].verdict == "failed" and "late by a second" in report(
        first.guide.walk, made.site, "1", NOW
    )
    again = open_walk(path, made.site, NOW)
    step = again.next()
    assert step is not None and step.key == "popup"
    second = Typed(made, path, ["s", "", "no PC yet | 没有电脑"])
    assert second.guide.run() and second.guide.walk.done["popup"].verdict == "skipped" and not second.ran
    text = report(second.guide.walk, made.site, "1", NOW)
    assert "no PC yet \\| 没有电脑" in text and "NOT all steps passed" in text and "王工" in text
    assert text.count("通过 passed") == len(STEPS) - 1


def test_failures_come_again_and_the_end_of_input_ends(tmp_path: Path) -> None:
    made, path = installed(tmp_path), tmp_path / "walk.json"
    typed = Typed(made, path, [], faults=["site.yaml:3: site.name: is missing"])
    assert not typed.guide.run()
    assert typed.guide.walk.done["check"].verdict == "failed" and "ports" not in typed.guide.walk.done
    step = open_walk(path, made.site, NOW).next()
    assert step is not None and step.key == "check"


def test_nobody_is_asked_about_values_that_were_not_measured(tmp_path: Path) -> None:
    made, path = installed(tmp_path), tmp_path / "walk.json"
    typed = Typed(made, path, ["", ""])
    typed.guide._command = lambda words: 2  # it could not: the server still runs
    assert not typed.guide.run()
    assert typed.guide.walk.done["tones"].verdict == "failed" and "status 2" in typed.guide.walk.done["tones"].text
    assert not typed.lines and "cards" in typed.guide.walk.done


def test_files_that_are_no_walk_of_this_site(tmp_path: Path) -> None:
    site, path = load_site(write_site(read_table(CALLS), tmp_path)), tmp_path / "walk.json"
    assert open_walk(path, site, NOW) == Walk(site.site.name, NOW)
    path.write_text("{}")
    with pytest.raises(TipringError, match="--state"):
        open_walk(path, site, NOW)
    path.write_text(json.dumps({"site": "another", "began": "2026-01-01T00:00:00Z"}))
    with pytest.raises(TipringError, match="is of the site another"):
        open_walk(path, site, NOW)


def test_the_ports_that_are_missing_are_called(tmp_path: Path) -> None:
    made, path = installed(tmp_path), tmp_path / "walk.json"
    site, rows = made.site, made.rows
    made.rows = [row for row in rows if row.extension != "2002"]
    typed = Typed(made, path, ["", "", "y", "", "c"])
    assert not typed.guide.run()
    assert typed.ran[-1] == ("port", "call", "2002")
    made.rows = rows
    assert judge("calls", site, made.status, rows)[0]


def test_a_pbx_that_names_callers_on_the_port_may_not_name_those_of_inside_calls(tmp_path: Path) -> None:
    made = installed(tmp_path)
    quiet = replace(made.site, pbx=replace(made.site.pbx, smdi=None))
    for row in made.rows:
        row.ani = row.ani if row.extension == "2001" else None
    assert not judge("calls", made.site, made.status, made.rows)[0]
    assert judge("calls", quiet, made.status, made.rows) == (
        True,
        "all 2 ports, but without a caller's number at 2002",
    )
    for row in made.rows:
        row.ani = "2002" if row.extension == "2001" else None
    good, text = judge("calls", quiet, made.status, made.rows)
    assert not good and text.endswith("; call in from outside")


def test_only_enter_runs_a_command_and_a_reason_is_asked_for_again(tmp_path: Path) -> None:
    made = Installed(load_site(write_site(read_table(CALLS), tmp_path)))
    typed = Typed(made, tmp_path / "walk.json", ["what?", "yes", "s", "", "  ", " no PBX yet ", "q"])
    assert not typed.guide.run() and not typed.ran and not typed.lines
    [left_out] = [done for done in typed.guide.walk.done.values() if done.verdict == "skipped"]
    assert left_out.text == "no PBX yet"
    meaning = [line for line in typed.said if "Enter runs the command 回车执行; s leaves this step out" in line]
    assert len(meaning) == 3, "at the first question, and where something else was typed"
    assert sum("须写原因" in line and "with a reason only" in line for line in typed.said) == 2

"""Scenarios of the folder `both`: the same table behind a PBX and with the server's own cards as the switch. What ends
how, and who hears whom, is written once."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.heard import hearing_faults
from simulators.judge import unexpected
from simulators.rig.stepped import run
from simulators.table import read_table

TABLES = sorted((Path(__file__).parent / "both").glob("*.txt"))


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_behind_a_pbx(path: Path) -> None:
    scenario = read_table(path.read_text(encoding="utf-8"))
    assert scenario.expected and scenario.hears
    result = run(scenario)
    log = "\n".join(map(str, result.world.truth.log))
    said = [*unexpected(result.calls, result.world.truth, scenario), *result.findings, *hearing_faults(result.world)]
    assert not said and not result.world.deeds.missed, "\n".join(map(str, said)) + "\n" + log

"""Every text table of this folder, run in simulated time against the server: it must end as the table expects, and in
all else as the world saw it."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.judge import unexpected
from simulators.rig.stepped import run
from simulators.table import read_table

TABLES = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_a_table(path: Path) -> None:
    scenario = read_table(path.read_text(encoding="utf-8"))
    assert scenario.expected, "a table without expectations proves nothing"
    result = run(scenario)
    said = [*unexpected(result.calls, result.world.truth, scenario), *result.findings]
    log = "\n".join(map(str, result.world.truth.log))
    assert not said, "\n".join(map(str, said)) + "\n" + log
    assert not result.popups
    assert set(scenario.expected) == {caller.number for caller in scenario.callers}

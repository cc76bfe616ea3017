"""Every table of the folder `card`: what only the cards as the switch can do, or can go wrong with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from simulators.judge.card_judge import unexpected
from simulators.rig.on_card import run
from simulators.scenario.table import read_table

TABLES = sorted((Path(__file__).parent / "card").glob("*.txt"))


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_a_table(path: Path) -> None:
    scenario = replace(read_table(path.read_text(encoding="utf-8")), switch="card")
    assert scenario.expected or scenario.hears, "a table without expectations proves nothing"
    result = run(scenario)
    said = [*unexpected(result.calls, result.world.truth, scenario), *result.findings]
    log = "\n".join(map(str, result.world.truth.log))
    assert not said, "\n".join(map(str, said)) + "\n" + log

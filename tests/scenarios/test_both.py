"""The same table behind a PBX and with the server's own cards as the switch: what ends how, and who hears whom, is
written once. The tables of the folder `both`, and those above it in which nothing is the PBX's; the folder `pbx` has
what agents do with verbs and codes behind a PBX."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from simulators.judge import card_judge, judge
from simulators.judge.heard import deed_faults
from simulators.rig import on_card, stepped
from simulators.scenario.table import read_table

HERE = Path(__file__).parent
PBX = sorted((HERE / "pbx").glob("*.txt"))
BOTH = sorted((HERE / "both").glob("*.txt"))
ABOVE = [
    HERE / f"{name}.txt"
    for name in (
        "answered",
        "busy_then_next",
        "caller_id_forms",
        "desk_unplugged",
        "gave_up_in_the_menu",
        "message",
        "no_answer_then_next",
        "place_in_the_queue",
        "queue",
    )
]


@pytest.mark.parametrize("path", BOTH + PBX, ids=lambda path: path.stem)
def test_behind_a_pbx(path: Path) -> None:
    scenario = read_table(path.read_text(encoding="utf-8"))
    assert scenario.expected and scenario.hears
    result = stepped.run(scenario)
    log = "\n".join(map(str, result.world.truth.log))
    ends = judge.unexpected(result.calls, result.world.truth, scenario)
    said = [*ends, *result.findings, *deed_faults(result.world)]
    assert not said, "\n".join(map(str, said)) + "\n" + log


@pytest.mark.parametrize("path", BOTH + ABOVE, ids=lambda path: path.stem)
def test_on_cards(path: Path) -> None:
    scenario = replace(read_table(path.read_text(encoding="utf-8")), switch="card")
    assert scenario.expected
    result = on_card.run(scenario)
    log = "\n".join(map(str, result.world.truth.log))
    said = [*card_judge.unexpected(result.calls, result.world.truth, scenario), *result.findings]
    assert not said and result.popups == [], "\n".join(map(str, said)) + "\n" + log

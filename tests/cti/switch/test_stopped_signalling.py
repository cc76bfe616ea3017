"""Calls that the server's stop cuts keep what was said on their lines (`tipring trace CALL --signalling`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cti.switch.card_bench import CardBench

TABLE = """
setup | world | trunk={trunk} trunks=4
setup | agent 1001 | sales 8001 answers after 2 talks 300
4.0   | caller 1   | 13800138000 by fsk: choose 1 after 1.5; talk 60; patience 120
"""


@pytest.mark.parametrize(("trunk", "last"), [("pri", "RELEASE COMPLETE"), ("r2", "answer")])
def test_the_signalling_of_a_call_that_the_stop_cuts(trunk: str, last: str, tmp_path: Path) -> None:
    one = CardBench(TABLE.format(trunk=trunk), tmp_path)
    one.talking()
    one.run(3.0)
    one.stop()
    told = [(call, data) for call, kind, data in one.events if kind == "signalling"]
    [(call, data)] = told
    [row] = one.rows
    assert call == row.id and row.outcome == "answered"
    assert any(last in f"{step[2]} {step[3]}" for step in data["steps"]), data["steps"]

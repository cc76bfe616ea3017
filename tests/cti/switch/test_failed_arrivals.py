"""Calls that a trunk lost before they were offered: each has its row, with its cause; a flood of them one alarm."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.switch.arrivals import FAILED_A_MINUTE
from drivers.signalling.causes import Cause
from drivers.signalling.interface import Numbers
from tests.cti.switch.card_bench import CardBench
from tests.cti.trunks.lines import Call

HALF = Numbers("6688", "13", complete=False)
WHOLE = Numbers("66886688", "13800138000")


def bench(tmp_path: Path) -> CardBench:
    return CardBench("setup | agent 1001 | sales 8001\n", tmp_path)


def lost(bench: CardBench, cause: Cause, numbers: Numbers = HALF, reached: str = "", slot: int = 1) -> None:
    """A call that was seized 5 s before."""
    trunk = bench.side.trunks[0]
    call = Call(trunk, trunk.span.channels[1], slot, numbers, incoming=True)
    call.begun_s -= 5.0
    call.reached = reached
    call.missed(cause)


@pytest.mark.parametrize(
    ("cause", "reached", "outcome", "said"),
    [
        (Cause(102, "timer no_forward"), "after 4 called digits", "failed", "after 4 called digits"),
        (Cause(44, "channel 2"), "", "failed", "(channel 2)"),
        (Cause(16), "after 4 called digits", "abandoned_ring", "16 normal clearing, after 4 called digits"),
    ],
)
def test_its_row(tmp_path: Path, cause: Cause, reached: str, outcome: str, said: str) -> None:
    one = bench(tmp_path)
    one.run(10.0)
    now = one.clock.now()
    lost(one, cause, reached=reached)
    assert not one.centre.calls
    one.stop()
    [row] = one.rows
    assert (row.outcome, row.extension, row.ani, row.dnis) == (outcome, "office/1", None, None)
    assert row.cause is not None and row.cause.startswith(str(cause.number)) and row.cause.endswith(said)
    assert list(row.steps) == [1] and (now - row.steps[1].at).total_seconds() == pytest.approx(5.0, abs=0.05)
    assert row.started_at == row.steps[1].at and row.ended_at is not None


def test_whole_numbers_are_the_callers(tmp_path: Path) -> None:
    """A SETUP that was refused says who called; whoever withholds the number is nobody."""
    one = bench(tmp_path)
    lost(one, Cause(34), WHOLE, slot=0)
    lost(one, Cause(34), Numbers("66886688", "13800138000", restricted=True), slot=0)
    one.stop()
    assert [(row.ani, row.dnis, row.extension) for row in one.rows] == [
        ("13800138000", "66886688", "office"),
        (None, "66886688", "office"),
    ]


def test_a_line_that_seizes_without_end(tmp_path: Path) -> None:
    one = bench(tmp_path)
    for _ in range(FAILED_A_MINUTE + 50):
        lost(one, Cause(41))
    one.run(70.0)
    lost(one, Cause(41))
    one.stop()
    assert len(one.rows) == FAILED_A_MINUTE + 1
    alarms = [data for _, kind, data in one.events if kind == "alarm" and data.get("what") == "trunk_failing"]
    assert len(alarms) == 1 and alarms[0]["text"].startswith("trunk office: more than 120 calls a minute")

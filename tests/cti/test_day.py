"""A working day of 2,000 calls (its world: tests/cti/day.py): no agent is freed while talking, none is kept for ever,
no record is at another's call, and every call has a record or says that it has none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cti.day import CALLS, TALK_LIMIT_S, Day


@pytest.mark.parametrize("make, seed, wrong", [
    ("usual", 2, {}),
    ("mitel-sx200", 1, {"power": True}),
    ("norstar-realtime", 1, {"power": True, "restart": True}),
])  # fmt: skip
def test_a_day(tmp_path: Path, make: str, seed: int, wrong: dict[str, Any]) -> None:
    day = Day(tmp_path, seed, make, **wrong)
    told = day.run()
    assert told.faults == []
    assert told.served > 0.7 * CALLS, "a day's work"
    assert max(told.late_s) <= TALK_LIMIT_S + 60.0
    ordinary = sorted(told.late_s)[: int(0.9 * len(told.late_s))]
    assert ordinary[-1] <= 5.1, "by the record, or the desk's word"
    assert told.causes["smdr"] > 0.8 * told.served
    assert "smdr_silent" in told.alarms and "pbx_clock" not in told.alarms
    assert day.offset_s is not None and 400 <= day.offset_s <= 480
    assert told.records["smdr"] > 0.85 * sum(told.records.values())

"""A measured tone in words."""

from __future__ import annotations

from drivers.cadence import Measured


def test_one_cycle_is_not_cycles() -> None:
    tone = Measured("cadence", 450, level_dbm0=-10.0, cadence_ms=(350, 350), cycles=1)
    assert str(tone) == "450 Hz, -10.0 dBm0, 350/350 ms, 1 cycle"
    assert str(Measured("cadence", 450, level_dbm0=-10.0, cadence_ms=(350, 350), cycles=2)).endswith("2 cycles")

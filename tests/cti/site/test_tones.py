"""A dialect that waits for tones which the plan has not."""

from __future__ import annotations

import pytest

from cti.errors import ConfigFaults
from cti.pbx.line_rules import LampCodes, LineRules
from cti.site.tones import check_heard, load_plan


def test_a_dialect_waits_for_tones_that_the_plan_has() -> None:
    plan = load_plan("cn")
    check_heard("x", LineRules(), plan)
    lamp = LampCodes("*41{ext}", "*49{ext}", "tone")
    with pytest.raises(ConfigFaults) as caught:
        check_heard("x", LineRules(dial_tone=("stutter",), lamp=lamp, confirm_tones=("confirmation",)), plan)
    assert [fault.field for fault in caught.value.faults] == ["line.dial_tone", "line.confirm_tones"]
    assert "nobody can hear stutter" in str(caught.value) and "dial, ringback" in str(caught.value)
    own = {"stutter": {"cadence_ms": [400, 50]}, "confirmation": {"cadence_ms": [200, 200]}}
    check_heard(
        "x", LineRules(dial_tone=("stutter",), lamp=lamp, confirm_tones=("confirmation",)), load_plan("cn", own)
    )

"""What is kept of a call's signalling, and how people read it."""

from __future__ import annotations

from typing import Any

import pytest

from cti.site.trunks import FxoTrunk, Lines, PriTrunk, R2Trunk, Signalling
from cti.trunks.signals import Signals, shown
from drivers.signalling.causes import Cause
from drivers.signalling.interface import Numbers, TrunkCall
from drivers.signalling.r2 import R2Settings
from tests.drivers.pri_rig import pri_rig
from tests.drivers.r2_rig import R2Line


def config(keep: str) -> Lines:
    return R2Trunk("e1", "co", 0, 2, keep_signalling=keep)  # type: ignore[arg-type]


def called(keep: str, answered: bool) -> list[dict[str, Any]]:
    """What was told of one call that the office made."""
    line = R2Line(R2Settings(called_length=8))
    told: list[dict[str, Any]] = []
    signals = Signals(line.clock, [config(keep)])

    def offered(call: TrunkCall) -> None:
        signals.follow(call, lambda **data: told.append(data))
        if answered:
            call.answer()
        else:
            call.clear(Cause(17))

    line.trunk.offered = offered
    theirs = line.office.call(Numbers("62001234", "1001"))
    line.time.run(lambda: theirs.state in ("answered", "cleared"), 30.0)
    theirs.clear()
    line.settle(3.0)
    return told


@pytest.mark.parametrize(
    ("keep", "answered", "kept"),
    [("all", True, 1), ("all", False, 1), ("failed", True, 0), ("failed", False, 1), ("none", False, 0)],
)
def test_what_is_kept(keep: str, answered: bool, kept: int) -> None:
    told = called(keep, answered)
    assert len(told) == kept
    if told:
        assert told[0]["cause"] == (16 if answered else 17) and told[0]["trunk"] == "e1" and told[0]["slot"] == 1


def test_a_ladder_of_codes_and_tones() -> None:
    [told] = called("all", True)
    text = shown(told)
    lines = text.splitlines()
    assert lines[0] == "trunk e1, channel 1, from the far end: 16 normal clearing"
    digits = [line.split("I-")[1].split()[0] for line in lines if "I-" in line and "ends" not in line]
    assert digits[:8] == ["6", "2", "10", "10", "1", "2", "3", "4"]  # I-10 is the digit 0
    for word in ("0011", "1111", "0111", "KA-1", "KD-3"):
        assert word in text, text


def test_calls_that_never_came_are_told() -> None:
    line = R2Line(R2Settings(called_length=8))
    told: list[dict[str, Any]] = []
    signals = Signals(line.clock, [config("all")])
    line.trunk.failed = lambda call: signals.over(call, lambda **data: told.append(data))
    theirs = line.office.call(Numbers("62001234", "1001"))
    line.time.run_for(1.0)
    theirs.clear()
    line.settle(3.0)
    [failed] = told
    assert failed["slot"] == 1 and failed["cause"] == 16 and failed["steps"] and failed["incoming"]
    assert failed["reached"].startswith(f"after {len(failed['called'])} called digits, ")
    assert shown(failed).startswith(f"trunk e1, channel 1, from the far end: 16 normal clearing, {failed['reached']}\n")
    assert not line.offered


@pytest.mark.parametrize("stops", [False, True])
def test_messages_after_the_end_belong_to_the_call(stops: bool) -> None:
    rig = pri_rig()
    told: list[dict[str, Any]] = []
    signals = Signals(
        rig.time.clock, [PriTrunk(name="e1", card="co", first=0, count=4, signalling=Signalling("co", 4))]
    )
    rig.user.name = "e1"
    rig.user.offered = lambda call: signals.follow(call, lambda **data: told.append(data))
    theirs = rig.network.call(Numbers("66886688", "1001"))
    rig.time.run_for(1.0)
    theirs.clear()
    rig.time.run_for(0.3)
    assert told == []
    if stops:
        signals.close()
    else:
        rig.time.run_for(2.0)
    [data] = told
    assert [step[2] for step in data["steps"]][-2:] == ["RELEASE", "RELEASE COMPLETE"]
    assert "RELEASE COMPLETE" in shown(data) and "08 02" in shown(data)


def test_analog_lines_say_nothing() -> None:
    assert FxoTrunk("office", "co", 0, 4).keep_signalling == "all"

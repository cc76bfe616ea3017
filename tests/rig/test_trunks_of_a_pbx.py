"""An E1 between the office and the PBX: numbers as the office sent them, hang-ups both ways, faults of the line."""

from __future__ import annotations

import json

import pytest

from simulators.faults import parse
from simulators.pbx.digital_trunk import DigitalTrunk
from simulators.rig.stepped import Run, run
from simulators.scenario.trunk_scenario import behind_pbx

KINDS = ("r2", "pri")


def over(trunk: str, calls: int, *faults: str, seed: int = 3, make: str = "usual") -> Run:
    scenario = behind_pbx(seed, calls, make, trunk=trunk)
    for fault in faults:
        scenario = scenario.with_fault(parse(fault))
    return run(scenario)


def differences(result: Run) -> list[str]:
    return [*map(str, result.findings), *result.popups, *result.strangers]


@pytest.mark.parametrize("trunk", KINDS)
def test_every_number_comes_to_the_server_as_the_office_sent_it(trunk: str) -> None:
    result = over(trunk, 24)
    assert [*differences(result), *map(str, result.lost)] == []
    assert len(result.calls) == 24
    for call in result.calls:
        assert (call["ani"], call["dnis"]) == (call["ani_sent"], call["dnis_sent"])
    assert set(range(1, 21)) <= {len(call["ani_sent"] or "") for call in result.calls} | {0}
    assert all(isinstance(trunk, DigitalTrunk) and trunk.state == "idle" for trunk in result.world.pbx.trunks)


@pytest.mark.parametrize("trunk", KINDS)
def test_hang_ups_travel_both_ways_with_their_cause(trunk: str) -> None:
    log = over(trunk, 12).world.truth.log
    ours = {one.call for one in log if one.what == "caller released"}
    theirs = {one.call for one in log if one.what == "far end gone"}
    assert ours and theirs and not ours & theirs
    cleared = {one.call: one.data["cause"] for one in log if one.what == "trunk cleared"}
    assert cleared and set(cleared.values()) == {16}


@pytest.mark.parametrize("trunk", KINDS)
def test_the_caller_is_refused_with_a_cause_where_every_port_is_busy(trunk: str) -> None:
    from dataclasses import replace

    scenario = behind_pbx(3, 8, "usual", trunk=trunk, every_s=1.0)
    scenario = replace(scenario, vru_extensions=("2001",), pbx=replace(scenario.pbx, all_busy="busy"))
    result = run(scenario)
    assert differences(result) == []
    causes = {(lost.sent.cause, lost.server.partition(" ")[0]) for lost in result.lost}
    assert causes == {(17, "17")}


@pytest.mark.parametrize(("trunk", "kind"), [("r2", "los"), ("pri", "blue")])
def test_an_alarm_in_the_middle_of_calls(trunk: str, kind: str) -> None:
    """Calls on the line end, with a cause; the server hears of it as of a caller who hangs up; others follow."""
    result = over(trunk, 12, f"alarm={kind}@40:8s")
    assert differences(result) == []
    log = result.world.truth.log
    assert any(one.what == "trunk cleared" and one.data["cause"] != 16 for one in log)
    assert any(one.what == "trunk answered" and one.at_s > 60 for one in log)


def test_a_key_pressed_in_an_alarm_is_heard_by_nobody() -> None:
    result = over("r2", 10, "alarm=los@30:5s", seed=1)
    assert differences(result) == []
    [pressed] = [one for one in result.world.truth.log if one.what == "chose" and 30.0 <= one.at_s <= 35.0]
    [call] = [call for call in result.calls if call["port"] == 1 and call["steps"]["1"] < 30.0]
    assert pressed.call == 2 and call["outcome"] == "abandoned_menu"


@pytest.mark.parametrize("trunk", KINDS)
def test_power_comes_back_and_the_line_with_it(trunk: str) -> None:
    """A transfer under way when the power fails is the server's to guess; what the lines do is not."""
    result = over(trunk, 12, "power=off@30:20s")
    assert differences(result) == []
    assert all(trunk.state == "idle" for trunk in result.world.pbx.trunks)
    assert any(one.what == "trunk answered" and one.at_s > 65 for one in result.world.truth.log)


def test_what_a_make_does_not_pass_on_is_not_known() -> None:
    """Numbers are cut by the PBX as those of analog lines are."""
    result = over("pri", 16, "numbers=cut:7")
    assert differences(result) == []
    assert any(
        len(call["ani_sent"] or "") > 7 and len(call["ani"] or "") == 7 and call["ani_truncated"]
        for call in result.calls
    )


def test_the_same_seed_is_the_same_run() -> None:
    one, other = (over("r2", 6, seed=9).calls for _ in range(2))
    assert json.dumps(one) == json.dumps(other)

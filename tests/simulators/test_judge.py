"""The judge: what it accepts, and what it finds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from drivers.clock import SteppedClock
from simulators.judge.freed import agents_freed
from simulators.judge.judge import judge, unexpected
from simulators.judge.matching import match
from simulators.judge.screens import popups, strangers
from simulators.scenario.table import read_table
from simulators.truth import Truth

SCENARIO = read_table(
    """
setup  | agent 1001 | sales 8001
1      | caller 1   | 13800138000 by fsk: choose 1; talk 5
expect | caller 1   | answered 8001
"""
)
CALL: dict[str, Any] = {
    "call": "1-000001",
    "ani": "13800138000",
    "dnis": "66886688",
    "outcome": "answered",
    "steps": {str(number): 0.1 for number in range(1, 9)},
    "group": "sales",
    "agent": "1001",
    "agent_extension": "8001",
    "port": 0,
    "extension": "2001",
    "wait_s": 0.0,
    "talk_s": 20.0,
    "cause": "smdr",
    "smdr": "8001 13800138000",
    "recorded": "smdr",
}


def world() -> Truth:
    """A caller who talked with extension 8001 for 20 seconds."""
    clock = SteppedClock()
    truth = Truth(clock)
    truth.begin(1, "13800138000", "66886688")
    truth.note(1, "trunk 1", "caller id", number="13800138000")
    truth.note(1, "ext 2001", "rings", extension="2001")
    told = {"calling": "13800138000", "called": "66886688", "extension": "2001", "fault": ""}
    truth.note(1, "pbx", "tells", way="smdi", **told)
    truth.note(1, "pbx", "through", extension="2001", kind="vru")
    truth.note(1, "caller 1", "chose", keys="1")
    clock.advance(1.0)
    truth.note(1, "ext 2001", "flash", extension="2001")
    truth.note(1, "pbx", "through", extension="8001", kind="agent")
    clock.advance(20.0)
    truth.note(1, "trunk 1", "released")
    raw = "8001 13800138000\r\n"
    truth.note(1, "pbx", "smdr", raw=raw, fault="", event="end", extension="8001", duration_s=20.0)
    truth.note(1, "caller 1", "caller hangs up")
    return truth


def test_agreement_is_no_finding() -> None:
    assert judge([CALL], world(), SCENARIO) == []
    assert unexpected([CALL], world(), SCENARIO) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"outcome": "abandoned_queue"}, "outcome abandoned_queue"),
        ({"ani": "13900139000"}, "ani 13900139000"),
        ({"ani": None}, "ani None"),
        ({"dnis": "1"}, "dnis 1"),
        ({"agent": "1002"}, "agent 1002"),
        ({"talk_s": 30.0}, "talked 30.0"),
        ({"talk_s": 16.0}, "talked 16.0"),
        ({"talk_s": 16.0, "cause": "call_ended"}, "talked 16.0"),
        ({"smdr": None, "cause": "call_ended", "recorded": "missing"}, "is without its record, which came"),
        ({"smdr": None}, "has no record, and does not say so"),
        ({"talk_s": None}, "no time waited or talked"),
        ({"wait_s": 20.0}, "waited 20.0"),
        ({"group": "service"}, "group service, the caller chose sales"),
        ({"agent_extension": "8002"}, "agent's extension 8002"),
        ({"extension": "2002"}, "extension 2002, port 0 is 2001"),
        ({"steps": {"3": 0.1, "6": 0.1}}, "answered without step 1, 5, 7, 8, 2, 4"),
        ({"steps": {**CALL["steps"], "7": 30.0}}, "step 7 at 30.0"),
        ({"outcome": "abandoned_queue"}, "agent 1001 with outcome abandoned_queue"),
        ({"ani": "13800138001", "ani_doubt": "serial_damaged"}, "ani 13800138001"),
        ({"ani": "8000", "ani_truncated": True}, "ani 8000"),
        ({"ani_truncated": True}, "is marked as cut"),
        ({"dnis": "1", "ani_doubt": "serial_damaged"}, "dnis 1"),
        ({"port": 3}, "no call for it"),
        ({"steps": {**CALL["steps"], "3": 60.0}}, "no call for it"),
    ],
)
def test_each_disagreement_is_found(change: dict[str, Any], found: str) -> None:
    findings = judge([{**CALL, **change}], world(), SCENARIO)
    assert any(found in str(finding) for finding in findings)


def test_what_is_said_long_after_the_ring_is_not_expected_and_another_number_must_be_doubted() -> None:
    for late_s, found in ((5.0, True), (40.0, False)):
        truth = world()
        tells = truth.calls[1].happenings.pop(2)
        truth.calls[1].happenings.append(replace(tells, at_s=tells.at_s + late_s, data={**tells.data, "fault": "late"}))
        assert bool(judge([{**CALL, "ani": None, "dnis": None}], truth, SCENARIO)) is found
        assert judge([{**CALL, "ani": "13900139000", "dnis": None}], truth, SCENARIO) != []
        doubted = {**CALL, "ani": "13900139000", "ani_doubt": "place_guessed", "dnis": None}
        assert judge([doubted], truth, SCENARIO) != [], "nobody has that number"
        truth.begin(2, "13900139000", "66886688")
        truth.note(2, "pbx", "tells", **{**tells.data, "calling": "13900139000", "extension": "2002"})
        assert bool(judge([doubted], truth, SCENARIO)) is found


def test_digits_out_of_order_in_a_reordered_message_are_forgiven() -> None:
    """Nothing shows them; other digits do not come of it."""
    truth = world()
    next(one for one in truth.log if one.what == "tells").data["fault"] = "reordered"
    assert judge([{**CALL, "ani": "13800138000"[::-1]}], truth, SCENARIO) == []
    assert judge([{**CALL, "ani": "13800138001"}], truth, SCENARIO) != []


def test_a_number_that_is_marked_as_cut_is_right_as_far_as_it_goes() -> None:
    truth = world()
    next(one for one in truth.log if one.what == "tells").data["fault"] = "noise"
    assert judge([{**CALL, "ani": "8000", "ani_truncated": True}], truth, SCENARIO) == []
    assert judge([{**CALL, "ani": "8000"}], truth, SCENARIO) != []
    assert judge([{**CALL, "ani": "8001", "ani_truncated": True}], truth, SCENARIO) != []


def test_digits_after_the_answer_that_were_cut_short_told_nothing() -> None:
    truth = world()
    tells = next(one for one in truth.log if one.what == "tells")
    assert judge([{**CALL, "dnis": None}], truth, SCENARIO) != []
    tells.data["takes_s"] = 30.0
    assert judge([{**CALL, "dnis": None}], truth, SCENARIO) == []


def test_without_a_record_nothing_tells_but_the_agent() -> None:
    """Who holds a dead line for another 20 s, because this PBX gives no tone, says so 5 s later."""
    truth = world()
    truth.note(1, "pbx", "smdr", raw="8001", fault="noise", event="end", extension="8001", duration_s=20.0)
    late = {**CALL, "talk_s": 45.0, "cause": "call_ended", "smdr": None, "recorded": "missing"}
    assert "talked 45.0" in str(judge([late], truth, SCENARIO)[0])
    truth._clock.advance(20.0)  # type: ignore[attr-defined]
    truth.note(None, "ext 8001", "on-hook", extension="8001")
    assert judge([late], truth, SCENARIO) == []
    assert "talked 60.0" in str(judge([{**late, "talk_s": 60.0}], truth, SCENARIO)[0])
    by_record = {**late, "cause": "smdr", "smdr": "8001"}
    assert any("talked 45.0" in str(one) for one in judge([by_record], truth, SCENARIO))


def test_a_call_that_nobody_made() -> None:
    findings = judge([CALL, {**CALL, "call": "1-000002", "port": 2}], world(), SCENARIO)
    assert [str(finding) for finding in findings] == ["caller 0 (call 1-000002): nobody made this call"]


def test_a_crossed_message_may_stand_alone_when_it_is_doubted() -> None:
    truth = world()
    crossed = {"calling": "13800138000", "called": "66886688", "extension": "2001", "fault": "crossed"}
    truth.note(1, "pbx", "tells", way="smdi", **crossed)
    alone = {"call": "1-000002", "ani": "13800138000", "extension": "2002", "outcome": "abandoned_ring", "port": 1}
    kept = CALL | alone | {"ani_doubt": "port_map", "sources": {"3": "smdi"}, "steps": {"1": 90.0}}
    said = [finding.call for finding in judge([CALL, kept], truth, SCENARIO)]
    assert said == []
    for change in ({"ani_doubt": None}, {"sources": {"3": "port"}}, {"ani": "13900139000"}):
        assert [finding.call for finding in judge([CALL, kept | change], truth, SCENARIO)] == ["1-000002"]


def test_a_recalled_caller_may_have_two_calls() -> None:
    truth = world()
    truth.note(1, "ext 2002", "rings", extension="2002")
    second = {**CALL, "call": "1-000002", "port": 1, "steps": {"3": 20.2}}
    assert [call["call"] for call in match([second, CALL], truth, SCENARIO)[1]] == ["1-000001", "1-000002"]
    assert judge([CALL, second], truth, SCENARIO) == []


def test_what_a_table_expects() -> None:
    other = {**CALL, "agent": "1002", "agent_extension": "8002"}
    assert "expected answered 8001" in str(unexpected([other], world(), SCENARIO)[0])
    assert "the server says []" in str(unexpected([], world(), SCENARIO)[0])


def test_a_telephone_that_rang_without_a_popup() -> None:
    truth = world()
    truth.note(None, "desk 1001", "rings", popup=True)
    assert popups(truth) == []
    truth.note(None, "desk 1001", "rings", popup=False)
    assert popups(truth) == ["21.00 s: desk 1001 rang without a pop-up"]


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({}, ""),
        ({"ani": "13900139000"}, "13900139000 as certain"),
        ({"customer": "周丽"}, "周丽 as certain, which is not the caller"),
        ({"call": "1-000002"}, "put through to caller 1, the screen shows call 1-000002, caller nobody"),
    ],
)
def test_what_the_agents_screen_showed(change: dict[str, Any], wrong: str) -> None:
    truth = world()
    shown = {"call": "1-000001", "ani": "13800138000", "confirmed": True, "customer": "陈晓东"}
    truth.note(None, "desk 1001", "popup", agent="1001", **{**shown, **change})
    truth.note(1, "pbx", "through", extension="8001", kind="agent")
    found = strangers([CALL], truth, SCENARIO)
    assert (found == []) if not wrong else wrong in found[0]


def test_agents_freed_too_early_or_kept_too_long() -> None:
    truth, over = world(), {**CALL, "talk_ended": 21.1}
    truth.note(None, "ext 8001", "on-hook", extension="8001")
    freed = agents_freed([over], truth, SCENARIO)
    assert freed.wrongly == freed.stuck == [] and freed.late_s == [pytest.approx(0.1)]
    assert "freed 3.0 s before" in agents_freed([{**CALL, "talk_ended": 18.0}], truth, SCENARIO).wrongly[0]
    assert "kept 40 s too long" in agents_freed([{**CALL, "talk_ended": 61.0}], truth, SCENARIO).stuck[0]
    early = replace(truth.log[-1], at_s=10.0, who="desk 1001", what="ended", data={"call": "1-000001"})
    truth.log.append(early)
    assert "screen said 11.0 s too early" in agents_freed([over], truth, SCENARIO).wrongly[0]


def test_who_was_hung_up_on_over_good_lines_and_who_was_cut_off() -> None:
    """Only what was announced is a reason; where the lines do not let the VRU put callers through, there are more."""
    truth = world()
    mine = truth.calls[1]
    mine.happenings = [one for one in mine.happenings if one.data.get("kind") != "agent" and "hang" not in one.what]
    truth.note(1, "caller 1", "caller released")
    row = {**CALL, "agent": None, "agent_extension": None, "talk_s": None, "outcome": "failed"}
    assert "outcome failed, the world saw released" in str(judge([row], truth, SCENARIO)[0])
    late = replace(SCENARIO, pbx=replace(SCENARIO.pbx, flash_ignored=True))
    assert judge([row], truth, late) == []
    assert judge([{**row, "outcome": "overdue"}], truth, SCENARIO) == []
    truth.note(1, "pbx", "cut off")
    assert "cut off in the transfer" in str(judge([{**row, "outcome": "lost_in_transfer"}], truth, SCENARIO)[0])


@pytest.mark.parametrize(("flash_ms", "found"), [((80, 300), False), ((80, 1000), True)])
def test_who_hung_up_as_a_flash_began_that_is_on_hook_for_this_pbx(flash_ms: tuple[int, int], found: bool) -> None:
    """A PBX that prints no records and gives a busy tone, which the flash hides: the agent lifts for nobody."""
    scenario = SCENARIO.with_make("hipath1100")
    scenario = replace(scenario, pbx=replace(scenario.pbx, flash_ms=flash_ms))
    truth = world()
    mine = truth.calls[1]
    mine.happenings = [one for one in mine.happenings if one.data.get("kind") != "agent" and one.what != "smdr"]
    truth.log[:] = [one for one in truth.log if one.what != "flash"]
    truth.note(None, "ext 2001", "on-hook")
    row = {**CALL, "talk_s": 7.0, "cause": "call_ended", "smdr": None, "recorded": None}
    assert mine.outcome == "abandoned_queue"
    assert any("outcome answered" in str(one) for one in judge([row], truth, scenario)) is found

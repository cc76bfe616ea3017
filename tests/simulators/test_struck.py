"""What the judge of a run on cards expects no more once a fault has struck a call, and what it still expects."""

from __future__ import annotations

import pytest

from simulators.rig.on_card import run
from simulators.scenario.table import read_table

STAFF = """
setup  | world      | switch=card trunks=2
setup  | agent 1001 | sales 8001 answers after 2 talks 60
setup  | agent 1002 | complaints 8002 answers after 2 talks 60
setup  | rights     | national
setup  | subscriber 66880001 | answers after 2
setup  | pool outside | 66880001
4.0    | caller 1   | 13800138000 by fsk on line 1: choose 1 after 1.5; talk 25; patience 90
"""
OWN = """
1+2      | agent of 1 | hold
1+4..5   | caller 1   | hears music
1+8      | agent of 1 | retrieve
1+9..14  | caller 1   | hears 8001
"""
OUT = """
1+2      | agent of 1 | consult outside of 1
1+14..16 | agent of 1 | hears outside of 1
1+18     | agent of 1 | conference
gone 1+1 | agent of 1 | hangs up
"""


def findings(rows: str) -> list[str]:
    return findings_on(STAFF, rows)


def findings_on(staff: str, rows: str) -> list[str]:
    return [str(one) for one in run(read_table(staff + rows)).findings]


def test_what_was_planned_with_a_call_whose_line_is_cut_is_not_expected() -> None:
    assert findings(OWN) == [] and findings(f"{OWN}setup | fault | cut=0@16\n") == []


def test_what_comes_before_the_cut_is_expected_all_the_same() -> None:
    wrong = findings(f"{OWN}1+1..1.5 | caller 1 | hears 8002\nsetup | fault | cut=0@20\n")
    assert wrong and all("caller 1" in one for one in wrong)


def test_a_cut_elsewhere_excuses_nothing() -> None:
    assert any("never came to pass" in one for one in findings("9+1 | agent of 9 | hold\nsetup | fault | cut=1@9\n"))


@pytest.mark.parametrize("fault", ["dialtone=none", "cut=1@22"])
def test_a_call_outside_that_fails_spoils_what_follows_from_it_alone(fault: str) -> None:
    assert findings(OUT) == [] and findings(f"{OUT}setup | fault | {fault}\n") == []
    other = "1+1..1.8 | caller 1 | hears 8002\n"
    assert findings(f"{OUT}{other}setup | fault | {fault}\n")


ON_E1 = STAFF.replace("trunks=2", "trunk=r2 trunks=2")


@pytest.mark.parametrize("fault", ["biterrors=1e-4", "spanslips=6/min", "mfc=damaged:0.1%"])
def test_on_an_e1_with_a_fault_deeds_are_judged_where_the_call_came(fault: str) -> None:
    rows = f"{OWN}setup | fault | {fault}\n"
    assert findings_on(ON_E1, rows) == []
    wrong = findings_on(ON_E1, f"{rows}1+1..2 | caller 1 | hears 8002\n")
    assert any("does not hear phone 8002" in one for one in wrong)


def test_an_alarm_strikes_the_calls_on_its_lines_from_then_on() -> None:
    rows = f"{OWN}setup | fault | alarm=los@25:10s\n"
    assert findings_on(ON_E1, rows) == []
    early = findings_on(ON_E1, f"{rows}1+0.5..1.5 | caller 1 | hears 8002\n")
    assert early and all("caller 1" in one for one in early)


def test_numbers_in_dtmf_excuse_who_is_answered_before_the_first_digit_alone() -> None:
    """Every caller is answered 0.4 s after the last digit; nobody of them had a line that was lifted too early."""
    rows = f"{OWN}setup | fault | callerid=dtmf\n"
    assert findings(rows) == []
    assert any("does not hear phone 8002" in one for one in findings(f"{rows}1+1..1.8 | caller 1 | hears 8002\n"))


def test_a_number_from_which_others_call_too_tells_nobody_at_a_screen_whose_call_it_is() -> None:
    rows = f"{OWN}offered 1+0.8 | rung of 1 | retrieve\n"  # nothing is on hold
    other = "60.0 | caller 2 | 13800138000 by fsk on line 2: choose 1 after 1.5; talk 5; patience 90\n"
    assert any("retrieve : wrong_state, not done" in one for one in findings(rows))
    assert findings(rows + other) == []

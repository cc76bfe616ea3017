"""Calls over an E1 in simulated time, both ways: numbers as the office sent them, faults with causes, nothing stuck."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cti.assemble import Assembly
from cti.commands import main
from cti.trunks.signals import shown
from drivers.clock import SteppedClock
from simulators.faults import FaultError, parse
from simulators.people.caller import Step
from simulators.rig.on_card import CardRun, run
from simulators.scenario import trunk_scenario
from simulators.scenario.scenario import Scenario
from simulators.scenario.table import read_table
from simulators.scenario.trunk_scenario import NumbersError, Pair, mixed, read_numbers
from simulators.world.card_world import CardWorld

KINDS = ("r2", "pri")


def over(trunk: str, calls: int, *faults: str, seed: int = 3) -> CardRun:
    scenario = mixed(seed, calls, trunk=trunk)
    for fault in faults:
        scenario = scenario.with_fault(parse(fault))
    return run(scenario)


@pytest.mark.parametrize("trunk", KINDS)
def test_every_number_comes_as_it_was_sent_both_ways_at_once(trunk: str) -> None:
    result = over(trunk, 24)
    assert [*map(str, result.findings), *map(str, result.lost), *result.popups] == []
    assert len([call for call in result.calls if call["dnis_sent"] is not None]) == 24
    for call in result.calls:
        if call["dnis_sent"] is not None:
            assert (call["ani"], call["dnis"]) == (call["ani_sent"], call["dnis_sent"])
    lengths = {len(call["ani_sent"] or "") for call in result.calls if call["dnis_sent"] is not None}
    assert set(range(1, 21)) <= lengths | {0} and 0 in lengths
    called = [entry for entry in result.world.truth.log if entry.what == "trunk called"]
    assert len(called) >= 5 and all(entry.data["ani"] == "66886688" for entry in called)
    numbers = {plan.number for plan in result.scenario.subscribers}
    assert {entry.data["number"] for entry in called} <= numbers
    assert result.world.held == []


CONSULTED = """
setup | world      | switch=card
setup | agent 1001 | sales 8001 answers after 2 talks 300
setup | rights     | national
setup | subscriber 66880001 | answers after 2
4.0   | caller 1   | 13800138000 by fsk: choose 1 after 1.5; talk 40; patience 90
1+2   | desk 1001  | consult 66880001
1+16  | desk 1001  | transfer
"""


def signalling_of(scenario: Scenario) -> tuple[CardRun, list[tuple[str | None, dict[str, Any]]]]:
    """A run, and what was kept of each call on its trunk: whose, and data."""
    told: list[tuple[str | None, dict[str, Any]]] = []

    def watch(server: Assembly, world: CardWorld, clock: SteppedClock) -> None:
        event = server.centre.records.event

        def noted(call: str | None, kind: str, source: Any, /, **data: Any) -> int:
            if kind == "signalling":
                told.append((call, data))
            return event(call, kind, source, **data)

        server.centre.records.event = noted  # type: ignore[method-assign]

    return run(scenario, change=watch), told


@pytest.mark.parametrize("trunk", KINDS)
def test_a_consultation_leaves_its_signalling(trunk: str) -> None:
    result, told = signalling_of(replace(read_table(CONSULTED), trunk=trunk))
    assert [str(finding) for finding in result.findings] == []
    [(id, data)] = [(id, data) for id, data in told if not data["incoming"]]
    assert id is not None and id != result.calls[0]["call"], "it has a record of its own"
    assert [id for id, data in told if data["incoming"]] == [result.calls[0]["call"]]
    ladder = shown(data)
    assert ladder.startswith(f"trunk office, channel {data['slot']}, to the far end: 16 normal clearing")
    assert ("seizure" if trunk == "r2" else "SETUP") in ladder.splitlines()[2] and data["called"] == "66880001"


@pytest.mark.parametrize("trunk", KINDS)
def test_every_call_out_leaves_its_signalling(trunk: str) -> None:
    result, told = signalling_of(mixed(3, 12, trunk=trunk))
    called = [entry.data["number"] for entry in result.world.truth.log if entry.what == "trunk called"]
    out = [(id, data["called"]) for id, data in told if not data["incoming"]]
    assert called and sorted(number for _, number in out) == sorted(called)
    assert None not in [id for id, _ in out] and len({id for id, _ in out}) == len(out)


def test_a_call_out_that_rings_when_the_last_caller_has_gone_is_waited_for() -> None:
    scenario = mixed(3, 3, trunk="pri")
    rings = tuple(replace(plan, answer_s=None, busy=False) for plan in scenario.subscribers)
    late = replace(scenario.deeds[0], when=replace(scenario.deeds[0].when, from_s=8.0, to_s=8.0))
    short = replace(scenario.callers[0], steps=(Step("wait", seconds=2.0),))
    result = run(replace(scenario, subscribers=rings, deeds=(late,), callers=(short,)))
    assert [str(finding) for finding in result.findings] == []


def test_damaged_tones_change_no_number() -> None:
    """Short ones are survived, long ones fail the call by a timer."""
    result = over("r2", 24, "mfc=damaged:2%")
    assert [str(finding) for finding in result.findings] == []
    hit = {entry.call for entry in result.world.truth.log if entry.what == "tone damaged"}
    assert 0 < len(result.lost) < len(hit)
    assert all(lost.sent.cause in (42, 102) and lost.server for lost in result.lost), result.lost


def test_a_drowned_d_channel_fails_calls_with_a_cause_and_tells_of_hang_ups_late() -> None:
    result = over("pri", 24, "frames=lost:2%")
    numbers = [text for text in map(str, result.findings) if "ani" in text or "dnis" in text or "never ended" in text]
    assert numbers == [] and result.world.held == []
    assert any(entry.what == "frames lost" for entry in result.world.truth.log)
    assert all(lost.sent.cause in (18, 27, 34, 101, 102) for lost in result.lost), result.lost


@pytest.mark.parametrize("trunk", KINDS)
def test_slips_are_survived(trunk: str) -> None:
    result = over(trunk, 8, "spanslips=60/min")
    assert [*map(str, result.findings), *map(str, result.lost)] == []


def test_lost_tones_fail_calls_with_a_cause_that_both_ends_name() -> None:
    result = over("r2", 16, "mfc=lost:1%")
    assert [str(finding) for finding in result.findings] == []
    assert 0 < len(result.lost) < 16
    for lost in result.lost:
        assert lost.sent.cause == 102 and "timer" in lost.sent.text, str(lost)
        assert lost.server.startswith("102 ") and "last signal" in lost.server, str(lost)
    failed = [call for call in result.calls if call["outcome"] == "failed"]
    assert Counter(call["dnis_sent"] for call in failed) == Counter(lost.sent.dnis for lost in result.lost)
    assert all(call["call"] and call["cause_sent"].startswith("102 ") for call in failed)


def test_damaged_frames_are_sent_again() -> None:
    result = over("pri", 12, "frames=damaged:1%")
    assert [*map(str, result.findings), *map(str, result.lost)] == []


@pytest.mark.parametrize(("trunk", "kind"), [("r2", "los"), ("pri", "blue"), ("pri", "yellow")])
def test_an_alarm_in_the_middle_of_calls(trunk: str, kind: str) -> None:
    """Calls on the line end, with a cause; afterwards it carries others, and no channel is stuck."""
    result = over(trunk, 12, f"alarm={kind}@40:8s")
    assert [str(finding) for finding in result.findings] == []
    assert any("alarm" in (call["cause"] or "") for call in result.calls)
    assert any(entry.what == "trunk answered" and entry.at_s > 60 for entry in result.world.truth.log)


@pytest.mark.parametrize("fault", ["alarm=los@30:5s", "frames=damaged:30%", "biterrors=1e-3"])
def test_a_hang_up_that_came_late_makes_a_longer_talk(fault: str) -> None:
    """Its message was lost: layer 2 sends it again, or, after an alarm, RELEASE follows as soon as layer 2 is up; never
    later than that, T305 is not waited for."""
    result = over("pri", 10, fault, seed=1)
    assert [str(finding) for finding in result.findings] == []
    late = [
        call["talk_ended"] - gone
        for number, mine in result.world.truth.calls.items()
        for call in result.calls
        if call["ani_sent"] == mine.ani and call["talk_ended"] and (gone := mine.at("caller gone")) is not None
    ]
    assert 0.5 < max(late) < 12.0


def test_bit_errors_are_survived() -> None:
    for trunk in KINDS:
        result = over(trunk, 6, "biterrors=1e-4")
        assert [*map(str, result.findings), *map(str, result.lost)] == []


def test_the_same_seed_is_the_same_run() -> None:
    one, other = (over("r2", 6, seed=9).calls for _ in range(2))
    assert json.dumps(one) == json.dumps(other)


def test_numbers_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "callers.csv"
    file.write_text("# who calls whom\n13800138000,66886688\n\n,1\n7,12345678901234567890\n", encoding="utf-8")
    assert read_numbers(file) == [Pair("13800138000", "66886688"), Pair(None, "1"), Pair("7", "12345678901234567890")]
    out = tmp_path / "calls.json"
    assert main(["demo", "--stepped", "--trunk", "pri", "--callers", str(file), "--json", str(out)]) == 0
    calls = [json.loads(line) for line in out.read_text().splitlines()]
    sent = {(call["ani"], call["dnis"]) for call in calls if call["dnis_sent"] is not None}
    assert sent == {("13800138000", "66886688"), (None, "1"), ("7", "12345678901234567890")}
    capsys.readouterr()


@pytest.mark.parametrize("line", ["1,", "123", "1,2,3", "+86138,1", "1,123456789012345678901", "一,2"])
def test_files_that_are_no_numbers(tmp_path: Path, line: str) -> None:
    file = tmp_path / "callers.csv"
    file.write_text(f"1,2\n{line}\n", encoding="utf-8")
    with pytest.raises(NumbersError, match=r"callers.csv:2: .*1 to 20 digits"):
        read_numbers(file)
    file.write_text("# nothing\n")
    with pytest.raises(NumbersError, match="holds no numbers"):
        read_numbers(file)


@pytest.mark.parametrize(
    "fault", ["mfc=lost:1%", "frames=damaged:1%", "biterrors=1e-3", "spanslips=6/min", "alarm=los@4:1s"]
)
def test_faults_of_an_e1_need_one(fault: str) -> None:
    from simulators.scenario import card_scenario, scenario

    for without in (scenario.mixed(1, 1), card_scenario.mixed(1, 1)):
        with pytest.raises(FaultError, match="is a fault of --trunk"):
            without.with_fault(parse(fault))
    other = {"mfc=lost:1%": "pri", "frames=damaged:1%": "r2"}.get(fault)
    if other is not None:
        with pytest.raises(FaultError, match="is a fault of --trunk"):
            trunk_scenario.mixed(1, 1, trunk=other).with_fault(parse(fault))

"""The end of a stepped run: what happened to each call, and whether the world agrees."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console

from cti.records.events import Entry, Event
from simulators.faults import FaultError, parse
from simulators.judge.judge import Finding
from simulators.rig import verdict
from simulators.rig.on_card import run as run_on_card
from simulators.rig.paced import Story
from simulators.rig.stepped import run
from simulators.scenario.scenario import mixed
from simulators.scenario.trunk_scenario import mixed as over_e1


def test_calls_that_fail_as_they_must_are_told_with_their_cause() -> None:
    result = run(mixed(1, 4), faults=["dialtone=none"])
    lines, status = verdict.behind_pbx(result, strict=False)
    assert status == 0
    assert "0 of 4 calls answered 已接通" in lines
    assert "  1-000001 failed 失败: no dial tone after 2 flashes" in lines
    assert lines[-1] == "the judge: 4 of 4 calls as the world saw them 核对一致"


def test_a_difference_is_in_the_last_line_and_the_status() -> None:
    result = run(mixed(1, 3))
    result.findings += [
        Finding(2, "1-000002", "talked 9 s, the world saw 3.0 s"),
        Finding(0, None, "line 4 is not free"),
    ]
    lines, status = verdict.behind_pbx(result, strict=False)
    assert status == 1
    assert [line for line in lines if line.startswith("differs: ")] == [f"differs: {one}" for one in result.findings]
    assert lines[-1] == "the judge: 2 of 3 calls as the world saw them, 2 differences above 核对不一致"


def test_what_the_world_does_wrong_by_itself_is_said() -> None:
    scenario = mixed(1, 10)
    lines, _ = verdict.behind_pbx(run(scenario), strict=True)
    assert lines[0].startswith("what the world does wrong by itself: messages late 1, lost 1 ")
    assert "records damaged 1" in lines[0]
    sound = replace(mixed(1, 2), smdi_of={}, smdr_of={})
    assert "what the world does wrong" not in "".join(verdict.behind_pbx(run(sound), strict=False)[0])


def test_odd_numbers_of_an_e1_are_on_purpose() -> None:
    lines, status = verdict.on_card(run_on_card(over_e1(1, 2, trunk="r2")), strict=True)
    assert status == 0 and "1 to 20 digits on purpose" in lines[0]


def test_a_call_that_never_came_is_told_once() -> None:
    result = run_on_card(over_e1(1, 10, trunk="r2").with_fault(parse("mfc=lost:5%")))
    lines, status = verdict.on_card(result, strict=False)
    assert status == 0 and len(result.lost) > 0
    assert sum(line.startswith("failed: ") for line in lines) == len(result.lost)
    assert not any(line.startswith("  ") and " failed " in line for line in lines)
    assert verdict.on_card(result, strict=True)[1] == 1


@pytest.mark.parametrize("spec", ["alarm", "swap", "mfc=4"])
def test_a_fault_without_its_value_is_told_its_own_form(spec: str) -> None:
    with pytest.raises(FaultError) as caught:
        parse(spec)
    name = spec.partition("=")[0]
    assert f"{name} wants {name}=VALUE: " in str(caught.value) and "\n" not in str(caught.value)


def test_the_story_says_where_a_number_was_not_told() -> None:
    seen = io.StringIO()
    at = datetime(2026, 1, 5, 9, tzinfo=UTC)
    event = Event("1-000001", "ani", at, "trunk", None, None, {"ani": None, "dnis": "66886688"})
    Story(Console(file=seen, width=120)).tell(Entry(1, 2.0, event))
    assert "ANI 主叫 未提供 not told   DNIS 被叫 66886688" in seen.getvalue()


def test_the_story_tells_the_steps_in_their_order_though_the_second_is_learnt_after_the_third() -> None:
    seen = io.StringIO()
    story = Story(Console(file=seen, width=120))
    at = datetime(2026, 1, 5, 9, tzinfo=UTC)
    told: list[tuple[float, str, dict[str, object]]] = [
        (2.0, "step", {"n": 1}),
        (2.0, "step", {"n": 3}),
        (2.0, "port", {"extension": "2001"}),
        (2.4, "step", {"n": 2, "with": 1}),
        (2.4, "ani", {"ani": "13800138000", "dnis": "66886688"}),
        (2.5, "step", {"n": 4}),
        (9.0, "outcome", {"outcome": "abandoned_menu"}),
    ]
    for serial, (seconds, kind, data) in enumerate(told, 1):
        story.tell(Entry(serial, seconds, Event("1-000001", kind, at, "port", None, 0, data)))
    story.tell(Entry(8, 9.0, Event("1-000002", "step", at, "port", None, 1, {"n": 3})))  # whose number nobody told
    story.tell(Entry(9, 9.5, Event("1-000002", "outcome", at, "port", None, 1, {"outcome": "abandoned_ring"})))
    lines = [line.split() for line in seen.getvalue().splitlines()]
    assert [line[4] for line in lines] == ["1", "2", "3", "port", "ANI", "4", "abandoned_menu", "3", "abandoned_ring"]
    assert [float(line[0]) for line in lines] == [0.0, 0.0, 0.0, 0.0, 0.4, 0.5, 7.0, 7.0, 7.5]

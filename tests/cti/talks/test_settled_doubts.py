"""Records that may be damaged, and records that can be of several calls, in a whole centre: the calls are marked,
agents are freed by what is certain, and a line that is bad again and again is believed only in what is known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cti.arrivals.trust import FEW, RecentDamage
from cti.call import CALL, Call
from cti.machine import Machine
from cti.talks.talks import OFTEN
from tests.cti.centre_bench import A, CentreBench
from tests.cti.talks.test_settled import kinds


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[CentreBench]:
    made = CentreBench(tmp_path)
    yield made
    made.stop()
    assert made.faults() == []


def damaged_lines(bench: CentreBench, count: int) -> None:
    for _ in range(count):
        bench.run(40.0)
        bench.record(extension="8009", number="13300000000", duration_s=20.0, doubt="'#' at 7 is odd")


def test_a_damaged_record_frees_its_agent_and_is_marked(bench: CentreBench) -> None:
    call = bench.talking()
    bench.run(40.0)
    bench.record(duration_s=36.0, doubt="account holds 'b k'")
    assert bench.agent()[1] == "idle" and bench.outcome(call) == ("answered", "smdr")
    assert [one["doubt"] for one in kinds(bench, call, "smdr")] == ["account holds 'b k'"]
    assert kinds(bench, call, "talk_ended")[0].get("seconds") is None, "what we measured counts"


@pytest.mark.parametrize("given", [{"doubt": "pulses holds '('"}, {}])
def test_a_damaged_record_ends_no_talk_that_it_does_not_know(bench: CentreBench, given: dict[str, str]) -> None:
    """A line printed at the ring, one bit of which is wrong: it says that a call has ended, and no length."""
    damaged_lines(bench, 2)
    call = bench.talking()
    bench.run(2.0)
    bench.record(duration_s=None, **given)
    assert call.state == "talking" and 9 not in call.steps
    bench.record(duration_s=85.0, **given)
    assert call.state == "talking"
    assert [one["between"] for one in bench.records.of(None, "smdr")[-2:]] == [[call.id], [call.id]]
    bench.run(30.0)
    bench.record(duration_s=32.0)
    assert bench.outcome(call) == ("answered", "smdr")


def test_a_record_whose_line_was_not_ended_has_waited_for_the_next_one(bench: CentreBench) -> None:
    """It is of a call before, as short as the present one is now."""
    call = bench.talking(None)
    bench.run(1.0)
    more: dict[str, Any] = {"number": None, "duration_s": 0.0, "duration_step_s": 6.0}
    bench.record(**more, doubt="it was not ended", waited=True)
    bench.run(2.0)
    assert call.state == "talking" and bench.agent()[1] == "talking"
    bench.record(**more)
    bench.run(2.0)
    assert call.ended, "and this one is its own"


def test_damage_again_and_again_makes_every_record_doubtful(bench: CentreBench) -> None:
    damaged_lines(bench, 2)
    call = bench.talking()
    bench.run(40.0)
    bench.record(duration_s=55.0)  # 15 s more than we know of: nothing that shows damage
    assert [one["doubt"] for one in kinds(bench, call, "smdr")] == [OFTEN]


def test_damage_again_and_again_is_an_alarm(bench: CentreBench) -> None:
    """Also of a line that names no callers: its records free agents."""
    damaged_lines(bench, 1)
    assert "smdr_damaged" not in bench.centre.alarms, "one bit in a day"
    damaged_lines(bench, 1)
    assert "2 of the last 2 lines came damaged" in bench.centre.alarms["smdr_damaged"]
    for _ in range(FEW):
        bench.run(40.0)
        bench.record(extension="8009", number="13300000000", duration_s=20.0)
    assert "smdr_damaged" not in bench.centre.alarms


def test_but_not_what_is_known_otherwise(bench: CentreBench) -> None:
    damaged_lines(bench, 2)
    call = bench.talking()
    bench.run(40.0)
    bench.record(duration_s=40.0)
    assert [one.get("doubt") for one in kinds(bench, call, "smdr")] == [None]


def test_and_those_that_came_shortly_before(bench: CentreBench) -> None:
    damaged_lines(bench, 1)
    call = bench.talking()
    bench.run(40.0)
    bench.record(duration_s=55.0)
    assert [one.get("doubt") for one in kinds(bench, call, "smdr")] == [None] and kinds(bench, call, "doubted") == []
    damaged_lines(bench, 1)
    assert [one["why"] for one in kinds(bench, call, "doubted")] == [OFTEN]


def test_a_record_that_can_be_of_two_calls_is_nobodys(bench: CentreBench) -> None:
    calls = []
    for name in ("1-000901", "1-000902"):
        call = Call(name, bench.clock.seconds(), Machine(CALL))
        call.ani, call.answered_s = A, bench.clock.seconds()
        bench.run(6.0)
        bench.pbx.talks.owe("2001", call)
        calls.append(call)
    bench.record(extension="2001", number=None, duration_s=6.0)
    assert bench.records.of(None, "smdr") == [], "another line may be right behind it"
    bench.run(2.0)
    (smdr,) = bench.records.of(None, "smdr")
    assert sorted(smdr["between"]) == ["1-000901", "1-000902"]
    assert all(9 not in call.steps for call in calls)


def test_how_long_damage_is_remembered() -> None:
    line = RecentDamage()
    assert line.line(True) == []
    line.believed("not a word before the first damage")
    assert line.line(False) == []
    line.believed("call")
    assert line.line(True) == ["not a word before the first damage", "call"] and line.often
    assert line.line(True) == [], "once"


def test_a_line_that_is_sound_again() -> None:
    line = RecentDamage()
    often = []
    for damaged in (True, True, *[False] * FEW):
        line.line(damaged)
        often.append(line.often)
    assert often == [False, *[True] * (FEW - 1), False, False]

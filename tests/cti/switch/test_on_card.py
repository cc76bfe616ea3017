"""Our own cards are the switch: calls through the nine steps, who hears whom, and every way in which they can end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cti.switch.card_bench import CardBench

Bench = Callable[[str], CardBench]
STAFF = "setup | agent 1001 | sales 8001 answers after 2 talks 60\n"
CALL = "4.0 | caller 1 | 13800138000 by fsk: choose 1 after 1.5; talk 8\n"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made: list[CardBench] = []

    def make(text: str) -> CardBench:
        made.append(CardBench(text, tmp_path))
        return made[-1]

    yield make
    for one in made:
        one.stop()
        assert not one.switch.conversations
        assert not one.faults(), one.faults()


def test_a_call_in_nine_steps(bench: Bench) -> None:
    world = bench(STAFF + CALL)
    talks = world.talking()
    (call,) = world.centre.calls.values()
    assert (call.ani, call.dnis, call.agent) == ("13800138000", world.scenario.dnis[0], "1001")
    assert world.centre.acd.agent("1001").truths == ("ready", "talking", "none")
    gone = world.until(lambda: bool(world.happened("caller gone"))) - 1.0
    world.until(lambda: not world.centre.calls)
    assert world.centre.acd.agent("1001").truths == ("ready", "talking", "wrap_up"), "not hung up yet"
    world.run(10.0)
    assert world.centre.acd.agent("1001").truths == ("ready", "idle", "none")
    world.stop()
    (row,) = world.rows
    assert sorted(row.steps) == list(range(1, 10)), row.steps
    assert (row.outcome, row.agent, row.ani) == ("answered", "1001", "13800138000")
    assert world.heard("caller 1", talks + 1, gone) == {frozenset({"phone 8001"})}
    assert world.heard("phone 8001", talks + 1, gone) == {frozenset({"caller 1"})}


def test_nobody_is_there_any_more_when_we_lift(bench: Bench) -> None:
    """The caller gave up before the second ring; the line, lifted all the same, has dial tone: not in the menu."""
    world = bench(STAFF + "4.0 | caller 1 | 13800138000 by fsk: patience 1.5; choose 1 after 9\n")
    world.run(30.0)
    world.stop()
    (row,) = world.rows
    assert (row.outcome, row.cause, row.ani) == ("abandoned_ring", "16 normal clearing (dial tone)", None)


@pytest.mark.parametrize("lifts_s", [0.6, 1.7, 2.6])
def test_a_refusal_is_heard_by_whoever_lifts_into_the_caller_id_too(bench: Bench, lifts_s: float) -> None:
    """The telephone rings for its own agent, shows the number, and is lifted before, while or after it does; the one
    line was taken in the meantime."""
    agents = f"setup | agent 1001 | sales 8001\nsetup | agent 1002 | complaints 8002 answers after {lifts_s}\n"
    lines = (
        "setup | world | trunks=1\nsetup | subscriber 66880001 | answers after 2\nsetup | subscriber 66880002 | busy\n"
    )
    world = bench(
        lines + agents + "setup | rights | national\n12.0 | phone 8001 | lifts\n14.2 | desk 1001 | make 66880001\n"
        "14.0 | desk 1002 | make 66880002\n24.0 | phone 8001 | hangs up\n"
    )
    world.until(lambda: bool(world.happened("phone hung up", "phone 8002")))
    [gone] = [one for one in world.world.truth.log if one.what == "phone hung up" and one.who == "phone 8002"]
    assert gone.data["why"] == "congestion tone" and gone.at_s < 14.0 + lifts_s + 6.0
    world.run(12.0)

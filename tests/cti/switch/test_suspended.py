"""A party on a trunk hangs up and may lift again (R2: clear back): who is left hears busy tone, and is told."""

from __future__ import annotations

import json
from pathlib import Path

from drivers.signalling.interface import TrunkCall
from tests.cti.switch.card_bench import CardBench

TOWN = "setup | rights | national\nsetup | subscriber 66880001 | answers after 2\n"
STAFF = "setup | agent 1001 | sales 8001 answers after 2 talks 300\n"
CALLER = "4.0 | caller 1 | 13800138000 by fsk: choose 1 after 1.5; talk 60; patience 90\n"


def events(one: CardBench, name: str) -> list[str]:
    return [device for event, device in one.connections() if event == name]


def test_the_one_who_was_called(tmp_path: Path) -> None:
    one = CardBench(STAFF + TOWN + CALLER + "1+2 | desk 1001 | consult 66880001\n", tmp_path)
    one.talking()
    one.until(lambda: bool(one.happened("subscriber answers")))
    one.run(3.0)
    [theirs] = [end.call for end in one.switch.trunks.values() if not end.call.incoming]
    talked = one.clock.seconds()
    theirs.told("suspended")
    one.run(1.4)  # an agent hangs up soon
    away = one.clock.seconds()
    theirs.told("resumed")
    one.run(4.0)
    back = one.clock.seconds()
    assert theirs.state == "answered"
    one.phone("8001").hang_up("test")
    one.run(5.0)
    one.stop()
    assert len(events(one, "Suspended")) == len(events(one, "Resumed")) == 1
    assert events(one, "Suspended") == [f"office/{theirs.slot}"]
    assert one.heard("phone 8001", talked - 2, talked) == {frozenset({"subscriber 66880001"})}
    busy = one.heard("phone 8001", talked + 0.4, away)
    assert any("tone" in words for words in busy) and not any("subscriber 66880001" in words for words in busy)
    assert one.heard("phone 8001", away + 1, back) == {frozenset({"subscriber 66880001"})}


def test_an_agent_at_a_mobile_has_hung_up(tmp_path: Path) -> None:
    seats = [
        {"card": "seats", "first": 0, "count": 1, "extension": "8001"},
        {"extension": "8100", "numbers": ["66880001"]},
    ]
    site = f"setup | site | {json.dumps({'seats': seats})}\n"
    one = CardBench(site + "setup | agent 1001 | sales 8001 does not answer\n" + TOWN + CALLER, tmp_path)
    one.run(1.0)
    one.centre.acd.login("1001", "8100")
    one.centre.acd.ready("1001")
    one.talking(90.0)
    one.run(3.0)
    [theirs] = [call for call in calls(one) if not call.incoming]
    theirs.told("suspended")
    one.run(1.0)
    assert theirs.state == "cleared" and not one.centre.calls
    one.stop()


def calls(one: CardBench) -> list[TrunkCall]:
    ends = [end.call for end in one.switch.trunks.values()]
    line = one.switch.seats["8100"]._line  # type: ignore[attr-defined]
    return [*ends, line.call]


def test_a_caller_who_waits_is_gone_one_who_talks_is_missed(tmp_path: Path) -> None:
    """Called control: the caller's hang-up is told as such, the channel is ours to clear."""
    one = CardBench(STAFF + CALLER, tmp_path)
    one.until(lambda: any(call.state == "menu" for call in one.centre.calls.values()))
    [waits] = [end.call for end in one.switch.trunks.values()]
    waits.told("suspended")
    one.run(1.0)
    assert waits.state == "cleared" and not one.centre.calls

    other = CardBench(STAFF + CALLER, tmp_path / "other")
    other.talking()
    other.run(2.0)
    [talks] = [end.call for end in other.switch.trunks.values()]
    talks.told("suspended")
    other.run(2.0)
    assert events(other, "Suspended") and not talks.cause
    other.phone("8001").hang_up("test")
    other.run(2.0)
    assert talks.state == "cleared" and not other.centre.calls
    for bench in (one, other):
        bench.stop()

"""Every channel is taken and somebody calls 110: whose call goes, who is told what, what the records say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cti.switch.card_bench import CardBench

Bench = Callable[..., CardBench]
STAFF = """
setup | agent 1001 | sales 8001 answers after 2 talks 300
setup | agent 1002 | complaints 8002
setup | rights     | national
setup | subscriber 110      | answers after 2
setup | subscriber 66880001 | answers after 2
setup | subscriber 66880002 | does not answer
"""
ALL = ["calling_out", "menu", "queue", "talk_out", "talk"]
CALLER = "4.0 | caller 1 | 13800138000 by fsk: choose 1 after 1.5; talk 60; patience 120\n"
SUPERVISED = "14.0 | phone 8002 | lifts\n16.0 | desk 1002 | make 110\n"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made: list[CardBench] = []

    def make(text: str, order: list[str], trunks: int = 1) -> CardBench:
        site = f"setup | world | trunks={trunks}\nsetup | site | {json.dumps({'preempt': order})}\n"
        made.append(CardBench(site + STAFF + text, tmp_path))
        return made[-1]

    yield make
    for one in made:
        over(one)
        assert not one.switch.conversations


def over(one: CardBench) -> None:
    if not one.stopped:
        for phone in one.world.phones.values():
            phone.hang_up("the test is over")
        one.run(4.0)
    one.stop()


def answered(one: CardBench, number: str) -> bool:
    return bool(one.happened("subscriber answers", f"subscriber {number}"))


def alarms(one: CardBench) -> list[str]:
    return [data["text"] for _, kind, data in one.events if kind == "alarm" and data.get("what") == "preempted"]


@pytest.mark.parametrize("order", [[], ["menu", "queue"]])
def test_without_the_order_nobody_goes(bench: Bench, order: list[str]) -> None:
    one = bench(CALLER + SUPERVISED, order)
    one.until(lambda: one.clock.seconds() > 40.0)
    assert not answered(one, "110") and not alarms(one)
    one.until(lambda: bool(one.happened("caller gone")))
    one.run(1.0)
    over(one)
    assert [row.outcome for row in one.rows] == ["answered"] and one.rows[0].talk_s == pytest.approx(60.0, abs=1.5)


def test_a_talk_goes_and_both_are_told(bench: Bench) -> None:
    one = bench(CALLER + SUPERVISED, ALL)
    one.talking()
    one.until(lambda: answered(one, "110"))
    assert 17.0 < one.clock.seconds() < 30.0
    one.run(6.0)
    over(one)
    [row] = one.rows
    assert row.outcome == "answered" and row.cause == "9 preemption, circuit reserved for reuse (for a call to 110)"
    assert row.talk_s is not None and row.talk_s < 8.0
    assert alarms(one) == ["office/1 is cleared for a call to 110 by 8002"]
    heard = one.heard("caller 1", 16.6, 18.5)
    assert any("sound" in words for words in heard), "the prompt"
    assert not any("phone 8001" in words for words in heard)
    assert any(device == "8001" for event, device in one.connections() if event == "Failed")
    talked = one.happened("subscriber answers", "subscriber 110")[0]
    assert frozenset({"subscriber 110"}) in one.heard("phone 8002", talked + 1.0, talked + 5.0)


def test_the_order_counts_and_the_youngest_first(bench: Bench) -> None:
    """A caller who talks, one in the queue for longer and one for less time: the last one goes."""
    more = (
        "10.0 | caller 2 | 13800138001 by fsk: choose 1 after 1.5; talk 20; patience 120\n"
        "16.0 | caller 3 | 13800138002 by fsk: choose 1 after 1.5; talk 20; patience 120\n"
        "30.0 | phone 8002 | lifts\n32.0 | desk 1002 | make 110\n"
    )
    one = bench(CALLER + more, ["queue", "talk"], trunks=3)
    one.until(lambda: answered(one, "110"))
    one.run(3.0)
    ended = {row.ani: (row.outcome, row.cause) for row in _rows(one) if row.ended_at is not None}
    assert list(ended) == ["13800138002"] and ended["13800138002"][0] == "failed"
    assert (ended["13800138002"][1] or "").startswith("9 preemption")


def _rows(one: CardBench) -> list:  # type: ignore[type-arg]
    one.server.forwarder.forward_once()
    return one.server.store.calls(limit=100)


def test_a_call_out_that_is_not_answered_yet_goes_at_once(bench: Bench) -> None:
    text = "4.0 | phone 8001 | lifts\n6.0 | desk 1001 | make 66880002\n" + SUPERVISED
    one = bench(text, ALL)
    one.until(lambda: answered(one, "110"))
    assert one.clock.seconds() < 28.0, "analog: 2 s of guard, dial tone, digits, 2 s to the answer"
    assert any(device == "8001" for event, device in one.connections() if event == "Failed")


def test_an_emergency_call_is_never_pushed_out(bench: Bench) -> None:
    text = (
        "4.0 | phone 8001 | lifts\n6.0 | desk 1001 | make 110\n24.0 | phone 8002 | lifts\n26.0 | desk 1002 | make 110\n"
    )
    one = bench(text, ALL)
    one.until(lambda: answered(one, "110"))
    one.run(20.0)
    assert not alarms(one) and len(one.happened("subscriber answers", "subscriber 110")) == 1


def test_a_line_that_rings_does_not_go_for_it_cannot_be_refused(bench: Bench) -> None:
    """The youngest call only rings, and its number is waited for: the queue goes first."""
    text = (
        "4.0 | caller 2 | 13800138001 by fsk: choose 2 after 1.5; talk 20; patience 120\n"
        "20.0 | caller 3 | 13800138002 by fsk: choose 1 after 1.5; talk 5; patience 120\n"
        "14.0 | phone 8002 | lifts\n20.7 | desk 1002 | make 110\n"
    )
    one = bench(text, ["menu", "queue", "talk"], trunks=2)
    one.until(lambda: answered(one, "110"))
    one.until(lambda: "caller 3" in {each.who for each in one.world.truth.log if each.what == "talks"})
    one.run(12.0)
    ended = {row.ani: (row.outcome, row.cause or "") for row in _rows(one) if row.ended_at is not None}
    assert ended["13800138001"][1].startswith("9 preemption")
    assert ended["13800138002"][0] == "answered" and "preemption" not in ended["13800138002"][1]


def test_who_calls_gives_up_meanwhile(bench: Bench) -> None:
    one = bench(CALLER + SUPERVISED + "17.0 | phone 8002 | hangs up\n", ALL)
    one.until(lambda: one.clock.seconds() > 25.0)
    assert not answered(one, "110") and one.side.routes.waiting == 0


def test_routes_keep_channels_free(bench: Bench, tmp_path: Path) -> None:
    """The last channel is for 110 alone; no call has to go."""
    text = (
        "4.0 | phone 8001 | lifts\n6.0 | desk 1001 | make 66880001\n"
        "14.0 | phone 8002 | lifts\n16.0 | desk 1002 | make 66880002\n20.0 | phone 8002 | hangs up\n"
        "22.0 | phone 8002 | lifts\n24.0 | desk 1002 | make 110\n"
    )

    def kept(site: dict) -> None:  # type: ignore[type-arg]
        for route in site["routes"]:
            route["keep_free"] = 1

    one = CardBench("setup | world | trunks=2\n" + STAFF + text, tmp_path / "kept", kept)
    one.until(lambda: answered(one, "110"))
    dialled = [entry.data["number"] for entry in one.world.truth.log if entry.what == "dialled"]
    assert dialled == ["66880001", "110"], "one channel was free for the second call, and was kept"
    one.run(1.0)
    over(one)

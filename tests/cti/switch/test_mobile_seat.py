"""Seats reached over a trunk: numbers in order and at once, nobody there, a key to confirm, a line kept open."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cti.switch.mobile_seat import MobileSeat
from cti.switch.verbs.asker import Asker
from tests.cti.switch.card_bench import CardBench

Bench = Callable[..., CardBench]
TOWN = """
setup | subscriber 13800001111 | does not answer
setup | subscriber 66880001    | answers after 3
setup | subscriber 66880002    | answers after 6
setup | subscriber 66880003    | busy
"""
CALL = "4.0 | caller 1 | 13800138000 by fsk: choose 1 after 1.5; talk 12; patience 120\n"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made: list[CardBench] = []

    def make(numbers: list[str], **seat: Any) -> CardBench:
        seats = [
            {"card": "seats", "first": 0, "count": 1, "extension": "8001"},
            {"extension": "8100", "numbers": numbers, **seat},
        ]
        text = (
            f"setup | site | {json.dumps({'seats': seats})}\n"
            "setup | agent 1001 | sales 8001 does not answer\n"
            "setup | rights | national\n" + TOWN + CALL
        )
        one = CardBench(text, tmp_path)
        made.append(one)
        one.run(1.0)
        one.centre.acd.login("1001", "8100")
        one.centre.acd.ready("1001")
        return one

    yield make
    for one in made:
        one.stop()
        assert not one.switch.conversations


def test_numbers_in_order(bench: Bench) -> None:
    one = bench(["13800001111", "66880001"])
    talks = one.talking(90.0)
    assert one.happened("subscriber answers", "subscriber 66880001") and talks > 28.0, "the first number had its time"
    gone = one.until(lambda: bool(one.happened("caller gone")), 60.0)
    one.run(15.0)
    assert one.centre.acd.agent("1001").truths == ("ready", "idle", "none")
    assert one.heard("caller 1", talks + 1, gone - 1) == {frozenset({"subscriber 66880001"})}
    assert one.heard("subscriber 66880001", talks + 1, gone - 1) == {frozenset({"caller 1"})}


def test_all_at_once_the_first_who_answers(bench: Bench) -> None:
    one = bench(["66880002", "66880001", "66880003"], ring="at_once")
    talks = one.talking(60.0)
    assert talks < 25.0
    assert not one.happened("subscriber answers", "subscriber 66880002"), "its telephone stopped ringing"
    one.until(lambda: bool(one.happened("caller gone")), 60.0)
    one.run(15.0)
    assert one.side.trunks[0].span is not None and one.side.trunks[0].span.state().busy == 0


def test_nobody_at_any_number(bench: Bench) -> None:
    """The caller keeps waiting; the agent is tried again, and again in vain."""
    one = bench(["66880003"])
    one.until(lambda: any(kind == "no_answer" for _, kind, _ in one.events), 60.0)
    assert one.side.switch.seats["8100"].idle
    one.run(2.0)
    (call,) = one.centre.calls.values()
    assert call.state in ("queued", "transferring")


def test_without_the_key_it_is_nobody(bench: Bench) -> None:
    one = bench(["66880001"], confirm=True)
    one.until(lambda: bool(one.happened("subscriber answers")), 60.0)
    one.run(1.0)
    seat = one.side.switch.seats["8100"]
    assert seat.alerting is not None and not seat.off_hook
    one.until(lambda: any(kind == "no_answer" for _, kind, _ in one.events), 60.0)


def test_a_line_that_is_kept(bench: Bench) -> None:
    one = bench(["66880001"], nailed_up=True)
    one.talking(60.0)
    one.until(lambda: bool(one.happened("caller gone")), 60.0)
    one.run(15.0)
    seat = one.side.switch.seats["8100"]
    assert seat.port is not None and seat.idle, "the line stays, and the agent is free"
    assert one.centre.acd.agent("1001").truths == ("ready", "idle", "none")
    assert len(one.happened("subscriber answers")) == 1


def test_a_line_that_is_kept_and_ends_in_the_beep_is_called_anew(bench: Bench) -> None:
    """Nobody is put through to a line that is not there any more."""
    one = bench(["66880001"], nailed_up=True)
    one.talking(60.0)
    one.until(lambda: bool(one.happened("caller gone")), 60.0)
    one.run(15.0)
    seat = one.side.switch.seats["8100"]
    assert isinstance(seat, MobileSeat) and seat._line is not None and seat.idle
    line = seat._line
    one.side.verb("1001", "make", "8001")
    assert seat.alerting is not None
    one.run(0.1)
    line.clear()
    one.run(1.0)
    assert (seat.port, seat.off_hook, seat.alerting is None) == (None, False, False), "it is called anew"
    one.until(lambda: len(one.happened("subscriber answers", "subscriber 66880001")) == 2, 30.0)
    one.until(lambda: seat.off_hook, 10.0)
    assert seat.port is not None and seat._line is not line
    one.side.verb("1001", "hang_up", None)
    one.run(5.0)


@pytest.mark.parametrize("nailed_up", [False, True])
def test_a_caller_who_waits_comes_as_soon_as_a_failed_call_is_over(bench: Bench, nailed_up: bool) -> None:
    """The line that ends is not the one on which the caller is announced: the number is called anew."""
    one = bench(["66880001"], nailed_up=nailed_up)
    one.side.verb("1001", "make", "66880003")
    one.until(lambda: any(kind == "queued" for _, kind, _ in one.events), 30.0)
    assert one.side.switch.seats["8100"].off_hook and not one.happened("talks", "caller 1")
    talks = one.talking(60.0)
    assert not any(kind == "no_answer" for _, kind, _ in one.events)
    gone = one.until(lambda: bool(one.happened("caller gone")), 60.0)
    one.run(15.0)
    assert one.heard("caller 1", talks + 1, gone - 1) == {frozenset({"subscriber 66880001"})}


@pytest.mark.parametrize("in_a_talk", [False, True])
def test_a_line_is_not_kept_for_nobody(bench: Bench, in_a_talk: bool) -> None:
    """Its agent logs out: the channel is free again, at once or when the talk is over."""
    one = bench(["66880001"], nailed_up=True)
    one.talking(60.0)
    seat = one.side.switch.seats["8100"]
    if in_a_talk:
        one.centre.acd.logout("1001")
        one.run(1.0)
        assert seat.off_hook, "the talk goes on"
    one.until(lambda: bool(one.happened("caller gone")), 60.0)
    one.run(15.0)
    assert (seat.port is None) is in_a_talk
    one.centre.acd.logout("1001")
    one.run(5.0)
    assert seat.port is None and one.happened("subscriber released", "subscriber 66880001")
    assert one.side.trunks[0].span is not None and one.side.trunks[0].span.state().busy == 0


@pytest.mark.parametrize("nailed_up", [False, True])
def test_who_calls_from_the_desk_is_called_first(bench: Bench, nailed_up: bool) -> None:
    """The agent's mobile rings, is lifted, and goes on with the number that was asked for."""
    one = bench(["66880001"], nailed_up=nailed_up)
    one.until(lambda: bool(one.happened("caller gone")), 60.0)
    one.run(15.0)
    seat, called = one.switch.seats["8100"], one.switch.seats["8001"]
    one.side.verb("1001", "make", "8001")
    one.until(lambda: called.alerting is not None, 40.0)
    one.run(1.0)
    assert seat.off_hook and seat.port is not None and seat.present is not None and called.alerting is not None
    one.side.verb("1001", "hang_up", None)
    one.run(10.0)
    assert seat.idle and called.idle and (seat.port is not None) is nailed_up


@pytest.mark.parametrize("how", ["transfer", "pickup"])
def test_every_number_has_its_time_for_whoever_is_handed_on_or_picked_up(tmp_path: Path, how: str) -> None:
    numbers = ["13800001111", "13800002222", "66880001"]
    seats = [
        {"card": "seats", "first": 0, "count": 2, "extension": "8001"},
        {"extension": "8100", "numbers": numbers},
    ]
    one = CardBench(
        f"setup | site | {json.dumps({'seats': seats})}\n"
        "setup | agent 1001 | sales 8001 answers after 2 talks 300\n"
        "setup | agent 1002 | service 8002 does not answer\n"
        "setup | rights | national\n"
        f"{TOWN}setup | subscriber 13800002222 | does not answer\n" + CALL.replace("talk 12", "talk 200"),
        tmp_path,
    )
    one.talking()
    one.run(1.0)
    if how == "transfer":
        one.side.verb("1001", "consult", "8100")
        one.run(1.0)
        one.side.verb("1001", "transfer", None)
    else:
        one.side.verb("1001", "blind_transfer", "8002")
        one.run(1.0)
        ringing = one.switch.seats["8002"].alerting
        assert ringing is not None
        with one.switch.turn():
            one.side.verbs.others._pick(Asker(one.switch.seats["8100"], None, "agent", "desk"), ringing)
    one.phone("8001").hang_up("handed on")
    one.run(50.0)
    assert one.happened("subscriber answers", "subscriber 66880001")
    [call] = one.centre.calls.values()
    assert call.state == "talking" and not one.switch.seats["8001"].connections
    one.stop()
    assert not one.faults()

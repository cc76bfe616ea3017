"""The pop-up: before the ring, with what is known, updated by what comes late, taken away with the call."""

from __future__ import annotations

from typing import Any

import pytest

from cti.call import CALL, Call
from cti.customers.book import Customer
from cti.desk.popup import PopUps
from cti.desk.wire import MAX_MESSAGE, notification
from cti.machine import Machine
from cti.records.records import CustomerCard
from drivers.clock import SteppedClock
from tests.cti.dummies import DummyDesks, DummyRecords, card

A, B = "13800138000", "01062345678"


class Agent:
    def __init__(self, name: str) -> None:
        self.id = name


class Bench:
    def __init__(self) -> None:
        self.clock, self.records, self.desks = SteppedClock(), DummyRecords(), DummyDesks()
        self.records.cards = {A: card("王先生"), B: card("李女士")}
        self.pop_ups = PopUps(self.clock, self.records, self.desks)  # type: ignore[arg-type]
        self.call = Call("1-000001", 0.0, Machine(CALL))
        self.call.queued_s, self.call.choice, self.call.group = 0.0, "1", "sales"

    def number(self, ani: str) -> None:
        self.call.ani = ani
        self.pop_ups.numbers_changed(self.call)

    def show(self, agent: str = "1001") -> None:
        self.pop_ups.show(self.call, Agent(agent))  # type: ignore[arg-type]

    def answer_look_ups(self) -> None:
        waiting, self.records.pending = self.records.pending or [], []
        for one in waiting:
            one.callback(None)

    @property
    def sent(self) -> list[tuple[str, str, Any]]:
        taken, self.desks.sent = self.desks.sent, []
        return [(who, what, (said.get("customer") or {}).get("name")) for who, what, said in taken]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_what_the_agent_sees(bench: Bench) -> None:
    bench.number(A)
    bench.clock.advance(12.34)
    bench.show()
    ((agent, method, said),) = bench.desks.sent
    assert (agent, method) == ("1001", "popup")
    assert said["call"] == "1-000001" and said["ani"] == A and said["menu"] == "1" and said["group"] == "sales"
    assert said["waited_s"] == 12.3 and said["customer"]["name"] == "王先生" and said["confirmed"]


def test_a_caller_without_a_number(bench: Bench) -> None:
    bench.pop_ups.numbers_changed(bench.call)
    bench.show()
    assert bench.records.looked_up == [] and bench.sent == [("1001", "popup", None)]


def test_number_and_card_that_come_late(bench: Bench) -> None:
    bench.records.pending = []
    bench.show()
    bench.number(A)
    assert bench.sent == [("1001", "popup", None), ("1001", "popup.update", None)]
    bench.answer_look_ups()
    assert bench.sent == [("1001", "popup.update", "王先生")]


def test_a_corrected_number_never_shows_the_customer_of_the_wrong_one(bench: Bench) -> None:
    bench.number(A)
    bench.show()
    bench.records.pending = []
    bench.number(B)
    assert bench.sent == [("1001", "popup", "王先生"), ("1001", "popup.update", None)]
    bench.answer_look_ups()
    assert bench.sent == [("1001", "popup.update", "李女士")]


def test_a_look_up_that_was_overtaken(bench: Bench) -> None:
    bench.records.pending = []
    bench.number(A)
    bench.number(B)
    for one in reversed(bench.records.pending):
        one.callback(None)
    bench.show()
    assert bench.sent == [("1001", "popup", "李女士")]


def test_the_called_number_alone_asks_nobody_again(bench: Bench) -> None:
    bench.number(A)
    bench.call.dnis = "66886688"
    bench.pop_ups.numbers_changed(bench.call)
    assert bench.records.looked_up == [A]


def test_the_call_goes_to_the_next_agent(bench: Bench) -> None:
    bench.show("1001")
    bench.pop_ups.withdraw(bench.call, Agent("1002"))  # type: ignore[arg-type]
    bench.pop_ups.withdraw(bench.call, Agent("1001"))  # type: ignore[arg-type]
    bench.show("1002")
    bench.pop_ups.forget(bench.call)
    bench.pop_ups.forget(bench.call)
    assert [one[:2] for one in bench.sent] == [
        ("1001", "popup"), ("1001", "ended"), ("1002", "popup"), ("1002", "ended")
    ]  # fmt: skip


def test_a_call_that_is_over_is_not_shown_again(bench: Bench) -> None:
    bench.records.pending = []
    bench.show()
    bench.number(A)
    bench.call.machine.table = {("arriving", "gone"): ("ended", ())}
    bench.call.send("gone")
    bench.pop_ups.forget(bench.call)
    bench.desks.sent.clear()
    bench.answer_look_ups()
    bench.number(B)
    assert bench.sent == [] and bench.records.looked_up == [A]


def test_a_cut_number_shows_candidates(bench: Bench) -> None:
    one = card("王先生").customer
    assert one is not None
    bench.records.cards["38000"] = CustomerCard(None, False, (one, one))
    bench.number("38000")
    bench.show()
    said = bench.desks.sent[0][2]
    assert [each["name"] for each in said["candidates"]] == ["王先生", "王先生"] and not said["confirmed"]


def test_long_texts_of_a_customer_are_cut_and_the_customer_stays(bench: Bench) -> None:
    long = Customer("王" * 5000, "公" * 100_000, "备" * 100_000)
    bench.records.cards[A] = CustomerCard(long, True, (long,) * 5)
    bench.number(A)
    bench.show()
    ((_, method, said),) = bench.desks.sent
    assert len(notification(method, said)) < MAX_MESSAGE / 2  # the answer to a log-in has room for it, too
    customer = said["customer"]
    assert customer["name"].startswith("王王") and customer["note"].endswith("…") and customer["company"].endswith("…")

"""What a desk is told of earlier calls and messages: asked of the database outside the turn, by the agent's groups."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from cti.desk.history import DeskHistory, call_line
from cti.outside import SteppedOutside
from cti.records.row import CallRow
from drivers.clock import SteppedClock

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def row(number: int, **fields: Any) -> CallRow:
    made = CallRow(f"1-{number:06d}", number, number, started_at=START + timedelta(minutes=number))
    for name, value in fields.items():
        setattr(made, name, value)
    return made


class DummyStore:
    """Rows, and what was asked for."""

    def __init__(self, *rows: CallRow) -> None:
        self.rows = rows
        self.asked: list[dict[str, Any]] = []

    def calls(self, *, limit: int, agent: str | None = None, kind: str | None = "inward") -> list[CallRow]:
        self.asked.append({"limit": limit, "agent": agent, "kind": kind})
        fits = [one for one in self.rows if agent in (None, one.agent)]
        return sorted(fits, key=lambda one: one.id, reverse=True)[:limit]

    def messages(self, *, limit: int, groups: Collection[str]) -> list[CallRow]:
        fits = [one for one in self.rows if one.outcome == "message" and one.group_name in groups]
        return sorted(fits, key=lambda one: one.id, reverse=True)[:limit]


def told(store: DummyStore, ask: str, agent: str, limit: int) -> list[dict[str, Any]]:
    clock = SteppedClock()
    got: list[Any] = []
    outside = SteppedOutside(clock)
    history = DeskHistory(outside, store, {"1001": ["sales"], "1002": ["service", "sales"]})  # type: ignore[arg-type]
    Deferred.fromCoroutine(getattr(history, ask)(agent, limit)).addCallback(got.append)
    assert not got  # not within the turn
    clock.advance(1.0)
    outside.close()
    (answer,) = got
    return list(answer)


def test_the_last_calls_of_an_agent() -> None:
    store = DummyStore(*(row(n, agent="1001" if n % 2 else "1002", ani="13800138000", talk_s=5.0) for n in range(10)))
    calls = told(store, "calls", "1001", 3)
    assert [call["call"] for call in calls] == ["1-000009", "1-000007", "1-000005"]
    assert calls[0]["at"] == "2026-01-05T09:09:00+00:00" and calls[0]["ani"] == "13800138000"
    assert store.asked[-1] == {"limit": 3, "agent": "1001", "kind": None}


@pytest.mark.parametrize(("agent", "expected"), [("1001", [4, 1]), ("1002", [4, 3]), ("nobody", [])])
def test_messages_are_those_of_the_agents_groups(agent: str, expected: list[int]) -> None:
    groups = {1: "sales", 2: "complaints", 3: "service", 4: "sales"}
    rows = [
        row(n, outcome="message", group_name=name, message_path=f"/m/{n}.wav", message_s=4.0)
        for n, name in groups.items()
    ]
    store = DummyStore(*rows, row(5, outcome="answered", group_name="sales"))
    messages = told(store, "messages", agent, 2)
    assert [message["call"] for message in messages] == [f"1-{n:06d}" for n in expected]
    assert all(message["path"].startswith("/m/") and message["seconds"] == 4.0 for message in messages)


def test_a_call_that_lasts_has_no_length_yet() -> None:
    assert call_line(row(1, talk_s=0.0))["talk_s"] is None
    assert call_line(row(1, talk_s=4.5, ended_at=START))["talk_s"] == 4.5


def test_a_line_holds_what_the_protocol_promises() -> None:
    assert set(call_line(row(1))) == {
        "call", "kind", "at", "ani", "dnis", "outcome", "group", "agent", "talk_s",
    }  # fmt: skip

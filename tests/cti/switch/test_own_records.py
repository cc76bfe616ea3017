"""Agents' own calls on the cards have rows of their own: inside, outside, consultations; and why nobody talked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cti.records.row import CallRow
from tests.cti.switch.card_bench import CardBench

AGENTS = (
    "setup | agent 1001 | sales 8001 answers after 2 talks 90\n"
    "setup | agent 1002 | complaints 8002 answers after 2 talks 20\n"
    "setup | agent 1003 | service 8003 does not answer\n"
    "setup | rights | national\n"
    "setup | subscriber 66880001 | answers after 3 talks 10\n"
    "setup | subscriber 66880002 | busy\n"
)


def own(bench: CardBench) -> list[CallRow]:
    """The rows of agents' calls, the oldest first."""
    bench.stop()
    rows = bench.server.store.calls(kind=None, limit=100)
    assert all(row.ended_at is not None for row in rows)
    return sorted((row for row in rows if row.kind != "inward"), key=lambda row: row.id)


def told(row: CallRow) -> tuple[Any, ...]:
    return row.kind, row.agent, row.agent_extension, row.dnis, row.outcome


@pytest.mark.parametrize(
    ("to", "kind", "outcome"),
    [
        ("8002", "internal", "answered"),
        ("8003", "internal", "given_up"),
        ("66880001", "outward", "answered"),
        ("66880002", "outward", "busy"),
    ],
)
def test_a_call_from_the_screen(tmp_path: Path, to: str, kind: str, outcome: str) -> None:
    bench = CardBench(f"{AGENTS}5 | desk 1001 | make {to}\n30 | phone 8001 | hangs up\n", tmp_path)
    bench.run(60.0)
    (row,) = own(bench)
    assert told(row) == (kind, "1001", "8001", to, outcome)
    assert (row.talk_s is not None and 5 < row.talk_s < 25) is (outcome == "answered")


def test_a_consultation_ends_when_the_caller_is_handed_over(tmp_path: Path) -> None:
    bench = CardBench(
        f"{AGENTS}4.0 | caller 1 | 13800138000 by fsk: choose 1 after 1.5; talk 30\n"
        "1+4 | desk 1001 | consult 8002\n1+12 | desk 1001 | transfer\n",
        tmp_path,
    )
    bench.run(90.0)
    (row,) = own(bench)
    assert told(row) == ("internal", "1001", "8001", "8002", "answered")
    assert row.talk_s is not None and 3 < row.talk_s < 7
    (caller,) = bench.server.store.calls()
    assert (caller.kind, caller.outcome, caller.agent) == ("inward", "answered", "1002")
    found = bench.server.store.calls(ani="8002", kind="internal")
    assert [one.id for one in found] == [row.id] and bench.server.store.calls(ani="8002") == []
    kinds = [one.event.kind for one in bench.server.store.events(row.id) if one.event.kind != "recording"]
    assert kinds[0] == "own" and kinds[-2:] == ["outcome", "ended"] and kinds.count("connection") >= 2


def test_what_rings_for_its_own_agent_alone_is_no_call(tmp_path: Path) -> None:
    bench = CardBench(f"{AGENTS}5 | desk 1003 | make 8002\n", tmp_path)
    bench.run(40.0)
    assert own(bench) == []

"""Calls from the screen behind a PBX: the port, the two legs, the agent's line, and the record; and calls that agents
dial themselves, as the PBX prints them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cti.site.service_numbers import named_outside
from cti.switch.own_calls import OWN_S, OwnCall
from simulators.judge.heard import deed_faults
from simulators.scenario.table import read_table
from tests.cti.centre_bench import A, CentreBench
from tests.rig.settled import Seen, look

STAFF = (
    "setup | agent 1001 | sales 8001 answers after 2 talks 90\n"
    "setup | agent 1002 | complaints 8002 answers after 2 talks 90\n"
)


def of_agents(bench: CentreBench) -> list[tuple[str, dict[str, Any]]]:
    """Events of agents' own calls: kind and data."""
    ids = [call for call, kind, _ in bench.records.events if kind == "own"]
    return [(kind, data) for call, kind, data in bench.records.events if call in ids]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[CentreBench]:
    bench = CentreBench(tmp_path)
    yield bench
    bench.stop()


def test_what_an_agent_dials_is_a_row_as_the_pbx_prints_it(bench: CentreBench) -> None:
    bench.record("8001", "13912345678", direction="out", duration_s=61.0, answered=None)
    told = of_agents(bench)
    assert [kind for kind, _ in told] == ["own", "connected", "talk_ended", "outcome", "ended"]
    assert (told[0][1]["kind"], told[0][1]["to"], told[2][1]["seconds"]) == ("outward", "13912345678", 61.0)
    assert told[3][1]["outcome"] == "answered" and "not known" in told[3][1]["cause"]


@pytest.mark.parametrize(
    "fields",
    [
        {"extension": "7777", "number": "1", "direction": "out"},  # nobody of ours
        {"extension": "8001", "number": "2001", "direction": "internal"},  # our port
        {"extension": "8001", "number": A, "direction": "in"},
        {"extension": "8001", "number": "8002", "direction": "internal", "doubt": "noise"},
        {"extension": "8001", "number": None, "direction": "out"},
    ],
)
def test_what_is_no_call_of_an_agents_making(bench: CentreBench, fields: dict[str, Any]) -> None:
    bench.record(**{"duration_s": 10.0, **fields})
    assert of_agents(bench) == []


def test_nobody_answered(bench: CentreBench) -> None:
    bench.record("8001", "8002", direction="internal", duration_s=0.0, answered=False)
    assert [data["outcome"] for kind, data in of_agents(bench) if kind == "outcome"] == ["no_answer"]


def test_a_record_after_the_agents_word_tells_the_length_once(bench: CentreBench) -> None:
    calls, acd = bench.pbx.own_calls, bench.centre.acd
    own = OwnCall(acd.agent("1001"), "8001", "8002", "1-000900", through=True)
    own.timer = bench.clock.callLater(OWN_S, lambda: None)
    calls._calls["1001"] = own
    acd.line("1001", "talking", "own_call")
    bench.run(12.0)
    assert acd.call_ended("1001") and bench.agent()[1] == "idle"
    bench.record("8002", "8001", direction="internal", duration_s=9.0)
    assert [kind for call, kind, _ in bench.records.events if call == "1-000900"] == [
        "talk_ended", "outcome", "ended", "smdr",
    ]  # fmt: skip
    (mended,) = bench.records.of("1-000900", "smdr")
    assert (mended["talk_s"], mended["instead_of"]) == (9.0, 12.0)
    bench.record("8002", "8001", direction="internal", duration_s=9.0)
    assert next(kind for kind, _ in of_agents(bench)) == "own"


def rows(seen: Seen) -> list[tuple[Any, ...]]:
    """Kind, agent, number and outcome of the agents' own calls."""
    found: dict[str, dict[str, Any]] = {}
    for _, call, kind, data in seen.events:
        if kind == "own" and call is not None:
            found[call] = {**data}
        elif call is not None and call in found and kind in ("outcome", "talk_ended"):
            found[call] |= {kind: data.get("outcome", True)}
    return [(one["kind"], one["agent"], one["to"], one["outcome"], "talk_ended" in one) for one in found.values()]


@pytest.mark.parametrize(
    ("before", "outcome"), [("", "answered"), ("2 | phone 8002 | lifts\n60 | phone 8002 | hangs up\n", "busy")]
)
def test_a_call_from_the_screen_has_a_row(before: str, outcome: str) -> None:
    table = (
        f"{STAFF}{before}5 | desk 1001 | make 8002\nlifts 8001+25 | phone 8001 | hangs up\n"
        "80 | caller 1 | 13800138000 by fsk: choose 1 after 1.5; talk 10; patience 90\n"
    )
    seen = look(read_table(table))
    assert rows(seen) == [("internal", "1001", "8002", outcome, outcome == "answered")]
    ended = [at for at, call, kind, _ in seen.events if kind == "ended" and call == "1-000001"]
    assert len(ended) == 1 and ended[0] < 80, "the agent's word ends it"
    (call,) = seen.run.calls
    assert (call["outcome"], call["agent"]) == ("answered", "1001")
    assert OWN_S > 60


OUTSIDE = (
    f"{STAFF}setup | make | {{make}}\nsetup | rights | {{rights}}\nsetup | site | {{site}}\n"
    "setup | subscriber 66880001 | {there}\nsetup | subscriber 110 | answers after 3\n"
    "5 | desk 1001 | make {to}{refused}\nlifts 8001+25 | phone 8001 | hangs up\n"
    "80 | caller 1 | 13800138000 by fsk: choose 1 after 1.5; talk 10; patience 90\n"
)
SITE = '{"services": {"outside": "9"}, "tolls": {"": "local", "0": "national"}}'


def outside(make: str = "panasonic-tda", **said: str) -> Seen:
    usual = {"rights": "local", "site": SITE, "there": "answers after 3", "to": "66880001", "refused": ""}
    seen = look(read_table(OUTSIDE.format(make=make, **{**usual, **said})))
    assert not list(deed_faults(seen.run.world)) and not seen.run.findings
    return seen


@pytest.mark.parametrize(
    ("make", "there", "outcome", "talked"),
    [
        ("panasonic-tda", "answers after 3", "answered", True),  # the PBX prints calls out
        ("generic", "answers after 3", "answered", False),  # not known: the agent's word ends it
        ("panasonic-tda", "busy", "busy", False),
    ],
)
def test_a_call_outside_from_the_screen_has_a_row(make: str, there: str, outcome: str, talked: bool) -> None:
    seen = outside(make, there=there)
    assert rows(seen) == [("outward", "1001", "66880001", outcome, talked)]
    causes = [str(data["cause"]) for _, _, kind, data in seen.events if kind == "outcome" and data["agent"] == "1001"]
    assert ("not known" in causes[0]) == (outcome == "answered")


def test_an_emergency_number_needs_neither_right_nor_tolls_and_may_have_the_code_in_front() -> None:
    for to in ("110", "9110"):
        seen = outside(rights="none", to=to, site='{"services": {"outside": "9"}}')
        assert [row[:3] for row in rows(seen)] == [("outward", "1001", "110")]
        assert [one.data["number"] for one in seen.run.world.truth.log if one.what == "subscriber answers"] == ["110"]


def test_a_short_number_outside_is_called_where_tolls_name_it() -> None:
    """Else it may be a telephone of the PBX that the site file does not know."""
    tolls = '"tolls": {{"": "local", "0": "national"{}}}'
    for more, kind in (("", "internal"), (', "1": "local"', "internal"), (', "11": "local"', "outward")):
        site = f'{{"services": {{"outside": "9"}}, {tolls.format(more)}}}'
        seen = look(
            read_table(
                f"{STAFF}setup | make | panasonic-tda\nsetup | rights | local\nsetup | site | {site}\n"
                "setup | subscriber 1140 | answers after 3\n5 | desk 1001 | make 1140\n"
                "lifts 8001+25 | phone 8001 | hangs up\n"
            )
        )
        assert [row[:3] for row in rows(seen)] == [(kind, "1001", "1140")], more
        reached = any(one.what == "subscriber answers" for one in seen.run.world.truth.log)
        assert reached == (kind == "outward")


def test_which_numbers_are_outside() -> None:
    """As far as anybody can tell who knows a few of the PBX's extensions."""
    tolls = ["", "0", "00", "8", "80", "81", "10", "114"]
    assert named_outside(tolls, {"8001", "2000"}) == ["00", "81", "10", "114"]
    assert named_outside(tolls, {"10001", "11401"}) == ["00", "80", "81"]


@pytest.mark.parametrize(
    ("make", "site", "to", "refused"),
    [
        ("panasonic-tda", SITE, "02166880001", "not_allowed"),
        ("panasonic-tda", '{"services": {"outside": "9"}, "tolls": {"0": "local"}}', "66880001", "unknown_number"),
        ("panasonic-tda", SITE, "6" * 21, "unknown_number"),
        ("panasonic-tda", "{}", "66880001", "at_telephone"),  # its dialect knows a code, for people
        ("panasonic-tda", '{"services": {"outside": "9"}}', "66880001", "at_telephone"),
        ("generic", "{}", "66880001", "unsupported"),
        ("generic", "{}", "110", "unsupported"),
    ],
)
def test_what_no_port_calls_outside(make: str, site: str, to: str, refused: str) -> None:
    assert rows(outside(make, site=site, to=to, refused=f" -> {refused}")) == []

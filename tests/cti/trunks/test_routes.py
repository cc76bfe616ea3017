"""Which way a number takes, who may call it, and what happens when a channel is taken that very moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from cti.errors import CannotCall
from cti.site.config import Agent, Site
from cti.site.trunks import Route, Toll
from cti.trunks.routes import Outgoing, Routes
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.signalling.causes import NORMAL, Cause
from drivers.signalling.interface import Numbers, What
from tests.cti.trunks.lines import Call, Lines

SITE: Any = {
    "site": {"name": "Test", "country": "cn", "timezone": "Asia/Shanghai"},
    "cards": [{"kind": "software", "name": "vru", "ports": 4}],
    "pbx": {"dialect": "generic"},
    "vru": {"flow": "welcome", "ports": [{"card": "vru", "port": 0, "extension": "2001", "desk": 1, "line": 1}]},
    "groups": [
        {"name": "sales", "zh": "销售", "en": "Sales", "calls": "local"},
        {"name": "service", "zh": "客服", "en": "Service", "calls": "national"},
    ],
    "routes": [
        {"name": "mobile", "prefixes": ["91"], "trunks": ["a", "b"], "strip": 1, "add": "0", "toll": "national"},
        {"name": "dear", "prefixes": ["900"], "trunks": ["a"], "strip": 1, "toll": "international", "cost": 2},
        {
            "name": "cheap",
            "prefixes": ["900"],
            "trunks": ["b"],
            "strip": 1,
            "toll": "international",
            "cost": 1,
            "hours": ["mon-fri 18:00-24:00"],
            "calling": "66886688",
            "withhold": True,
        },
        {"name": "local", "prefixes": ["9"], "trunks": ["a"], "strip": 1},
        {"name": "day", "prefixes": ["8"], "trunks": ["a"], "hours": ["mon-sun 00:00-00:01"]},
        {"name": "turn", "prefixes": ["7"], "trunks": ["a", "b"], "order": "cyclic"},
        {"name": "least", "prefixes": ["6"], "trunks": ["a", "b"], "order": "least_used"},
    ],
}


class Outside:
    """Trunks a and b of two channels each, at nine o'clock on a Monday in Shanghai."""

    def __init__(self, **changes: Any) -> None:
        self.clock = SteppedClock()
        self.engine = Engine(self.clock)
        self.a, self.b = (Lines(name, SoftwareCard(self.engine, "b", 2, name=name).ports) for name in "ab")
        site = msgspec.convert({**SITE, **changes}, Site)
        self.routes = Routes(self.clock, site, {"a": self.a, "b": self.b})  # type: ignore[dict-item]

    def ways(self, number: str, right: Toll = "international", calling: str = "") -> list[tuple[str, str, str]]:
        return [(c.route, c.trunk, c.numbers.called) for c in self.routes.choices(number, right, calling)]


@pytest.fixture
def outside() -> Iterator[Outside]:
    yield Outside()


def refused(outside: Outside, number: str, right: Toll = "international") -> CannotCall:
    with pytest.raises(CannotCall) as caught:
        outside.routes.call(number, right)
    return caught.value


def test_the_longest_prefix_alone(outside: Outside) -> None:
    assert outside.ways("913800138000") == [
        ("mobile", "a", "013800138000"),
        ("mobile", "b", "013800138000"),
    ]
    assert outside.ways("962001234") == [("local", "a", "62001234")]


def test_cost_and_hours(outside: Outside) -> None:
    assert [way[0] for way in outside.ways("90018005551234")] == ["dear"]
    outside.clock.advance(9 * 3600)
    assert [way[0] for way in outside.ways("90018005551234")] == ["cheap", "dear"]
    cheap, dear = outside.routes.choices("90018005551234", "international", "8001")
    assert cheap.numbers == Numbers("0018005551234", "66886688", restricted=True)
    assert dear.numbers == Numbers("0018005551234", "8001")


def test_hours_forbid_and_no_shorter_prefix_takes_the_number() -> None:
    day = {"name": "day", "prefixes": ["0"], "trunks": ["a"], "hours": ["mon-fri 08:30-18:00"], "toll": "national"}
    town = {"name": "town", "prefixes": [""], "trunks": ["b"], "add": "021"}
    outside = Outside(routes=[day, town], emergency=["099"])
    assert outside.ways("01062001234") == [("day", "a", "01062001234")]
    outside.clock.advance(12 * 3600)
    error = refused(outside, "01062001234")
    assert error.why == "hours" and "open mon-fri 08:30-18:00" in str(error)
    assert [way[0] for way in outside.ways("099")] == ["day", "town"], "emergency numbers have no hours"


def test_trunks_in_turn_and_the_least_used(outside: Outside) -> None:
    assert [outside.ways("7000")[0][1] for _ in range(4)] == ["a", "b", "a", "b"]
    outside.routes.check("7000", "local")  # who asks takes no turn
    assert outside.ways("7000")[0][1] == "a"
    assert outside.ways("6000")[0][1] == "a"
    outside.a.call(Numbers())
    assert outside.ways("6000")[0][1] == "b"


@pytest.mark.parametrize(
    ("number", "right", "why"),
    [
        ("5000", "international", "number"),
        ("962001234", "none", "right"),
        ("913800138000", "local", "right"),
        ("90018005551234", "national", "right"),
        ("8000", "local", "hours"),
        ("9" + "3" * 20, "international", None),
        ("9" + "2" * 21, "international", "number"),
    ],
)
def test_who_may_call_what_when(outside: Outside, number: str, right: Toll, why: str | None) -> None:
    if why is None:
        outside.routes.call(number, right)
    else:
        assert refused(outside, number, right).why == why


def test_a_number_is_as_far_as_its_longest_prefix_says_whatever_is_free(outside: Outside) -> None:
    for _ in range(2):
        outside.a.call(Numbers())
        outside.b.call(Numbers())
    assert refused(outside, "913800138000", "local").why == "right"
    assert outside.routes.toll("913800138000") == "national" and outside.routes.toll("5") is None


def test_whether_it_could_be_called_is_told_as_the_call_would_tell_it(outside: Outside) -> None:
    for number, right in (("5000", "international"), ("962001234", "none"), ("8000", "local")):
        with pytest.raises(CannotCall) as caught:
            outside.routes.check(number, right)  # type: ignore[arg-type]
        assert caught.value.why == refused(outside, number, right).why  # type: ignore[arg-type]
    outside.routes.check("962001234", "local")
    outside.routes.call("962001234", "local"), outside.routes.call("962001234", "local")
    with pytest.raises(CannotCall, match="no channel of a is free"):
        outside.routes.check("962001234", "local")
    outside.routes.check("110", "none")


def test_all_channels_busy_is_told_with_the_trunks(outside: Outside) -> None:
    for _ in range(2):
        outside.routes.call("7000", "local")
        outside.routes.call("7000", "local")
    error = refused(outside, "7000", "local")
    assert error.why == "busy" and "no channel of a, b is free" in str(error)
    outside.a.calls[0].clear()
    assert outside.routes.call("7000", "local").call.slot == 1


def test_channels_out_of_service_are_skipped(outside: Outside) -> None:
    outside.a.block(1)
    assert outside.routes.call("962001234", "local").call.slot == 2
    outside.a.block(2)
    assert refused(outside, "962001234", "local").why == "busy"


@pytest.mark.parametrize("number", ["110", "119", "120", "122", "9110", "9120"])
def test_emergency_numbers_always(outside: Outside, number: str) -> None:
    call = outside.routes.call(number, "none", "8001")
    assert call.choice.numbers == Numbers(number[-3:], "8001")
    for _ in range(2):
        outside.a.span.block(1, 2)
    assert outside.routes.call(number, "none").choice.trunk == "b"
    assert refused(outside, "111", "none").why == "number"


def test_a_site_has_emergency_numbers_of_its_own() -> None:
    outside = Outside(emergency=["999"])
    assert outside.routes.call("999", "none").choice.numbers.called == "999"
    assert refused(outside, "110", "none").why == "number"


def test_the_right_of_an_agent(outside: Outside) -> None:
    def agent(groups: list[str], calls: Toll | None = None) -> Agent:
        return msgspec.convert(
            {"id": "1", "name": "x", "password": _HASH, "groups": groups, "calls": calls},
            Agent,
        )

    assert outside.routes.right(agent(["sales"])) == "local"
    assert outside.routes.right(agent(["sales", "service"])) == "national"
    assert outside.routes.right(agent(["service"], "none")) == "none"
    assert outside.routes.right(agent([])) == "none" == outside.routes.right(None)


def told(call: Outgoing) -> list[tuple[What, str]]:
    heard: list[tuple[What, str]] = []
    call.listen(lambda call, what: heard.append((what, call.call.trunk.name)))
    return heard


def test_glare_tries_the_next_channel(outside: Outside) -> None:
    call = outside.routes.call("7000", "local")
    heard = told(call)
    first = outside.a.calls[0]
    first.ends(Cause(44))
    assert call.call is not first and call.call.state == "offered" and heard == []
    outside.a.calls[1].told("alerting")
    outside.a.calls[1].told("answered")
    outside.a.calls[1].ends(NORMAL)
    assert heard == [("alerting", "a"), ("answered", "a"), ("cleared", "a")] and call.cause == NORMAL


def test_the_next_trunk_when_the_first_has_no_channel_left(outside: Outside) -> None:
    outside.a.call(Numbers())
    outside.a.block(2)
    assert outside.routes.call("6000", "local").choice.trunk == "b"


def test_three_tries_and_no_more(outside: Outside) -> None:
    call = outside.routes.call("7000", "local")
    heard = told(call)
    for _ in range(3):
        assert isinstance(call.call, Call)
        call.call.ends(Cause(41, "no dial tone"))
    assert heard == [("cleared", "a")] and call.cause == Cause(41, "no dial tone")
    assert len(outside.a.calls) + len(outside.b.calls) == 3


@pytest.mark.parametrize("number", [1, 17, 16])
def test_what_the_far_end_says_is_final(outside: Outside, number: int) -> None:
    call = outside.routes.call("7000", "local")
    heard = told(call)
    outside.a.calls[0].ends(Cause(number))
    assert heard == [("cleared", "a")] and len(outside.a.calls) == 1


def test_a_failure_after_the_far_end_spoke_is_final(outside: Outside) -> None:
    call = outside.routes.call("7000", "local")
    heard = told(call)
    outside.a.calls[0].told("alerting")
    outside.a.calls[0].ends(Cause(41))
    assert heard[-1] == ("cleared", "a") and len(outside.a.calls) == 1


def test_giving_up_tries_no_other(outside: Outside) -> None:
    call = outside.routes.call("7000", "local")
    heard = told(call)
    call.clear(Cause(41))
    assert heard == [("cleared", "a")] and len(outside.a.calls) == 1


def test_routes_are_tried_in_the_order_of_cost_not_of_the_file() -> None:
    routes = [
        {"name": "one", "prefixes": [""], "trunks": ["a"], "cost": 3},
        {"name": "two", "prefixes": [""], "trunks": ["b"], "cost": 2},
        {"name": "three", "prefixes": [""], "trunks": ["a"], "cost": 2},
    ]
    assert [way[0] for way in Outside(routes=routes).ways("1234")] == ["two", "three", "one"]
    assert isinstance(msgspec.convert(routes[0], Route), Route)


_HASH = "$argon2id$v=19$m=19456,t=2,p=1$dGlwcmluZy1kZW1vLTAwMDA$LZ/RvwI4LomXrbm5SRnGWnptDpcPjiB+D5t2FwMbLOs"

"""Call control over the desk protocol: done, refused by a name, and behind a PBX refused with the way to do it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cti.desk import wire
from cti.switch.errors import (
    AtTelephone,
    MissingTarget,
    NobodyThere,
    NotAllowed,
    NoTrunk,
    UnknownNumber,
    Unsupported,
    VerbRefused,
    WrongState,
)
from simulators.people.desk import DeskRefused
from tests.cti.centre_bench import CentreBench
from tests.cti.switch.card_bench import CardBench


def test_a_desk_holds_and_retrieves_and_hears_of_it(tmp_path: Path) -> None:
    world = CardBench(
        "setup | agent 1001 | sales 8001 answers after 2 talks 60\n"
        "4.0 | caller 1 | 13800138000 by fsk: choose 1 after 1.5; talk 30\n",
        tmp_path,
    )
    world.talking()
    world.run(2.0)
    desk = world.world.desks["1001"]
    told: list[tuple[str, dict[str, Any]]] = []
    notify = world.centre.desks.notify

    def noted(agent: str, method: str, params: Any) -> bool:
        told.append((method, dict(params)))
        return notify(agent, method, params)

    world.centre.desks.notify = noted  # type: ignore[method-assign]
    answers: list[Any] = []
    for verb in ("hold", "hold", "retrieve", "monitor"):
        desk.verb(verb, "8001" if verb == "monitor" else "").addBoth(answers.append)
        world.run(0.5)
    done, again, back, monitor = answers
    assert done["state"]["line"] == "talking" and back["state"]["line"] == "talking"
    assert (
        isinstance(again.value, DeskRefused) and again.value.code == wire.REFUSED and again.value.name == "wrong_state"
    )
    assert monitor.value.name == "not_allowed"
    events = [params["event"] for method, params in told if method == "connection"]
    assert events == ["Held", "Retrieved"]
    parts = next(params for method, params in told if method == "connection")["connections"]
    assert {part["device"]: part["state"] for part in parts} == {"office/1": "connected", "8001": "hold"}
    verbs = [data for _, kind, data in world.events if kind == "verb"]
    assert [(data["verb"], data["by"], data["agent"]) for data in verbs] == [
        ("hold", "desk", "1001"),
        ("retrieve", "desk", "1001"),
    ]
    world.stop()


def test_who_logs_in_at_an_off_hook_telephone_is_told_and_goes_on_when_it_is_hung_up(tmp_path: Path) -> None:
    world = CardBench(
        "setup | agent 1001 | sales 8001 answers after 2 talks 60\n"
        "0.05 | phone 8001 | lifts\n"
        "20.0 | phone 8001 | hangs up\n"
        "4.0 | caller 1 | 13800138000 by fsk: choose 1 after 1.5; talk 5; patience 90\n",
        tmp_path,
    )
    told: list[tuple[float, str, dict[str, Any]]] = []
    notify = world.centre.desks.notify

    def noted(agent: str, method: str, params: Any) -> bool:
        told.append((world.clock.seconds(), method, dict(params)))
        return notify(agent, method, params)

    world.centre.desks.notify = noted  # type: ignore[method-assign]
    world.run(2.0)
    (alarm,) = [(at, params) for at, method, params in told if method == "alarm"]
    assert alarm[0] < 0.5 and alarm[1]["what"] == "off_hook" and "8001" in alarm[1]["text"]
    assert world.centre.acd.agent("1001").truths == ("ready", "talking", "none")
    world.run(17.5)
    assert not [method for _, method, _ in told if method == "popup"]
    world.run(2.0)
    (shown,) = [at for at, method, _ in told if method == "popup"]
    assert 20.0 < shown < 21.5  # so long it might have been the recall button
    world.talking()
    world.run(10.0)
    world.stop()


def test_the_agent_is_told_of_a_telephone_left_off_hook_and_of_its_end(tmp_path: Path) -> None:
    world = CardBench(
        "setup | agent 1001 | sales 8001 does not answer\n1.0 | phone 8001 | lifts\n70.0 | phone 8001 | hangs up\n",
        tmp_path,
    )
    told: list[tuple[str, bool]] = []

    def noted(agent: str, method: str, params: Any) -> bool:
        if method == "alarm":
            told.append((params["what"], params["raised"]))
        return True

    world.centre.desks.notify = noted  # type: ignore[method-assign]
    world.run(60.0)
    assert set(told) == {("off_hook", True)}
    world.run(15.0)
    assert told[-1] == ("off_hook", False)
    world.stop()


def test_an_agent_cannot_sit_where_no_telephone_is(tmp_path: Path) -> None:
    from cti.errors import AcdError

    world = CardBench("setup | agent 1001 | sales 8001 does not answer\n", tmp_path)
    with pytest.raises(AcdError, match="no seat 7777"):
        world.centre.acd.login("1001", "7777")
    world.run(1.0)
    world.stop()


@pytest.mark.parametrize(
    ("verb", "to", "dial"),
    [
        ("hold", None, "F"),
        ("consult", "8002", "F8002"),
        ("blind_transfer", "8002", "F8002H"),
        ("hang_up", None, "H"),
        ("send_dtmf", "12", "12"),
        ("make", "13912345678", "913912345678"),
    ],
)
def test_what_only_the_telephone_can_do_says_what_to_dial(tmp_path: Path, verb: str, to: str, dial: str) -> None:
    bench = CentreBench(tmp_path)
    with pytest.raises(AtTelephone) as caught:
        bench.pbx.verb("1001", verb, to)
    assert caught.value.more["dial"] == dial
    say = caught.value.more["say"]
    assert isinstance(say, dict) and say.keys() == {"zh", "en"}
    bench.stop()


@pytest.mark.parametrize(
    ("verb", "to", "kind"),
    [
        ("park", None, Unsupported),
        ("dance", None, Unsupported),
        ("monitor", "8002", NotAllowed),
        ("make", None, MissingTarget),
        ("make", "8001", UnknownNumber),
        ("make", "*12", UnknownNumber),
        ("deflect", "8002", WrongState),
        ("deflect", "7777", UnknownNumber),
        ("answer", None, WrongState),
        ("group_pickup", None, NobodyThere),
    ],
)
def test_what_is_refused_behind_a_pbx(tmp_path: Path, verb: str, to: str, kind: type[VerbRefused]) -> None:
    bench = CentreBench(tmp_path)
    with pytest.raises(kind):
        bench.pbx.verb("1001", verb, to)
    assert not [data for _, kind, data in bench.records.events if kind == "verb"]
    bench.stop()


def test_a_call_from_the_screen_needs_a_port_and_an_idle_telephone(tmp_path: Path) -> None:
    bench = CentreBench(tmp_path, ports=1)
    bench.centre.acd.line("1001", "talking", "test")
    with pytest.raises(WrongState):
        bench.pbx.verb("1001", "make", "8002")
    bench.pbx.lines[0].block()
    with pytest.raises(NoTrunk):
        bench.pbx.verb("1002", "make", "8001")
    bench.stop()

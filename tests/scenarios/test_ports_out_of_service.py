"""Ports taken out of service over real wires: the PBX hunts no caller into them; feature codes that meet a caller."""

from __future__ import annotations

from typing import Any

import pytest

from simulators.scenario.scenario import Scenario
from simulators.scenario.table import read_table
from tests.rig.settled import Seen, look, settled

TWO_PORTS = """
setup  | world      | vru_extensions=2001,2002
setup  | agent 1001 | sales 8001 answers after 2 talks 30
setup  | agent 1002 | sales 8002 answers after 2 talks 30
"""
ONE_CALLER = "14.0 | caller 1 | 13800138000 by fsk: choose 1 after 1.5; talk 6\nexpect | caller 1 | answered\n"
BY_CODE = """
setup  | pbx        | member_codes=*61,*60 lamp_confirm=tone
setup  | site       | {"busy_out": "code", "busy_out_code": "*61", "in_service_code": "*60"}
setup  | tones      | {"confirmation": {"f1_hz": 450, "cadence_ms": [200, 200], "min_cycles": 2}}
"""


def scenario(text: str) -> Scenario:
    return read_table(TWO_PORTS + text)


def rang(seen: Seen) -> list[str]:
    """The VRU extensions that the PBX rang."""
    log = seen.run.world.truth.log
    return [str(one.data["extension"]) for one in log if one.what == "rings" and one.who.startswith("ext 2")]


def at(*when: tuple[float, Any]) -> Any:
    """Does things with the server at their times."""

    def change(server: Any, world: Any, clock: Any) -> None:
        for seconds, what in when:
            clock.callLater(seconds, what, server.centre)

    return change


@pytest.mark.parametrize("way", ["offhook", "code"])
def test_the_pbx_hunts_past_a_port_out_of_service(way: str) -> None:
    told: list[bool] = []
    seen = look(
        scenario((BY_CODE if way == "code" else "") + ONE_CALLER),
        change=at(
            (8.0, lambda centre: centre.lines[0].busy_out().addCallback(told.append)),
            (60.0, lambda centre: centre.lines[0].back_in_service()),
        ),
    )
    settled(seen)
    assert told == [True] and rang(seen) == ["2002"]
    assert seen.run.findings == [] and seen.calls("answered")
    if way == "code":
        members = [one.what for one in seen.run.world.truth.log if one.what.startswith("hunted")]
        assert members == ["hunted to", "hunted to", "hunted past", "hunted to"], "at the start, too"


def test_a_code_that_the_pbx_does_not_know_holds_the_port_off_hook() -> None:
    told: list[bool] = []
    text = BY_CODE.replace("member_codes=*61,*60 ", "") + ONE_CALLER
    seen = look(scenario(text), change=at((16.0, lambda centre: centre.lines[0].busy_out().addCallback(told.append))))
    assert told == [True] and rang(seen) == ["2001"] * 0 + ["2002"]
    assert "busy_out" in [data["what"] for _, _, data in seen.kinds("alarm")]


def test_a_port_that_is_locked_out_is_refreshed_and_still_hunted_past() -> None:
    """Off-hook, the PBX gives dial tone, busy tone, howler, and locks the port out."""
    text = 'setup | site | {"busy_out_refresh_s": 20.0}\n' + ONE_CALLER.replace("14.0", "75.0")
    seen = look(scenario(text), change=at((1.0, lambda centre: centre.lines[0].busy_out())))
    log = [one.what for one in seen.run.world.truth.log if one.who == "ext 2001"]
    assert log.count("off-hook") >= 4 and rang(seen) == ["2002"]
    assert seen.run.findings == []


@pytest.mark.parametrize("early_ticks", [-3, -2, -1, 0, 1, 2, 3, 6])
def test_a_lamp_code_meets_a_caller(early_ticks: int) -> None:
    """The code is dialled from the only port in the very moment at which the PBX rings it: the caller is served, and
    the lamp put out after the call."""
    text = """
setup  | world      | vru_extensions=2001
setup  | pbx        | lamp_codes=*41{ext},*49{ext} lamp_confirm=tone
setup  | site       | {"lamp": {"on": "*41{ext}", "off": "*49{ext}", "confirm": "tone"}, "smdi": null}
setup  | tones      | {"confirmation": {"f1_hz": 450, "cadence_ms": [200, 200], "min_cycles": 2}}
14.0   | caller 1   | 13800138000 by fsk: choose 1 after 1.5; talk 6
expect | caller 1   | answered
"""
    plain = look(scenario(text))
    rings = next(one.at_s for one in plain.run.world.truth.log if one.what == "rings" and one.who == "ext 2001")
    seen = look(
        scenario(text),
        change=at(
            (5.0, lambda centre: centre.side.lamp_codes.order("8001", True)),
            (rings - 0.02 * early_ticks, lambda centre: centre.side.lamp_codes.order("8001", False)),
        ),
    )
    settled(seen)
    assert [str(finding) for finding in seen.run.findings] == []
    assert [call["outcome"] for call in seen.run.calls] == ["answered"]
    lamps = [one.data["on"] for one in seen.run.world.truth.log if one.what == "lamp"]
    assert lamps == [True, False]

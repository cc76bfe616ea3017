"""What an installer finds before any server runs: callers reach people, and records are printed that can be learned."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cti.pbx.learn import learn, read_by
from simulators.lines.party import pause
from simulators.lines.serial_line import Line, Passing
from simulators.world.own_traffic import FIRST, OwnTraffic
from tests.cti.install.site_world import SiteWorld, site_world

TIME_S = 300.0


def heard(made: SiteWorld, name: str) -> list[bytes]:
    """What comes at the server's end of a serial line, where an installer's PC is."""
    pieces: list[bytes] = []
    line = made.world.wires[name]
    assert isinstance(line, Line)
    line.server.connect(Passing(pieces.append))
    return pieces


async def goes_on(made: SiteWorld, seconds: float) -> bool:
    await pause(made.clock, seconds)
    return True


def has_traffic(made: SiteWorld, seconds: float) -> None:
    """So long, and until the last caller has gone."""
    traffic = OwnTraffic(made.world)
    traffic.begin()
    made.run(goes_on(made, seconds))
    traffic.end()
    made.run(goes_on(made, 150.0))


@pytest.mark.parametrize("make", ["generic", "generic-columns", "panasonic-tda", "meridian1", "definity-printer"])
def test_the_records_of_that_traffic_are_learned(tmp_path: Path, make: str) -> None:
    with site_world(tmp_path, make=make) as made:
        printed = heard(made, "smdr")
        has_traffic(made, TIME_S)
        talks = [one for one in made.world.truth.log if one.what == "through"]
        agents = {agent.desk.extension for agent in made.world.scenario.agents}
        assert len(talks) > 10 and {one.data["extension"] for one in talks} <= agents
        now = (made.clock.now() + timedelta(hours=8)).replace(tzinfo=None)
        data = b"".join(printed)
        proposal = learn(data, now, agents)
        told = {(record.extension, record.number) for record in read_by(proposal, data, now) if record.extension}
        calls = made.world.truth.calls
        meant = {(one.data["extension"], calls[one.call].ani) for one in talks if one.call is not None}
        assert {extension for extension, _ in told} <= agents
        if make == "definity-printer":  # which names no caller
            assert {extension for extension, _ in told} == agents
        else:
            assert len(told) > 10 and len(told & meant) > 0.8 * len(told)


def test_callers_give_up_are_transferred_and_the_vru_is_tried(tmp_path: Path) -> None:
    with site_world(tmp_path) as made:
        messages = heard(made, "smdi")
        has_traffic(made, 2 * TIME_S)
        outcomes = {call.outcome for call in made.world.truth.calls.values()}
        assert {"answered", "abandoned_ring"} <= outcomes
        transfers = [one for one in made.world.truth.log if one.what == "transfers"]
        assert transfers and all(str(one.data["extension"]).startswith("8") for one in transfers)
        assert b"MD001" in bytes(byte & 0x7F for byte in b"".join(messages))


def test_it_ends_for_the_server(tmp_path: Path) -> None:
    with site_world(tmp_path) as made:
        traffic = OwnTraffic(made.world)
        traffic.begin()
        made.run(goes_on(made, 20.0))
        traffic.plugged()
        began = made.clock.seconds()
        made.run(goes_on(made, 100.0))
        tried = [one for one in made.world.truth.log if one.what == "dials" and one.who.startswith("phone")]
        assert tried and max(one.at_s for one in tried) <= began
        traffic.end()
        count = len(made.world.truth.calls)
        assert count > 10 and min(made.world.truth.calls) == FIRST
        made.run(goes_on(made, 150.0))
        assert len(made.world.truth.calls) == count and made.world.at_rest
        assert not made.world.pbx.attended

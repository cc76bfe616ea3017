"""An agent gives a caller back behind a PBX: the transfer to one of our ports is the same call again, in the queue of
the group that is wanted; who else rings meanwhile is somebody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from cti.arrivals.recalls import BACK_S, GIVEN_S
from cti.switch.errors import UnknownNumber, WrongState
from cti.switch.interface import Caller, Transfer
from tests.cti.centre_bench import A, B, CentreBench


def talking(folder: Path) -> tuple[CentreBench, Any]:
    bench = CentreBench(folder)
    numbered = [msgspec.structs.replace(group, number=f"600{n}") for n, group in enumerate(bench.site.groups, 1)]
    bench.centre.site = msgspec.structs.replace(bench.site, groups=tuple(numbered))
    bench.centre.acd.not_ready("1002", "test")
    return bench, bench.talking()


def rings(bench: CentreBench, calling: str, port: int = 1) -> None:
    """The PBX rings a port and says who calls; an agent's telephone calls directly."""
    bench.run(2.5)
    bench.ports[port].ring()
    bench.says(calling, None, "D", line=port + 1)
    bench.run(0.1)


@pytest.mark.parametrize("to", [None, "6003"])
@pytest.mark.parametrize("calling", ["8001", A])
def test_the_transfer_is_the_same_call(tmp_path: Path, to: str | None, calling: str) -> None:
    bench, call = talking(tmp_path)
    answer = bench.pbx.verb("1001", "give_back", to)
    assert answer["dial"] == "F2002H" and answer["say"].keys() == {"zh", "en"}
    rings(bench, calling)
    assert bench.calls == [call] and call.state == "queued" and call.line is bench.pbx.lines[1]
    assert call.ani == A and call.agent is None and call.group == ("sales" if to is None else "complaints")
    assert bench.agent()[1:] == ("idle", "wrap_up")
    entry = bench.centre.acd.entries[call.id]
    assert entry.group == call.group and entry.place == 1
    assert [row["group"] for row in bench.records.of(call.id, "given_back")] == [call.group]
    bench.stop()


def test_a_stranger_is_a_call_of_its_own(tmp_path: Path) -> None:
    bench, call = talking(tmp_path)
    bench.pbx.verb("1001", "give_back", None)
    rings(bench, B)
    assert len(bench.calls) == 2 and call.state == "talking"
    bench.stop()


def test_too_late_it_is_a_call_of_the_agent(tmp_path: Path) -> None:
    bench, call = talking(tmp_path)
    bench.pbx.verb("1001", "give_back", None)
    bench.run(GIVEN_S + 0.1)
    rings(bench, "8001")
    assert len(bench.calls) == 2 and call.state == "talking"
    bench.stop()


def test_without_a_wish_it_is_a_call_of_the_agent(tmp_path: Path) -> None:
    bench, call = talking(tmp_path)
    rings(bench, "8001")
    assert len(bench.calls) == 2 and call.state == "talking"
    bench.stop()


def test_what_cannot_be_given_back(tmp_path: Path) -> None:
    bench, _ = talking(tmp_path)
    with pytest.raises(WrongState):
        bench.pbx.verb("1002", "give_back", None)
    with pytest.raises(UnknownNumber):
        bench.pbx.verb("1001", "give_back", "6009")
    bench.stop()


def test_the_record_of_the_agents_part_may_come_before_the_ring_is_known(tmp_path: Path) -> None:
    bench, call = talking(tmp_path)
    bench.pbx.verb("1001", "give_back", None)
    bench.run(2.5)
    bench.ports[1].ring()
    bench.record("8001")
    assert call.state == "talking"
    bench.says("8001", None, "D", line=2)
    bench.run(0.1)
    assert bench.calls == [call] and call.state == "queued" and bench.agent()[1:] == ("idle", "wrap_up")
    bench.stop()


def test_the_caller_hangs_up_instead(tmp_path: Path) -> None:
    bench, call = talking(tmp_path)
    bench.pbx.verb("1001", "give_back", None)
    bench.run(2.5)
    bench.record("8001")
    bench.run(BACK_S - 0.1)
    assert call.state == "talking"
    bench.run(0.2)
    assert bench.outcome(call) == ("answered", "smdr") and bench.agent()[1] == "idle"
    bench.stop()


def test_a_number_before_the_ring_is_remembered(tmp_path: Path) -> None:
    bench, call = talking(tmp_path)
    bench.pbx.verb("1001", "give_back", None)
    bench.run(2.5)
    bench.ports[1].caller_id("8001")
    bench.run(1.0)
    bench.ports[1].ring()
    assert bench.calls == [call] and call.state == "queued" and call.line is bench.pbx.lines[1]
    bench.stop()


@pytest.mark.parametrize("port", [1, 0])
def test_a_ring_without_a_word_at_the_port_that_was_named_is_not_certain(tmp_path: Path, port: int) -> None:
    bench, call = talking(tmp_path)
    assert bench.pbx.verb("1001", "give_back", None)["dial"] == "F2002H"
    bench.run(2.5)
    bench.ports[port].ring()
    bench.run(3.1)
    if port == 1:
        assert bench.calls == [call] and call.state == "queued" and call.ani_doubt == "place_guessed"
    else:
        assert len(bench.calls) == 2 and call.state == "talking" and call.ani_doubt is None
    bench.stop()


def test_who_waits_too_long_in_the_other_group_is_told_so(tmp_path: Path) -> None:
    """Also where that is known only when the agent there did not answer."""
    bench, call = talking(tmp_path)
    centre = bench.centre
    centre.acd.agent("1002").group_names = ("complaints",)
    bench.pbx.verb("1001", "give_back", "6003")
    rings(bench, "8001")
    assert call.group == "complaints"
    bench.run(centre.site.group("complaints").max_wait_s - 5.0)  # type: ignore[union-attr]
    centre.acd.ready("1002")
    bench.switch.dials()
    bench.run(10.0)
    bench.switch.ends(Transfer.NO_ANSWER, Caller.WITH_US)
    bench.run(10.0)
    assert bench.outcome(call)[0] == "overdue"
    bench.stop()

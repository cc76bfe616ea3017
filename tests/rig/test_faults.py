"""What can be wrong in the world, one at a time: calls end with the right word, and no agent, port or call is stuck."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from simulators.scenario.scenario import Scenario, mixed
from tests.rig.settled import Seen, look, settled
from tests.rig.wire_files import keys_by_stranger, used_ports

FOUR_BUSY_CYCLES_S = 4 * 0.7


def world(callers: int = 12, seed: int = 7) -> Scenario:
    """Every case of the mix, on eight VRU ports."""
    return mixed(seed, callers, vru_ports=8)


def plain(callers: int = 6) -> Scenario:
    """The same, with nothing wrong in its messages and records."""
    return replace(world(callers), smdi_of={}, smdr_of={})


def wanted_agents(seen: Seen) -> list[str]:
    """Calls for which an agent was found."""
    return [call for _, call, _ in seen.kinds("offered") if call is not None]


def dialled(seen: Seen) -> list[str]:
    """What the PBX was told to call, by anybody."""
    log = seen.run.world.truth.log
    return [str(one.data["digits"]) for one in log if one.what in ("dials", "refused") and one.data["digits"]]


def flash_times(seen: Seen) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for one in seen.run.world.truth.log:
        if one.what == "flash" and one.call is not None:
            found.setdefault(one.call, []).append(one.at_s)
    return found


@pytest.mark.parametrize("fault", ["dialtone=none", "dialtone=-60dB", "dialtone=350+440Hz", "flash=ignored"])
def test_without_dial_tone_nobody_is_put_through(fault: str) -> None:
    seen = look(world(), faults=[fault])
    settled(seen)
    assert seen.run.findings == []
    assert wanted_agents(seen)
    assert dialled(seen) == []
    assert seen.calls("answered") == []
    failed = seen.calls("failed")
    assert len(failed) >= 5
    assert all("no dial tone" in call["cause"] and "8" not in call["steps"] for call in failed)
    assert seen.kinds("connected") == []
    for times in flash_times(seen).values():
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert len(times) <= 2 and all(gap > 4.0 for gap in gaps), "not again at once"


def test_a_caller_is_spoken_to_after_a_flash_without_dial_tone(tmp_path: Path) -> None:
    seen = look(world(4), faults=["dialtone=none"], wires=tmp_path)
    settled(seen)
    flashes = 0
    for port in used_ports(tmp_path):
        assert keys_by_stranger(port.path) == ""
        for opening in port.openings:
            if opening.end is None or opening.ms > 1500:
                continue
            flashes += 1
            begin = int(opening.end * 8)
            loud = [
                at
                for at in range(begin, begin + 6 * 8000, 160)
                if max(map(abs, port.sent[at : at + 160]), default=0) > 500
            ]
            assert len(loud) > 50, "a second of speech within six"
    assert flashes >= 4


@pytest.mark.parametrize(
    "fault",
    [
        "noise=-45dBm0",
        "returnloss=8dB",
        "loss=10dB",
        "clip=-6dBm0",
        "slips=6/min",
        "callerid=dtmf",
        "smdi=lost:100%",
        "smdi=late:4s",
        "smdi=damaged:50%",
        "smdi=reordered:50%",
    ],
)
def test_a_call_goes_its_way_all_the_same(fault: str) -> None:
    seen = look(world(), faults=[fault])
    settled(seen, alarms={"smdi_damaged"} if fault in ("smdi=damaged:50%", "smdi=reordered:50%") else ())
    assert [str(finding) for finding in seen.run.findings] == []
    assert len(seen.calls("answered")) >= 7
    assert {"message", "abandoned_queue", "abandoned_menu"} <= {call["outcome"] for call in seen.run.calls}


def test_callers_without_a_number_are_served() -> None:
    seen = look(world(), faults=["callerid=none"])
    settled(seen)
    assert seen.run.findings == []
    assert all(call["ani"] is None for call in seen.run.calls)
    assert len(seen.calls("answered")) >= 7


def test_a_number_that_comes_after_the_answer() -> None:
    scenario = plain()
    seen = look(replace(scenario, pbx=replace(scenario.pbx, in_band="none")), faults=["smdi=late:7s"])
    settled(seen)
    assert seen.run.findings == []
    for call in seen.run.calls:
        assert call["ani"] is not None
        assert call["steps"]["5"] < call["steps"]["4"], "answered after the wait for the number, told later"
        assert call["sources"]["4"] == "smdi"
    late = [data for _, _, data in seen.kinds("ani")]
    assert late and all(data["late"] for data in late)


def test_without_a_message_the_number_comes_in_band_and_the_dialled_number_is_unknown() -> None:
    seen = look(plain(), faults=["smdi=lost:100%"])
    settled(seen)
    assert {call["sources"]["4"] for call in seen.run.calls} == {"port"}
    assert {call["dnis"] for call in seen.run.calls} == {None}


def test_hang_up_is_found_by_busy_tone_alone() -> None:
    """Also while the menu or the queue's announcements play: within four cycles of 700 ms."""
    seen = look(world(), faults=["loopdrop=none"])
    settled(seen)
    assert seen.run.findings == []
    truth = seen.run.world.truth
    numbers = {call["ani"]: call["call"] for call in seen.run.calls if call["ani"]}
    found = {}
    for number, mine in truth.calls.items():
        gone, call = mine.first("far end gone"), numbers.get(mine.ani)
        if gone is None or call is None or mine.outcome not in ("abandoned_menu", "abandoned_queue", "message"):
            continue
        found[number] = seen.ended_at[call] - gone.at_s
    assert len(found) >= 3
    assert all(0.0 < late <= FOUR_BUSY_CYCLES_S + 0.1 for late in found.values()), found
    for call in seen.calls("abandoned_menu", "abandoned_queue", "message"):
        assert call["cause"] in ("busy_tone", "smdr")


def test_a_flash_taken_for_on_hook_loses_the_caller_and_is_recorded_so() -> None:
    """600 ms are too long for a PBX that takes 80 to 300 ms for a flash: its own record says that the call ended."""
    seen = look(world(6), faults=["flash=80-300ms"])
    settled(seen)
    assert [str(finding) for finding in seen.run.findings] == []
    assert {call["outcome"] for call in seen.run.calls} == {"lost_in_transfer"}
    assert dialled(seen) == [], "no agent is called for somebody who is gone"


def test_a_caller_lost_in_the_transfer_is_recorded_so() -> None:
    seen = look(world(6), faults=["transfer=lost"])
    settled(seen)
    assert [str(finding) for finding in seen.run.findings] == []
    assert {call["outcome"] for call in seen.run.calls} == {"lost_in_transfer"}


@pytest.mark.parametrize("fault", [
    "records=per_leg", "records=whole_call", "records=split_at_flash", "records=intercom", "records=stars:100%",
    "smdr=shuffled:50%", "clock=wrong:7min", "clock=wrong:-525600min", "clock=jump:90min@60s", "clock=jump:-90min@60s",
    "offline=smdr@20s:60s",
])  # fmt: skip
def test_however_records_are_printed_nobody_is_freed_wrongly(fault: str) -> None:
    seen = look(plain(14), faults=[fault])
    settled(seen)
    assert [str(finding) for finding in seen.run.findings] == []
    assert seen.run.freed.wrongly == [] and seen.run.freed.stuck == [] and len(seen.run.freed.late_s) >= 7
    assert {call["recorded"] for call in seen.calls("answered")} == {"smdr"}, "every record came in the end"


@pytest.mark.parametrize("fault", ["smdr=late:8s", "smdr=shuffled:50%"])
def test_a_late_record_tells_all_the_same_that_the_caller_was_lost(fault: str) -> None:
    """The desk has ended the call before, and nobody knew better then."""
    seen = look(world(6), faults=["transfer=lost", fault])
    settled(seen, alarms={"smdr_late"} & set(seen.alarms))
    assert {(call["outcome"], call["recorded"]) for call in seen.run.calls} == {("lost_in_transfer", "smdr")}
    assert any(call["cause"].startswith("the PBX's record says") for call in seen.run.calls)


@pytest.mark.parametrize("fault", ["smdr=lost:100%", "smdr=damaged:100%", "smdr=reordered:100%", "smdr=late:10s"])
def test_without_the_record_the_agent_is_freed_by_the_desk(fault: str) -> None:
    seen = look(plain(12), faults=[fault])
    settled(seen, alarms={"smdr_late", "smdr_damaged"} & set(seen.alarms))
    assert [str(finding) for finding in seen.run.findings] == []
    answered = seen.calls("answered")
    assert len(answered) >= 7
    for call in answered:
        if "9" not in call["steps"]:
            assert call["cause"] == "call_ended"
    if "lost" in fault:
        assert all("9" not in call["steps"] and call["smdr"] is None for call in seen.run.calls)
    if "late" in fault:
        assert all("9" in call["steps"] for call in answered), "a record is matched after the talk, too"


@pytest.mark.parametrize("line", ["smdi", "smdr"])
def test_a_serial_line_is_unplugged_and_comes_back(line: str) -> None:
    seen = look(plain(12), faults=[f"unplug={line}@30s:20s"])
    settled(seen)
    assert [str(finding) for finding in seen.run.findings] == []
    alarms = [(at, data["raised"]) for at, _, data in seen.kinds("alarm") if str(data.get("what")).startswith(line)]
    assert [raised for _, raised in alarms] == [True, False]
    assert 30.0 <= alarms[0][0] < 31.0 and 50.0 <= alarms[1][0] < 65.0, "tried again after 1, 2, 4, 8, 16 s"
    if line == "smdi":
        after = [call for call in seen.run.calls if call["steps"]["1"] > 60.0 and call["ani"]]
        assert after and all(call["sources"]["4"] == "smdi" for call in after)
    else:
        assert all("9" in call["steps"] for call in seen.run.calls), "the PBX keeps what it cannot print"


@pytest.mark.parametrize(
    ("fault", "outcomes"),
    [
        ("cut=0@10", {"abandoned_menu"}),  # in the menu
        ("cut=0@20", {"lost_in_transfer"}),  # in the flash
        ("cut=0@30", {"abandoned_queue", "lost_in_transfer"}),  # back from the first agent, or with the second
    ],
)
def test_a_wire_breaks_during_a_call(fault: str, outcomes: set[str]) -> None:
    seen = look(world(), faults=[fault])
    settled(seen, alarms={"line_2001"}, dead={"2001"})
    first = seen.run.calls[0]
    assert first["port"] == 0 and first["outcome"] in outcomes
    others = [str(finding) for finding in seen.run.findings if finding.call not in (first["call"], None)]
    assert others == []
    assert len(seen.calls("answered")) >= 6, "the other ports go on"


def test_everything_at_once() -> None:
    """Noise, echo, late and lost messages, damaged records, DTMF caller ID: still no stuck agent, port or call."""
    faults = ["noise=-45dBm0", "returnloss=8dB", "smdi=late:2s", "smdi=lost:30%", "smdr=damaged:30%", "callerid=dtmf"]
    for seed in (3, 5):
        settled(look(world(12, seed), faults=faults))

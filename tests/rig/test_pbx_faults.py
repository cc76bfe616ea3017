"""The PBX misbehaves: what the server makes of it is right, or says that it is not certain, and nothing stays stuck."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulators.rig.stepped import run
from simulators.scenario.scenario import Scenario, mixed
from tests.rig.settled import look, settled

ALARMS = {"smdi_damaged", "smdr_damaged", "clock_jump", "port_map_suspect"}


def world(callers: int = 14, seed: int = 2) -> Scenario:
    """Calls of every kind, with nothing wrong in their messages and records but what a test asks for."""
    return replace(mixed(seed, callers, vru_ports=8), smdi_of={}, smdr_of={})


@pytest.mark.parametrize(
    "fault",
    [
        "smdr=noise:1%",
        "smdr=shuffled:30%",
        "smdr=lost:20%",
        "records=whole_call",
        "records=split_at_flash",
        "records=intercom",
        "records=stars:50%",
        "clock=wrong:7min",
        "clock=wrong:-7min",
        "offline=smdr@30:60s",
        "port=dead:2003",
        "recall=another",
        "recall=untold",
        "dialdelay=1.5s",
        "tones=x1.1",
    ],
)
def test_calls_are_right_all_the_same(fault: str) -> None:
    seen = look(world(), faults=[fault])
    assert [str(finding) for finding in seen.run.findings] == []
    assert seen.run.strangers == []
    settled(seen, alarms=ALARMS & set(seen.alarms))
    assert len(seen.calls("answered")) >= 7
    assert set(seen.run.records) <= {"reconciled", "doubted", "marked"}


@pytest.mark.parametrize("make", ["panasonic-tda", "hicom150"])
def test_callers_of_one_number_and_of_none_are_told_apart(make: str) -> None:
    """People of two companies, whose calls show the company's number, and some who withhold theirs; a record that is
    lost is not made up for by a colleague's."""
    seen = look(mixed(3, 50).with_make(make), faults=["callers=alike:40%", "callers=withheld:20%"])
    assert [str(finding) for finding in seen.run.findings] == []
    assert seen.run.strangers == [] and seen.run.freed.wrongly == [] and seen.run.freed.stuck == []
    numbers = [call["ani"] for call in seen.run.calls]
    assert len(set(numbers)) < len(numbers) - 15


def test_damaged_bytes_never_show_a_wrong_customer() -> None:
    """One byte in a hundred on both lines: the records are reconciled or say why they are not."""
    seen = look(mixed(3, 60), faults=["smdi=noise:1%", "smdr=noise:1%"])
    assert seen.run.strangers == []
    assert set(seen.run.records) <= {"reconciled", "doubted", "marked"}
    settled(seen, alarms=ALARMS & set(seen.alarms))
    noisy = [one for one in seen.run.world.truth.log if one.data.get("fault") == "noise"]
    assert len(noisy) > 100


def test_swapped_message_lines_never_show_a_wrong_customer() -> None:
    seen = look(world(24), faults=["swap=2001:2002", "swap=2003:2004"])
    assert seen.run.strangers == []
    settled(seen, alarms=ALARMS & set(seen.alarms))
    assert len(seen.calls("answered")) >= 10


def test_the_pbx_loses_its_power_and_works_again() -> None:
    seen = look(world(24), faults=["power=off@60:30s"])
    settled(seen, alarms=ALARMS & set(seen.alarms))
    after = [call for call in seen.calls("answered") if call["steps"]["1"] > 95.0]
    assert len(after) >= 3
    cut = [mine for mine in seen.run.world.truth.calls.values() if mine.first("power cut") is not None]
    assert len(cut) >= 2


def test_a_transfer_under_way_as_the_power_fails_counts_as_done() -> None:
    """Our line falls away, as where its wire breaks; then a PBX completes the transfer."""
    result = run(mixed(1, 10, every_s=6.0), faults=["power=off@40:20s"])
    assert result.findings == []
    assert result.world.truth.calls[2].outcome == "cut_by_power"
    assert result.calls[1]["outcome"] == "answered" and result.calls[1]["recorded"] == "missing"


def test_a_flash_window_that_ours_misses() -> None:
    for fault in ("flash=700-1000ms", "flash=80-500ms"):
        seen = look(world(8), faults=[fault])
        settled(seen)
        assert seen.calls("answered") == []


def test_a_caller_who_is_gone_is_offered_to_no_agent() -> None:
    """Norstar gives the dial tone to a flash after the caller has gone, refuses the digits, and is silent when they are
    taken back. The record that would tell is lost; the busy tone that has just begun is heard out before the flash."""
    seen = look(mixed(2, 20).with_make("norstar-realtime"), faults=["smdr=lost:30%"])
    assert seen.kinds("transfer", what="refused") == []
    assert seen.run.findings == [] and len(seen.calls("abandoned_queue")) >= 1

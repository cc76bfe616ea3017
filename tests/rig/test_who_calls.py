"""Who calls, over bad lines and crossed cables: a screen never names the wrong customer as certain, and what is not
certain is marked in the record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cti.assemble import Assembly
from drivers.clock import SteppedClock
from simulators.scenario.scenario import Scenario, mixed
from simulators.world.world import World
from tests.rig.settled import Seen, look


def only_by_message(make: str, seed: int, calls: int) -> Scenario:
    """Callers whose number comes over a serial line or not at all."""
    scenario = mixed(seed, calls).with_make(make)
    return replace(scenario, pbx=replace(scenario.pbx, in_band="none"))


def crowded(scenario: Scenario, folder: Path, faults: list[str]) -> Seen:
    """A run in which every number that differs from a caller's by one digit is a customer's."""
    callers = {plan.ani for plan in scenario.callers if plan.ani}
    near = {ani[:n] + digit + ani[n + 1 :] for ani in callers for n in range(len(ani)) for digit in "0123456789"}
    customers = folder / "neighbours.csv"
    rows = "".join(f"{number},stranger\n" for number in sorted(near - callers))
    customers.write_text("number,name\n" + rows, encoding="utf-8")

    def settle(server: Assembly, world: World, clock: SteppedClock) -> None:
        server.store.import_customers(customers)

    return look(scenario, faults=faults, change=settle)


def marked(seen: Seen) -> None:
    """Every number in the records is right, or says that it may not be."""
    callers = {mine.ani for mine in seen.run.world.truth.calls.values()}
    for call in seen.run.calls:
        assert call["ani"] is None or call["ani"] in callers or call["ani_doubt"] or call["ani_truncated"], call


@pytest.mark.parametrize(
    ("make", "lines", "parity"),
    [("usual", ("smdi", "smdr"), True), ("nec-neax", ("mci", "smdr"), True), ("hicom150", ("smdr",), False)],
)
def test_one_byte_in_a_hundred_is_damaged(make: str, lines: tuple[str, ...], parity: bool, tmp_path: Path) -> None:
    """One wrong bit in each. Where there is parity it is found; where there is none every third wrong digit is another
    digit, and the line is not believed to begin with."""
    faults = [f"{line}=noise:1%" for line in lines]
    certain = 0
    for seed in (1, 2):
        seen = crowded(only_by_message(make, seed, 24), tmp_path, faults)
        assert seen.run.strangers == []
        marked(seen)
        assert f"{lines[0]}_damaged" in seen.alarms
        assert len(seen.calls("answered")) >= 12, "and the calls go on"
        certain += sum(1 for call in seen.run.calls if call["ani"] and not call["ani_doubt"])
    assert (certain > 0) == parity


def test_caller_id_confirms_what_comes_over_a_bad_line(tmp_path: Path) -> None:
    seen = crowded(mixed(1, 24), tmp_path, ["smdi=noise:1%"])
    assert seen.run.strangers == []
    marked(seen)
    sure = [call for call in seen.run.calls if call["ani"] and not call["ani_doubt"]]
    assert len(sure) >= 18, "FSK has a checksum"


def test_crossed_cables_are_found_and_nobody_is_named_for_certain() -> None:
    scenario = only_by_message("usual", 4, 30)
    seen = look(scenario, faults=["swap=2001:2002"])
    raised = [data for _, _, data in seen.kinds("alarm", what="port_map_suspect") if data["raised"]]
    assert raised and "2001 and 2002" in raised[0]["text"]
    first = next(at for at, _, data in seen.kinds("alarm", what="port_map_suspect") if data["raised"])
    for call in seen.run.calls:
        if call["extension"] in ("2001", "2002") and call["ani"] and call["steps"]["1"] > first:
            assert call["ani_doubt"] in ("port_map", "place_guessed")
    assert seen.run.strangers == []


@pytest.mark.parametrize(("make", "seed"), [("meridian1", 2), ("toshiba-ctx", 3)])
def test_crossed_cables_and_messages_that_are_late_or_lost(make: str, seed: int) -> None:
    """A message that comes for a port long after its ring may be of the port that rings just now."""
    run = look(mixed(seed, 50).with_make(make), faults=["swap=2001:2002"]).run
    assert run.strangers == [] and run.findings == []


def test_cables_that_are_not_crossed_are_not_suspected() -> None:
    """Also where messages are lost or late, and callers give up between message and ring."""
    for faults in ([], ["smdi=lost:30%"], ["smdi=late:4s"]):
        assert look(mixed(5, 20), faults=faults).kinds("alarm", what="port_map_suspect") == []


def test_numbers_that_the_pbx_cut_name_nobody(tmp_path: Path) -> None:
    seen = crowded(mixed(1, 16), tmp_path, ["numbers=cut:8"])
    assert seen.run.strangers == [] and seen.run.findings == []
    told = [call for call in seen.run.calls if call["ani"]]
    assert told and all(call["ani_truncated"] and len(call["ani"]) == 8 for call in told)
    assert not [one for one in seen.run.world.truth.log if one.what == "popup" and one.data["confirmed"]]


@pytest.mark.parametrize("make", ["panasonic-tda", "hipath1100"])
def test_no_digit_of_the_pbx_is_a_key_of_the_caller(make: str) -> None:
    seen = look(mixed(3, 14).with_make(make))
    chosen = [mine.first("chose") for mine in seen.run.world.truth.calls.values()]
    assert [data for _, _, data in seen.kinds("alarm") if data["what"] in ("in_band_unknown", "in_band_late")] == []
    keys = sorted(str(one.data["keys"]) for one in chosen if one is not None)
    assert keys == sorted(data["choice"] for _, _, data in seen.kinds("menu")) and len(keys) >= 9
    dnis = {data["dnis"] for _, _, data in seen.kinds("ani") if data["dnis"]}
    assert len(dnis) == 1, "and the digits were read"

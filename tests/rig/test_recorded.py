"""The judge of recordings: a file that holds somebody else, or misses somebody, is told; one that is right is not."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from drivers import wav
from simulators.faults import parse
from simulators.rig.on_card import CardRun, run
from simulators.rig.recorded import KEPT, Recorded, misrecorded, unrecorded_talks
from simulators.scenario.card_scenario import mixed, with_case

RATE = 8000
Sides = tuple["array[int]", "array[int]"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[CardRun, Path]:
    """A caller who talks, is held and talks again; the files."""
    folder = tmp_path_factory.mktemp("wires")
    return run(with_case(mixed(1, 1), Random(1), 2, 9.0, "hold"), wires=folder), folder / KEPT


def told(kept: tuple[CardRun, Path], folder: Path, change: Callable[[Sides, CardRun], Sides]) -> list[str]:
    """What the judge says of the held caller's file, changed so."""
    result, files = kept
    one = next(one for one in result.recordings if one.party == "caller 2")
    left, right = wav.read(files / one.file).channels
    changed = change((left[:], right[:]), result)
    (folder / one.file).parent.mkdir(exist_ok=True)
    wav.write(folder / one.file, list(changed))
    return [said.removeprefix(f"recording {one.file}: ") for said in misrecorded([one], folder, result.world)]


def with_voice(samples: array[int], hz: int, from_s: float, to_s: float) -> array[int]:
    for at in range(round(from_s * RATE), round(to_s * RATE)):
        samples[at] = max(-32768, min(32767, samples[at] + round(4500 * math.sin(math.tau * hz * at / RATE))))
    return samples


def silent(samples: array[int], from_s: float, to_s: float) -> array[int]:
    samples[round(from_s * RATE) : round(to_s * RATE)] = array("h", bytes(2 * round((to_s - from_s) * RATE)))
    return samples


def test_a_run_is_as_its_recordings_say(kept: tuple[CardRun, Path], tmp_path: Path) -> None:
    result, _ = kept
    assert result.findings == [] and len(result.recordings) == 2
    assert told(kept, tmp_path, lambda sides, _: sides) == []
    for call in result.calls:
        [one] = call["recordings"]
        assert one["to_s"] - one["from_s"] >= call["talk_s"] - 1.2


def test_whoever_is_in_the_wrong_place_is_found(kept: tuple[CardRun, Path], tmp_path: Path) -> None:
    [agent] = {party["party"] for party in kept[0].calls[1]["parties"]} - {"caller 2"}
    swapped = told(kept, tmp_path, lambda sides, _: (sides[1], sides[0]))
    assert [said.partition(" for ")[0] for said in swapped] == [
        f"left: {agent} is there",
        "left: caller 2 is missing",
        f"right: {agent} was heard, and is missing",
    ]


def test_a_stranger_is_found_on_either_side(kept: tuple[CardRun, Path], tmp_path: Path) -> None:
    def joined(side: int) -> Callable[[Sides, CardRun], Sides]:
        def change(sides: Sides, result: CardRun) -> Sides:
            voices = result.world.voices
            assert voices is not None
            voices.begins("stranger")
            voices._spoken["stranger"][0].from_s = 0.0
            with_voice(sides[side], voices.codes["stranger"], 1.5, 3.0)
            return sides

        return change

    for side, name in enumerate(("left", "right")):
        [said] = told(kept, tmp_path, joined(side))
        assert said.startswith(f"{name}: stranger is there")


def test_a_gap_is_found_on_either_side(kept: tuple[CardRun, Path], tmp_path: Path) -> None:
    [left] = told(kept, tmp_path, lambda sides, _: (silent(sides[0], 7.5, 11.0), sides[1]))
    assert left.startswith("left: caller 2 is missing for")
    [right] = told(kept, tmp_path, lambda sides, _: (sides[0], silent(sides[1], 7.5, 11.0)))
    assert right.startswith("right: phone ") and "was heard, and is missing" in right


def test_files_that_are_not_there_or_too_short(kept: tuple[CardRun, Path], tmp_path: Path) -> None:
    result, files = kept
    one = result.recordings[0]
    assert "No such file" in next(misrecorded([one], tmp_path, result.world))
    longer: Recorded = replace(one, seconds=one.seconds + 2)
    assert "2 sides of" in next(misrecorded([longer], files, result.world))
    call = {"call": "1-000001", "talk_s": 20.0, "recordings": [one.about()]}
    assert list(unrecorded_talks([call])) == [f"call 1-000001: 20.0 s were talked, {one.seconds:.1f} s are recorded"]


@pytest.mark.parametrize("fault", ["biterrors=1e-3", "spanslips=20/min"])
def test_a_line_with_wrong_bits_or_slips_excuses_nothing(fault: str, tmp_path: Path) -> None:
    scenario = mixed(1, 2, trunk="pri").with_fault(parse(fault))
    result = run(scenario, wires=tmp_path / "wires")
    assert result.findings == [] and result.recordings
    [said, *_] = swapped_sides(result, tmp_path)
    assert "is there for" in said


def test_an_alarm_excuses_its_own_time_alone(kept: tuple[CardRun, Path], tmp_path: Path) -> None:
    result, _ = kept
    one = next(one for one in result.recordings if one.party == "caller 2")
    scenario = result.world.scenario
    for alarm_s, wanted in ((one.from_s + 7.5, 0), (one.from_s + 100.0, 1)):
        result.world.scenario = replace(scenario, alarms=(("los", alarm_s, 3.5),))
        found = told(kept, tmp_path, lambda sides, _: (silent(sides[0], 7.5, 11.0), sides[1]))
        assert len(found) == wanted, found
    result.world.scenario = scenario


def swapped_sides(result: CardRun, folder: Path) -> list[str]:
    """What the judge says of the first file, with left and right changed."""
    one = result.recordings[0]
    left, right = wav.read(folder / "wires" / KEPT / one.file).channels
    (folder / one.file).parent.mkdir(exist_ok=True)
    wav.write(folder / one.file, [right, left])
    return list(misrecorded([one], folder, result.world))

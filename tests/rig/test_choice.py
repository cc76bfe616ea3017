"""Which world `tipring demo` and `tipring sim` make of their options; one hands it over to the other unchanged."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from cti.errors import TipringError
from simulators.rig import sim
from simulators.rig.choice import add_options, as_arguments, chosen


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_options(parser, "3")
    return parser.parse_args(words)


def test_few_ports() -> None:
    scenario = chosen(parsed("--ports", "3"), keep=True)
    assert scenario.vru_extensions == ("2001", "2002", "2003")
    assert len(chosen(parsed(), keep=True).vru_extensions) == 30


@pytest.mark.parametrize("words", [("--ports", "1"), ("--ports", "31"), ("--ports", "4", "--switch", "card")])
def test_ports_that_there_cannot_be(words: tuple[str, ...]) -> None:
    with pytest.raises(TipringError, match="--ports"):
        chosen(parsed(*words), keep=False)


def test_the_same_choice_for_another_command() -> None:
    args = parsed("--ports", "4", "--pbx", "hicom150", "--seed", "9", "--fault", "swap=2003:2004", "--calls", "7")
    wanted = chosen(args, keep=False)
    assert chosen(parsed(*as_arguments(args)), keep=False) == wanted


def sim_args(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    sim.add_arguments(parser)
    return parser.parse_args(words)


def test_a_folder_is_made_only_where_nothing_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[Path, bool]] = []

    def run_world(folder: Path, scenario: object, *, keep: bool, traffic: bool) -> int:
        ran.append((folder, traffic))
        return 0

    monkeypatch.setattr("simulators.rig.world_process.run_world", run_world)
    folder = tmp_path / "new"
    assert sim.run(sim_args(str(folder), "--traffic", "--ports", "4")) == 0
    made = (folder / "site.yaml").read_text("utf-8")
    assert "count: 4" in made and sim.run(sim_args(str(folder))) == 0  # what is there is taken as it is
    assert (folder / "site.yaml").read_text("utf-8") == made
    assert ran == [(folder, True), (folder, False)]
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("mine")
    with pytest.raises(TipringError, match="is not empty"):
        sim.run(sim_args(str(other)))
    assert [path.name for path in other.iterdir()] == ["letter.txt"]


def test_traffic_is_a_pbxs(tmp_path: Path) -> None:
    with pytest.raises(TipringError, match="--traffic"):
        sim.run(sim_args(str(tmp_path / "x"), "--traffic", "--switch", "card"))

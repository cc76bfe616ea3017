"""`tipring demo --stepped --seeds`: one table over makes and seeds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cti.commands import main
from simulators.rig import sweep


def test_a_table_of_makes_and_seeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "runs.jsonl"
    command = ["demo", "--stepped", "--pbx", "toshiba-ctx,hipath1100", "--seeds", "2", "--calls", "3"]
    command += ["--fault", "smdr=noise:3%"]
    assert main([*command, "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "2 runs smdr=noise:3%" in printed
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in printed.splitlines() if line.startswith("│")]
    by_make = {row[0]: row[1:] for row in rows}
    assert list(by_make) == ["toshiba-ctx", "hipath1100", "all"]
    assert by_make["hipath1100"][2:6] == ["-"] * 4, "it prints no records"
    assert by_make["all"][0] == "6" and by_make["all"][6:] == ["0", "0", "0", "0"]
    runs = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [(run["make"], run["seed"], run["calls"]) for run in runs] == [("toshiba-ctx", 2, 3), ("hipath1100", 2, 3)]
    assert all(run["wrong_customers"] == run["freed_wrongly"] == run["differs"] == [] for run in runs)


@pytest.mark.parametrize(("columns", "terminal"), [("80", False), ("80", True), ("100", True), ("60", True)])
def test_the_make_is_never_shortened(
    columns: str, terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TTY_COMPATIBLE", str(int(terminal)))
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    assert main(["demo", "--stepped", "--pbx", "definity-teleseer", "--seeds", "1", "--calls", "1"]) == 0
    printed = capsys.readouterr().out
    assert "definity-teleseer" in printed and "…" not in printed


def test_all_are_without_the_make_that_was() -> None:
    everyone = sweep._makes("all")
    assert sweep._makes("generic,all") == sweep._makes(None) == everyone
    assert sweep._makes("all", ["was=hicom150"]) == [make for make in everyone if make != "hicom150"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--seeds", "1", "--pbx", "nokia"], "no such make"),
        (["--seeds", "1", "--pbx", "all,nokia"], "--pbx nokia: no such make"),
        (["--pbx", "all"], "several makes go with demo --stepped --seeds"),
        (["--pbx", "generic,hicom150"], "several makes go with demo --stepped --seeds"),
        (["--seeds", "1", "--pbx", "hicom150", "--fault", "was=hicom150"], "is a hicom150 already"),
        (["--seeds", "6-1"], "is not like 1-6"),
        (["--seeds", "x"], "is not like 1-6"),
        (["--seeds", "1", "--calls", "0"], "--calls is a number"),
        (["--seeds", "1", "--fault", "smdr=gone"], "smdr wants"),
        (["--seeds", "1", "--json", "/no/such/folder/x"], "cannot be written"),
        (["--seeds", "1", "--json", "-"], "--seeds belongs to --stepped"),
        (["--seeds", "1", "--switch", "card"], "--seeds belongs to --stepped"),
    ],
)
def test_what_there_is_not(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--stepped", *arguments]) != 0
    assert told in capsys.readouterr().err

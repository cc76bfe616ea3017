"""Help texts teach: every command shows how it is called."""

from __future__ import annotations

import argparse

import pytest

from cti.commands import installed, main, parser


@pytest.mark.parametrize("name", installed())
def test_every_command_shows_examples(name: str) -> None:
    top = parser(name)
    [subs] = [action for action in top._actions if isinstance(action, argparse._SubParsersAction)]
    assert f"tipring {name} " in (subs.choices[name].epilog or "")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            ModuleNotFoundError("No module named 'drivers._engine'", name="drivers._engine"),
            "the engine is not compiled",
        ),
        (ImportError("the engine is outdated: make setup", name="drivers._engine"), "engine is outdated"),
    ],
)
def test_an_engine_that_does_not_serve_is_one_line(
    error: ImportError, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_args: argparse.Namespace) -> int:
        raise error

    monkeypatch.setattr("cti.commands.calls.run", run)
    assert main(["calls"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("tipring calls: ")
    assert told in said and "make setup" in said and said.count("\n") == 1

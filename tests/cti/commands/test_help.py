"""Help texts teach: every command shows how it is called."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

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


@pytest.mark.parametrize("words", [["--help"], ["check", "-c", "conf/site.yaml"], ["there-is-none-呼"]])
def test_a_terminal_that_knows_no_chinese(words: list[str]) -> None:
    """Not a traceback: what it cannot show is written as \\u4e2d."""
    code = f"import sys; from cti.commands import main; sys.exit(main({words!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode in (0, 2) and b"Traceback" not in said and rb"\u" in said

"""`tipring` before any command runs: quick, and friendly to a slip of the finger or a broken plug-in."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint, version

import pytest

from cti import commands

HEAVY = ("sqlalchemy", "alembic", "twisted", "uvloop", "msgspec", "ruamel", "rich", "prometheus_client", "argon2")
PROGRAM = """
import sys
from cti.commands import main
try:
    status = main(sys.argv[1:])
except SystemExit as end:
    status = end.code
heavy = sorted(name for name in sys.modules if name in {heavy!r} or name.startswith(("cti.", "drivers.")))
print("loaded:", *heavy, file=sys.stderr)
sys.exit(status)
"""


def tipring(*words: str) -> tuple[int, str, str, set[str]]:
    """Status, output, errors, and which of our and the heavy modules were loaded."""
    program = PROGRAM.replace("{heavy!r}", repr(HEAVY))
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)
    errors, _, loaded = done.stderr.rpartition("loaded:")
    return done.returncode, done.stdout, errors, set(loaded.split())


def test_help_is_light() -> None:
    status, out, errors, loaded = tipring("--help")
    assert (status, errors) == (0, "")
    for name in commands.ORDER:
        assert f"\n    {name} " in out or f"\n    {name}\n" in out
    assert "cannot be loaded" not in out
    assert not loaded & set(HEAVY)
    assert not {name for name in loaded if name.startswith("drivers.")}
    assert not loaded & {"cti.site.config", "cti.service", "cti.records.store", "cti.database.models", "cti.reactor"}


@pytest.mark.parametrize("name", commands.ORDER)
def test_every_command_has_help_without_the_reactor(name: str) -> None:
    status, out, errors, loaded = tipring(name, "--help")
    assert (status, errors) == (0, "")
    assert out.startswith(f"usage: tipring {name}")
    assert not loaded & set(HEAVY)


def test_an_unknown_command() -> None:
    status, out, errors, _ = tipring("demmo")
    assert (status, out) == (2, "")
    assert errors == "tipring demmo: there is no such command; did you mean demo? `tipring --help` lists them all\n"
    status, out, errors, _ = tipring("xyzzy")
    assert (status, out) == (2, "")
    assert errors == "tipring xyzzy: there is no such command; `tipring --help` lists them all\n"


def test_no_command_and_unknown_options() -> None:
    status, out, errors, _ = tipring()
    assert (status, out) == (2, "") and errors.startswith("usage: tipring")
    status, out, errors, _ = tipring("--nonsense")
    assert (status, out) == (2, "") and "usage: tipring" in errors
    assert tipring("--version")[:2] == (0, f"tipring {version('tipring')}\n")


def test_a_broken_plug_in_harms_no_other(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    points = commands.installed()
    points["fax"] = EntryPoint("fax", "no_such_module_of_a_plug_in", "tipring.commands")
    monkeypatch.setattr(commands, "installed", lambda: points)
    assert "cannot be loaded: No module named" in commands.parser().format_help().replace("\n" + " " * 14, " ")
    assert commands.main(["fax"]) == 2
    assert "tipring fax: this command cannot be loaded: No module named" in capsys.readouterr().err
    assert commands.main(["check", "-c", "/no/such/file"]) in (1, 2)

"""Imports go one way: csrc → drivers → cti; simulators → drivers; only simulators/rig joins the two ends."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = {"cti", "drivers", "simulators", "tests", "tipring_conf"}
ALLOWED = {
    "drivers": {"drivers"},
    "cti": {"cti", "drivers", "tipring_conf"},
    "simulators": {"simulators", "drivers"},
    "simulators/rig": OURS,
}
# codecs and state machines: no reactor, no sockets
PURE = [
    "cti/machine.py",
    "cti/pbx/smdi.py",
    "cti/pbx/smdr.py",
    "cti/desk/wire.py",
    "cti/acd/agent.py",
    "cti/acd/queue.py",
    "cti/acd/strategy.py",
    "drivers/callerid.py",
]
IMPURE = {"twisted.internet.reactor", "socket", "select", "serial", "threading", "time"}


def modules() -> Iterator[Path]:
    for top in ("drivers", "cti", "simulators"):
        yield from sorted((ROOT / top).rglob("*.py"))


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def folder(path: Path) -> str:
    name = path.relative_to(ROOT).as_posix()
    return "simulators/rig" if name.startswith("simulators/rig/") else name.split("/")[0]


@pytest.mark.parametrize("path", list(modules()), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_go_one_way(path: Path) -> None:
    tops = {name.split(".")[0] for name in imported(path)} & OURS
    assert tops <= ALLOWED[folder(path)], f"{path.relative_to(ROOT)} imports {tops - ALLOWED[folder(path)]}"


def test_the_world_does_not_read_the_servers_files() -> None:
    """What both ends share lets one mistake pass at both."""
    for path in sorted((ROOT / "simulators").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"tipring_conf|conf/(pbx|tones)", text), path


@pytest.mark.parametrize("name", PURE)
def test_codecs_and_machines_are_without_io(name: str) -> None:
    assert not imported(ROOT / name) & IMPURE


def test_no_real_clock_in_the_control_half() -> None:
    """Time is an argument: whoever reads the machine's clock cannot be stepped."""
    clocks = re.compile(r"\btime\.(time|monotonic|sleep|perf_counter)\(|datetime\.(now|utcnow|today)\(|date\.today\(")
    for path in sorted((ROOT / "cti").rglob("*.py")):
        if "commands" in path.parts:
            continue
        assert not clocks.search(path.read_text(encoding="utf-8")), path

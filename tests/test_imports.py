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
# The rooms of cti/ and simulators/ and the files beside them, from the ground up: each knows only those on floors below
# it. A part that is handed its owner may name the owner's type.
FLOORS = {
    "cti": """
errors reactor
conf database machine outside kept_file
call customers acd
pbx
site
records trunks cards
vru
arrivals
switch talks
nine_steps conduct desk recordings
sides
operations
centre
assemble
service install
commands
""",
    "simulators": """
lines truth faults
people pbx
office
scenario
world
judge
rig
""",
}
FLOOR = {
    (top, room): floor
    for top, floors in FLOORS.items()
    for floor, rooms in enumerate(floors.splitlines())
    for room in rooms.split()
}
# codecs and state machines: no reactor, no sockets
PURE = [
    "cti/machine.py",
    "cti/arrivals/numbers.py",
    "cti/pbx/digit_pattern.py",
    "cti/pbx/in_band.py",
    "cti/pbx/mci.py",
    "cti/pbx/parity.py",
    "cti/pbx/smdi.py",
    "cti/pbx/smdr.py",
    "cti/desk/wire.py",
    "cti/acd/agent.py",
    "cti/acd/queue.py",
    "cti/acd/strategy.py",
    "drivers/callerid.py",
]
# the reactor itself, and what waits in a thread or process of its own
REAL_CLOCKS = {"cti/reactor.py", "cti/records/sync.py", "cti/records/forwarder.py"}
IMPURE = {"twisted.internet.reactor", "socket", "select", "serial", "threading", "time"}


def modules() -> Iterator[Path]:
    for top in ("drivers", "cti", "simulators"):
        yield from sorted((ROOT / top).rglob("*.py"))


def imported_names(path: Path) -> set[str]:
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
    tops = {name.split(".")[0] for name in imported_names(path)} & OURS
    assert tops <= ALLOWED[folder(path)], f"{path.relative_to(ROOT)} imports {tops - ALLOWED[folder(path)]}"


def run_time(path: Path, top: str) -> Iterator[str]:
    """The modules of cti/ or simulators/ that a file of it imports as it runs, wherever it says so."""
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING":
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names if alias.name.startswith(f"{top}."))
            elif isinstance(node, ast.ImportFrom) and node.module == top:
                yield from (f"{top}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{top}."):
                yield node.module or ""


@pytest.mark.parametrize(
    "path",
    [path for top in FLOORS for path in sorted((ROOT / top).rglob("*.py"))],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_each_room_knows_only_the_floors_below(path: Path) -> None:
    top, room = path.relative_to(ROOT).with_suffix("").parts[:2]
    for module in run_time(path, top):
        other = module.split(".")[1]
        if room not in (other, "__init__"):
            assert FLOOR[top, other] < FLOOR[top, room], f"{path.relative_to(ROOT)} imports {module} above it"


def strings(path: Path) -> Iterator[str]:
    """Every string that the program uses; docstrings are for people."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, holders) and ast.get_docstring(node) and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def test_the_world_does_not_read_the_servers_files() -> None:
    """What both ends share lets one mistake pass at both."""
    for path in sorted(set((ROOT / "simulators").rglob("*.py")) - set((ROOT / "simulators/rig").rglob("*.py"))):
        for text in strings(path):
            assert not re.search(r"tipring_conf|conf/|(^|/)(pbx|tones)/", text), f"{path}: {text!r}"


@pytest.mark.parametrize("name", PURE)
def test_codecs_and_machines_are_without_io(name: str) -> None:
    assert not imported_names(ROOT / name) & IMPURE


def test_no_real_clock_in_the_control_half() -> None:
    """Time is an argument: whoever reads the machine's clock cannot be stepped."""
    clocks = re.compile(r"datetime\.(now|utcnow|today)\(|date\.today\(")
    for path in sorted((ROOT / "cti").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if "commands" in path.parts or name in REAL_CLOCKS:
            continue
        assert "time" not in {imported.split(".")[0] for imported in imported_names(path)}, name
        assert not clocks.search(path.read_text(encoding="utf-8")), name

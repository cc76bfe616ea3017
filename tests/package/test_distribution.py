"""What is handed out: sdist, wheel built from it, installed into a bare virtual environment, used from another folder.

No index and no network: building uses this environment's setuptools and cffi; the bare environment sees, of all that is
installed here, only what the wheel itself says it requires.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.package

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "pbx"
PACKAGES = ("cti", "drivers", "simulators")
SOURCES = (
    "setup.py",
    "pyproject.toml",
    "MANIFEST.in",
    "Makefile",
    "LICENSE",
    *(path.name for path in ROOT.glob("*.md")),
)
ALONE = {**os.environ, "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PYTHONDONTWRITEBYTECODE": "1"}
for name in ("PYTHONPATH", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
    ALONE.pop(name, None)


def call(*command: str | Path, cwd: Path) -> str:
    """Runs a program without index; returns its output."""
    done = subprocess.run([*map(str, command)], cwd=cwd, env=ALONE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sdist and the wheel built from it, not from the tree."""
    tree = tmp_path_factory.mktemp("tree")
    for name in SOURCES:
        shutil.copy(ROOT / name, tree)
    made = shutil.ignore_patterns("__pycache__", "*.so", "*.o", "_engine.c")
    for name in ("conf", "csrc", "docs", "tests", *PACKAGES):
        shutil.copytree(ROOT / name, tree / name, ignore=made)
    out = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, tree, cwd=out)
    return out


@pytest.fixture(scope="module")
def sdist(dist: Path) -> set[str]:
    """The names in the sdist, without its first folder."""
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Iterator[zipfile.ZipFile]:
    """The wheel, open."""
    (path,) = dist.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.fixture(scope="module")
def tipring(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command in a bare virtual environment that has the wheel and what it requires, nothing else."""
    bare = tmp_path_factory.mktemp("bare")
    venv.create(bare, symlinks=True)
    python = bare / "bin" / "python"
    (path,) = dist.glob("*.whl")
    call(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--quiet", path, cwd=bare)
    lent = bare / "lent"
    lent.mkdir()
    for requirement in required("tipring"):
        for file in distribution(requirement).files or ():
            top = file.parts[0]
            if top != ".." and not (lent / top).exists():
                (lent / top).symlink_to(Path(str(distribution(requirement).locate_file(top))))
    (packages,) = bare.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(f"{lent}\n")
    return bare / "bin" / "tipring"


def required(name: str) -> set[str]:
    """The distributions that one needs, and what those need, as installed here; without extras not asked for."""
    found: set[str] = set()
    todo: list[tuple[str, frozenset[str]]] = [(name, frozenset())]
    while todo:
        name, extras = todo.pop()
        for text in distribution(name).requires or ():
            need = Requirement(text)
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in (*extras, "")):
                key = canonicalize_name(need.name)
                if key not in found:
                    found.add(key)
                    todo.append((key, frozenset(need.extras)))
    return found


def package_folders() -> set[str]:
    """Every folder with an __init__.py below our packages."""
    files = [path for name in PACKAGES for path in (ROOT / name).rglob("__init__.py")]
    return {str(path.parent.relative_to(ROOT)) for path in files}


def test_every_package_is_named_in_setup_py() -> None:
    (named,) = (
        node.value
        for node in ast.walk(ast.parse((ROOT / "setup.py").read_text()))
        if isinstance(node, ast.keyword) and node.arg == "packages"
    )
    assert sorted(ast.literal_eval(named)) == sorted(
        [folder.replace("/", ".") for folder in package_folders()] + ["tipring_conf"]
    )


def test_every_folder_with_python_is_a_package() -> None:
    folders = {str(path.parent.relative_to(ROOT)) for name in PACKAGES for path in (ROOT / name).rglob("*.py")}
    assert folders == package_folders()


def test_every_command_is_an_entry_point() -> None:
    from cti.commands import ORDER, installed

    assert tuple(installed()) == ORDER


def test_sdist(sdist: set[str]) -> None:
    for folder, kinds in {"csrc": ("*.c", "*.h"), "conf": ("*.yaml", "*.sh", "*.txt", "*.service")}.items():
        for kind in kinds:
            files = {str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob(kind)}
            assert files and files <= sdist
    assert {"LICENSE", "README.md", "README.zh-CN.md", "Makefile", "drivers/_engine.pyi", "docs/install.md"} <= sdist
    assert not [name for name in sdist if re.search(r"\.(so|o|pyc)$|/_engine\.c$", name)]


def test_wheel(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    assert wheel.filename is not None and re.search(r"-cp311-abi3-\w+\.whl$", wheel.filename)
    version = distribution("tipring").version
    assert {name.split("/")[0] for name in names} == {*PACKAGES, "tipring_conf", f"tipring-{version}.dist-info"}
    python = {str(path.relative_to(ROOT)) for name in PACKAGES for path in (ROOT / name).rglob("*.py")}
    assert python <= names
    assert "drivers/_engine.abi3.so" in names
    assert {"cti/py.typed", "drivers/py.typed", "drivers/_engine.pyi", "cti/vru/texts.yaml"} <= names
    migrations = {str(path.relative_to(ROOT)) for path in (ROOT / "cti/database/migrations").rglob("*.mako")}
    assert migrations and migrations <= names
    assert any(re.fullmatch(r"cti/database/migrations/versions/v\w+\.py", name) for name in names)
    assert {f"tipring_{path.relative_to(ROOT)}" for path in (ROOT / "conf").rglob("*.yaml")} <= names
    assert "tipring_conf/systemd/tipring.service" in names
    assert not [name for name in names if name.endswith((".c", ".h", ".sh"))]


def test_the_stub_is_that_of_the_engine(wheel: zipfile.ZipFile) -> None:
    made = call(sys.executable, "-m", "drivers.build_engine", "--stub", cwd=ROOT)
    assert wheel.read("drivers/_engine.pyi").decode() == made


def test_the_wheel_stands_alone(tipring: Path, tmp_path: Path) -> None:
    program = "import cti, drivers._engine, simulators, tipring_conf; print(cti.__file__, drivers._engine.__file__)"
    for path in call(tipring.parent / "python", "-c", program, cwd=tmp_path).split():
        assert Path(path).is_relative_to(tipring.parents[1])
    tests = [str(tipring.parent / "python"), "-c", "import pytest"]
    assert subprocess.run(tests, cwd=tmp_path, env=ALONE, capture_output=True, check=False).returncode == 1


def test_records_are_decoded(tipring: Path, tmp_path: Path) -> None:
    for dialect in ("panasonic-tda", "meridian1", "generic"):
        golden = GOLDEN / f"{dialect}.txt"
        out = call(tipring, "pbx", "decode", "--dialect", dialect, "--date", "2026-01-05", golden, cwd=tmp_path)
        wanted = golden.with_suffix(".jsonl").read_text(encoding="utf-8")
        records, expected = ([json.loads(line) for line in text.splitlines()] for text in (out, wanted))
        assert [
            {name: record[name] for name in fields} for record, fields in zip(records, expected, strict=True)
        ] == expected


def test_the_demo_runs(tipring: Path, tmp_path: Path) -> None:
    out = call(tipring, "demo", "--stepped", "--calls", "3", "--json", "-", cwd=tmp_path)
    calls = [json.loads(line) for line in out.splitlines()]
    assert len(calls) == 3
    assert {call["outcome"] for call in calls} == {"answered"}
    assert all(list(call["steps"]) == list("123456789") for call in calls)
    assert not [*tmp_path.iterdir()]


def test_a_site_is_checked(tipring: Path, tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("site: {name: x}\nnonsense: 1\n")
    done = subprocess.run(
        [tipring, "check", "-c", site], cwd=tmp_path, env=ALONE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "nonsense" in done.stdout and "site.yaml" in done.stdout

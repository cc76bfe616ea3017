"""`make setup` in a folder of its own, with stand-ins for apt, pip and Python that only note how they were called."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = ("conf/setup.sh", "conf/debian-packages.txt", "conf/requirements.txt", "setup.py", "pyproject.toml")
# what the stamp looks at besides, as the script itself names it
SOURCES = ("drivers/build_engine.py", *re.findall(r"cti/vru/\w+\.\w+", (ROOT / "conf/setup.sh").read_text()))

# The tools. Each notes its call in $CALLS; what is "installed" stands in $INSTALLED.
NOTE = '#!/bin/sh\necho "$(basename "$0") $*" >>"$CALLS"\n'
APT_GET = """[ ! -e "$APT_FAILS" ] || { echo "E: no archive" >&2; exit 100; }
case "$*" in *" install "*) for word; do echo "$word" >>"$INSTALLED"; done ;; esac
"""
DPKG_QUERY = """#!/bin/sh
shift 3
for name; do grep -qx -- "$name" "$INSTALLED" && echo "$name ii "; done; exit 0
"""
ID = '#!/bin/sh\ncat "$USER_ID"\n'
PYTHON = """case "$*" in
*" venv "*) mkdir -p .venv/bin; cp "$0" .venv/bin/python; echo "#!$(pwd -P)/.venv/bin/python" >.venv/bin/pip ;;
*prompt_cache*) echo "$PROMPTS" ;;
*cti.vru.prompts*) mkdir -p "$PROMPTS" ;;
*--editable*) [ ! -e "$COMPILER_FAILS" ] || exit 1
    cat csrc/*.c >drivers/_engine.abi3.so; touch .venv/bin/tipring; chmod +x .venv/bin/tipring ;;
esac
"""


class Folder:
    """A copy of what the set-up looks at, and the stand-ins."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.tree = base / "a tree"
        self.tools = base / "tools"
        for name in (*NEEDED, *SOURCES):
            (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.tree / name)
        (self.tree / "csrc").mkdir()
        (self.tree / "csrc" / "one.c").write_text("1")
        (self.tree / "csrc" / "one.h").write_text("2")
        self.tools.mkdir()
        for name, text in {
            "apt-get": NOTE + APT_GET,
            "dpkg-query": DPKG_QUERY,
            "id": ID,
            "python": NOTE + PYTHON,
            "sudo": "#!/bin/sh\nexit 1\n",
        }.items():
            (self.tools / name).write_text(text)
            (self.tools / name).chmod(0o755)
        for name in ("calls", "installed"):
            (base / name).write_text("")
        (base / "uid").write_text("0\n")

    def setup(self, status: int = 0) -> list[str]:
        """Runs the set-up; returns the calls that it made."""
        (self.base / "calls").write_text("")
        self.done = subprocess.run(
            ["sh", "conf/setup.sh"],
            cwd=self.tree,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env={
                "PATH": f"{self.tools}:{os.environ['PATH']}",
                "PYTHON": str(self.tools / "python"),
                "HOME": str(self.base),
                "CALLS": str(self.base / "calls"),
                "INSTALLED": str(self.base / "installed"),
                "USER_ID": str(self.base / "uid"),
                "APT_FAILS": str(self.base / "apt-fails"),
                "COMPILER_FAILS": str(self.base / "compiler-fails"),
                "PROMPTS": str(self.base / "prompts"),
            },
        )
        assert self.done.returncode == status, self.done.stderr
        return (self.base / "calls").read_text().splitlines()

    def edit(self, name: str) -> None:
        """A line more."""
        with (self.tree / name).open("a") as out:
            out.write("\n# changed\n")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def ready(folder: Folder) -> Folder:
    folder.setup()
    return folder


def packages() -> list[str]:
    lines = (ROOT / "conf" / "debian-packages.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def of_kind(calls: list[str]) -> list[str]:
    """The calls, each in a word."""
    kinds = {
        " update": "update", " install -y": "apt", "-m venv": "venv", "-r conf/requirements.txt": "pip",
        "--editable": "compile", "cti.vru.prompts": "prompts",
    }  # fmt: skip
    return [kind for call in calls for mark, kind in kinds.items() if mark in call]


def test_the_first_time_does_everything(folder: Folder) -> None:
    calls = folder.setup()
    assert of_kind(calls) == ["update", "apt", "venv", "pip", "compile", "prompts"]
    installed = next(call for call in calls if " install -y" in call)
    assert installed.endswith("--no-install-recommends " + " ".join(packages()))
    assert not any("--no-index" in call for call in calls)


def test_the_second_time_calls_nothing(ready: Folder) -> None:
    assert ready.setup() == []
    assert ready.done.stdout == ready.done.stderr == ""


@pytest.mark.parametrize("name", ["csrc/one.c", "csrc/one.h", "drivers/build_engine.py"])
def test_a_changed_engine_is_compiled(ready: Folder, name: str) -> None:
    ready.edit(name)
    assert of_kind(ready.setup()) == ["pip", "compile", "prompts"]
    assert "compiling" in ready.done.stdout
    assert ready.setup() == []


def test_a_new_or_renamed_source_is_compiled(ready: Folder) -> None:
    (ready.tree / "csrc" / "one.c").rename(ready.tree / "csrc" / "two.c")
    assert "compile" in of_kind(ready.setup())


@pytest.mark.parametrize("name", ["setup.py", "pyproject.toml", "conf/requirements.txt", "conf/debian-packages.txt"])
def test_other_changes_keep_the_engine(ready: Folder, name: str) -> None:
    ready.edit(name)
    assert "pip" in of_kind(ready.setup())
    assert "compiling" not in ready.done.stdout
    assert ready.setup() == []


def test_a_compiler_that_fails_leaves_no_old_engine(ready: Folder) -> None:
    ready.edit("csrc/one.c")
    (ready.base / "compiler-fails").touch()
    ready.setup(status=1)
    assert not (ready.tree / "drivers" / "_engine.abi3.so").exists()
    (ready.base / "compiler-fails").unlink()
    assert "compile" in of_kind(ready.setup())


def _remove_engine(folder: Folder) -> None:
    (folder.tree / "drivers" / "_engine.abi3.so").unlink()


def _remove_venv(folder: Folder) -> None:
    shutil.rmtree(folder.tree / ".venv")


def _remove_prompts(folder: Folder) -> None:
    shutil.rmtree(folder.base / "prompts")


def _move(folder: Folder) -> None:
    folder.tree = folder.tree.rename(folder.base / "moved")


@pytest.mark.parametrize(
    ("change", "call"),
    [(_remove_engine, "compile"), (_remove_venv, "venv"), (_remove_prompts, "prompts"), (_move, "venv")],
)
def test_what_was_lost_is_made_again(ready: Folder, change: Callable[[Folder], None], call: str) -> None:
    change(ready)
    calls = of_kind(ready.setup())
    assert call in calls and "apt" not in calls
    assert ready.setup() == []


def test_only_missing_packages_are_installed(ready: Folder) -> None:
    installed = ready.base / "installed"
    installed.write_text(installed.read_text().replace("sox\n", "").replace("gcc\n", ""))
    calls = ready.setup()
    assert next(call for call in calls if " install -y" in call).endswith("--no-install-recommends gcc sox")


def test_without_root_one_line_names_the_packages(folder: Folder) -> None:
    (folder.base / "uid").write_text("1000\n")
    (folder.base / "installed").write_text("\n".join(name for name in packages() if name != "sox"))
    assert folder.setup(status=1) == []
    assert folder.done.stdout == ""
    assert folder.done.stderr == (
        "setup: Debian packages are missing and need root, run: apt-get install --no-install-recommends sox\n"
    )


def test_without_root_nothing_is_missed_where_all_is_installed(folder: Folder) -> None:
    (folder.base / "uid").write_text("1000\n")
    (folder.base / "installed").write_text("\n".join(packages()))
    assert of_kind(folder.setup()) == ["venv", "pip", "compile", "prompts"]


def test_apt_that_fails_is_told(folder: Folder) -> None:
    (folder.base / "apt-fails").touch()
    folder.setup(status=1)
    assert "E: no archive" in folder.done.stderr
    assert "apt-get failed, run: apt-get install" in folder.done.stderr.splitlines()[-1]


def test_a_bundle_needs_no_network(folder: Folder) -> None:
    for name in ("debs", "wheels"):
        (folder.tree / "bundle" / name).mkdir(parents=True)
    calls = folder.setup()
    for call in calls:
        if call.startswith("apt-get"):
            assert "Dir::Etc::SourceList=" in call and "Dir::Etc::SourceParts=" in call
        if " pip " in call:
            assert call.endswith("--no-index --find-links bundle/wheels")
    assert of_kind(calls) == ["update", "apt", "venv", "pip", "compile", "prompts"]


def test_scripts_are_sound() -> None:
    for name in ("conf/setup.sh", "conf/bundle.sh"):
        subprocess.run(["sh", "-n", str(ROOT / name)], check=True)
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=True)
    wanted = (ROOT / ".ci" / "run").stat().st_mode
    assert wanted & 0o111 and "make test" in (ROOT / ".ci" / "run").read_text()

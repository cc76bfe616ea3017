"""Debian packages fetched and unpacked for the DAHDI machine, by apt with lists and cache of its own.

Nothing is installed on the host and no root is needed: apt is told to keep its state in our folder and to know of no
installed package. The mirrors are those of the host (`/etc/apt`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path


class MachineError(Exception):
    """The machine cannot be built or booted: one clear line."""


class Packages:
    """Debian packages under `folder`: `fetch` downloads, `unpack` lays them out below a root of their own."""

    def __init__(self, folder: Path) -> None:
        for tool in ("apt-get", "dpkg-deb"):
            if shutil.which(tool) is None:
                raise MachineError(f"{tool} is missing: the DAHDI machine is built from packages of Debian 12")
        self.folder = folder.resolve()
        for name in ("state/lists/partial", "cache/archives/partial", "debs"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()

    def update(self) -> None:
        """Reads the mirrors' lists; no network is an error here, not later."""
        result = self._apt("update")
        if not any((self.folder / "state/lists").glob("*_Packages*")):
            raise MachineError(
                "no list of packages from the mirrors in /etc/apt: the DAHDI machine is built once from Debian "
                f"packages (150 MB) and needs the network for it. apt-get says: {_last_line(result)}"
            )

    def dependency(self, package: str, prefix: str) -> str:
        """The name, beginning with `prefix`, of what a package without contents stands for (the present kernel)."""
        for line in self._asked("depends", package).splitlines():
            name = line.removeprefix("  Depends: ")
            if name != line and name.startswith(prefix):
                return name
        raise MachineError(f"package {package} of Debian 12 is not on the mirrors in /etc/apt")

    def with_dependencies(self, *names: str) -> list[str]:
        """These packages and all they need, recommendations aside."""
        result = self._apt("--simulate", "install", *names)
        if result.returncode:
            raise MachineError(f"packages {', '.join(names)}: apt-get says: {_last_line(result)}")
        return [line.split()[1] for line in result.stdout.splitlines() if line.startswith("Inst ")]

    def fetch(self, names: Iterable[str]) -> list[Path]:
        """Downloads these very packages; returns their files."""
        files = []
        wanted = list(names)
        result = self._apt("download", *wanted)
        for name in wanted:
            found = sorted((self.folder / "debs").glob(f"{name}_*.deb"))
            if result.returncode or not found:
                raise MachineError(f"package {name} cannot be fetched from the network: {_last_line(result)}")
            files.append(found[-1])
        return files

    def unpack(self, files: Iterable[Path], root: Path) -> None:
        """Lays the packages out below `root`; manuals and documents are left out."""
        root.mkdir(parents=True, exist_ok=True)
        for file in files:
            reading = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(file)], stdout=subprocess.PIPE)
            leave_out = [f"--exclude=./usr/share/{name}" for name in ("doc", "man", "locale", "info", "lintian")]
            writing = ["tar", "-x", "-C", str(root), "--keep-directory-symlink", "--no-same-owner", *leave_out]
            done = subprocess.run(writing, stdin=reading.stdout, stderr=subprocess.PIPE, text=True)
            if reading.wait() or done.returncode:
                raise MachineError(f"package {file.name} cannot be unpacked into {root}: {done.stderr.strip()}")

    def _asked(self, *words: str) -> str:
        return subprocess.run(["apt-cache", *self._options(), *words], capture_output=True, text=True).stdout

    def _apt(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["apt-get", "--quiet", *self._options(), *words],
            cwd=self.folder / "debs",
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _options(self) -> list[str]:
        settings = {
            "Dir::State": self.folder / "state",
            "Dir::State::status": self.folder / "status",
            "Dir::Cache": self.folder / "cache",
            "APT::Sandbox::User": "root",  # who we are: no other user could write here
            "APT::Install-Recommends": "0",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
        }
        return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def _last_line(result: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in result.stdout.splitlines() if line.startswith(("E:", "W:", "Err:"))]
    return lines[-1] if lines else f"nothing, status {result.returncode}"

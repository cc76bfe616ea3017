"""Debian's `r2test`, the judge of our R2: another implementation, by others, over the same driver.

It is fetched once from the package libopenr2-bin (never installed), and laid into the folder that the machine shares.
"""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

from tests.dahdi.build import cache_folder, say
from tests.dahdi.debian import Packages

PACKAGES = ("libopenr2-3", "libopenr2-bin")
LIBRARY = "libopenr2.so.3"
INSIDE = "/results/openr2"


def lay_into(results: Path) -> None:
    """Puts the program and its library where the machine finds them. MachineError without network or mirror."""
    kept = cache_folder().parent / "openr2"
    kept.mkdir(parents=True, exist_ok=True)
    with (kept / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (kept / "r2test").exists():
            say("fetching r2test from Debian")
            packages = Packages(kept / "work")
            packages.update()
            tree = kept / "work/tree"
            packages.unpack(packages.fetch(PACKAGES), tree)
            shutil.copy2(next((tree / "usr/lib/x86_64-linux-gnu").glob(f"{LIBRARY}.*")), kept / LIBRARY)
            shutil.copy2(tree / "usr/bin/r2test", kept / "r2test")
            shutil.rmtree(kept / "work")
    place = results / Path(INSIDE).name
    place.mkdir(parents=True, exist_ok=True)
    for name in (LIBRARY, "r2test"):
        shutil.copy2(kept / name, place / name)

"""`python -m tests.systemd`: conf/systemd under a real systemd, which is process 1 of namespaces made for it.

For a machine with systemd (whatever its own process 1 is), as root; two and a half minutes, and nothing is left behind.
What is seen is printed line by line. Status 0: all of it; 1: not; 2: this machine cannot do it, and why.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
LIMIT_S = 400.0


def lack() -> str | None:
    """Why it cannot be done here."""
    if os.geteuid() != 0:
        return "only root can make the namespaces: sudo .venv/bin/python -m tests.systemd"
    if not Path("/lib/systemd/systemd").exists():
        return "there is no systemd here: apt-get install systemd"
    missing = [tool for tool in ("unshare", "journalctl", "ip", "setpriv") if shutil.which(tool) is None]
    return f"{', '.join(missing)} missing: apt-get install util-linux systemd iproute2" if missing else None


def own_cgroup(name: str) -> Path | None:
    """A control group for the container, so that its systemd rules over nobody else; None: there is no cgroup2."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup2":
            group = Path(where) / name
            group.mkdir(exist_ok=True)
            return group
    return None


def _remove(group: Path) -> None:
    """What its systemd left: empty groups, the innermost first."""
    for folder in sorted(group.rglob("*"), key=lambda path: -len(path.parts)):
        if folder.is_dir():
            folder.rmdir()
    group.rmdir()


def main() -> int:
    if why := lack():
        print(why, file=sys.stderr)
        return 2
    group = own_cgroup(f"tipring-systemd-{os.getpid()}")
    if group is None:
        print("there is no cgroup2 file system here: mount -t cgroup2 cgroup2 /sys/fs/cgroup", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="tipring-systemd-", dir="/dev/shm") as work:
        log = Path(work, "log")
        log.touch()
        spaces = ["--mount", "--pid", "--fork", "--kill-child", "--cgroup", "--uts", "--ipc", "--net", "--mount-proc"]
        script = ["sh", str(PROJECT / "tests/systemd/container.sh"), str(PROJECT), work]
        shell = f'echo $$ >"{group}/cgroup.procs" && exec "$@"'
        container = subprocess.Popen(["sh", "-c", shell, "sh", "unshare", *spaces, *script])
        try:
            with log.open(encoding="utf-8", errors="replace") as said:
                ends = time.monotonic() + LIMIT_S
                while container.poll() is None and time.monotonic() < ends:
                    time.sleep(0.2)
                    print(said.read(), end="", flush=True)
                print(said.read(), end="", flush=True)
        finally:
            container.kill()
            status = container.wait()
    _remove(group)
    return status


if __name__ == "__main__":
    sys.exit(main())

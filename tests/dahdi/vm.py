"""Boots the DAHDI machine and runs one command in it: the real kernel driver, without a card, in virtual time.

QEMU emulates the processor (no KVM) and counts instructions for time (`-icount`): the guest's clock stands still for
nothing and runs ahead over idle time, so DAHDI's 1 ms ticks and every timer agree exactly however busy the host is.
What the guest sees of the host, read-only: /usr, the project with its .venv, the Python it was made with.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from simulators.people.speech import default_cache
from tests.dahdi.build import HERE, Image
from tests.dahdi.debian import MachineError

PROJECT = HERE.parents[1]
MODULES = ("dahdi", "dahdi_echocan_mg2", "dahdi_dynamic", "dahdi_dynamic_loc")
SHIFT = 1
"""2^1 ns of guest time an instruction: a processor of 500 million instructions a second."""
ETC = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types", "ssl/openssl.cnf")


class Machine:
    """One boot. `results` is the folder which guest and host share; what the guest leaves there stays."""

    def __init__(
        self,
        image: Image,
        results: Path,
        spans: str,
        *,
        modules: Sequence[str] = MODULES,
        disk: Path | None = None,
        memory_mb: int = 1024,
        shift: int = SHIFT,
    ) -> None:
        self.results = results.resolve()
        self._image, self._spans, self._modules = image, spans, modules
        self._disk, self._memory, self._shift = disk, memory_mb, shift
        self._heard: Callable[[str], None] | None = None
        self._qemu: subprocess.Popen[bytes] | None = None

    def run(
        self,
        command: Sequence[str],
        *,
        limit_s: float,
        heard: Callable[[str], None] | None = None,
        environment: dict[str, str] | None = None,
    ) -> int:
        """Boots, runs the command, returns its status. `heard` is given each line as it comes (default: printed);
        it may call `kill`. MachineError where the guest dies or takes more than `limit_s` of the host's time."""
        self._prepare(command, environment or {})
        self._heard = heard or _print
        reading, writing = os.pipe()
        try:
            self._qemu = subprocess.Popen(
                [*self._program(), *self._hardware(f"/proc/self/fd/{writing}")],
                pass_fds=(writing,),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={**os.environ, "QEMU_MODULE_DIR": str(self._image.qemu / "usr/lib/x86_64-linux-gnu/qemu")},
            )
        finally:
            os.close(writing)
        listener = threading.Thread(target=self._listen, args=(os.fdopen(reading, "rb"),), daemon=True)
        listener.start()
        complaints: list[bytes] = []
        stderr = self._qemu.stderr
        assert stderr is not None
        complaining = threading.Thread(target=lambda: complaints.append(stderr.read()), daemon=True)
        complaining.start()
        began = time.monotonic()
        try:
            self._qemu.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise MachineError(f"{shlex.join(command)}: not done after {limit_s:.0f} s; see {self.results}") from None
        finally:
            self.kill()
            listener.join(5)
            complaining.join(5)
        self.took_s = time.monotonic() - began
        status = self.results / "run" / "status"
        if self.was_killed:
            return -9
        if not status.exists():
            said = b"".join(complaints).decode(errors="replace").strip() or "see its console.log"
            raise MachineError(f"the machine died before its command ended: {said} ({self.results})")
        return int(status.read_text())

    was_killed = False
    took_s = 0.0

    def cut_power(self) -> None:
        """As if the plug were pulled."""
        self.was_killed = True
        self.kill()

    def kill(self) -> None:
        """Ends QEMU if it runs."""
        if self._qemu is not None and self._qemu.poll() is None:
            self._qemu.kill()
            self._qemu.wait()

    def _prepare(self, command: Sequence[str], environment: dict[str, str]) -> None:
        run = self.results / "run"
        shutil.rmtree(run, ignore_errors=True)
        run.mkdir(parents=True)
        shutil.copy(HERE / "spans" / f"{self._spans}.conf", run / "system.conf")
        (run / "vars").write_text(f"modules='{' '.join(self._modules)}'\n")
        (run / "shares").write_text("".join(f"{tag} {folder}\n" for tag, folder in _shares()))
        with tarfile.open(run / "etc.tar", "w") as tar:
            for name in ETC:
                if Path("/etc", name).exists():
                    tar.add(f"/etc/{name}", f"etc/{name}")
        told = {"HOME": "/root", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        told |= {"TIPRING_SPEECH": str(default_cache()), **environment}
        told["PATH"] = f"{PROJECT}/.venv/bin:/usr/sbin:/usr/bin"
        lines = [f"cd {shlex.quote(str(PROJECT))}", *(f"export {k}={shlex.quote(v)}" for k, v in told.items())]
        (run / "command").write_text("\n".join([*lines, f"exec {shlex.join(command)}"]) + "\n")

    def _program(self) -> list[str]:
        data = self._image.qemu / "usr/share"
        return [*self._image.tool("usr/bin/qemu-system-x86_64"), "-L", f"{data}/qemu", "-L", f"{data}/seabios"]

    def _hardware(self, output: str) -> list[str]:
        words = ["-M", "q35", "-cpu", "Nehalem", "-m", str(self._memory), "-smp", "1", "-nodefaults", "-no-user-config"]
        words += ["-display", "none", "-no-reboot", "-nic", "none", "-accel", "tcg,thread=single"]
        words += ["-icount", f"shift={self._shift},sleep=off"]
        words += ["-kernel", str(self._image.kernel), "-initrd", str(self._image.initrd), "-append", KERNEL]
        words += ["-serial", f"file:{self.results}/console.log"]
        words += ["-chardev", f"file,id=out,path={output},append=on"]
        words += ["-device", "virtio-serial-pci", "-device", "virtserialport,chardev=out,name=out"]
        if self._disk is not None:
            words += ["-drive", f"file={self._disk},format=raw,if=virtio,cache=writeback"]
        for tag, folder in [("results", self.results), ("usr", Path("/usr")), *_shares()]:
            only = "" if tag == "results" else ",readonly=on"
            words += ["-fsdev", f"local,id={tag},path={folder},security_model=none,multidevs=remap{only}"]
            words += ["-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
        return words

    def _listen(self, output: IO[bytes]) -> None:
        with output:
            for line in output:
                if self._heard is not None:
                    self._heard(line.decode(errors="replace").rstrip("\r\n"))


KERNEL = (
    "console=ttyS0 panic=-1 reboot=t mitigations=off nokaslr random.trust_cpu=on tsc=reliable clocksource=tsc quiet"
)


def _shares() -> list[tuple[str, Path]]:
    """What of the host lies outside /usr and is needed inside: the project, its Python, what was spoken already."""
    folders = [folder for folder in (PROJECT, Path(sys.base_prefix).resolve(), default_cache()) if folder.is_dir()]
    return [(f"share{n}", folder) for n, folder in enumerate(folders) if not folder.is_relative_to("/usr")]


def _print(line: str) -> None:
    print(line, flush=True)

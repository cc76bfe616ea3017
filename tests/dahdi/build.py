"""Builds what the DAHDI machine boots, once: Debian's kernel, DAHDI's modules, QEMU, a small first file system.

All of it comes from Debian 12 packages and lies in the user's cache, in a folder named by the recipe's checksum: what
is there is what the recipe would make, and then neither apt nor the compiler is called. DAHDI's source is built as it
is, unpatched.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import lzma
import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.dahdi.debian import MachineError, Packages

HERE = Path(__file__).resolve().parent
RECIPE = ("build.py", "debian.py", "init")
DRIVERS = ("dahdi", "dahdi_dynamic", "dahdi_dynamic_loc", "dahdi_echocan_mg2")
KERNEL_MODULES = (
    *(f"drivers/virtio/virtio{part}" for part in ("", "_ring", "_pci", "_pci_modern_dev", "_pci_legacy_dev")),
    *("fs/netfs/netfs", "fs/fscache/fscache", "net/9p/9pnet", "net/9p/9pnet_virtio", "fs/9p/9p"),
    *("drivers/char/virtio_console", "drivers/block/virtio_blk"),
    *("lib/crc16", "crypto/crc32c_generic", "lib/libcrc32c", "fs/mbcache", "fs/jbd2/jbd2", "fs/ext4/ext4"),
)
FOLDERS = (
    *("proc", "sys", "dev", "tmp", "run", "usr", "var", "root", "mnt", "etc/dahdi"),
    *("bb", "mod", "opt/dahdi", "results", "state"),
)


@dataclass(frozen=True)
class Image:
    """What `boot` needs."""

    kernel: Path
    initrd: Path
    qemu: Path  # root of QEMU, of mke2fs, and of all their libraries
    lock: IO[str]  # held as long as the machine may be booted

    def tool(self, name: str) -> list[str]:
        """The words that call a program of that root, by its own loader: the host's libraries do not matter."""
        libraries = f"{self.qemu}/usr/lib/x86_64-linux-gnu:{self.qemu}/lib/x86_64-linux-gnu"
        return [str(self.qemu / "lib64/ld-linux-x86-64.so.2"), "--library-path", libraries, str(self.qemu / name)]

    def disk(self, path: Path) -> Path:
        """An empty disk for the guest's /state, with a journal, as a server's has; kept as long as its file."""
        path.unlink(missing_ok=True)
        environment = {**os.environ, "MKE2FS_CONFIG": str(self.qemu / "etc/mke2fs.conf")}
        words = [*self.tool("sbin/mke2fs"), "-q", "-t", "ext4", str(path), "128M"]
        made = subprocess.run(words, env=environment, capture_output=True, text=True)
        if made.returncode:
            raise MachineError(f"{path}: no file system could be made: {made.stderr.strip()}")
        return path


def cache_folder() -> Path:
    """Where the machine is kept for this user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "tipring" / "dahdi-machine"


def image() -> Image:
    """The machine, built where it is not there yet; MachineError says in one line what is in the way.

    Each recipe has a folder of its own, locked while it is built and as long as somebody boots from it; those of other
    recipes are deleted once nobody does."""
    folder = cache_folder() / _recipe()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise MachineError(f"{folder}: {error.strerror}; XDG_CACHE_HOME names another place") from error
    made = Image(folder / "vmlinux", folder / "initrd.gz", folder / "qemu", lock)
    fcntl.flock(lock, fcntl.LOCK_EX)
    if not (folder / "built").exists():
        _build(folder, made)
        (folder / "built").touch()
    fcntl.flock(lock, fcntl.LOCK_SH)
    for other in folder.parent.iterdir():
        _forget(other, folder)
    return made


def _forget(other: Path, ours: Path) -> None:
    """Deletes the folder of another recipe, unless it is in use."""
    if other == ours or not (other / "lock").exists():
        return
    with (other / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        shutil.rmtree(other, ignore_errors=True)


def _recipe() -> str:
    return hashlib.sha256(b"".join((HERE / name).read_bytes() for name in RECIPE)).hexdigest()[:16]


def _build(cache: Path, made: Image) -> None:
    for tool in ("gcc-12", "make", "strip"):
        if shutil.which(tool) is None:
            raise MachineError(
                f"{tool} is missing, which compiles DAHDI's modules: apt-get install gcc-12 make binutils"
            )
    if os.uname().machine != "x86_64":
        raise MachineError(f"the DAHDI machine is an x86-64 PC; this is {os.uname().machine}")
    work = cache / "work"
    shutil.rmtree(work, ignore_errors=True)
    packages = Packages(work)
    say("reading Debian's lists of packages")
    packages.update()
    kernel = packages.dependency("linux-image-amd64", "linux-image-").removeprefix("linux-image-")
    kernel = kernel.removesuffix("-unsigned")
    headers = packages.with_dependencies(f"linux-headers-{kernel}")
    say(f"fetching kernel {kernel}, DAHDI and QEMU (150 MB)")
    tree = work / "tree"
    wanted = [f"linux-image-{kernel}", *(n for n in headers if n.startswith(("linux-headers-", "linux-kbuild-")))]
    wanted += ["libelf1", "zlib1g", "dahdi-source", "dahdi", "libtonezone2.0", "busybox-static"]
    packages.unpack(packages.fetch(wanted), tree)
    shutil.rmtree(made.qemu, ignore_errors=True)
    packages.unpack(packages.fetch(packages.with_dependencies("qemu-system-x86", "e2fsprogs")), made.qemu)
    _unpack_kernel(tree / "boot" / f"vmlinuz-{kernel}", made.kernel)
    say("compiling DAHDI's modules")
    modules = _compile(tree, work / "dahdi", kernel)
    _first_file_system(tree, modules, kernel, work / "root", made.initrd)
    shutil.rmtree(work, ignore_errors=True)


def _unpack_kernel(packed: Path, kernel: Path) -> None:
    """Uncompressed, so that QEMU enters it directly: no BIOS, and no unpacking by an emulated processor."""
    data = packed.read_bytes()
    at = data.find(b"\xfd7zXZ\x00")
    unpacked = lzma.LZMADecompressor().decompress(data[at:]) if at >= 0 else b""
    if not unpacked.startswith(b"\x7fELF"):
        raise MachineError(f"{packed.name}: no kernel packed by xz in it; Debian 12 has one")
    kernel.write_bytes(unpacked)


def _compile(tree: Path, source: Path, kernel: str) -> list[Path]:
    """DAHDI's modules, against the unpacked headers."""
    with tarfile.open(tree / "usr/src/dahdi.tar.bz2") as tar:
        tar.extractall(source)
    dahdi = source / "modules" / "dahdi"
    headers = tree / "usr/src" / f"linux-headers-{kernel}"
    makefile = headers / "Makefile"  # it names the other headers by their place on an installed system
    makefile.write_text(makefile.read_text().replace("include /usr/src", f"include {tree}/usr/src"))
    here = dahdi / "drivers/dahdi"
    chosen = [f"CONFIG_{name.upper()}=m" for name in DRIVERS]
    words = [f"M={here}", f"KBUILD_EXTMOD={here}", f"DAHDI_INCLUDE={dahdi}/include", "DAHDI_BUILD_ALL="]
    libraries = f"{tree}/usr/lib/x86_64-linux-gnu:{tree}/lib/x86_64-linux-gnu"  # of the kernel's own tools
    with (source / "log").open("w") as log:
        for command in (
            ["make", "-C", str(dahdi), "include/dahdi/version.h"],
            ["make", "-C", str(headers), *words, *chosen, f"-j{os.cpu_count() or 1}", "modules"],
        ):
            environment = {**os.environ, "LD_LIBRARY_PATH": libraries, "LC_ALL": "C"}
            for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):  # we may be called by a make
                environment.pop(name, None)
            if subprocess.run(command, stdout=log, stderr=log, env=environment).returncode:
                raise MachineError(f"DAHDI's modules do not compile, see {source / 'log'}")
    made = [here / f"{name}.ko" for name in DRIVERS]
    subprocess.run(["strip", "-g", *map(str, made)], check=True)
    return made


def _first_file_system(tree: Path, modules: list[Path], kernel: str, root: Path, initrd: Path) -> None:
    """What the guest has before it sees the host's /usr: busybox, modules, DAHDI's tools, process 1."""
    for name in FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    (root / "var/tmp").symlink_to("/tmp")
    shutil.copy2(tree / "bin/busybox", root / "bb/busybox")
    shutil.copy2(HERE / "init", root / "init")
    (root / "init").chmod(0o755)
    inside = tree / "lib/modules" / kernel / "kernel"
    for file in [*(inside / f"{name}.ko" for name in KERNEL_MODULES), *modules]:
        if file.exists():  # some are part of the kernel itself, by its version
            shutil.copy2(file, root / "mod" / file.name)
    for file in (tree / "usr/sbin/dahdi_cfg", *(tree / "usr/lib/x86_64-linux-gnu").glob("libtonezone.so.*")):
        shutil.copy2(file, root / "opt/dahdi" / file.name)
    names = b"\0".join(os.fsencode(path.relative_to(root)) for path in [root, *sorted(root.rglob("*"))])
    busybox = [str(root / "bb/busybox"), "cpio", "-o", "-0", "-H", "newc"]
    packed = subprocess.run(busybox, cwd=root, input=names + b"\0", capture_output=True)
    if packed.returncode:
        raise MachineError(f"the guest's first file system: {packed.stderr.decode().strip()}")
    initrd.write_bytes(gzip.compress(packed.stdout, 1))


def say(text: str) -> None:
    """One line of progress."""
    print(f"dahdi machine: {text}", flush=True)

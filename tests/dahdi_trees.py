"""What the real driver told in /sys and /proc, saved from the machine of tests/dahdi (tests/golden/dahdi): laid out
anew below a folder, for whoever reads it there.

analog: two joined spans of six channels, as in spans/analog.conf, a canceller on 7-10, channel 8 open. alarm: the same
when the far end of the second span is gone. e1: two spans of 31 channels, PRI.
"""

from __future__ import annotations

import json
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden" / "dahdi"
KERNEL = "6.1.0-56-amd64"


def tree(name: str, root: Path, *, kernels: dict[str, bool] | None = None) -> Path:
    """A root with that driver, and kernels (release: whether it has the module)."""
    files: dict[str, str] = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8")) if name else {}
    for path, text in files.items():
        place = root / path.lstrip("/")
        if path.endswith("/"):  # a folder that the driver links there
            place.mkdir(parents=True, exist_ok=True)
        else:
            write(place, text)
    if name:
        write(root / "dev/dahdi/channel", "")
    for release, has in (kernels or {KERNEL: True}).items():
        write(root / "boot" / f"vmlinuz-{release}", "")
        dahdi = "updates/dkms/dahdi.ko: kernel/lib/crc-ccitt.ko\nupdates/dkms/wctdm.ko: updates/dkms/dahdi.ko\n"
        other = "kernel/fs/ext4/ext4.ko:\nkernel/net/dahdi_like.ko: kernel/fs/dahdi.txt\n"
        write(root / "lib/modules" / release / "modules.dep", other + (dahdi if has else ""))
    return root


def pci_card(root: Path, slot: str, vendor: str, device: str, subsystem: str = "0000") -> None:
    """A card on the bus, without a driver."""
    for name, value in (("vendor", vendor), ("device", device), ("subsystem_vendor", subsystem)):
        write(root / "sys/bus/pci/devices" / slot / name, f"0x{value}\n")


def write(path: Path, text: str) -> None:
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")

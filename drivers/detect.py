"""What cards there are, as the DAHDI driver tells: devices, spans, channels, signalling, alarms; and what is missing.

Pure reading of /sys, /lib/modules and /boot, below a root that tests choose: no channel is opened, nothing is changed,
no right is needed. What a channel *can be* comes from the card's own driver (sigcap), what it *is* from system.conf
(sig). Serves `tipring detect` and `tipring check`, hence all nine steps on real cards.

Limits: a tree that changes under the reader (a card pulled out) loses the entries that are gone, without an error.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from drivers.pci_cards import known_card

SIGNALLING = {
    "FXSLS": "fxsls",
    "FXSKS": "fxsks",
    "FXSGS": "fxsgs",
    "FXOLS": "fxols",
    "FXOKS": "fxoks",
    "FXOGS": "fxogs",
    "E&M": "e&m",
    "E&M-E1": "e&me1",
    "Clear": "bchan",
    "CAS": "cas",
    "HDLCFCS": "dchan",
    "Hardware-assisted HDLC": "hardhdlc",
    "HDLCRAW": "rawhdlc",
    "HDLCNET": "nethdlc",
    "MTP2": "mtp2",
    "DACS": "dacs",
    "DACS+RBS": "dacsrbs",
}
"""The driver's words (dahdi-base.c, sigstr) and those of system.conf."""
KIND = {
    "fxsls": "fxo",
    "fxsks": "fxo",
    "fxols": "fxs",
    "fxoks": "fxs",
    "bchan": "b",
    "cas": "b",
    "dchan": "d",
    "hardhdlc": "d",
}
"""The kind of port of a signalling; others serve no port. An FXO port is *signalled* fxs, and the other way round."""
ALARMS = ((1, "recover"), (2, "loopback"), (4, "yellow"), (8, "red"), (16, "blue"), (32, "not_open"))
ALARMS_OF_SPAN = (*ALARMS, (256, "los"), (512, "lfa"), (1024, "lmfa"))
CHANNEL_FILE = "dev/dahdi/channel"


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel. `signalling` is the word of system.conf, "" while unconfigured; `can` what the card's driver offers;
    `echo` the canceller attached ("MG2"), "" none."""

    number: int
    name: str
    span: int
    position: int
    signalling: str
    can: tuple[str, ...]
    in_use: bool
    alarms: tuple[str, ...]
    echo: str

    @property
    def kind(self) -> str:
        """fxo, fxs, b or d; "" where it is configured for none of them, or not configured."""
        return KIND.get(self.signalling, "")


@dataclass(frozen=True, slots=True)
class Span:
    """One span: an analog card, or one E1 of a digital one. `lineconfig` as the driver tells it ("CCS/HDB3/CRC4")."""

    number: int
    name: str
    description: str
    type: str
    digital: bool
    alarms: tuple[str, ...]
    lineconfig: str
    sync_source: int
    sync_master: bool
    device: str
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True)
class Device:
    """A card, with the spans it has and those that got numbers."""

    name: str
    hardware_id: str
    location: str
    manufacturer: str
    type: str
    spans: int
    assigned: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PciCard:
    """A card on the PCI bus that DAHDI has a driver for; `bound`: the kernel module that drives it now, "" none."""

    slot: str
    name: str
    module: str
    bound: str


@dataclass(frozen=True, slots=True)
class Kernel:
    """An installed kernel, and whether a dahdi module was built for it."""

    release: str
    running: bool
    has_dahdi: bool


@dataclass(frozen=True, slots=True)
class Found:
    """All that was found. `version` of the loaded dahdi module, None where it is not loaded; `device_file`: there,
    "missing", or "denied" to this user."""

    version: str | None
    device_file: str
    devices: tuple[Device, ...]
    spans: tuple[Span, ...]
    pci: tuple[PciCard, ...]
    kernels: tuple[Kernel, ...]

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Every channel, by number."""
        return tuple(sorted((c for span in self.spans for c in span.channels), key=lambda c: c.number))

    def channel(self, number: int) -> Channel | None:
        """The channel of this number."""
        return next((channel for channel in self.channels if channel.number == number), None)


def read(root: Path = Path("/")) -> Found:
    """Everything, of the machine or of a saved tree."""
    version = _text(root / "sys/module/dahdi/version")
    loaded = (root / "sys/module/dahdi").is_dir()
    return Found(
        version=(version or "?") if loaded else None,
        device_file=_device_file(root / CHANNEL_FILE),
        devices=tuple(_devices(root)),
        spans=tuple(_spans(root)),
        pci=tuple(_pci(root)),
        kernels=kernels(root),
    )


def kernels(root: Path = Path("/"), running: str | None = None) -> tuple[Kernel, ...]:
    """The kernels that this PC may boot: those with an image in /boot, else those with modules. A folder of modules
    whose image is gone boots no more and is not told. `running` is the release of the running one (uname -r)."""
    release = os.uname().release if running is None else running
    modules = root / "lib/modules"
    names = {path.name.removeprefix("vmlinuz-") for path in _listed(root / "boot") if path.name.startswith("vmlinuz-")}
    names = names or {path.name for path in _listed(modules) if (path / "modules.dep").is_file()}
    return tuple(Kernel(name, name == release, _has_dahdi(modules / name)) for name in sorted(names))


def _has_dahdi(modules: Path) -> bool:
    """Whether depmod lists the module, wherever dkms, module-assistant or make put it."""
    try:
        lines = (modules / "modules.dep").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any(Path(line.partition(":")[0]).name.partition(".")[0] == "dahdi" for line in lines)


def ranges(numbers: Iterable[int]) -> str:
    """Channels as system.conf and the site file write them: 1-4,6."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _devices(root: Path) -> Iterator[Device]:
    for path in _listed(root / "sys/bus/dahdi_devices/devices"):
        assigned = sorted(int(entry.name[5:]) for entry in _listed(path) if entry.name.startswith("span-"))
        count = _text(path / "span_count")
        yield Device(
            path.name,
            _text(path / "hardware_id"),
            _text(path / "location"),
            _text(path / "manufacturer"),
            _text(path / "type"),
            int(count) if count.isdigit() else len(assigned),
            tuple(assigned),
        )


def _spans(root: Path) -> Iterator[Span]:
    channels: dict[int, list[Channel]] = {}
    for path in _listed(root / "sys/bus/dahdi_channels/devices"):
        found = _channel(path)
        if found is not None:
            channels.setdefault(found.span, []).append(found)
    devices = {number: device.name for device in _devices(root) for number in device.assigned}
    for path in sorted(_listed(root / "sys/bus/dahdi_spans/devices"), key=lambda path: _number(path.name)):
        number = _number(path.name)
        mask = _text(path / "alarms")
        source = _text(path / "syncsrc")
        yield Span(
            number,
            _text(path / "name"),
            _text(path / "desc"),
            _text(path / "spantype"),
            _text(path / "is_digital") == "1",
            _alarms(int(mask, 16) if mask.startswith("0x") else 0),
            _text(path / "lineconfig"),
            int(source) if source.isdigit() else 0,
            _text(path / "is_sync_master") == "1",
            devices.get(number, ""),
            tuple(sorted(channels.get(number, ()), key=lambda channel: channel.number)),
        )


def _channel(path: Path) -> Channel | None:
    """A channel's folder is named dahdi!chan!SPAN!POSITION."""
    number, sig = _text(path / "channo"), _text(path / "sig")
    parts = path.name.split("!")
    if not number.isdigit() or len(parts) != 4 or not parts[2].isdigit() or not parts[3].isdigit():
        return None
    return Channel(
        int(number),
        _text(path / "name"),
        int(parts[2]),
        int(parts[3]),
        SIGNALLING.get(sig, "" if sig == "Unconfigured" else sig.lower()),
        _can(_text(path / "sigcap")),
        _text(path / "in_use") == "1",
        tuple(word.lower() for word in _text(path / "alarms").split()),
        _text(path / "ec_factory"),
    )


def _can(words: str) -> tuple[str, ...]:
    """Signallings of which one has a blank in its name."""
    for name in ("Hardware-assisted HDLC", "SF (ToneOnly)"):
        words = words.replace(name, name.replace(" ", "_"))
    return tuple(SIGNALLING[name] for name in (word.replace("_", " ") for word in words.split()) if name in SIGNALLING)


def _pci(root: Path) -> Iterator[PciCard]:
    for path in _listed(root / "sys/bus/pci/devices"):
        ids = [_text(path / name).removeprefix("0x").lower() for name in ("vendor", "device", "subsystem_vendor")]
        known = known_card(*ids)
        if known is not None:
            driver = path / "driver"
            yield PciCard(path.name, *known, driver.resolve().name if driver.exists() else "")


def _device_file(path: Path) -> str:
    if not path.exists():
        return "missing"
    return "there" if os.access(path, os.R_OK | os.W_OK) else "denied"


def _alarms(mask: int) -> tuple[str, ...]:
    return tuple(name for bit, name in ALARMS_OF_SPAN if mask & bit)


def _listed(folder: Path) -> Sequence[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return ()


def _text(path: Path) -> str:
    """An attribute; "" where there is none (any more)."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _number(name: str) -> int:
    digits = name.rpartition("-")[2]
    return int(digits) if digits.isdigit() else 0

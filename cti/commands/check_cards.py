"""What `tipring check` looks at where the site has real cards: kernels without the dahdi module, and the channels.

The morning after an update: a kernel was installed, the module was not built for it, and the next start finds no card.
Nothing is opened, so it may be asked while the server runs. Serves every step, on real cards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from cti.commands.detect_help import FOR_ONE_KERNEL, INSTALL
from cti.conf import checked_yaml
from cti.conf.checked_yaml import Document
from cti.errors import Fault
from cti.site.config import Card, DahdiCard
from drivers.detect import Found, ranges, read

WANTED = {"fxo": "fxsks", "fxs": "fxoks", "b": "bchan", "d": "dchan"}


def card_faults(path: Path, cards: Mapping[int, Card], root: Path = Path("/")) -> list[Fault]:
    """Every fault of the site's real cards (by their places in the file) on this machine; none where it has none."""
    real = {at: card for at, card in cards.items() if isinstance(card, DahdiCard)}
    if not real:
        return []
    document, found = checked_yaml.read(path), read(root)
    first = min(real)
    faults = list(_kernels(document, first, found))
    if found.version is None:
        if not faults:
            remedy = (
                "modprobe dahdi; `tipring detect` says what is missing. Not the server's computer: check --no-cards"
            )
            faults.append(document.fault(("cards", first, "kind"), "the DAHDI driver is not loaded", remedy))
        return faults
    for at, card in real.items():
        faults += _channels(document, at, card, found)
    return faults


def _kernels(document: Document, at: int, found: Found) -> Iterator[Fault]:
    for kernel in found.kernels:
        if not kernel.has_dahdi:
            when = "which runs now" if kernel.running else "which the next start may boot"
            message = f"kernel {kernel.release}, {when}, has no dahdi module: no card would be there"
            remedy = f"{FOR_ONE_KERNEL.format(kernel.release)} (not installed at all: {INSTALL})"
            yield document.fault(("cards", at, "kind"), message, remedy)


def _channels(document: Document, at: int, card: DahdiCard, found: Found) -> Iterator[Fault]:
    """A fault for the channels that are not there, for those not configured, and for each other signalling."""
    where = ("cards", at, "channels")
    channels = [(number, found.channel(number)) for number in card.numbers]
    missing = ranges(number for number, channel in channels if channel is None)
    if missing:
        there = ranges(channel.number for channel in found.channels) or "none"
        remedy = f"write those that `tipring detect` lists ({there})"
        yield document.fault(where, f"card {card.name}: channels {missing} do not exist", remedy)
    wrong: dict[str, list[int]] = {}
    for number, channel in channels:
        if channel is not None and channel.kind != card.type:
            wrong.setdefault(channel.signalling, []).append(number)
    for signalling, numbers in wrong.items():
        told = f"are signalled {signalling}" if signalling else "are not configured"
        remedy = f"write {WANTED[card.type]}={ranges(numbers)} into /etc/dahdi/system.conf, then: dahdi_cfg"
        yield document.fault(
            where, f"card {card.name}: channels {ranges(numbers)} {told}, for a card of type {card.type}", remedy
        )

"""Real cards, through DAHDI: Digium, Sangoma, OpenVox, Xorcom and compatible, analog and E1.

A `DahdiCard` is a row of DAHDI channels that an engine drives together; its face is that of any card. The driver's
kernel module must be loaded and its channels configured (/etc/dahdi/system.conf, dahdi_cfg): whatever is not so is a
`CardError` with one clear line, before anything rings. Serves all nine steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers._engine import ffi, lib
from drivers.card import Card
from drivers.errors import ArgumentError, CardError
from drivers.items import centi
from drivers.state import ECHO_MODES, KINDS, LAWS

if TYPE_CHECKING:
    from drivers.engine import Engine

_ERROR_ROOM = 512


@dataclass(frozen=True, slots=True)
class DahdiPort:
    """One channel and how it is to be set.

    channel: DAHDI's number, from 1. kind: "fxo" (signalled fxsls or fxsks), "fxs" (fxols, fxoks), "b" (bchan, or cas),
    "d" (dchan: HDLC frames). law: "a" or "mu". depth: blocks of 20 ms written ahead, 2..16: more bears longer pauses of
    the machine, less delays less (3 for R2). rx_db, tx_db: gains in the driver, -24..24. echo_taps: its canceller's
    length in samples, 32..1024, a power of two, 0 none. echo_mode: "on", "fax", "off" from the start."""

    channel: int
    kind: str
    law: str = "a"
    depth: int = 4
    rx_db: float = 0.0
    tx_db: float = 0.0
    echo_taps: int = 0
    echo_mode: str = "on"


class DahdiCard(Card):
    """The channels of `ports` as one card, in this order; adopted by `engine` at once, or later by `Engine.add_card`.

    CardError where a channel is missing, busy, not configured, not permitted, or of another kind, and where DAHDI is
    not there at all; then none stays open."""

    def __init__(self, engine: Engine | None, ports: Sequence[DahdiPort], *, name: str = "dahdi") -> None:
        configs = ffi.new("struct tr_dahdi_port[]", max(1, len(ports)))
        for config, port in zip(configs, ports, strict=False):
            for what, value, table in (
                ("kind", port.kind, KINDS),
                ("law", port.law, LAWS),
                ("echo_mode", port.echo_mode, ECHO_MODES),
            ):
                if value not in table:
                    raise ArgumentError(f"DAHDI channel {port.channel}: {what} {value!r} is none of {', '.join(table)}")
            config.channel, config.kind, config.law = port.channel, KINDS[port.kind], LAWS[port.law]
            config.depth, config.rx_cdb, config.tx_cdb = port.depth, centi(port.rx_db), centi(port.tx_db)
            config.echo_taps, config.echo_mode = port.echo_taps, ECHO_MODES[port.echo_mode]
        told = ffi.new("char[]", _ERROR_ROOM)
        pointer = lib.tr_dahdi_card_new(configs, len(ports), told, _ERROR_ROOM)
        if pointer == ffi.NULL:
            error = CardError(ffi.string(told).decode(errors="replace"))
            error.errno = ffi.errno
            raise error
        super().__init__(name, pointer, len(ports))
        if engine is not None:
            engine.add_card(self)

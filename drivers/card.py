"""Cards: what an engine adopts, and the software card, whose ports are ends of simulated wires.

Nothing above may ask whether a card is simulated; only what builds a world (simulators, tests, the demo) wires software
cards to each other, makes their wires bad, and taps them. Serves all nine steps.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from drivers._engine import ffi, lib
from drivers.errors import ArgumentError, CardError, PortStateError, check
from drivers.port import Port
from drivers.state import ALARMS, CAPABILITIES, KINDS, LAWS, mask

if TYPE_CHECKING:
    from drivers.engine import Engine

USUAL = ("hears_on_hook", "reports_ring_begin", "precision", "polarity", "lamp")
"""Capabilities a software card offers unless told otherwise: all that are optional."""


class Card:
    """A card of an engine: its name, and its ports once adopted."""

    def __init__(self, name: str, pointer: Any, count: int) -> None:
        self.name = name
        self.pointer = pointer
        self.ports: list[Port] = []
        self.engine: Engine | None = None
        self._count = count

    def adopted(self, engine: Engine) -> list[Port]:
        """The engine has taken the card: its ports get their numbers."""
        self.engine = engine
        for index in range(self._count):
            number = engine.alloc_port(self, index)
            port = Port(engine, number, f"{self.name}:{index}", index)
            engine.ports[number] = port
            self.ports.append(port)
        return self.ports


class SoftwareCard(Card):
    """`ports` ports of one `kind` ("fxo", "fxs", "b", "d"); adopted by `engine` at once, or by `Engine.add_card`."""

    def __init__(
        self,
        engine: Engine | None,
        kind: str,
        ports: int,
        *,
        capabilities: Iterable[str] = USUAL,
        law: str = "a",
        name: str | None = None,
    ) -> None:
        if kind not in KINDS or law not in LAWS:
            raise ArgumentError(
                f"kind {kind!r} is none of {', '.join(KINDS)}, or law {law!r} none of {', '.join(LAWS)}"
            )
        config = ffi.new("struct tr_sim_config *")
        config.ports, config.kind, config.law = ports, KINDS[kind], LAWS[law]
        config.capabilities = mask(tuple(capabilities), CAPABILITIES, "capability")
        pointer = lib.tr_sim_card_new(config)
        if pointer == ffi.NULL:
            raise CardError(f"software card of {ports} {kind} ports", ffi.errno)
        super().__init__(name or kind, pointer, ports)
        if engine is not None:
            engine.add_card(self)

    def add_port(self, kind: str, capabilities: Iterable[str] = USUAL) -> int:
        """One more port, of any kind, before the card is adopted; returns its place on the card."""
        if self.engine is not None:
            raise PortStateError(f"card {self.name}: adopted already")
        wanted = mask(tuple(capabilities), CAPABILITIES, "capability")
        index = check(lib.tr_sim_card_add_port(self.pointer, KINDS[kind], wanted), f"card {self.name}", ffi.errno)
        self._count = max(self._count, index + 1)
        return index

    def wire(self, index: int, other: SoftwareCard, other_index: int, **faults: float | str) -> int:
        """Wires a port to one of another card in this process (FXO to FXS, B to B, D to D); `faults` as `faults`."""
        wire = check(
            lib.tr_wire_connect(self.pointer, index, other.pointer, other_index),
            f"wire {self.name}:{index} to {other.name}:{other_index}",
            ffi.errno,
        )
        if faults:
            self.faults(index, **faults)
        return wire

    def unwire(self, index: int) -> None:
        """Pulls the wire out."""
        check(lib.tr_wire_disconnect(self.pointer, index), f"wire of {self.name}:{index}", ffi.errno)

    def faults(self, index: int, **changes: float | str) -> dict[str, float]:
        """What the wire does to sound and signals now, after `changes`: loss_db, return_loss_db, far_echo_db,
        far_echo_ms, noise_dbm0, clip_dbm0, slip_per_min, cut, no_loop_drop, reversed, seed; on digital wires also
        bit_error_rate (0 to 0.5) and alarm, what this end sends instead of its signal: "" or 0 none, "los" nothing,
        "blue" all ones (AIS), "yellow" its signal with a remote alarm (RAI)."""
        faults = ffi.new("struct tr_wire_faults *")
        what = f"wire of {self.name}:{index}"
        check(lib.tr_wire_get(self.pointer, index, faults), what, ffi.errno)
        fields = [name for name, _ in ffi.typeof("struct tr_wire_faults").fields]
        whole = {name for name, field in ffi.typeof("struct tr_wire_faults").fields if field.type.cname != "double"}
        for name, value in changes.items():
            if name not in fields:
                raise ArgumentError(f"{what}: fault {name!r} is none of {', '.join(fields)}")
            if isinstance(value, str):
                if name != "alarm":
                    raise ArgumentError(f"{what}: fault {name}: {value!r} is no number")
                value = mask((value,) if value else (), ALARMS, "alarm")
            setattr(faults, name, int(value) if name in whole else float(value))
        if changes:
            check(lib.tr_wire_set(self.pointer, index, faults), what, ffi.errno)
        return {name: getattr(faults, name) for name in fields}

    def tap(self, index: int, stem: str | os.PathLike[str] | None) -> None:
        """Stepped: writes what the port hears (left) and sends (right) to `stem`.wav and its line edges to
        `stem`.jsonl; None ends that."""
        name = ffi.new("char[]", os.fsencode(stem)) if stem is not None else ffi.NULL
        check(lib.tr_wire_tap(self.pointer, index, name), f"tap of {self.name}:{index}", ffi.errno)

    def backplane(self, first: int, count: int, fd: int, paced: bool) -> Backplane:
        """Wires a range of ports to the same range of a card in another process, over a connected Unix SEQPACKET
        socket. The backplane owns the descriptor."""
        pointer = lib.tr_backplane_new(self.pointer, first, count, fd, int(paced))
        if pointer == ffi.NULL:
            raise CardError(f"backplane of {self.name}", ffi.errno)
        return Backplane(f"backplane of {self.name}", pointer, self)


class Backplane:
    """The wires whose far ends are in another process; freed with its card."""

    def __init__(self, name: str, pointer: Any, card: SoftwareCard) -> None:
        self.name = name
        self._pointer = pointer
        self._card = card

    def reconnect(self, fd: int | None) -> None:
        """Goes on over a new connection; None drops the present one."""
        check(lib.tr_backplane_reconnect(self._pointer, -1 if fd is None else fd), self.name, ffi.errno)

    def stats(self) -> dict[str, int]:
        """frames_sent, frames_received, slips, bad_frames, alarm (1: red), far_version, version (ours), refused (1: the
        far end speaks another version; its connection was dropped)."""
        out = ffi.new("struct tr_backplane_stats *")
        check(lib.tr_backplane_stats(self._pointer, out), self.name, ffi.errno)
        return {name: int(getattr(out, name)) for name, _ in ffi.typeof("struct tr_backplane_stats").fields}

"""The engine as a Twisted service: it owns the media loop in C, hands commands in and delivers events to its ports.

Stepped (the default): no thread; a `Stepper` runs it and pumps. Paced: `startService` starts the media thread and adds
the engine's event descriptor to the reactor as a reader. Events are only ever delivered from `pump()`, one after the
other; what they set off never re-enters. Serves all nine steps.

Overload: a full command ring is queued behind, up to `BACKLOG` commands, in order, then `EngineFull`; a full event ring
loses events, counts them (`Overrun`), and every port is reconciled from its level state.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer  # type: ignore[import-untyped]

from drivers._engine import ffi, lib
from drivers.clock import TICKS_PER_SECOND, Clock
from drivers.decode import RECORD, decode
from drivers.errors import CardError, EngineFull, PortStateError, check
from drivers.events import Event, Late, Overrun, RecordDone
from drivers.problems import note, report
from drivers.state import EngineStats, read_stats, read_tick

if TYPE_CHECKING:
    from drivers.card import Card
    from drivers.port import Port

BACKLOG = 65_536
_BATCH = 256
ALIVE_S = 1.0
"""Paced: so often the engine is told that we live, whether there is something to say or not (enum tr_fallback)."""
_RESYNC_S = 0.06
"""Paced: the engine's sample clock is tied anew to the control clock when they have parted by more than this."""


def step(handles: list[Any], ticks: int) -> int:
    """Runs engines in lock step, up to and with the first tick that raises an event; returns the ticks run."""
    return check(lib.tr_engines_step(ffi.new("tr_engine *[]", handles), len(handles), ticks), "step")


@implementer(IReadDescriptor)
class Engine(Service):
    """One media loop over the ports of one or more cards."""

    def __init__(
        self,
        clock: Clock,
        *,
        paced: bool = False,
        reactor: Any = None,
        max_ports: int = 256,
        name: str = "engine",
        realtime: bool = False,
        command_ring: int = 0,
        event_ring: int = 0,
    ) -> None:
        if paced and reactor is None:
            raise ValueError("a paced engine needs the reactor")
        self.clock = clock
        self.paced = paced
        self.label = name
        self.ports: dict[int, Port] = {}
        self.cards: list[Card] = []
        self._reactor = reactor
        config = ffi.new("struct tr_engine_config *")
        config.max_ports, config.paced, config.realtime = max_ports, int(paced), int(realtime)
        config.command_ring, config.event_ring = command_ring, event_ring
        handle = lib.tr_engine_new(config)
        if handle == ffi.NULL:
            raise CardError("engine", ffi.errno)
        self.handle = ffi.gc(handle, lib.tr_engine_free)
        self._command = ffi.new("struct tr_command *")
        self._events = ffi.new("struct tr_event[]", _BATCH)
        self._raw = ffi.buffer(self._events)
        self._side = ffi.new("uint8_t[]", lib.TR_SIDE_MAX)
        self._backlog: deque[tuple[int, int, int, int, tuple[int, ...], bytes]] = deque()
        self._listeners: list[Callable[[Event], None]] = []
        self._dirty: list[Port] = []
        self._released: list[Port] = []  # whose files are not closed yet
        self._pumping = False
        self._serial = 0
        self._base_s = clock.seconds()
        self._retry: Any = None
        self._alive: Any = None

    # ---- service and reader ------------------------------------------------------------------

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        if self.paced:
            check(lib.tr_engine_start(self.handle), "start of the media thread", ffi.errno)
            self._reactor.addReader(self)
            self._alive = self.clock.callLater(ALIVE_S, self._say_alive)

    def stopService(self) -> None:
        super().stopService()  # type: ignore[no-untyped-call]
        if self.paced:
            self._reactor.removeReader(self)
            for timer in (self._retry, self._alive):
                if timer is not None and timer.active():
                    timer.cancel()
            check(lib.tr_engine_stop(self.handle), "stop of the media thread", ffi.errno)

    def close(self) -> None:
        """Frees the engine and its cards now, not when the last reference goes: the channels of real cards are on-hook
        and others may open them. Stopped only; ports still known are of no use any more."""
        if self.paced and self.running:
            raise PortStateError(f"{self.label}: running")
        if self.handle is not None:
            self.ports.clear()
            self._released.clear()
            ffi.release(self.handle)
            self.handle = None

    def _say_alive(self) -> None:
        self._alive = self.clock.callLater(ALIVE_S, self._say_alive)
        self.pump()

    def fileno(self) -> int:
        return int(lib.tr_engine_event_fd(self.handle))

    def doRead(self) -> None:
        with suppress(BlockingIOError):  # another pump took it
            os.read(self.fileno(), 8)
        self.pump()

    def connectionLost(self, reason: object) -> None:
        note(f"{self.label}: the reactor dropped the event descriptor: {reason}")

    def logPrefix(self) -> str:
        return self.label

    # ---- cards and ports ---------------------------------------------------------------------

    def add_card(self, card: Card) -> list[Port]:
        """Adopts the card (before the start, or stopped) and allocates its ports; they take the lowest free numbers."""
        check(lib.tr_engine_add_card(self.handle, card.pointer), f"card {card.name}", ffi.errno)
        self.cards.append(card)
        return card.adopted(self)

    def alloc_port(self, card: Card, index: int) -> int:
        """Gives a card's port a number of this engine."""
        number = ffi.new("uint32_t *")
        check(lib.tr_port_alloc(self.handle, card.pointer, index, number), f"port {card.name}:{index}", ffi.errno)
        return int(number[0])

    def release_port(self, port: Port) -> None:
        """Frees the port's number; its operations end with CallEnded, its recordings and captures by their result."""
        port.hangup()
        check(lib.tr_port_release(self.handle, port.number), f"release of {port.name}")
        self.ports.pop(port.number, None)
        if port.files:
            self._released.append(port)

    def stats(self) -> EngineStats:
        return read_stats(self.handle)

    def operations(self) -> list[str]:
        """Operations of all ports that have not ended, for tests and `status`."""
        return [text for number in sorted(self.ports) for text in self.ports[number].operations]

    def listen(self, fn: Callable[[Event], None]) -> Callable[[], None]:
        """Tells `Overrun` and `Late`, which concern the engine as a whole; returns what ends that."""
        self._listeners.append(fn)
        return lambda: self._listeners.remove(fn) if fn in self._listeners else None

    # ---- commands ----------------------------------------------------------------------------

    def next_id(self) -> int:
        """An id for a command; it comes back in the events the command causes."""
        self._serial = self._serial % 0xFFFFFFFE + 1
        return self._serial

    @property
    def backlog(self) -> int:
        """Commands that wait for room in the ring."""
        return len(self._backlog)

    def command(self, op: int, port: int, epoch: int, id: int = 0, a: tuple[int, ...] = (), side: bytes = b"") -> None:
        """Hands in a command. With the ring full it waits behind those already waiting, in order."""
        if not self._backlog:
            result = self._submit(op, port, epoch, id, a, side)
            if result != lib.TR_E_FULL:
                check(result, f"{self.label}: command {op} to port {port}", ffi.errno)
                return
        if len(self._backlog) >= BACKLOG:
            raise EngineFull(f"{self.label}: {BACKLOG} commands wait, the engine does not take them")
        self._backlog.append((op, port, epoch, id, a, side))
        if self.paced and (self._retry is None or not self._retry.active()):
            self._retry = self.clock.callLater(1 / TICKS_PER_SECOND, self._flush)

    def _submit(self, op: int, port: int, epoch: int, id: int, a: tuple[int, ...], side: bytes) -> int:
        command = self._command
        command.op, command.port, command.epoch, command.id = op, port, epoch, id
        for at in range(8):
            command.a[at] = a[at] if at < len(a) else 0
        return int(lib.tr_engine_command(self.handle, command, side or ffi.NULL, len(side)))

    def _flush(self) -> None:
        while self._backlog:
            waiting = self._backlog[0]
            result = self._submit(*waiting)
            if result == lib.TR_E_FULL:
                break
            self._backlog.popleft()
            if result < 0:
                note(f"{self.label}: command {waiting[0]} to port {waiting[1]} refused late: {result}")
        if self._backlog and self.paced and (self._retry is None or not self._retry.active()):
            self._retry = self.clock.callLater(1 / TICKS_PER_SECOND, self._flush)

    # ---- events ------------------------------------------------------------------------------

    @property
    def pumping(self) -> bool:
        """Are events being delivered now?"""
        return self._pumping

    def later(self, port: Port) -> None:
        """Has the port's detectors set once all events at hand are delivered."""
        if port not in self._dirty:
            self._dirty.append(port)

    def pump(self) -> int:
        """Delivers the events that wait; returns how many there were. From within a delivery it does nothing."""
        if self._pumping or self.handle is None:
            return 0
        if self._backlog:
            self._flush()
        count = 0
        lost = False
        self._pumping = True
        try:
            while (got := lib.tr_engine_events(self.handle, self._events, _BATCH)) > 0:
                if count == 0:
                    self._tie()
                count += got
                for event in self._take(got):
                    lost = self._deliver(event) or lost
            if lost:
                self._reconcile()
        finally:
            self._pumping = False
            dirty, self._dirty = self._dirty, []
            for port in dirty:
                port.arm()
        return count

    def _take(self, got: int) -> list[tuple[Event, int]]:
        """Decodes a batch before any of it is delivered: side data lasts until the next call only."""
        batch = []
        for at, fields in enumerate(RECORD.iter_unpack(self._raw[: got * RECORD.size])):
            side = b""
            if fields[11]:
                length = lib.tr_engine_side(self.handle, self._events + at, self._side, lib.TR_SIDE_MAX)
                side = bytes(ffi.buffer(self._side, length)) if length > 0 else b""
            port = self.ports.get(fields[1])
            event = decode(fields, self._base_s, side, port.tone_name if port else str)
            if event is not None:
                batch.append((event, fields[5]))
        return batch

    def _deliver(self, entry: tuple[Event, int]) -> bool:
        """Hands one event on; true where it says that events were lost."""
        event, tick = entry
        port = self.ports.get(event.port)
        if self._released and isinstance(event, RecordDone):
            port = next((gone for gone in self._released if event.id in gone.files), port)
            self._released = [gone for gone in self._released if gone.files.keys() - {event.id}]
        if port is not None:
            port.deliver(event, tick)
            return False
        if isinstance(event, (Overrun, Late)):
            for fn in tuple(self._listeners):
                try:
                    fn(event)
                except Exception:  # noqa: BLE001 - one listener must not stop the others; logged with its engine
                    report(f"{self.label}: listener")
        return isinstance(event, Overrun)

    def _tie(self) -> None:
        """Ties sample 0 of the engine to the control clock: exactly when stepped, within a tick when paced."""
        base = self.clock.seconds() - read_tick(self.handle) / TICKS_PER_SECOND
        if not self.paced or abs(base - self._base_s) > _RESYNC_S:
            self._base_s = base

    def _reconcile(self) -> None:
        """After an overrun: each port compares what it was told with what is true."""
        tick = read_tick(self.handle)
        for number in sorted(self.ports):
            port = self.ports.get(number)
            if port is not None:
                port.reconcile(tick, self._base_s)

    def require(self, port: Port) -> None:
        """PortStateError where the port is not this engine's."""
        if self.ports.get(port.number) is not port:
            raise PortStateError(f"{port.name} is no port of {self.label}")

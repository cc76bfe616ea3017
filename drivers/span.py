"""A span: the B channels of one E1 or T1, by their timeslots. Which are free, which are out of service, what is wrong.

The span tells alarms of the whole (all channels have them: a cut cable, a far end in trouble) and of single channels
(a slot that the far end has not given us). Seizing picks a channel that is in service, has no alarm and no call; the
order is the one asked for, so that both ends can hunt from opposite sides and seldom meet. Signalling is not done here.
Serves steps 1 and 3 where the lines are digital.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from drivers.errors import ArgumentError, PortBusy
from drivers.events import Alarm, Event
from drivers.port import Port

E1_SLOTS = (*range(1, 16), *range(17, 32))
"""ITU-T G.704: slot 0 is the frame's, slot 16 the signalling channel's."""
T1_SLOTS = tuple(range(1, 24))
"""A T1 with a D channel in slot 24."""


@dataclass(frozen=True, slots=True)
class SpanState:
    """Channels by what they do now; each is counted once, in this order: blocked, alarmed, busy, free."""

    channels: int
    blocked: int
    alarmed: int
    busy: int
    free: int
    alarms: tuple[str, ...]
    """Of the span: those that all its channels have."""


class Span:
    """The channels of one line, by timeslot. `listen` tells when the alarms of the whole span change."""

    def __init__(self, name: str, ports: Sequence[Port], slots: Sequence[int] = E1_SLOTS) -> None:
        """Ports in the order of their slots, all of kind "b"; fewer ports than slots is a fractional span."""
        wrong = [port.name for port in ports if port.kind != "b"]
        if wrong or not ports or len(ports) > len(slots):
            raise ArgumentError(f"span {name}: 1 to {len(slots)} B channels, not {len(ports)} ports {wrong or ''}")
        self.name = name
        self.channels: dict[int, Port] = dict(zip(slots, ports, strict=False))
        self._slot_of = {port: slot for slot, port in self.channels.items()}
        self._blocked: set[int] = set()
        self._seized: set[int] = set()
        self._listeners: list[Callable[[tuple[str, ...]], None]] = []
        self._told = self.alarms
        self._deaf = [port.listen(self._event) for port in ports]

    def close(self) -> None:
        """Hears its ports no more; calls go on."""
        for deaf in self._deaf:
            deaf()
        self._deaf.clear()

    # ---- state -------------------------------------------------------------------------------

    @property
    def alarms(self) -> tuple[str, ...]:
        """The alarms that all channels have: those of the line."""
        states = [port.state().alarms for port in self.channels.values()]
        return tuple(alarm for alarm in states[0] if all(alarm in other for other in states))

    def state(self) -> SpanState:
        """Counts of the channels, now."""
        kinds = [self._is(slot) for slot in self.channels]
        count = kinds.count
        return SpanState(len(kinds), count("blocked"), count("alarmed"), count("busy"), count("free"), self.alarms)

    def _is(self, slot: int) -> Literal["blocked", "alarmed", "busy", "free"]:
        if slot in self._blocked:
            return "blocked"
        if self.channels[slot].state().alarms:
            return "alarmed"
        return "busy" if slot in self._seized else "free"

    def listen(self, fn: Callable[[tuple[str, ...]], None]) -> Callable[[], None]:
        """Tells the span's alarms whenever they change, none when the last has cleared; returns what ends that."""
        self._listeners.append(fn)
        return lambda: self._listeners.remove(fn) if fn in self._listeners else None

    # ---- service -----------------------------------------------------------------------------

    def block(self, *slots: int) -> None:
        """Takes channels (none named: all) out of service: they are not seized any more; a call on one goes on."""
        self._blocked.update(self._known(slots))

    def unblock(self, *slots: int) -> None:
        """Brings channels (none named: all) back."""
        self._blocked.difference_update(self._known(slots))

    def seize(self, *, down: bool = False, slot: int | None = None) -> Port:
        """A free channel for a call, the lowest slot or with `down` the highest, or the one asked for. Its call begins
        (a new epoch). PortBusy when there is none."""
        wanted = sorted(self._known(() if slot is None else (slot,)), reverse=down)
        for candidate in wanted:
            if self._is(candidate) == "free":
                self._seized.add(candidate)
                port = self.channels[candidate]
                port.begin_call()
                return port
        what = f"channel {slot} is {self._is(slot)}" if slot is not None else "no channel is free"
        raise PortBusy(f"span {self.name}: {what}")

    def free(self, port: Port) -> None:
        """The call on the channel is over: everything on it ends. May be said twice."""
        slot = self._slot_of.get(port)
        if slot is None:
            raise ArgumentError(f"span {self.name}: {port.name} is none of its channels")
        if slot in self._seized:
            self._seized.discard(slot)
            port.hangup()

    def _known(self, slots: Sequence[int]) -> Sequence[int]:
        for slot in slots:
            if slot not in self.channels:
                raise ArgumentError(f"span {self.name}: has no channel {slot}")
        return slots or tuple(self.channels)

    def _event(self, event: Event) -> None:
        if isinstance(event, Alarm) and self.alarms != self._told:
            self._told = self.alarms
            for fn in tuple(self._listeners):
                fn(self._told)

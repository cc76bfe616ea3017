"""A span: the channels of one E1 or T1 by their timeslots: its B channels, and the one that signals for them.

Which channel takes the next call, which are out of service and who wants it so, what is wrong with the line, and how
much it carries. Seizing picks a channel that may call out, is in service at both ends, has no alarm and no call, in the
order that the span hunts; so both ends can hunt from opposite sides and seldom meet. Signalling is not done here: it
tells of seizures by the far end (`taken`), of channels that the far end blocks, and why a call failed. Serves steps 1
and 3 where the lines are digital.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from drivers.errors import ArgumentError, PortBusy
from drivers.events import Alarm, Event
from drivers.port import Port

E1_SLOTS = (*range(1, 16), *range(17, 32))
"""ITU-T G.704: slot 0 is the frame's, slot 16 the signalling channel's."""
T1_SLOTS = tuple(range(1, 24))
"""A T1 with a D channel in slot 24."""

Hunt = Literal["up", "down", "round_robin"]
"""The lowest free slot, the highest, or the next one after that seized last (all wear alike)."""
Direction = Literal["both", "in", "out"]
"""Who may seize a channel: both ends, only the far end, only we."""
Blocker = Literal["us", "far"]


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


@dataclass(frozen=True, slots=True)
class SpanStatistics:
    """Since the span was made. `refused`: we wanted a channel and none was free. `failures`: calls that ended before an
    answer, by cause. `busy_s`: seconds in which channels were seized, summed over them; `erlang`: their mean number."""

    seconds: float
    seized_out: int
    seized_in: int
    refused: int
    failures: Mapping[str, int]
    busy_s: float

    @property
    def erlang(self) -> float:
        return self.busy_s / self.seconds if self.seconds else 0.0


class Span:
    """The channels of one line, by timeslot. `listen` tells when the alarms of the whole span change."""

    def __init__(
        self,
        name: str,
        ports: Sequence[Port],
        slots: Sequence[int] = E1_SLOTS,
        *,
        signalling: Port | None = None,
        hunt: Hunt = "up",
        directions: Mapping[int, Direction] | None = None,
    ) -> None:
        """Ports in the order of their slots, all of kind "b"; fewer ports than slots is a fractional span.
        `signalling`: the D channel, where there is one (slot 16 of an E1). `directions`: of single slots, else
        "both"."""
        wrong = [port.name for port in ports if port.kind != "b"]
        if wrong or not ports or len(ports) > len(slots):
            raise ArgumentError(f"span {name}: 1 to {len(slots)} B channels, not {len(ports)} ports {wrong or ''}")
        if signalling is not None and signalling.kind != "d":
            raise ArgumentError(f"span {name}: {signalling.name} is {signalling.kind}, no D channel")
        self.name = name
        self.hunt = hunt
        self.signalling = signalling
        self.channels: dict[int, Port] = dict(zip(slots, ports, strict=False))
        self.directions: dict[int, Direction] = dict.fromkeys(self.channels, "both")
        self._known(tuple(directions or ()))
        self.directions.update(directions or {})
        self._slot_of = {port: slot for slot, port in self.channels.items()}
        self._blocked: dict[Blocker, set[int]] = {"us": set(), "far": set()}
        self._seized: dict[int, float] = {}  # since when
        self._last = 0
        self._clock = ports[0].engine.clock
        self._begun = self._clock.seconds()
        self._count = Counter[str]()
        self._failures = Counter[str]()
        self._busy_s = 0.0
        self._listeners: list[Callable[[tuple[str, ...]], None]] = []
        self._told = self.alarms
        self._deaf = [port.listen(self._event) for port in self._all()]

    def close(self) -> None:
        """Hears its ports no more; calls go on."""
        for deaf in self._deaf:
            deaf()
        self._deaf.clear()

    def _all(self) -> list[Port]:
        return [*self.channels.values(), *([self.signalling] if self.signalling is not None else [])]

    # ---- state -------------------------------------------------------------------------------

    @property
    def alarms(self) -> tuple[str, ...]:
        """The alarms that all channels have, the signalling one too: those of the line."""
        states = [port.state().alarms for port in self._all()]
        return tuple(alarm for alarm in states[0] if all(alarm in other for other in states))

    def state(self) -> SpanState:
        """Counts of the channels, now."""
        kinds = [self.is_now(slot) for slot in self.channels]
        count = kinds.count
        return SpanState(len(kinds), count("blocked"), count("alarmed"), count("busy"), count("free"), self.alarms)

    def is_now(self, slot: int) -> Literal["blocked", "alarmed", "busy", "free"]:
        """What one channel does."""
        self._known((slot,))
        if any(slot in blocked for blocked in self._blocked.values()):
            return "blocked"
        if self.channels[slot].state().alarms:
            return "alarmed"
        return "busy" if slot in self._seized else "free"

    def statistics(self) -> SpanStatistics:
        """What the span has carried so far; calls under way count up to now."""
        now = self._clock.seconds()
        busy_s = self._busy_s + sum(now - since for since in self._seized.values())
        count = self._count
        seconds = now - self._begun
        return SpanStatistics(seconds, count["out"], count["in"], count["refused"], dict(self._failures), busy_s)

    def listen(self, fn: Callable[[tuple[str, ...]], None]) -> Callable[[], None]:
        """Tells the span's alarms whenever they change, none when the last has cleared; returns what ends that."""
        self._listeners.append(fn)
        return lambda: self._listeners.remove(fn) if fn in self._listeners else None

    # ---- service -----------------------------------------------------------------------------

    def block(self, *slots: int, by: Blocker = "us") -> None:
        """Takes channels (none named: all) out of service: they are not seized any more; a call on one goes on. Whoever
        blocked a channel brings it back: maintenance here, or the far end as its signalling says."""
        self._blocked[by].update(self._known(slots))

    def unblock(self, *slots: int, by: Blocker = "us") -> None:
        """Brings channels (none named: all) back, unless the other end blocks them as well."""
        self._blocked[by].difference_update(self._known(slots))

    def seize(self, slot: int | None = None) -> Port:
        """A free channel for a call of ours, in the order of `hunt`, or the one asked for. Its call begins (a new
        epoch). PortBusy when there is none."""
        for candidate in self._order() if slot is None else self._known((slot,)):
            if self.directions[candidate] != "in" and self.is_now(candidate) == "free":
                self._last = candidate
                return self._take(candidate, "out")
        self._count["refused"] += 1
        if slot is None:
            raise PortBusy(f"span {self.name}: no channel is free")
        why = self.is_now(slot)
        raise PortBusy(f"span {self.name}: channel {slot} is {why if why != 'free' else 'for incoming calls only'}")

    def taken(self, slot: int) -> Port:
        """The far end has seized a channel: its call begins. PortBusy where it may not: the signalling refuses it."""
        why = self.is_now(slot)
        if why != "free":
            raise PortBusy(f"span {self.name}: channel {slot} is {why}")
        if self.directions[slot] == "out":
            raise PortBusy(f"span {self.name}: channel {slot} is for outgoing calls only")
        return self._take(slot, "in")

    def free(self, port: Port, failure: str | None = None) -> None:
        """The call on the channel is over: everything on it ends. `failure`: it was never answered, for this cause. May
        be said twice."""
        slot = self._slot_of.get(port)
        if slot is None:
            raise ArgumentError(f"span {self.name}: {port.name} is none of its channels")
        since = self._seized.pop(slot, None)
        if since is not None:
            self._busy_s += self._clock.seconds() - since
            if failure is not None:
                self._failures[failure] += 1
            port.hangup()

    def _take(self, slot: int, direction: str) -> Port:
        self._seized[slot] = self._clock.seconds()
        self._count[direction] += 1
        port = self.channels[slot]
        port.begin_call()
        return port

    def _order(self) -> list[int]:
        slots = sorted(self.channels, reverse=self.hunt == "down")
        if self.hunt != "round_robin":
            return slots
        return [slot for slot in slots if slot > self._last] + [slot for slot in slots if slot <= self._last]

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

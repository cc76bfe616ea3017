"""The channels of one trunk: lines of an office, or the B channels of a span, by their numbers (slots).

Which channel takes the next call, which are out of service and who wants it so, and how much they carry. Seizing picks
a channel that may call out, is in service at both ends, has no alarm and no call, in the order that the trunk hunts; so
both ends can hunt from opposite sides and seldom meet. Signalling is not done here: it tells of seizures by the far end
(`taken`), of channels that the far end blocks, and why a call failed. Serves steps 1 and 3, and outside calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from drivers.errors import ArgumentError, PortBusy
from drivers.port import Port
from drivers.words import Blocker, Direction, Hunt


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
    """Since the channels were joined. `refused`: we wanted one and none was free. `failures`: calls that ended before
    an answer, by cause. `busy_s`: seconds in which channels were seized, summed over them; `erlang`: their mean
    number."""

    seconds: float
    seized_out: int
    seized_in: int
    refused: int
    failures: Mapping[str, int]
    busy_s: float

    @property
    def erlang(self) -> float:
        return self.busy_s / self.seconds if self.seconds else 0.0


class Channels:
    """Channels by slot."""

    kinds: tuple[str, ...] = ("fxo", "fxs", "b")
    """What the ports may be."""

    def __init__(
        self,
        name: str,
        ports: Sequence[Port],
        slots: Sequence[int] | None = None,
        *,
        hunt: Hunt = "up",
        directions: Mapping[int, Direction] | None = None,
    ) -> None:
        """Ports in the order of their slots (1, 2 .. unless told otherwise). `directions`: of single slots, else
        "both"."""
        slots = slots if slots is not None else range(1, len(ports) + 1)
        wrong = [port.name for port in ports if port.kind not in self.kinds]
        if wrong or not ports or len(ports) > len(slots):
            what = "B channels" if self.kinds == ("b",) else "channels"
            raise ArgumentError(f"span {name}: 1 to {len(slots)} {what}, not {len(ports)} ports {wrong or ''}")
        self.name = name
        self.hunt = hunt
        self.channels: dict[int, Port] = dict(zip(slots, ports, strict=False))
        self.directions: dict[int, Direction] = dict.fromkeys(self.channels, "both")
        self._known(tuple(directions or ()))
        self.directions.update(directions or {})
        self._slot_of = {port: slot for slot, port in self.channels.items()}
        self._blocked: dict[Blocker, set[int]] = {"us": set(), "far": set()}
        self._seized: dict[int, float] = {}  # since when
        self._carried: dict[int, float] = dict.fromkeys(self.channels, 0.0)
        self._last = 0
        self._clock = ports[0].engine.clock
        self._begun = self._clock.seconds()
        self._count = Counter[str]()
        self._failures = Counter[str]()

    # ---- state -------------------------------------------------------------------------------

    @property
    def alarms(self) -> tuple[str, ...]:
        """The alarms that all channels have."""
        return self._common(tuple(self.channels.values()))

    def state(self) -> SpanState:
        """Counts of the channels, now."""
        kinds = [self.is_now(slot) for slot in self.channels]
        count = kinds.count
        return SpanState(len(kinds), count("blocked"), count("alarmed"), count("busy"), count("free"), self.alarms)

    def is_now(self, slot: int) -> Literal["blocked", "alarmed", "busy", "free"]:
        """What one channel does."""
        self._known((slot,))
        if self.blocked_by(slot):
            return "blocked"
        if self.channels[slot].state().alarms:
            return "alarmed"
        return "busy" if slot in self._seized else "free"

    def blocked_by(self, slot: int) -> tuple[Blocker, ...]:
        """Who keeps the channel out of service."""
        return tuple(who for who, slots in self._blocked.items() if slot in slots)

    def statistics(self) -> SpanStatistics:
        """What they have carried so far; calls under way count up to now."""
        now = self._clock.seconds()
        busy_s = sum(self._carried.values()) + sum(now - since for since in self._seized.values())
        count = self._count
        seconds = now - self._begun
        return SpanStatistics(seconds, count["out"], count["in"], count["refused"], dict(self._failures), busy_s)

    def free_out(self) -> int:
        """Channels that a call of ours could seize now."""
        return sum(way != "in" and self.is_now(slot) == "free" for slot, way in self.directions.items())

    def slot_of(self, port: Port) -> int:
        """The slot of one of its ports; ArgumentError for any other."""
        slot = self._slot_of.get(port)
        if slot is None:
            raise ArgumentError(f"span {self.name}: {port.name} is none of its channels")
        return slot

    # ---- service -----------------------------------------------------------------------------

    def block(self, *slots: int, by: Blocker = "us") -> None:
        """Takes channels (none named: all) out of service: they are not seized any more; a call on one goes on. Whoever
        blocked a channel brings it back: maintenance here, or the far end as its signalling says."""
        self._blocked[by].update(self._known(slots))

    def unblock(self, *slots: int, by: Blocker = "us") -> None:
        """Brings channels (none named: all) back, unless the other end blocks them as well."""
        self._blocked[by].difference_update(self._known(slots))

    def seize(self, slot: int | None = None, *, avoid: Collection[int] = ()) -> Port:
        """A free channel for a call of ours, in the order of `hunt`, or the one asked for; none of those to `avoid`.
        Its call begins (a new epoch). PortBusy when there is none."""
        for candidate in self._order() if slot is None else self._known((slot,)):
            if candidate not in avoid and self.directions[candidate] != "in" and self.is_now(candidate) == "free":
                self._last = candidate
                return self._take(candidate, "out", begin=True)
        self._count["refused"] += 1
        if slot is None:
            raise PortBusy(f"span {self.name}: no channel is free")
        why = self.is_now(slot)
        raise PortBusy(f"span {self.name}: channel {slot} is {why if why != 'free' else 'for incoming calls only'}")

    def taken(self, slot: int, *, begin: bool = True) -> Port:
        """The far end has seized a channel: its call begins (a new epoch, unless not to `begin`: what was heard so far
        belongs to it). PortBusy where it may not: the signalling refuses it."""
        why = self.is_now(slot)
        if why != "free":
            raise PortBusy(f"span {self.name}: channel {slot} is {why}")
        if self.directions[slot] == "out":
            raise PortBusy(f"span {self.name}: channel {slot} is for outgoing calls only")
        return self._take(slot, "in", begin=begin)

    def turned(self, slot: int, failure: str) -> None:
        """Both ends seized the channel and the far end's call goes on there: ours has failed. The epoch stays."""
        self._failures[failure] += 1
        self._count["in"] += 1

    def turned_away(self, failure: str) -> None:
        """A call of the far end was refused, for this cause, before it had a channel."""
        self._failures[failure] += 1

    def free(self, port: Port, failure: str | None = None) -> None:
        """The call on the channel is over: everything on it ends. `failure`: it was never answered, for this cause. May
        be said twice."""
        slot = self.slot_of(port)
        since = self._seized.pop(slot, None)
        if since is not None:
            self._carried[slot] += self._clock.seconds() - since
            if failure is not None:
                self._failures[failure] += 1
            port.hangup()

    def _take(self, slot: int, direction: str, *, begin: bool) -> Port:
        self._seized[slot] = self._clock.seconds()
        self._count[direction] += 1
        port = self.channels[slot]
        if begin:
            port.begin_call()
        return port

    def _order(self) -> list[int]:
        slots = sorted(self.channels, reverse=self.hunt == "down")
        if self.hunt == "round_robin":
            return [slot for slot in slots if slot > self._last] + [slot for slot in slots if slot <= self._last]
        if self.hunt == "least_used":
            return sorted(slots, key=lambda slot: self._carried[slot])
        return slots

    def _known(self, slots: Sequence[int]) -> Sequence[int]:
        for slot in slots:
            if slot not in self.channels:
                raise ArgumentError(f"span {self.name}: has no channel {slot}")
        return slots or tuple(self.channels)

    @staticmethod
    def _common(ports: Sequence[Port]) -> tuple[str, ...]:
        states = [port.state().alarms for port in ports]
        return tuple(alarm for alarm in states[0] if all(alarm in other for other in states))

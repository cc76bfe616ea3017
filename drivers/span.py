"""A span: the channels of one E1 or T1 by their timeslots: its B channels, and the one that signals for them.

What all channels do stands in `drivers.channels`; a span adds the line that they share, and what is wrong with it.
Serves steps 1 and 3 where the lines are digital.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from drivers.channels import Channels, SpanState, SpanStatistics
from drivers.errors import ArgumentError
from drivers.events import Alarm, Event
from drivers.port import Port
from drivers.words import E1_SLOTS, T1_SLOTS, Direction, Hunt

__all__ = ["E1_SLOTS", "T1_SLOTS", "Span", "SpanState", "SpanStatistics"]


class Span(Channels):
    """The channels of one line, by timeslot. `listen` tells when the alarms of the whole span change."""

    kinds = ("b",)

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
        super().__init__(name, ports, slots, hunt=hunt, directions=directions)
        if signalling is not None and signalling.kind != "d":
            raise ArgumentError(f"span {name}: {signalling.name} is {signalling.kind}, no D channel")
        self.signalling = signalling
        self._listeners: list[Callable[[tuple[str, ...]], None]] = []
        self._told = self.alarms
        self._deaf = [port.listen(self._event) for port in self._all()]

    def close(self) -> None:
        """Hears its ports no more; calls go on."""
        for deaf in self._deaf:
            deaf()
        self._deaf.clear()

    @property
    def alarms(self) -> tuple[str, ...]:
        """The alarms that all channels have, the signalling one too: those of the line."""
        return self._common(self._all())

    def listen(self, fn: Callable[[tuple[str, ...]], None]) -> Callable[[], None]:
        """Tells the span's alarms whenever they change, none when the last has cleared; returns what ends that."""
        self._listeners.append(fn)
        return lambda: self._listeners.remove(fn) if fn in self._listeners else None

    def _all(self) -> list[Port]:
        return [*self.channels.values(), *([self.signalling] if self.signalling is not None else [])]

    def _event(self, event: Event) -> None:
        if isinstance(event, Alarm) and self.alarms != self._told:
            self._told = self.alarms
            for fn in tuple(self._listeners):
                fn(self._told)

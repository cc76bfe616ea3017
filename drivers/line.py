"""What the control half has been told of a line so far, to be compared with what is true after events were lost.

Serves all nine steps.
"""

from __future__ import annotations

from collections.abc import Iterator

from drivers import events as ev
from drivers.state import PortState

_LINE = (
    ev.OffHook,
    ev.OnHook,
    ev.Flash,
    ev.RingBegin,
    ev.RingEnd,
    ev.LoopDrop,
    ev.Polarity,
    ev.Bits,
    ev.Alarm,
)


class Line:
    """The told state of one line: levels, and how many edges of each sort."""

    def __init__(self, state: PortState) -> None:
        self._kind = state.kind
        self._reports_ring_begin = "reports_ring_begin" in state.capabilities
        self._known_at = -1
        self._take(state)

    def _take(self, state: PortState) -> None:
        self._off_hook = state.off_hook
        self._ringing = state.ringing
        self._reversed = state.reversed
        self._alarms = state.alarms
        self._bits = state.bits
        self._hook_edges = state.hook_edges
        self._ring_edges = state.ring_edges
        self._drop_edges = state.drop_edges
        self._flash_edges = state.flash_edges

    def accept(self, event: ev.Event, tick: int) -> bool:
        """Takes note of an event. False: it was part of a state that has been told already."""
        if not isinstance(event, _LINE):
            return True
        if tick < self._known_at:
            return False
        match event:
            case ev.OffHook() | ev.OnHook():
                self._off_hook = isinstance(event, ev.OffHook)
                self._hook_edges += 1
            case ev.RingBegin():
                self._ringing = True
                self._ring_edges += 1
            case ev.RingEnd():
                if not self._ringing:
                    self._ring_edges += 1  # a card that does not tell the begin
                self._ringing = False
            case ev.LoopDrop():
                self._drop_edges += 1
            case ev.Flash():
                self._flash_edges += 1
            case ev.Polarity():
                self._reversed = event.reversed
            case ev.Bits():
                self._bits = event.bits
            case ev.Alarm():
                self._alarms = event.alarms
        return True

    def missing(self, state: PortState, port: int, epoch: int, tick: int, base_s: float) -> Iterator[ev.Event]:
        """The events that lead from what was told to what is true. Their times are the present tick's; lengths are 0
        (unknown). Digits cannot be brought back: `PortState.digits` counts them."""
        at = tick * 160
        head = (port, epoch, at, base_s + at / 8000)
        told = Line(state)
        told.__dict__.update(self.__dict__)
        self._take(state)
        self._known_at = tick
        if state.alarms != told._alarms:
            yield ev.Alarm(*head, alarms=state.alarms, inferred=True)
        if state.reversed != told._reversed:
            yield ev.Polarity(*head, reversed=state.reversed, inferred=True)
        if state.bits != told._bits:
            yield ev.Bits(*head, bits=state.bits, inferred=True)
        if self._kind == "fxs":
            yield from self._hook(told, state, head)
        if self._kind == "fxo":
            yield from self._rings(told, state, head)
            if state.drop_edges > told._drop_edges:
                yield ev.LoopDrop(*head, inferred=True)

    def _hook(self, told: Line, state: PortState, head: tuple[int, int, int, float]) -> Iterator[ev.Event]:
        moved = state.hook_edges > told._hook_edges
        if state.flash_edges > told._flash_edges and not moved:
            yield ev.Flash(*head, ms=0, inferred=True)
        if not moved and state.off_hook == told._off_hook:
            return
        if state.off_hook == told._off_hook:  # there and back
            yield ev.OnHook(*head, inferred=True) if state.off_hook else ev.OffHook(*head, inferred=True)
        yield ev.OffHook(*head, inferred=True) if state.off_hook else ev.OnHook(*head, inferred=True)

    def _rings(self, told: Line, state: PortState, head: tuple[int, int, int, float]) -> Iterator[ev.Event]:
        new = state.ring_edges > told._ring_edges
        if told._ringing and (new or not state.ringing):
            yield ev.RingEnd(*head, ms=0, inferred=True)
        if new and self._reports_ring_begin:
            yield ev.RingBegin(*head, inferred=True)
        if new and not state.ringing:
            yield ev.RingEnd(*head, ms=0, inferred=True)

"""Channels of a PRI span that are restarted, and taken out of service: RESTART (Q.931 5.5), one after the other, and
SERVICE, which EuroISDN does not have and some exchanges want.

A channel that is being restarted is out of service until the far end has acknowledged it; without its answer within
N316 times T316 it stays so, until it is restarted again or the far end restarts it. Serves step 3 where the trunk is
ISDN.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from drivers._engine import lib
from drivers.clock import Clock, DelayedCall
from drivers.problems import note
from drivers.signalling.dchannel import DChannel
from drivers.signalling.pri_rules import PriRules
from drivers.span import Span

_LATE_S: Final = 1.0
"""Beyond the engine's own end of a RESTART."""


class ChannelService:
    """Of one span."""

    def __init__(self, span: Span, channel: DChannel, rules: PriRules, wait_ms: int, clock: Clock) -> None:
        """`wait_ms`: N316 times T316."""
        self._span, self._channel, self._rules, self._clock = span, channel, rules, clock
        self._wait_s = wait_ms / 1000 + _LATE_S
        self._restarts: deque[int] = deque()
        self._restarting: DelayedCall | None = None
        self._crossed = False  # the far end has restarted that channel meanwhile
        self._to_tell: dict[int, bool] = {}  # slots whose SERVICE waits for the end of a call: in service?
        self._up = False
        self._was_up = False

    def link(self, up: bool) -> None:
        """Layer 2 has come up, or gone down."""
        self._up = up
        if up and self._rules.restart and not self._was_up:
            self.restart(*self._span.channels)
        self._was_up = self._was_up or up
        self._next()

    def close(self) -> None:
        """Waits for nothing any more."""
        self._stop()
        self._restarts.clear()

    # ---- restart -----------------------------------------------------------------------------

    def restart(self, *slots: int) -> None:
        """Each in its turn; calls on them have been ended."""
        for slot in slots:
            if slot not in self._restarts:
                self._span.block(slot, by="far")
                self._restarts.append(slot)
        self._next()

    def restarted(self, slot: int) -> None:
        """By the far end; 0: all. Those that wait for ours need it no more: it would end the call that comes to them
        next. The one that ours is on its way for stays out of service until that is over."""
        under_way = self._restarts[0] if self._restarts and self._restarting is not None else 0
        for one in tuple(self._span.channels) if not slot else (slot,):
            if one == under_way:
                self._crossed = True
            else:
                self._is_back(one)

    def _is_back(self, slot: int) -> None:
        if slot in self._restarts:
            self._restarts.remove(slot)
        if slot in self._span.channels:
            self._span.unblock(slot, by="far")

    def acknowledged(self, slot: int) -> None:
        """The far end's RESTART ACKNOWLEDGE."""
        answered = bool(self._restarts) and self._restarts[0] == slot
        self._is_back(slot)
        if answered:
            self._stop()
            self._next()

    def _next(self) -> None:
        if self._restarts and self._restarting is None and self._up:
            slot = self._restarts[0]
            self._crossed = False
            self._channel.restart(slot)
            self._restarting = self._clock.callLater(self._wait_s, self._unanswered, slot)

    def _unanswered(self, slot: int) -> None:
        self._restarting = None
        if self._crossed:
            self._is_back(slot)
        else:
            note(f"{self._span.name}: channel {slot}: the far end does not answer RESTART; it stays out of service")
            self._restarts.remove(slot)
        self._next()

    def _stop(self) -> None:
        if self._restarting is not None and self._restarting.active():
            self._restarting.cancel()
        self._restarting = None

    # ---- service -----------------------------------------------------------------------------

    def changed(self, slot: int, in_service: bool, *, busy: bool) -> None:
        """Tells the far end, where it knows that; of a busy channel, once it is free."""
        if not self._rules.service:
            return
        if busy:
            self._to_tell[slot] = in_service
        else:
            self._to_tell.pop(slot, None)
            self._channel.service(slot, lib.TR_PRI_IN_SERVICE if in_service else lib.TR_PRI_OUT_OF_SERVICE)

    def freed(self, slot: int) -> None:
        """Its call is over."""
        if slot in self._to_tell:
            self.changed(slot, self._to_tell[slot], busy=False)

    def told(self, slot: int, status: int) -> None:
        """By the far end: enum tr_pri_service."""
        if slot in self._span.channels:
            change = self._span.unblock if status == lib.TR_PRI_IN_SERVICE else self._span.block
            change(slot, by="far")

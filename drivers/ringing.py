"""Ringing a telephone, with caller ID: the exchange's side of a call's arrival.

FSK goes between the first and the second burst, at least 500 ms after the first one's end (GR-30; YDN 069 in China);
DTMF goes before the first burst. Both need the on-hook line to pass sound. Serves steps 1 and 3 (in the simulated
exchange), and step 7 where the card is the switch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from drivers import events as ev
from drivers._engine import lib
from drivers.clock import TICK_MS
from drivers.errors import ArgumentError, PortStateError
from drivers.items import CallerIdBurst, Digits, duration_ms
from drivers.playing import PlayEnd, Playing

if TYPE_CHECKING:
    from drivers.port import Port

AFTER_RING_MS = 500
BEFORE_RING_MS = 200
SETTLE_MS = 2 * TICK_MS
"""Commands are taken at the start of a tick, so a burst may begin a tick after we asked for it."""
TAIL_MS = 3 * TICK_MS
"""The player tells its end when the last block is made; on the line it comes a tick later."""


class Ring(Playing[None]):
    """Rings until the telephone is lifted."""

    def __init__(self, port: Port, cadence_ms: Sequence[int], caller_id: bytes | str | None) -> None:
        super().__init__(port, "ring")
        self._cadence = tuple(cadence_ms)
        self._caller_id = caller_id
        self._ringing = False
        self._on_hook_tx = False

    def start(self) -> None:
        cadence = self._cadence
        if not 2 <= len(cadence) <= 6 or len(cadence) % 2 or any(ms <= 0 for ms in cadence):
            raise ArgumentError(f"ring cadence {cadence}: one to three pairs of on and off")
        if self.port.state().off_hook:
            raise PortStateError(f"{self.port.name}: cannot be rung, it is off-hook")
        if isinstance(self._caller_id, bytes):
            after = self._gap_for(CallerIdBurst(self._caller_id))
            self._ring()
            self.after((after + AFTER_RING_MS + SETTLE_MS) / 1000, self._send_id, CallerIdBurst(self._caller_id))
        elif self._caller_id:
            self._send_id(Digits(self._caller_id, on_ms=70, off_ms=70))
        else:
            self._ring()

    def _gap_for(self, burst: CallerIdBurst) -> int:
        """Where the first silence lies that is long enough for the message: ms from the first burst's begin."""
        needed = AFTER_RING_MS + (duration_ms(burst) or 0) + BEFORE_RING_MS + SETTLE_MS
        at = 0
        for on, off in zip(self._cadence[::2], self._cadence[1::2], strict=True):
            at += on
            if off >= needed:
                return at
            at += off
        raise ArgumentError(f"ring cadence {self._cadence} has no silence of {needed} ms for the caller ID")

    def _ring(self) -> None:
        self._ringing = True
        self.send(lib.TR_OP_RING, *self._cadence)

    def _send_id(self, burst: CallerIdBurst | Digits) -> None:
        self._on_hook_tx = True
        self.send(lib.TR_OP_ON_HOOK_TX, 1)
        self.play_items((burst,))

    def played(self, end: PlayEnd) -> None:
        self.after(TAIL_MS / 1000, self._end_tx)
        if not self._ringing:
            self.after(BEFORE_RING_MS / 1000, self._ring)

    def lifted(self) -> None:
        """Told before anybody else hears of it: what is played at the answer finds the line free, also in the middle of
        the caller ID."""
        self.abort()

    def event(self, event: ev.Event) -> None:
        if isinstance(event, ev.OffHook):
            self.finish(None)
        else:
            super().event(event)

    def reconcile(self, playing: bool, recording: int) -> None:
        super().reconcile(playing, recording)  # a lost OffHook is synthesised by the port

    def _end_tx(self) -> None:
        if self._on_hook_tx:
            self._on_hook_tx = False
            self.send(lib.TR_OP_ON_HOOK_TX, 0)

    def abort(self) -> None:
        self.stop_items()
        self._end_tx()
        if self._ringing:
            self._ringing = False
            self.send(lib.TR_OP_RING, 0, 0, 0, 0, 0, 0)

"""Message lamps by feature code, dialled from a VRU port, where the PBX takes no orders over a serial line (step 6).

One code at a time, from the last idle port of the group, which callers reach last. A caller whom the PBX puts through
to that port in the same moment is served (cti.vru.line), and the code dialled again elsewhere. A lamp whose order still
waits is ordered as it was wished last.

Limits: NO_PORT_S between looks for an idle port; without dial tone AGAIN_S later again, TRIES times, then an alarm;
what the PBX refuses is an alarm at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.python.failure import Failure

from cti.pbx import line_rules
from cti.vru.feature_code import Dialled
from cti.vru.line import VruLine
from drivers.clock import Clock, DelayedCall

NO_PORT_S = 2.0
AGAIN_S = 10.0
TRIES = 5


class LampCodes:
    """What waits to be dialled, by telephone."""

    def __init__(
        self,
        clock: Clock,
        codes: line_rules.LampCodes,
        lines: Sequence[VruLine],
        alarm: Callable[[str, str], None],
    ) -> None:
        self._clock, self._codes, self._lines, self._alarm = clock, codes, lines, alarm
        self._wished: dict[str, bool] = {}
        self._tries: dict[str, int] = {}
        self._dialling = False
        self._timer: DelayedCall | None = None
        self._closed = False

    def order(self, number: str, on: bool) -> None:
        """As soon as a port is idle."""
        self._wished[number] = on
        self._tries[number] = 0
        self._next()

    def close(self) -> None:
        """The server stops."""
        self._closed = True
        self._stop_timer()

    def _next(self, after_s: float = 0.0) -> None:
        if self._closed or self._dialling or not self._wished:
            return
        self._stop_timer()
        if after_s:
            self._timer = self._clock.callLater(after_s, self._next)
            return
        line = next((line for line in reversed(self._lines) if line.state == "idle"), None)
        if line is None:
            self._timer = self._clock.callLater(NO_PORT_S, self._next)
            return
        number, on = next(iter(self._wished.items()))
        code = (self._codes.on if on else self._codes.off).replace("{ext}", number)
        self._dialling = True
        line.dial_code(code, self._codes.confirm).addCallbacks(
            self._dialled, self._failed, callbackArgs=(number, on), errbackArgs=(number, on)
        )

    def _dialled(self, result: Dialled, number: str, on: bool) -> None:
        self._dialling = False
        word = "on" if on else "off"
        if result.outcome == "no_dial_tone":
            self._tries[number] += 1
            if self._tries[number] < TRIES:
                self._last(number)
                self._next(AGAIN_S)
                return
            self._alarm("lamp_not_set", f"lamp {number} {word}: {result.how}, {TRIES} times")
        elif not result.done:
            self._alarm("lamp_refused", f"lamp {number} {word}: {result.how}")
        if self._wished.get(number) is on:
            del self._wished[number], self._tries[number]
        self._next()

    def _failed(self, failure: Failure, number: str, on: bool) -> None:
        """The line stopped in the middle of it."""
        self._dialling = False

    def _last(self, number: str) -> None:
        """Others go first."""
        self._wished[number] = self._wished.pop(number)

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

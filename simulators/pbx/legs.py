"""The legs of one call of a trunk, and when each of them is printed (step 9).

Per leg: a transfer ends the transferring extension's leg. Whole call: one record when the caller is gone, of the last
extension. Split at the flash: the leg ends at the hook flash, and a caller fetched back begins another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from simulators.pbx.smdr import Leg

if TYPE_CHECKING:
    from simulators.pbx.pbx import Pbx
    from simulators.pbx.trunk import Trunk


@dataclass
class OpenLeg:
    """A leg under way: clock seconds of the first ring and of the answer."""

    extension: str
    ring_at: float
    talk_at: float | None = None


class CallLegs:
    """Of the call that a trunk has now."""

    def __init__(self, pbx: Pbx, trunk: Trunk) -> None:
        self._pbx, self._trunk = pbx, trunk
        self._leg: OpenLeg | None = None
        self._printed = 0
        self._before: list[OpenLeg] = []

    def begin(self) -> None:
        """A new call."""
        self._leg, self._printed, self._before = None, 0, []

    def rings(self, extension: str) -> None:
        """An extension begins to ring for this trunk."""
        self._leg = OpenLeg(extension, self._pbx.clock.seconds())
        self._print(self._record(self._leg, "only"), "ring")

    def talks(self, extension: str) -> None:
        if self._leg is None or self._leg.extension != extension:
            self._leg = OpenLeg(extension, self._pbx.clock.seconds())
        if self._leg.talk_at is None:
            self._leg.talk_at = self._pbx.clock.seconds()
            self._print(self._record(self._leg, "only"), "answer")

    def held(self) -> None:
        """The extension has flashed."""
        if self._pbx.plan.legs == "split_at_flash":
            self.moves()

    def moves(self) -> None:
        """The open leg is over, another one follows."""
        leg, self._leg = self._leg, None
        if leg is None:
            return
        if self._pbx.plan.legs == "whole_call":
            if leg.talk_at is not None:
                self._before.append(leg)
            return
        self._print(self._record(leg, "middle" if self._printed else "first"), "end")
        self._printed += 1

    def ends(self) -> None:
        """The caller is gone, or cut off."""
        leg, self._leg = self._leg, None
        if leg is None and self._before:
            leg = self._before.pop()
        if leg is not None:
            self._print(self._record(leg, "last" if self._printed or self._before else "only"), "end")

    def _record(self, leg: OpenLeg, which: str) -> Leg:
        now = self._pbx.clock.seconds()
        first = next((one for one in (*self._before, leg) if one.talk_at is not None), None)
        begin = leg.ring_at if first is None or first.talk_at is None else first.talk_at
        duration = 0.0 if first is None else now - begin
        rang = (first or leg).talk_at
        ring_s = (now if rang is None else rang) - (first or leg).ring_at
        ended = self._pbx.local_time()
        return Leg(
            ended,
            leg.extension,
            self._trunk.number,
            self._pbx.cut(self._trunk.calling),
            ring_s,
            duration,
            which,
            first is not None,
            started=ended - timedelta(seconds=now - begin),
            called=self._trunk.dnis,
            before=tuple(one.extension for one in self._before),
        )

    def _print(self, leg: Leg, event: str) -> None:
        if self._pbx.smdr is not None:
            self._pbx.smdr.print(self._trunk.call_no, leg, event)

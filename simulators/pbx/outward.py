"""A call outside from an extension of the simulated PBX: its trunk access code takes a line of the office (step 7).

The extension hears the line. Its digits are collected and sent on as soon as the office gives dial tone, one after the
other; the two are joined when no more come. Whoever hangs up with a party on hold leaves it to the line, as after any
consultation. Trunks are taken from the last one down, away from the callers. Analog lines only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from simulators.lines.party import ended, pause
from simulators.pbx.analog_trunk import AnalogTrunk
from simulators.pbx.smdr import Leg

if TYPE_CHECKING:
    from simulators.pbx.extension import Extension
    from simulators.pbx.pbx import Pbx

ECHO_S = 0.1
OFFICE_DIAL_TONE_S = 0.8  # from the seizure until digits may be sent


class OutwardCall:
    """Of one trunk, from the access code until the line is free; `by` has it now."""

    def __init__(self, pbx: Pbx, trunk: AnalogTrunk, by: Extension) -> None:
        self._pbx, self.trunk, self.by = pbx, trunk, by
        self.digits = ""
        self._sent = 0
        self._began_s = pbx.clock.seconds()
        trunk.on_released = self._over
        by.tell("takes a line", trunk=trunk.number)
        by.hear_nothing()
        by.port.hear(trunk.port)
        self._sending: Deferred[None] = Deferred.fromCoroutine(self._send())
        self._sending.addErrback(ended)

    def digit(self, digit: str) -> None:
        """The extension dials on; after #, or so long after the last one, nothing more is expected."""
        if digit == "#":
            self._through()
            return
        self.digits += digit
        self.by.after(self._pbx.plan.next_digit_s, self._through)

    def passes(self, to: Extension) -> None:
        """It is another extension's from now on, whom it was on hold for."""
        self._print("first")
        self.by.tell("transfers", to=self.digits, answered=False)
        self.by, self._began_s = to, self._pbx.clock.seconds()
        self._join()

    def _through(self) -> None:
        self.by.stop_timer()
        self.by.tell("dials", digits=self.digits)
        self._join()

    def _join(self) -> None:
        self.trunk.join(self.by)
        self.by.join(self.trunk)

    async def _send(self) -> None:
        clock = self._pbx.clock
        await pause(clock, OFFICE_DIAL_TONE_S)
        while self.trunk.state == "busy":
            digits, self._sent = self.digits[self._sent :], len(self.digits)
            if digits:
                self.by.port.hear(None)  # the digits' echo is not for the extension to hear, nor to dial again
                await self.trunk.port.dial(digits)
                await pause(clock, ECHO_S)
                if self.trunk.state == "busy":
                    self.by.port.hear(self.trunk.port)
            else:
                await pause(clock, 0.1)

    def _over(self) -> None:
        self._print("last")
        if not self._sending.called:
            self._sending.cancel()

    def _print(self, which: str) -> None:
        pbx, seconds = self._pbx, self._pbx.clock.seconds() - self._began_s
        if pbx.smdr is not None:
            leg = Leg(pbx.local_time(), self.by.number, self.trunk.number, self.digits, None, seconds, which)
            pbx.smdr.print(None, leg, "outward")

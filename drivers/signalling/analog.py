"""Analog trunks: FXO ports on subscriber lines of an office (loop start), as a `Trunk`.

Incoming: the first ring offers a call, its numbers not complete yet; `digits` tells them once the caller ID is there
(FSK between the first two rings, DTMF before the first), or cannot come any more. Answering closes the loop. A line
says nothing of how far we are, so `proceeding` and `alerting` change nothing on it, and nothing but an answer ends its
ringing: a call that is refused rings on, unheard, until the caller gives up.

Outgoing: the loop is closed, the office gives dial tone, digits go out by DTMF. Ringback is alerting; a reversal of the
battery, a voice after ringback, or ringback that stops are the answer, as the line can tell it; busy, congestion and
vacant-number tone are causes. A line that rings in the very moment in which we seize it has given us its caller: our
call fails with cause 44, theirs is offered. So is silence in place of dial tone on a line that gave one before: the
burst may have been too short to be told. A line on which the digits of a caller ID are heard is not seized.

The far end's hang-up is a loop drop, a reversal, busy tone, or dial tone. Time-outs: `AnalogRules`. Ground start is not
there. Sources: GB/T 3380 (tones), YDN 069 and GR-30 (caller ID). Serves steps 1 to 3, and outside calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from drivers.channels import Channels
from drivers.errors import ArgumentError, PortBusy
from drivers.port import Port
from drivers.signalling.analog_line import Line
from drivers.signalling.analog_rules import AnalogRules
from drivers.signalling.interface import Numbers, TrunkCall
from drivers.words import Direction, Hunt

__all__ = ["AnalogRules", "AnalogTrunk"]


class AnalogTrunk:
    """The lines of one group, slots 1, 2 .. in the order of the ports."""

    def __init__(
        self,
        name: str,
        ports: Sequence[Port],
        rules: AnalogRules,
        *,
        hunt: Hunt = "up",
        directions: Mapping[int, Direction] | None = None,
        prepare: Callable[[Port], None] = lambda port: None,
    ) -> None:
        """Ports of kind "fxo". `prepare` sets the gains of a port at the begin of each call."""
        self.name = name
        self.rules = rules
        self.offered: Callable[[TrunkCall], None] | None = None
        self.failed: Callable[[TrunkCall], None] | None = None  # never told: the first ring offers a call
        self.prepare = prepare
        self._span = Channels(name, ports, hunt=hunt, directions=directions)
        self._lines = {slot: Line(self, slot, port) for slot, port in self._span.channels.items()}

    @property
    def span(self) -> Channels:
        """The lines."""
        return self._span

    def call(self, numbers: Numbers, *, slot: int | None = None) -> TrunkCall:
        """Seizes a line and dials `numbers.called` on it; other numbers cannot be sent. PortBusy: none is free, or it
        is about to ring."""
        if "+" in numbers.called:
            raise ArgumentError(f"{self.name}: {numbers.called} cannot be dialled")
        coming = [slot for slot, line in self._lines.items() if line.ringing.coming]
        if slot in coming:
            raise PortBusy(f"{self.name}: line {slot} is about to ring")
        port = self._span.seize(slot, avoid=coming)
        return self._lines[self._span.slot_of(port)].call(numbers)

    def block(self, slot: int) -> None:
        """Out of service once its call is over; held off-hook where `busy_out` says so."""
        self._span.block(slot)
        self._lines[slot].blocked()

    def unblock(self, slot: int) -> None:
        """And back."""
        self._span.unblock(slot)
        self._lines[slot].unblocked()

    def close(self) -> None:
        """Clears all calls, leaves all lines on-hook and unheard."""
        for line in self._lines.values():
            line.close()

"""Whose a call out is: what was said on its trunk belongs to the record of the caller for whose sake it is made.

A caller is consulted about, handed on to somebody outside, or an agent's mobile rings for one; each channel that is
tried keeps its signalling (`tipring trace CALL --signalling`). The record is looked for at each step of the call, while
everybody is still where they were; a call for nobody's sake is an event of the system. Serves step 7, and calls out.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from cti.switch.mobile_seat import MobileSeat
from drivers.signalling.interface import TrunkCall, What

if TYPE_CHECKING:
    from cti.call import Call
    from cti.centre import Centre
    from cti.switch.connection import Connection
    from cti.switch.on_card import OnCard
    from cti.trunks.signals import Signals


class CallsOut:
    """Of one centre. ``seized`` is told of each channel that a call out is tried on (cti.trunks.routes.Routes)."""

    def __init__(self, centre: Centre, switch: OnCard, signals: Signals) -> None:
        self._centre, self._switch, self._signals = centre, switch, signals

    def seized(self, call: TrunkCall) -> None:
        """Follows it to its end."""
        record: Call | None = None

        def step(call: TrunkCall, what: What) -> None:
            nonlocal record
            record = self._whose(call) or record
            if what == "cleared":
                self._signals.over(call, partial(self._centre.event, record, "signalling", "trunk"))

        call.listen(step)

    def _whose(self, call: TrunkCall) -> Call | None:
        """The caller in its conversation; or the one whom somebody in it has on hold."""
        parts = list(self._parts(call))
        together = [other for one in parts for other in one.conversation.connections]
        held = [other for one in together for other in one.device.held]
        return next((one.conversation.call for one in (*parts, *held) if one.conversation.call is not None), None)

    def _parts(self, call: TrunkCall) -> Iterable[Connection]:
        end = self._switch.trunks.get(call.port)
        if end is not None and end.call is call:
            return end.connections
        mobile = (seat for seat in self._switch.seats.values() if isinstance(seat, MobileSeat))
        return next((seat.connections for seat in mobile if seat.calls_by(call)), ())

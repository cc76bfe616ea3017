"""Whose a call out is: what was said on its trunk belongs to a record, and each channel that is tried keeps it.

An agent's own call and a consultation have a record of their own (cti.switch.own_records); a caller who is handed on to
somebody outside, or for whom an agent's mobile rings, has one already. It is looked for at each step of the call until
there is one, while everybody is still where they were (`tipring trace CALL --signalling`). Serves step 7, calls out.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from cti.switch.mobile_seat import MobileSeat
from drivers.signalling.interface import TrunkCall, What

if TYPE_CHECKING:
    from cti.records.records import Records
    from cti.switch.connection import Connection
    from cti.switch.on_card import OnCard
    from cti.trunks.signals import Signals


class CallsOut:
    """Of one switch. ``seized`` is told of each channel that a call out is tried on (cti.trunks.routes.Routes)."""

    def __init__(self, records: Records, switch: OnCard, signals: Signals) -> None:
        self._records, self._switch, self._signals = records, switch, signals

    def seized(self, call: TrunkCall) -> None:
        """Follows it to its end."""
        record: str | None = None

        def step(call: TrunkCall, what: What) -> None:
            nonlocal record
            record = record or self._whose(call)
            if what == "cleared":
                self._signals.over(call, partial(self._records.event, record, "signalling", "trunk"))

        call.listen(step)

    def _whose(self, call: TrunkCall) -> str | None:
        """The record of its conversation: the agent's own, or the caller's."""
        for part in self._parts(call):
            conversation = part.conversation
            if conversation.record or conversation.call is not None:
                return conversation.record or (conversation.call.id if conversation.call is not None else None)
        return None

    def _parts(self, call: TrunkCall) -> Iterable[Connection]:
        end = self._switch.trunks.get(call.port)
        if end is not None and end.call is call:
            return end.connections
        mobile = (seat for seat in self._switch.seats.values() if isinstance(seat, MobileSeat))
        return next((seat.connections for seat in mobile if seat.calls_by(call)), ())

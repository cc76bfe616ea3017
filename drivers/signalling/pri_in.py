"""Calls that come on a PRI span: which channel they get, what is refused, and digits one by one. Serves steps 1 to 3.

A call for a channel that does not exist is refused with cause 82; for one that is taken it gets another one, if it will
have another one, else cause 44; a called number that cannot be with 28, a data call with 65 (Q.931 5.2.3).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from drivers.errors import PortBusy
from drivers.events import PriTold
from drivers.port import Port
from drivers.problems import report
from drivers.signalling import q931
from drivers.signalling.causes import FAILURE, NO_CHANNEL, NORMAL, OUT_OF_ORDER, Cause, reason
from drivers.signalling.dchannel import Party
from drivers.signalling.interface import MAX_DIGITS, Numbers
from drivers.signalling.pri_call import PriCall
from drivers.signalling.pri_rules import BEARERS

if TYPE_CHECKING:
    from drivers.signalling.pri import PriTrunk


class CallsIn:
    """Of one trunk."""

    def __init__(self, trunk: PriTrunk) -> None:
        self._trunk = trunk

    def offered(self, event: PriTold) -> None:
        """A SETUP."""
        party = self._trunk.channel.party(event.data)
        cause, port, slot = self._place(event.slot, party)
        if port is None:
            call = self._without_channel(party.numbers, event.call, event.slot)
            self._trunk.calls[call.handle] = call
            call.clear(cause)
            return
        numbers = self._complete(
            replace(party.numbers, complete=party.numbers.complete or not self._trunk.rules.overlap)
        )
        call = PriCall(self._trunk, port, slot, numbers, event.call, incoming=True)
        self._trunk.calls[call.handle] = call
        self._trunk.messages.came(call)
        if not numbers.complete:
            self._trunk.channel.want_more(call.handle, slot)
            self._trunk.timers.start(call, "T302")
        if numbers.complete or numbers.called:
            self._offer(call)

    def refused(self, event: PriTold) -> None:
        """The D channel itself has answered a SETUP, by RELEASE COMPLETE."""
        message = q931.read(event.data)
        called, calling, slot = q931.parties(message) if message is not None else ("", "", 0)
        call = self._without_channel(Numbers(called, calling), 0, slot)
        self._trunk.span.turned_away(reason(Cause(event.value)))
        call.missed(Cause(event.value, "refused by the D channel"))

    def _without_channel(self, numbers: Numbers, handle: int, slot: int) -> PriCall:
        port = self._trunk.span.signalling
        assert port is not None
        call = PriCall(self._trunk, port, slot, numbers, handle, incoming=True, refused=True)
        self._trunk.messages.came(call)
        return call

    def _place(self, slot: int, party: Party) -> tuple[Cause, Port | None, int]:
        """A channel for the call, or why it has none."""
        span = self._trunk.span
        if self._trunk.offered is None:
            return OUT_OF_ORDER, None, slot
        if any(fault.startswith("called") for fault in party.faults):
            return replace(Cause(28), detail=party.faults[0]), None, slot
        if party.bearer not in BEARERS.values():
            return Cause(65, f"bearer {party.bearer:#04x}"), None, slot
        if slot and slot not in span.channels:
            return Cause(82, f"channel {slot}"), None, slot
        wanted = [slot] if slot else []
        if slot and span.is_now(slot) == "busy":
            self._trunk.calls_out.yield_channel(slot)
        for candidate in wanted if party.exclusive and slot else [*wanted, *span.channels]:
            try:
                return NORMAL, span.taken(candidate), candidate
            except PortBusy:
                continue
        return (Cause(44, f"channel {slot}") if slot else NO_CHANNEL), None, slot

    def _offer(self, call: PriCall) -> None:
        call.offered = True
        offered = self._trunk.offered
        try:
            if offered is not None:
                offered(call)
        except Exception:  # noqa: BLE001 - whoever takes calls has failed; logged, and the call is refused
            report(f"{call!r}: offered")
            call.clear(replace(FAILURE, detail="the call could not be taken"))
        if call.state == "offered" and call.cause is None and call.numbers.complete:
            self._trunk.channel.proceeding(call.handle, call.slot)

    def _complete(self, numbers: Numbers) -> Numbers:
        wanted = self._trunk.rules.called_digits
        whole = numbers.complete or bool(wanted and len(numbers.called) >= wanted)
        return replace(numbers, complete=whole)

    def more(self, call: PriCall, digits: str, last: bool) -> None:
        """Overlap receiving."""
        if not call.incoming or call.numbers.complete:
            return
        called = call.numbers.called + digits
        if len(called) > MAX_DIGITS or any(digit not in "0123456789*#ABCD+" for digit in called):
            call.clear(Cause(28, f"called number {called!r}"))
            return
        self.digits(call, self._complete(replace(call.numbers, called=called, complete=last)))

    def digits(self, call: PriCall, numbers: Numbers) -> None:
        """So much of its numbers is known now."""
        if numbers.complete:
            self._trunk.timers.stop(call, "T302")
        else:
            self._trunk.timers.start(call, "T302")
        if call.offered:
            call.told("digits", numbers=numbers)
            if numbers.complete and call.state == "offered" and call.cause is None:
                self._trunk.channel.proceeding(call.handle, call.slot)
        elif numbers.called or numbers.complete:
            call.numbers = numbers
            self._offer(call)

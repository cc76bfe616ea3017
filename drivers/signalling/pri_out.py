"""Calls out on a PRI span: SETUP, what the far end says of it, and the other channels that are tried. Calls out.

Glare (Q.931 5.7): both ends ask for one channel. The network's call has it; the user's gets another one, unless it was
to have this one and no other: then it ends with cause 44. A call that the far end refuses with this cause is set up
anew on another channel, twice at most. The far end may answer with another channel than we asked for (5.1.2).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from drivers._engine import lib
from drivers.errors import ArgumentError, PortBusy
from drivers.events import PriTold
from drivers.signalling.causes import NORMAL, Cause
from drivers.signalling.interface import Numbers
from drivers.signalling.pri_call import PriCall
from drivers.signalling.pri_rules import BEARERS

if TYPE_CHECKING:
    from drivers.signalling.pri import PriTrunk

TRIES: Final = 3
"""Channels that a call of ours is tried on."""
GLARE: Final = Cause(44, "both ends took the channel")


class CallsOut:
    """Of one trunk."""

    def __init__(self, trunk: PriTrunk) -> None:
        self._trunk = trunk
        self._serial = 0

    def begin(self, numbers: Numbers, slot: int | None) -> PriCall:
        """SETUP on a free channel, or on this one and no other. PortBusy: none is free, or the D channel is down."""
        trunk = self._trunk
        if not trunk.up:
            raise PortBusy(f"span {trunk.name}: the D channel is down")
        port = trunk.span.seize(slot)
        taken = trunk.span.slot_of(port)
        call = PriCall(trunk, port, taken, numbers, self._handle(), incoming=False, demanded=slot is not None)
        self._set_up(call)
        return call

    def said(self, call: PriCall, event: PriTold) -> None:
        """The far end's word on a call of ours."""
        what = event.what
        self._trunk.timers.stop(call)
        if what == lib.TR_PRI_WANTS_MORE:
            call.wants_more = True
            held, call.held = call.held, ""
            if held:
                self._trunk.channel.digits(call.handle, held)
            self._trunk.timers.start(call, "T304")
        elif what == lib.TR_PRI_PROCEEDING:
            self._trunk.timers.start(call, "T310")
            call.told("proceeding")
        elif what == lib.TR_PRI_ALERTING:
            self._trunk.timers.start(call, "T301")
            call.told("alerting", numbers=self._said(call, event))
        elif what == lib.TR_PRI_ANSWERED:
            call.answered_by_far = True
            call.told("answered", numbers=self._said(call, event))
        if call.state != "answered" and (what == lib.TR_PRI_HEAR or event.flags & lib.TR_PRI_INBAND):
            self._trunk.timers.stop(call, "T310")
            call.told("progress")

    def _handle(self) -> int:
        self._serial = self._serial % (lib.TR_PRI_INCOMING - 1) + 1
        return self._serial

    def _set_up(self, call: PriCall) -> None:
        rules = self._trunk.rules
        self._trunk.calls[call.handle] = call
        self._trunk.messages.leaves(call)
        self._trunk.channel.setup(
            call.handle,
            call.slot,
            call.numbers,
            exclusive=call.demanded or rules.exclusive,
            bearer=BEARERS[rules.bearer],
            called_plan=rules.called_plan,
            calling_plan=rules.calling_plan,
        )

    def keeps_channel(self, call: PriCall, slot: int) -> bool:
        """The far end may have chosen another one. False: the call is lost with it."""
        if slot in (0, call.slot):
            return True
        try:
            port = self._trunk.span.seize(slot)
        except (PortBusy, ArgumentError):
            call.clear(Cause(6, f"the far end chose channel {slot}"))
            return False
        self._trunk.span.free(call.port)
        call.port, call.slot = port, slot
        return True

    def try_again(self, call: PriCall) -> bool:
        """On another channel; the old one is free of it already, or belongs to the far end's call."""
        if call.demanded or len(call.tried) >= TRIES or not self._trunk.up or not self._moved(call):
            return False
        self._trunk.forget(call)
        call.handle, call.wants_more = self._handle(), False
        self._set_up(call)
        return True

    def _moved(self, call: PriCall) -> bool:
        """Has another channel been found for it?"""
        try:
            port = self._trunk.span.seize(avoid=call.tried)
        except PortBusy:
            return False
        self._trunk.span.free(call.port)
        call.port, call.slot = port, self._trunk.span.slot_of(port)
        call.tried.add(call.slot)
        return True

    def yield_channel(self, slot: int) -> None:
        """User side: a call of ours, of which the network has said nothing yet, leaves it the channel. The network will
        offer it another one, if it may have another one; meanwhile it holds one of those that are free."""
        ours = next((call for call in self._trunk.calls.values() if call.slot == slot and not call.refused), None)
        if self._trunk.side == "network" or ours is None or ours.incoming or ours.state != "offered" or ours.wants_more:
            return
        if ours.demanded or self._trunk.rules.exclusive or not self._moved(ours):
            self._trunk.channel.clear(ours.handle, NORMAL.number)
            self._trunk.finish(ours, GLARE)

    def _said(self, call: PriCall, event: PriTold) -> Numbers:
        return replace(call.numbers, user_user=event.data) if event.data else call.numbers

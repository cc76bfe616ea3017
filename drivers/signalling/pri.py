"""A PRI span as a `Trunk`: ISDN, DSS1 (EuroISDN on an E1), user or network side.

The D channel speaks in the engine (`DChannel`); here its calls get their channels and their numbers (pri_in.py,
pri_out.py) and the timers that libpri does not have (pri_call.py), channels their service (pri_service.py).

A call that comes is acknowledged (CALL PROCEEDING) when `offered` returns, whatever is done with it, so that the far
end's T303 ends; its `state` stays. The D channel's failure ends calls that are not answered yet; conversations go on
for T309. An alarm of the line ends all of them after `alarm_s`. Numbers with digits that do not exist, or more than 20:
called, cause 28; calling and redirecting are left out.

A call that is refused before it is offered, by these rules or by the D channel itself (a malformed SETUP), is told to
`failed`, with its cause.

Each call keeps its messages, 200 at most, for its ladder (`PriCall.steps`). Sources: EN 300 403-1, ITU-T Q.931. Serves
steps 1 to 3, and outside calls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from drivers._engine import lib
from drivers.clock import DelayedCall
from drivers.errors import ArgumentError
from drivers.events import Event, Overrun, PriFrame, PriTold
from drivers.port import Port
from drivers.problems import note
from drivers.signalling.causes import FAILURE, NO_ANSWER, NORMAL, Cause, reason
from drivers.signalling.dchannel import DChannel, Side
from drivers.signalling.interface import Numbers, TrunkCall
from drivers.signalling.pri_call import CallTimers, PriCall
from drivers.signalling.pri_in import CallsIn
from drivers.signalling.pri_messages import Messages
from drivers.signalling.pri_out import GLARE, CallsOut
from drivers.signalling.pri_rules import PriRules
from drivers.signalling.pri_service import ChannelService
from drivers.span import Span

__all__ = ["PriCall", "PriTrunk"]


class PriTrunk:
    """A span whose D channel speaks DSS1."""

    def __init__(self, span: Span, side: Side = "user", rules: PriRules | None = None) -> None:
        """`span` has a signalling port. Layer 2 begins at once; calls go out once it is up."""
        if span.signalling is None:
            raise ArgumentError(f"span {span.name}: PRI needs a D channel")
        self.name = span.name
        self.side: Side = side
        self.rules = rules if rules is not None else PriRules()
        self.offered: Callable[[TrunkCall], None] | None = None
        self.failed: Callable[[TrunkCall], None] | None = None
        self.link: Callable[[bool], None] | None = None
        """Told when layer 2 comes up, or goes down."""
        self.up = False
        self.clock = span.signalling.engine.clock
        self.channel = DChannel(
            span.signalling,
            side,
            self.rules.engine_timers(side),
            trace=self.rules.trace,
            service=self.rules.service,
            inband_disconnect=self.rules.inband_disconnect,
        )
        self._span = span
        self.calls: dict[int, PriCall] = {}
        self.messages = Messages()
        self.calls_in, self.calls_out = CallsIn(self), CallsOut(self)
        self.timers = CallTimers(self.clock, self.rules, side, self._expired)
        self._alarm: DelayedCall | None = None
        wait_ms = self.rules.timer("T316", side) * max(1, self.rules.timer("N316", side))
        self._service = ChannelService(span, self.channel, self.rules, wait_ms, self.clock)
        self._told_alive: set[int] | None = None  # while the engine tells all its calls after an overrun
        self._asked: frozenset[int] = frozenset()
        self._deaf = [
            span.signalling.listen(self._event),
            span.listen(self._alarms),
            span.signalling.engine.listen(self._engine_event),
        ]

    @property
    def span(self) -> Span:
        """Its channels."""
        return self._span

    # ---- the trunk -------------------------------------------------------------------------------

    def call(self, numbers: Numbers, *, slot: int | None = None) -> TrunkCall:
        """SETUP on a free channel, or on this one and no other. PortBusy: none is free, or the D channel is down."""
        return self.calls_out.begin(numbers, slot)

    def block(self, slot: int) -> None:
        """Out of service, at once for calls to come; the far end is told by SERVICE, where it has that, once the
        channel's call is over."""
        self._span.block(slot)
        self._service.changed(slot, False, busy=self.calls_on(self._span.channels[slot]) > 0)

    def unblock(self, slot: int) -> None:
        """And back."""
        self._span.unblock(slot)
        self._service.changed(slot, True, busy=self.calls_on(self._span.channels[slot]) > 0)

    def restart(self, *slots: int) -> None:
        """RESTART of channels (none named: all that have no call), one after the other; calls on them end with cause
        41. Each is out of service until the far end has acknowledged it (`ChannelService`)."""
        for slot in slots or tuple(slot for slot in self._span.channels if self._span.is_now(slot) != "busy"):
            for call in [call for call in self.calls.values() if call.slot == slot]:
                self.channel.clear(call.handle, FAILURE.number)
                self.finish(call, replace(FAILURE, detail="the channel is restarted"))
            self._service.restart(slot)

    def close(self) -> None:
        """Ends all calls and listens no more, but for what passes on the line until they are released; the D channel
        falls silent when the far end has confirmed them."""
        if not self._deaf:
            return
        self._hear_out()
        for call in list(self.calls.values()):
            self.channel.clear(call.handle, NORMAL.number)
            self.finish(call, replace(NORMAL, detail="trunk closed"))
        for deaf in self._deaf:
            deaf()
        self._deaf.clear()
        if self._alarm is not None and self._alarm.active():
            self._alarm.cancel()
        self._service.close()
        self.channel.close()
        self.up = False

    def _hear_out(self) -> None:
        def event(event: Event) -> None:
            if isinstance(event, PriFrame):
                self.messages.heard(event)
                if not self.messages.unended:
                    deaf()

        deaf = self._span.signalling.listen(event) if self._span.signalling is not None else lambda: None

    # ---- what calls say ----------------------------------------------------------------------------

    def say_proceeding(self, call: PriCall) -> None:
        self.timers.stop(call, "T302")
        self.channel.proceeding(call.handle, call.slot)

    def say_alerting(self, call: PriCall) -> None:
        self.timers.stop(call, "T302")
        self.channel.alerting(call.handle, call.slot, self.rules.ringback)

    def say_answer(self, call: PriCall) -> None:
        self.timers.stop(call, "T302")
        self.channel.answer(call.handle, call.slot)

    def say_more(self, call: PriCall, digits: str) -> None:
        if call.wants_more:
            self.channel.digits(call.handle, digits)
            self.timers.start(call, "T304")
        else:
            call.held += digits

    def say_clear(self, call: PriCall, cause: Cause) -> None:
        self.timers.stop(call)
        self.channel.clear(call.handle, cause.number)

    # ---- what the D channel tells --------------------------------------------------------------------

    def _event(self, event: Event) -> None:
        if isinstance(event, PriFrame):
            self.messages.heard(event)
        elif isinstance(event, PriTold):
            call = self.calls.get(event.call)
            if event.what == lib.TR_PRI_OFFERED:
                self.calls_in.offered(event)
            elif event.what == lib.TR_PRI_REFUSED:
                self.calls_in.refused(event)
            elif event.what == lib.TR_PRI_CALL:
                self._alive(event)
            elif call is not None:
                self._step(call, event)
            elif not event.call:
                self._of_the_channel(event)

    def _of_the_channel(self, event: PriTold) -> None:
        what = event.what
        if what in (lib.TR_PRI_UP, lib.TR_PRI_DOWN):
            self._link(what == lib.TR_PRI_UP)
        elif what == lib.TR_PRI_RESTARTED:
            self._service.restarted(event.slot)
        elif what == lib.TR_PRI_RESTART_DONE:
            self._service.acknowledged(event.slot)
        elif what == lib.TR_PRI_SERVICED:
            self._service.told(event.slot, event.value)
        elif what == lib.TR_PRI_NOTE:
            note(f"{self.name}: D channel: {event.data.decode('latin-1').strip()}")
        elif what == lib.TR_PRI_RENEWED:
            note(f"{self.name}: D channel: its memory was used up; all calls were ended, and it was begun anew")
        elif what == lib.TR_PRI_CALLS:
            self._all_told()

    def _step(self, call: PriCall, event: PriTold) -> None:
        what = event.what
        if what == lib.TR_PRI_CLEARED:
            self._cleared(call, event)
        elif call.cause is not None:
            pass  # we have cleared; what was on its way is of no interest
        elif what == lib.TR_PRI_MORE:
            self.calls_in.more(call, event.data.decode("latin-1"), bool(event.value))
        elif not call.incoming and self.calls_out.keeps_channel(call, event.slot):
            self.calls_out.said(call, event)

    def _cleared(self, call: PriCall, event: PriTold) -> None:
        cause = Cause(event.value)
        if event.flags & lib.TR_PRI_BY_TIMER and not event.flags & lib.TR_PRI_BY_US:
            cause = replace(cause, detail=self._timer_of(call))
        early = not call.incoming and call.state == "offered" and call.cause is None
        if not (early and event.value == GLARE.number and self.calls_out.try_again(call)):
            self.finish(call, cause)

    def _timer_of(self, call: PriCall) -> str:
        """What has ended the call, when it was none of the ends."""
        if not self.up:
            return "D channel down"
        if call.incoming:
            return "T313, no answer to CONNECT" if call.state == "answered" else "time-out"
        return "T303, no answer to SETUP" if call.state == "offered" else "time-out"

    def calls_on(self, port: Port) -> int:
        return sum(call.port is port for call in self.calls.values())

    def _expired(self, call: PriCall, name: str) -> None:
        """A timer of ours."""
        if name == "T302" and call.numbers.called:
            self.calls_in.digits(call, replace(call.numbers, complete=True))
        elif name == "T302":
            call.clear(Cause(28, "T302, no digits"))
        elif name == "T301":
            call.clear(replace(NO_ANSWER, detail="T301"))
        else:
            call.clear(Cause(102, name))

    # ---- the line --------------------------------------------------------------------------------

    def _link(self, up: bool) -> None:
        if up == self.up:
            return
        self.up = up
        if self.link is not None:
            self.link(up)
        self._service.link(up)

    def _alarms(self, alarms: tuple[str, ...]) -> None:
        """From the first alarm to the end of the last one, whatever changes between."""
        if alarms and self._alarm is None:
            self._alarm = self.clock.callLater(self.rules.alarm_s, self._lost_all)
        elif not alarms and self._alarm is not None:
            if self._alarm.active():
                self._alarm.cancel()
            self._alarm = None

    def _lost_all(self) -> None:
        alarms = self._span.alarms
        for call in list(self.calls.values()):
            self.channel.clear(call.handle, FAILURE.number)
            self.finish(call, replace(FAILURE, detail=f"alarm {' '.join(alarms)}"))

    # ---- the end -----------------------------------------------------------------------------------

    def finish(self, call: PriCall, cause: Cause) -> None:
        """The handle is void, the channel free; told once."""
        answered = call.state == "answered"
        self.forget(call)
        ended = call.cause or cause
        if call.refused:
            self._span.turned_away(reason(ended))
        else:
            if not self.calls_on(call.port):
                self._span.free(call.port, None if answered else reason(ended))
            self._service.freed(call.slot)
        if call.offered:
            call.told("cleared", cause=cause)
        else:
            call.missed(ended)

    def forget(self, call: PriCall) -> None:
        self.timers.stop(call)
        self.calls.pop(call.handle, None)
        self.messages.forget(call)

    # ---- events that were lost -----------------------------------------------------------------------

    def _engine_event(self, event: Event) -> None:
        if isinstance(event, Overrun):
            self._told_alive, self._asked = set(), frozenset(self.calls)
            self.channel.tell()

    def _alive(self, event: PriTold) -> None:
        """After an overrun: a call that there is, and the last step of it."""
        call = self.calls.get(event.call)
        if self._told_alive is not None:
            self._told_alive.add(event.call)
        if call is None:
            self.channel.clear(event.call, FAILURE.number)
        elif not call.incoming and call.cause is None and event.value != lib.TR_PRI_OFFERED and event.value:
            self.calls_out.said(call, replace(event, what=event.value))

    def _all_told(self) -> None:
        alive, self._told_alive = self._told_alive or set(), None
        for handle in self._asked - alive:
            if handle in self.calls:
                self.finish(self.calls[handle], replace(FAILURE, detail="its end was lost in an overrun"))

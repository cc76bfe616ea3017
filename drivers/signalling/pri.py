"""A PRI span as a `Trunk`: ISDN, DSS1 (EuroISDN on an E1), user or network side.

The D channel speaks in the engine (`DChannel`); here its calls get their channels, their numbers and the timers that
libpri does not have (T301, T302, T304, T310). Rules for channels (Q.931 5.1.2, 5.2.3, 5.7):

- A call that comes for a channel that does not exist is refused with cause 82; for one that is taken it gets another
  one, if it will have another one, else cause 44.
- Glare: both ends ask for one channel. The network's call has it; the user's gets another one, unless it was to have
  this one and no other: then it ends with cause 44. A call of ours that the far end refuses with this cause is set up
  anew on another channel, twice at most.
- The far end may answer our call with another channel than we asked for: `port` and `slot` change before "proceeding".

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

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from drivers._engine import lib
from drivers.clock import DelayedCall
from drivers.errors import ArgumentError, PortBusy
from drivers.events import Event, Overrun, PriFrame, PriTold
from drivers.port import Port
from drivers.problems import note, report
from drivers.signalling import q931
from drivers.signalling.causes import (
    FAILURE,
    NO_ANSWER,
    NO_CHANNEL,
    NORMAL,
    OUT_OF_ORDER,
    Cause,
    reason,
)
from drivers.signalling.dchannel import DChannel, Party, Side
from drivers.signalling.interface import MAX_DIGITS, Numbers, TrunkCall
from drivers.signalling.ladder import Step
from drivers.signalling.pri_messages import Messages
from drivers.signalling.pri_rules import BEARERS, PriRules
from drivers.signalling.pri_service import ChannelService
from drivers.span import Span

TRIES: Final = 3
"""Channels that a call of ours is tried on."""
GLARE: Final = Cause(44, "both ends took the channel")


class PriCall(TrunkCall):
    """A call on a B channel. `demanded`: the channel that it was to have, and no other. `refused`: it has none."""

    def __init__(
        self,
        trunk: PriTrunk,
        port: Port,
        slot: int,
        numbers: Numbers,
        handle: int,
        *,
        incoming: bool,
        demanded: bool = False,
        refused: bool = False,
    ) -> None:
        super().__init__(trunk, port, slot, numbers, incoming=incoming)
        self.handle = handle
        self.demanded = demanded
        self.refused = refused
        self.tried = {slot}
        self.wants_more = False
        self.held = ""
        """Overlap sending: digits that the far end has not asked for yet."""
        self.answered_by_far = False
        self.timers: dict[str, DelayedCall] = {}
        self.steps: list[Step] = []
        self._pri = trunk

    def signalling(self) -> Sequence[Step]:
        """Its messages so far."""
        return tuple(self.steps)

    @property
    def is_over(self) -> bool:
        """Cleared, and told so."""
        return self.state == "cleared"

    def _say_proceeding(self) -> None:
        self._pri.say_proceeding(self)

    def _say_alerting(self) -> None:
        self._pri.say_alerting(self)

    def _say_answer(self) -> None:
        self._pri.say_answer(self)

    def _say_more(self, digits: str) -> None:
        self._pri.say_more(self, digits)

    def _say_clear(self, cause: Cause) -> None:
        self._pri.say_clear(self, cause)


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
        self._calls: dict[int, PriCall] = {}
        self._serial = 0
        self._messages = Messages()
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
        if not self.up:
            raise PortBusy(f"span {self.name}: the D channel is down")
        port = self._span.seize(slot)
        taken = self._span.slot_of(port)
        call = PriCall(self, port, taken, numbers, self._handle(), incoming=False, demanded=slot is not None)
        self._set_up(call)
        return call

    def block(self, slot: int) -> None:
        """Out of service, at once for calls to come; the far end is told by SERVICE, where it has that, once the
        channel's call is over."""
        self._span.block(slot)
        self._service.changed(slot, False, busy=self._calls_on(self._span.channels[slot]) > 0)

    def unblock(self, slot: int) -> None:
        """And back."""
        self._span.unblock(slot)
        self._service.changed(slot, True, busy=self._calls_on(self._span.channels[slot]) > 0)

    def restart(self, *slots: int) -> None:
        """RESTART of channels (none named: all that have no call), one after the other; calls on them end with cause
        41. Each is out of service until the far end has acknowledged it (`ChannelService`)."""
        for slot in slots or tuple(slot for slot in self._span.channels if self._span.is_now(slot) != "busy"):
            for call in [call for call in self._calls.values() if call.slot == slot]:
                self.channel.clear(call.handle, FAILURE.number)
                self._finish(call, replace(FAILURE, detail="the channel is restarted"))
            self._service.restart(slot)

    def close(self) -> None:
        """Ends all calls and listens no more; the D channel falls silent when the far end has confirmed them."""
        if not self._deaf:
            return
        for call in list(self._calls.values()):
            self.channel.clear(call.handle, NORMAL.number)
            self._finish(call, replace(NORMAL, detail="trunk closed"))
        for deaf in self._deaf:
            deaf()
        self._deaf.clear()
        if self._alarm is not None and self._alarm.active():
            self._alarm.cancel()
        self._service.close()
        self.channel.close()
        self.up = False

    # ---- what calls say ----------------------------------------------------------------------------

    def say_proceeding(self, call: PriCall) -> None:
        self._stop(call, "T302")
        self.channel.proceeding(call.handle, call.slot)

    def say_alerting(self, call: PriCall) -> None:
        self._stop(call, "T302")
        self.channel.alerting(call.handle, call.slot, self.rules.ringback)

    def say_answer(self, call: PriCall) -> None:
        self._stop(call, "T302")
        self.channel.answer(call.handle, call.slot)

    def say_more(self, call: PriCall, digits: str) -> None:
        if call.wants_more:
            self.channel.digits(call.handle, digits)
            self._start(call, "T304")
        else:
            call.held += digits

    def say_clear(self, call: PriCall, cause: Cause) -> None:
        self._stop(call)
        self.channel.clear(call.handle, cause.number)

    # ---- what the D channel tells --------------------------------------------------------------------

    def _event(self, event: Event) -> None:
        if isinstance(event, PriFrame):
            self._messages.heard(event)
        elif isinstance(event, PriTold):
            call = self._calls.get(event.call)
            if event.what == lib.TR_PRI_OFFERED:
                self._offered(event)
            elif event.what == lib.TR_PRI_REFUSED:
                self._refused(event)
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
            self._more(call, event.data.decode("latin-1"), bool(event.value))
        elif not call.incoming and self._keeps_channel(call, event.slot):
            self._forward(call, event)

    def _forward(self, call: PriCall, event: PriTold) -> None:
        """The far end's word on a call of ours."""
        what = event.what
        self._stop(call)
        if what == lib.TR_PRI_WANTS_MORE:
            call.wants_more = True
            held, call.held = call.held, ""
            if held:
                self.channel.digits(call.handle, held)
            self._start(call, "T304")
        elif what == lib.TR_PRI_PROCEEDING:
            self._start(call, "T310")
            call.told("proceeding")
        elif what == lib.TR_PRI_ALERTING:
            self._start(call, "T301")
            call.told("alerting", numbers=self._said(call, event))
        elif what == lib.TR_PRI_ANSWERED:
            call.answered_by_far = True
            call.told("answered", numbers=self._said(call, event))
        if call.state != "answered" and (what == lib.TR_PRI_HEAR or event.flags & lib.TR_PRI_INBAND):
            self._stop(call, "T310")
            call.told("progress")

    def _cleared(self, call: PriCall, event: PriTold) -> None:
        cause = Cause(event.value)
        if event.flags & lib.TR_PRI_BY_TIMER and not event.flags & lib.TR_PRI_BY_US:
            cause = replace(cause, detail=self._timer_of(call))
        early = not call.incoming and call.state == "offered" and call.cause is None
        if not (early and event.value == GLARE.number and self._try_again(call)):
            self._finish(call, cause)

    def _timer_of(self, call: PriCall) -> str:
        """What has ended the call, when it was none of the ends."""
        if not self.up:
            return "D channel down"
        if call.incoming:
            return "T313, no answer to CONNECT" if call.state == "answered" else "time-out"
        return "T303, no answer to SETUP" if call.state == "offered" else "time-out"

    def _said(self, call: PriCall, event: PriTold) -> Numbers:
        return replace(call.numbers, user_user=event.data) if event.data else call.numbers

    # ---- outgoing ------------------------------------------------------------------------------------

    def _handle(self) -> int:
        self._serial = self._serial % (lib.TR_PRI_INCOMING - 1) + 1
        return self._serial

    def _set_up(self, call: PriCall) -> None:
        rules = self.rules
        self._calls[call.handle] = call
        self._messages.leaves(call)
        self.channel.setup(
            call.handle,
            call.slot,
            call.numbers,
            exclusive=call.demanded or rules.exclusive,
            bearer=BEARERS[rules.bearer],
            called_plan=rules.called_plan,
            calling_plan=rules.calling_plan,
        )

    def _keeps_channel(self, call: PriCall, slot: int) -> bool:
        """The far end may have chosen another one. False: the call is lost with it."""
        if slot in (0, call.slot):
            return True
        try:
            port = self._span.seize(slot)
        except (PortBusy, ArgumentError):
            call.clear(Cause(6, f"the far end chose channel {slot}"))
            return False
        self._span.free(call.port)
        call.port, call.slot = port, slot
        return True

    def _try_again(self, call: PriCall) -> bool:
        """On another channel; the old one is free of it already, or belongs to the far end's call."""
        if call.demanded or len(call.tried) >= TRIES or not self.up or not self._moved(call):
            return False
        self._forget(call)
        call.handle, call.wants_more = self._handle(), False
        self._set_up(call)
        return True

    def _moved(self, call: PriCall) -> bool:
        """Has another channel been found for it?"""
        try:
            port = self._span.seize(avoid=call.tried)
        except PortBusy:
            return False
        self._span.free(call.port)
        call.port, call.slot = port, self._span.slot_of(port)
        call.tried.add(call.slot)
        return True

    def _calls_on(self, port: Port) -> int:
        return sum(call.port is port for call in self._calls.values())

    def _yield(self, slot: int) -> None:
        """User side: a call of ours, of which the network has said nothing yet, leaves it the channel. The network will
        offer it another one, if it may have another one; meanwhile it holds one of those that are free."""
        ours = next((call for call in self._calls.values() if call.slot == slot and not call.refused), None)
        if self.side == "network" or ours is None or ours.incoming or ours.state != "offered" or ours.wants_more:
            return
        if ours.demanded or self.rules.exclusive or not self._moved(ours):
            self.channel.clear(ours.handle, NORMAL.number)
            self._finish(ours, GLARE)

    # ---- incoming ------------------------------------------------------------------------------------

    def _offered(self, event: PriTold) -> None:
        party = self.channel.party(event.data)
        cause, port, slot = self._place(event.slot, party)
        if port is None:
            call = self._without_channel(party.numbers, event.call, event.slot)
            self._calls[call.handle] = call
            call.clear(cause)
            return
        numbers = self._complete(replace(party.numbers, complete=party.numbers.complete or not self.rules.overlap))
        call = PriCall(self, port, slot, numbers, event.call, incoming=True)
        self._calls[call.handle] = call
        self._messages.came(call)
        if not numbers.complete:
            self.channel.want_more(call.handle, slot)
            self._start(call, "T302")
        if numbers.complete or numbers.called:
            self._offer(call)

    def _refused(self, event: PriTold) -> None:
        """The D channel itself has answered a SETUP, by RELEASE COMPLETE."""
        message = q931.read(event.data)
        called, calling, slot = q931.parties(message) if message is not None else ("", "", 0)
        call = self._without_channel(Numbers(called, calling), 0, slot)
        self._span.turned_away(reason(Cause(event.value)))
        call.missed(Cause(event.value, "refused by the D channel"))

    def _without_channel(self, numbers: Numbers, handle: int, slot: int) -> PriCall:
        port = self._span.signalling
        assert port is not None
        call = PriCall(self, port, slot, numbers, handle, incoming=True, refused=True)
        self._messages.came(call)
        return call

    def _place(self, slot: int, party: Party) -> tuple[Cause, Port | None, int]:
        """A channel for the call, or why it has none."""
        span = self._span
        if self.offered is None:
            return OUT_OF_ORDER, None, slot
        if any(fault.startswith("called") for fault in party.faults):
            return replace(Cause(28), detail=party.faults[0]), None, slot
        if party.bearer not in BEARERS.values():
            return Cause(65, f"bearer {party.bearer:#04x}"), None, slot
        if slot and slot not in span.channels:
            return Cause(82, f"channel {slot}"), None, slot
        wanted = [slot] if slot else []
        if slot and span.is_now(slot) == "busy":
            self._yield(slot)
        for candidate in wanted if party.exclusive and slot else [*wanted, *span.channels]:
            try:
                return NORMAL, span.taken(candidate), candidate
            except PortBusy:
                continue
        return (Cause(44, f"channel {slot}") if slot else NO_CHANNEL), None, slot

    def _offer(self, call: PriCall) -> None:
        call.offered = True
        offered = self.offered
        try:
            if offered is not None:
                offered(call)
        except Exception:  # noqa: BLE001 - whoever takes calls has failed; logged, and the call is refused
            report(f"{call!r}: offered")
            call.clear(replace(FAILURE, detail="the call could not be taken"))
        if call.state == "offered" and call.cause is None and call.numbers.complete:
            self.channel.proceeding(call.handle, call.slot)

    def _complete(self, numbers: Numbers) -> Numbers:
        wanted = self.rules.called_digits
        whole = numbers.complete or bool(wanted and len(numbers.called) >= wanted)
        return replace(numbers, complete=whole)

    def _more(self, call: PriCall, digits: str, last: bool) -> None:
        """Overlap receiving."""
        if not call.incoming or call.numbers.complete:
            return
        called = call.numbers.called + digits
        if len(called) > MAX_DIGITS or any(digit not in "0123456789*#ABCD+" for digit in called):
            call.clear(Cause(28, f"called number {called!r}"))
            return
        self._digits(call, self._complete(replace(call.numbers, called=called, complete=last)))

    def _digits(self, call: PriCall, numbers: Numbers) -> None:
        if numbers.complete:
            self._stop(call, "T302")
        else:
            self._start(call, "T302")
        if call.offered:
            call.told("digits", numbers=numbers)
            if numbers.complete and call.state == "offered" and call.cause is None:
                self.channel.proceeding(call.handle, call.slot)
        elif numbers.called or numbers.complete:
            call.numbers = numbers
            self._offer(call)

    # ---- timers of ours ------------------------------------------------------------------------------

    def _start(self, call: PriCall, name: str) -> None:
        self._stop(call, name)
        wait_s = self.rules.timer(name, self.side) / 1000
        if wait_s and call.state != "cleared" and call.cause is None:
            call.timers[name] = self.clock.callLater(wait_s, self._expired, call, name)

    def _stop(self, call: PriCall, *names: str) -> None:
        """These; none named: all."""
        for name in names or tuple(call.timers):
            timer = call.timers.pop(name, None)
            if timer is not None and timer.active():
                timer.cancel()

    def _expired(self, call: PriCall, name: str) -> None:
        call.timers.pop(name, None)
        if name == "T302" and call.numbers.called:
            self._digits(call, replace(call.numbers, complete=True))
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
        for call in list(self._calls.values()):
            self.channel.clear(call.handle, FAILURE.number)
            self._finish(call, replace(FAILURE, detail=f"alarm {' '.join(alarms)}"))

    # ---- the end -----------------------------------------------------------------------------------

    def _finish(self, call: PriCall, cause: Cause) -> None:
        """The handle is void, the channel free; told once."""
        answered = call.state == "answered"
        self._forget(call)
        ended = call.cause or cause
        if call.refused:
            self._span.turned_away(reason(ended))
        else:
            if not self._calls_on(call.port):
                self._span.free(call.port, None if answered else reason(ended))
            self._service.freed(call.slot)
        if call.offered:
            call.told("cleared", cause=cause)
        else:
            call.missed(ended)

    def _forget(self, call: PriCall) -> None:
        self._stop(call)
        self._calls.pop(call.handle, None)
        self._messages.forget(call)

    # ---- events that were lost -----------------------------------------------------------------------

    def _engine_event(self, event: Event) -> None:
        if isinstance(event, Overrun):
            self._told_alive, self._asked = set(), frozenset(self._calls)
            self.channel.tell()

    def _alive(self, event: PriTold) -> None:
        """After an overrun: a call that there is, and the last step of it."""
        call = self._calls.get(event.call)
        if self._told_alive is not None:
            self._told_alive.add(event.call)
        if call is None:
            self.channel.clear(event.call, FAILURE.number)
        elif not call.incoming and call.cause is None and event.value != lib.TR_PRI_OFFERED and event.value:
            self._forward(call, replace(event, what=event.value))

    def _all_told(self) -> None:
        alive, self._told_alive = self._told_alive or set(), None
        for handle in self._asked - alive:
            if handle in self._calls:
                self._finish(self._calls[handle], replace(FAILURE, detail="its end was lost in an overrun"))

"""MFC-R2 as a trunk: China No.1 and ITU-T R2 on the channels of a span, incoming and outgoing.

The signalling itself runs in C, in the tick that hears the tone (csrc/r2.h); here its reports become calls, and what is
said of a call becomes commands. The exchange's end of a line is the same object with the same settings.

An incoming call is offered when both numbers and the caller's category are known; within `accept` (8 s) it must be told
to alert, to answer or to clear, else the caller hears congestion. A call that was accepted cannot be refused any more:
the caller ends it. Numbers: digits 0-9, at most 20. Nothing here blocks; no timer runs here. Serves steps 1 to 3 and
outside calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from drivers import events as ev
from drivers._engine import lib
from drivers.errors import ArgumentError, PortBusy
from drivers.port import Port
from drivers.problems import report
from drivers.signalling.causes import BUSY, FAILURE, NORMAL, REJECTED, Cause, reason
from drivers.signalling.interface import Numbers, TrunkCall, What
from drivers.signalling.ladder import Step, ladder
from drivers.signalling.r2_ends import COLLISION, LOST, STOPPED, cause_of, reached_of
from drivers.signalling.r2_settings import Control, R2Settings
from drivers.signalling.r2_steps import Heard, read_steps, steps_of
from drivers.span import Span

__all__ = ["Control", "R2Call", "R2Settings", "R2Trunk"]


class R2Call(TrunkCall):
    """A call by R2. ``trail``: its signals as the engine keeps them (struct tr_r2_step[]), once it is cleared."""

    trunk: R2Trunk

    def __init__(self, trunk: R2Trunk, port: Port, slot: int, numbers: Numbers, call: int) -> None:
        super().__init__(trunk, port, slot, numbers, incoming=call < 0)
        self.call = call
        self.command = 0  # id of the outgoing CALL
        self.ka = self.kd = self.kb = 0
        self.accepted = False
        self.held = False
        self.refused = False
        """Incoming: it came where no call may come, and never had the channel."""
        self.trail = b""

    @property
    def steps(self) -> tuple[Heard, ...]:
        """The signals of the call, once it is cleared."""
        return read_steps(self.trail)

    @property
    def more_follows(self) -> bool:
        """The engine tells its signals with the end; where we stop it is told first."""
        return not self.trail

    def signalling(self) -> Sequence[Step]:
        """Once it is cleared."""
        return self.trunk.read(self.steps, incoming=self.incoming)

    def ladder(self, us: str = "us", far: str = "far") -> str:
        """The signalling of the call, step by step, once it is cleared."""
        return ladder(self.signalling(), us, far)

    def reanswer(self) -> None:
        """Incoming, after our `clear` of an answered call: the called party has lifted again before the caller hung
        up. Nothing where it is too late."""
        if self.incoming and self.state == "answered" and self.cause is not None and not self.held:
            self.cause = None
            self._say(lib.TR_R2_ANSWER)
            self.told("resumed")

    def _say(self, what: int, *a: int, side: bytes = b"") -> int:
        return self.port.r2(what, self.call, *a, side=side)

    def _say_proceeding(self) -> None:
        """R2 has no word for it."""

    def _say_alerting(self) -> None:
        if not self.accepted:
            self.accepted = True
            self.kb = self.trunk.settings.our_kb(self.kd, None)
            self._say(lib.TR_R2_ACCEPT, self.kb, 1)

    def _say_answer(self) -> None:
        self._say_alerting()
        self._say(lib.TR_R2_ANSWER)

    def _say_more(self, digits: str) -> None:
        self._say(lib.TR_R2_MORE, side=_digits(digits))

    def _say_clear(self, cause: Cause) -> None:
        if self.incoming and not self.accepted:
            self.accepted = True
            self.kb = self.trunk.settings.our_kb(self.kd, cause)
            self._say(lib.TR_R2_ACCEPT, self.kb, 0)
        else:
            self._say(lib.TR_R2_CLEAR)


def _digits(digits: str) -> bytes:
    if not digits.isascii() or (digits and not digits.isdecimal()):
        raise ArgumentError(f"number {digits!r}: R2 sends digits 0-9")
    return digits.encode()


def _signal(numbers: Numbers, word: str, usual: int) -> int:
    """KA or KD out of the category ("KA 1 KD 3"), or the usual one."""
    words = numbers.category.split()
    number = words[words.index(word) + 1] if word in words[:-1] else str(usual)
    if not number.isdecimal() or not 1 <= int(number) <= 15:
        raise ArgumentError(f"category {numbers.category!r}: {word} is a signal 1 to 15")
    return int(number)


class R2Trunk:
    """The B channels of a span, signalled by R2. Channels wait for the far end's idle code before they are used.

    ``stuck``, set by whoever looks after the trunk: the far end does not release a channel.
    """

    def __init__(self, name: str, span: Span, settings: R2Settings | None = None) -> None:
        self.name = name
        self.span = span
        self.offered: Callable[[TrunkCall], None] | None = None
        self.failed: Callable[[TrunkCall], None] | None = None
        self.stuck: Callable[[int], None] | None = None
        self.settings = settings or R2Settings()
        self._slots = {port.number: slot for slot, port in span.channels.items()}
        self._calls: dict[int, R2Call] = {}
        self._serial = 0
        span.block(by="far")
        self._deaf = [port.listen(self._event) for port in span.channels.values()]
        engine = next(iter(span.channels.values())).engine
        self._deaf.append(engine.listen(self._overrun))
        packed = self.settings.packed()
        for port in span.channels.values():
            port.r2(lib.TR_R2_START, side=packed)

    def read(self, heard: Iterable[Heard], *, incoming: bool) -> Sequence[Step]:
        """Signals in the words of this trunk's variant."""
        return tuple(steps_of(heard, self.settings.table, incoming=incoming))

    @property
    def calls(self) -> list[R2Call]:
        """Those that are not cleared, by slot; incoming ones from their seizure on."""
        return [self._calls[slot] for slot in sorted(self._calls)]

    def call(self, numbers: Numbers, *, slot: int | None = None) -> R2Call:
        """Seizes a channel and calls. ``numbers.category`` may name KA and KD ("KA 1 KD 2")."""
        side = _digits(numbers.called) + b"\0" + _digits(numbers.calling)
        table = self.settings.table
        ka = _signal(numbers, "KA", self.settings.ka or table.ka)
        kd = _signal(numbers, "KD", self.settings.kd or table.kd)
        port = self.span.seize(slot)
        self._serial = self._serial % 0x7FFFFFFF + 1
        call = R2Call(self, port, self._slots[port.number], numbers, self._serial)
        call.ka, call.kd = ka, kd
        self._calls[call.slot] = call
        call.command = call._say(lib.TR_R2_CALL, ka, kd, int(numbers.restricted), side=side)
        return call

    def change(self, settings: R2Settings) -> None:
        """Other settings, on each channel from its next call on."""
        self.settings = settings
        packed = settings.packed()
        for port in self.span.channels.values():
            port.r2(lib.TR_R2_START, side=packed)

    def block(self, slot: int) -> None:
        self.span.block(slot, by="us")
        self.span.channels[slot].r2(lib.TR_R2_BLOCK)

    def unblock(self, slot: int) -> None:
        self.span.unblock(slot, by="us")
        self.span.channels[slot].r2(lib.TR_R2_UNBLOCK)

    def close(self) -> None:
        """Clears all calls; the channels show blocked, as nobody serves them any more, and none can be seized. What
        passed on the line the engine tells in the next tick; nothing else is listened to."""
        for deaf in self._deaf:
            deaf()
        self._deaf.clear()
        self.span.block(by="far")
        for slot, port in self.span.channels.items():
            port.r2(lib.TR_R2_STOP)
            if slot in self._calls:
                self._hear_out(self._calls[slot])
                self._over(slot, STOPPED)

    def _hear_out(self, call: R2Call) -> None:
        def event(event: ev.Event) -> None:
            if isinstance(event, ev.R2) and event.report == lib.TR_R2_RELEASED and event.call == call.call:
                call.trail = event.data
                deaf()

        deaf = call.port.listen(event)

    # ---- what the channels report ------------------------------------------------------------

    def _event(self, event: ev.Event) -> None:
        if isinstance(event, ev.CommandFailed) and event.op == lib.TR_OP_R2:
            self._command_failed(event)
        elif isinstance(event, ev.R2):
            slot = self._slots[event.port]
            call = self._calls.get(slot)
            if event.report in (lib.TR_R2_READY, lib.TR_R2_FAR_BLOCKED):
                (self.span.unblock if event.report == lib.TR_R2_READY else self.span.block)(slot, by="far")
            elif event.report == lib.TR_R2_SEIZED:
                self._taken(slot, event.call)
            elif event.report == lib.TR_R2_STUCK:
                if self.stuck is not None:
                    self.stuck(slot)
            elif call is not None and call.call == event.call:
                self._of_the_call(call, event)
            elif event.report == lib.TR_R2_STEPS:
                self._reconcile(slot, event)

    def _of_the_call(self, call: R2Call, event: ev.R2) -> None:
        told: dict[int, What] = {
            lib.TR_R2_PROCEEDING: "proceeding",
            lib.TR_R2_ANSWERED: "resumed" if call.state == "answered" else "answered",
            lib.TR_R2_SUSPENDED: "suspended",
        }
        if event.report in told:
            call.told(told[event.report])
        elif event.report == lib.TR_R2_OFFERED:
            self._offer(call, event)
        elif event.report == lib.TR_R2_ACCEPTED and not call.incoming:
            call.kb = event.a[0]
            call.told("alerting")
        elif event.report == lib.TR_R2_ENDED:
            self._ended(call, event)
        elif event.report == lib.TR_R2_RELEASED:
            self._over(call.slot, NORMAL, event.data)
        elif event.report == lib.TR_R2_STEPS:
            self._reconcile(call.slot, event)

    def _ended(self, call: R2Call, event: ev.R2) -> None:
        why, value, kd = event.a
        reached = reached_of(event.data)
        caller_gone = call.incoming and why == lib.TR_R2_END_FAR
        call.held = caller_gone and call.state == "answered" and self.settings.control == "called"
        if call.held and call.cause is None:
            call.told("suspended")  # the caller hung up: the channel is ours to clear
            return
        call.cause = call.cause or cause_of(why, value, kd, self.settings.table, reached)
        if reached is not None:
            call.reached = str(reached)
            if not call.offered:
                call.numbers = Numbers(reached.called, reached.calling, complete=False)

    def _taken(self, slot: int, number: int) -> None:
        if slot in self._calls:  # our own seizure came too late
            self._over(slot, COLLISION)
        call = R2Call(self, self.span.channels[slot], slot, Numbers(complete=False), number)
        self._calls[slot] = call
        try:
            self.span.taken(slot)
        except PortBusy as busy:
            call.refused, call.cause = True, Cause(44, str(busy))
            call._say(lib.TR_R2_CLEAR)

    def _offer(self, call: R2Call, event: ev.R2) -> None:
        if call.refused:
            call._say(lib.TR_R2_ACCEPT, self.settings.our_kb(event.a[1], BUSY), 0)
            return
        called, _, calling = event.data.decode("ascii").partition("\0")
        ka, kd, about = event.a
        words = [f"KA {ka}"] if ka else []
        words += [f"KD {kd}"] + (["cut short"] if about & lib.TR_R2_CALLER_CUT else [])
        withheld = bool(about & lib.TR_R2_CALLER_WITHHELD)
        call.numbers = Numbers(called, calling, restricted=withheld, category=" ".join(words))
        call.ka, call.kd, call.offered = ka, kd, True
        if self.offered is None:
            call.clear(REJECTED)
            return
        try:
            self.offered(call)
        except Exception:  # noqa: BLE001 - whoever takes calls has failed; logged, and the caller hears congestion
            report(f"{call!r}: offered")
            call.clear(replace(FAILURE, detail="the call could not be taken"))

    def _over(self, slot: int, cause: Cause, trail: bytes = b"") -> None:
        call = self._calls.pop(slot)
        call.trail = trail
        cause = call.cause or cause
        failure = None if call.state == "answered" else reason(cause)
        if call.refused:
            self.span.turned_away(reason(cause))
        else:
            self.span.free(call.port, failure)
        if call.offered:
            call.told("cleared", cause=cause)
        else:
            call.missed(cause)

    def _command_failed(self, event: ev.CommandFailed) -> None:
        call = self._calls.get(self._slots[event.port])
        if call is not None and not call.incoming and event.id == call.command:
            self._over(call.slot, COLLISION)

    # ---- after events were lost --------------------------------------------------------------

    def _overrun(self, event: ev.Event) -> None:
        if isinstance(event, ev.Overrun):
            for port in self.span.channels.values():
                port.r2(lib.TR_R2_TELL)

    def _reconcile(self, slot: int, event: ev.R2) -> None:
        """The channel's own view, once reports may have been lost: a call that is over there is over here, one that we
        do not know is cleared there."""
        call = self._calls.get(slot)
        if call is not None and call.call != event.call:
            self._over(slot, LOST)
        if event.call and slot not in self._calls:
            self.span.channels[slot].r2(lib.TR_R2_CLEAR, event.call)
        if not event.call:
            (self.span.unblock if event.a[0] else self.span.block)(slot, by="far")

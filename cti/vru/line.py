"""One VRU line: a card port together with the extension and the SMDI (desk, line) that the PBX knows it by.

Keeps the port's idle life: listens for in-band caller ID while on-hook, tells of the first ring, guards the line
after hanging up, dials feature codes, is taken out of service and brought back. During a call its caller's hang-up is
watched for (cti.vru.disconnect). An alarm ends the call that is on the line; when it clears, the line is idle (or
blocked, where that was asked). Whatever a line reports in whatever order, nothing is raised. Serves steps 1, 3 and 4.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine
from typing import Any, Protocol

from twisted.internet.defer import Deferred, succeed

from cti.machine import Chart, Machine
from cti.pbx.line_rules import LineRules
from cti.vru.disconnect import DisconnectSupervision
from cti.vru.feature_code import Confirm, Dialled, dial_code
from cti.vru.out_of_service import OutOfService
from drivers.clock import Clock, DelayedCall
from drivers.events import Alarm, CallerId, Event, Fallback, RingBegin, RingEnd
from drivers.port import Port

# No ring for so long: the caller gave up before we answered (a Chinese PBX rings 1 s in 5).
RING_GAP_S = 7.0

LINE = Chart(
    "Line: one VRU port",
    {
        ("idle", "ring"): ("ringing", ()),
        ("idle", "take"): ("busy", ()),
        ("idle", "dial"): ("dialling", ()),
        ("idle", "block"): ("blocked", ("leave_service",)),
        ("idle", "enter"): ("returning", ("enter_service",)),
        ("idle", "alarm"): ("alarm", ()),
        ("ringing", "take"): ("busy", ()),
        ("ringing", "stop"): ("idle", ("listen",)),
        ("ringing", "alarm"): ("alarm", ("lost",)),
        ("busy", "free"): ("guard", ("on_hook", "start_guard")),
        ("busy", "stay"): ("blocked", ("leave_service",)),
        ("busy", "alarm"): ("alarm", ("lost", "on_hook")),
        ("guard", "ring"): ("ringing", ("stop_guard",)),
        ("guard", "timeout"): ("idle", ("listen_on",)),
        ("guard", "alarm"): ("alarm", ("stop_guard",)),
        ("alarm", "clear"): ("idle", ("listen",)),
        ("alarm", "free"): ("alarm", ()),
        ("dialling", "free"): ("guard", ("on_hook", "start_guard")),
        ("dialling", "somebody"): ("ringing", ()),
        ("dialling", "alarm"): ("alarm", ("on_hook",)),
        ("blocked", "unblock"): ("returning", ("enter_service",)),
        ("blocked", "ring"): ("ringing", ("forget_service",)),
        ("blocked", "alarm"): ("alarm", ("forget_service", "on_hook")),
        ("returning", "entered"): ("guard", ("on_hook", "start_guard")),
        ("returning", "alarm"): ("alarm", ("forget_service", "on_hook")),
    },
    initial="idle",
    states={
        "idle": "on-hook, listens for rings and in-band caller ID",
        "ringing": "the PBX rings it",
        "busy": "off-hook with a call",
        "guard": "on-hook, but not yet idle for the PBX",
        "alarm": "the card or the wire is out of order",
        "dialling": "off-hook without a call, dials a feature code",
        "blocked": "out of service; the PBX hunts past it as busy_out of the dialect says",
        "returning": "tells the PBX that it takes calls again",
    },
    limits={
        "ringing": "7 s without a burst",
        "guard": "guard_s of the dialect",
        "dialling": "dial_tone_s, the digits, 5 s for the PBX's word",
        "returning": "the same",
    },
)


class LineOwner(Protocol):
    """Who is told what happens on a line."""

    def line_rings(self, line: VruLine) -> None: ...

    def line_stopped_ringing(self, line: VruLine) -> None: ...

    def line_has_caller_id(self, line: VruLine, event: CallerId) -> None: ...

    def line_lost_caller(self, line: VruLine, how: str) -> None: ...

    def line_heard_digits(self, line: VruLine, digits: str) -> None:
        """Digits faster than people press them, during a call that is watched."""
        ...

    def line_alarm(self, line: VruLine, alarms: tuple[str, ...]) -> None: ...


class VruLine:
    """A VRU port in the words of the PBX."""

    def __init__(
        self,
        clock: Clock,
        port: Port,
        extension: str,
        desk: int | None,
        line: int | None,
        rules: LineRules,
        owner: LineOwner,
        *,
        burst_s: float = 0.2,
        gone: Collection[str] = (),
        prepare: Callable[[Port], None] = lambda port: None,
        trouble: Callable[[str, str], None] = lambda name, text: None,
    ) -> None:
        """``burst_s``: a PBX that sends digits during a call leaves at most so much silence between them; ``gone``: the
        strings by which it says that the caller has hung up. ``prepare``
        sets the ears of a port that goes off-hook; ``trouble(name, text)``: a person should know. A ring while the line
        guards itself after a call is told all the same."""
        self.port = port
        self.extension = extension
        self.desk = desk
        self.line = line
        self.owner = owner
        self.machine = Machine(LINE, "idle", self, name=port.name)
        self.block_wanted = False
        self._clock = clock
        self._rules = rules
        self._prepare = prepare
        self._trouble = trouble
        self._out = OutOfService(clock, port, rules, self._dial_out_code, self._out_trouble)
        self._dialling: Deferred[Dialled] | None = None
        self._gave_dial_tone = False
        self._timer: DelayedCall | None = None

        def left(how: str) -> None:
            self.owner.line_lost_caller(self, how)

        def digits(heard: str) -> None:
            self.owner.line_heard_digits(self, heard)

        self.supervision = DisconnectSupervision(clock, port, rules, left, digits, burst_s=burst_s, gone=gone)
        self._unlisten: Callable[[], None] | None = None

    def start(self) -> None:
        """Begins to listen. A line that is out of order already is not idle; one that may be out of the hunt group
        since the server ran before, enters it."""
        self._unlisten = self.port.listen(self._event)
        if self._rules.busy_out != "none":
            self.port.setting("fallback", "busy")  # by the engine alone, where this server stands still
        self.listen()
        alarms = self.port.state().alarms
        if alarms:
            self._alarmed(alarms)
        elif self._rules.busy_out == "code":
            self.machine.send("enter")

    def stop(self, *, stay_out: bool = False) -> None:
        """Leaves the port on-hook and unheard; with ``stay_out`` one that is out of service stays so, held off-hook by
        the card for as long as the engine lives, or out of the hunt group."""
        stays = stay_out and self.machine.state == "blocked"
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
        self._stop_timer()
        self.watch(False)
        self._out.forget()
        self._out.give_up()
        if self._dialling is not None:
            self._dialling.cancel()
        if not stays:
            self.port.hangup()

    @property
    def state(self) -> str:
        """idle, ringing, busy, guard, alarm, dialling, blocked or returning."""
        return self.machine.state

    @property
    def ringing(self) -> bool:
        """The PBX rings this line now."""
        return self.machine.state == "ringing"

    # what the rest of the server asks

    def take(self) -> None:
        """The line is off-hook for a call."""
        self._stop_timer()
        self.supervision.begin()
        self.machine.send("take")

    def free(self, *, stay: bool = False) -> None:
        """The call has left the line: on-hook, guard, then idle (or blocked, where that was asked). ``stay``: blocked
        at once where off-hook is how it takes no calls, so that the PBX has no moment to bring another caller."""
        self.watch(False)
        stays = stay and self.block_wanted and self._rules.busy_out == "offhook" and self.machine.can("stay")
        self.machine.send("stay" if stays else "free")

    def block(self) -> bool:
        """Takes the line out of service, at once when idle, else after its call. True: at once."""
        self.block_wanted = True
        if self.machine.state == "idle":
            self.machine.send("block")
            return True
        return self.machine.state == "blocked"

    def unblock(self) -> None:
        """Brings it back."""
        self.block_wanted = False
        self._out.give_up()
        if self.machine.state == "blocked":
            self.machine.send("unblock")

    def busy_out(self) -> Deferred[bool]:
        """As `block`, for who waits until it is true: fires with True when the PBX hunts no caller here any more, with
        False when that cannot be had (busy_out: none, a refusal, an alarm, or it was taken back)."""
        self.block()
        if self.machine.state == "alarm":
            return succeed(False)
        return self._out.wait()

    def back_in_service(self) -> None:
        """Takes calls again."""
        self.unblock()

    def dial_code(
        self, code: str, confirm: Confirm, stay: Callable[[], Coroutine[Any, Any, None]] | None = None
    ) -> Deferred[Dialled]:
        """Dials a feature code on an idle line, then guards and is idle again; ``stay``: not before that is done, where
        the code was taken. Where a caller was being put through that very moment (no dial tone on a line that gave one
        before, or a ring), the call is told as any other."""

        async def dial() -> Dialled:
            result = await self._code(code, confirm)
            if stay is not None and result.done and self.machine.state == "dialling":
                await stay()
            return result

        return self._errand(dial)

    def errand(self, job: Callable[[], Coroutine[Any, Any, Dialled]]) -> Deferred[Dialled]:
        """As `dial_code`, with a job of one's own on a line that is lifted by it: its result says whether there was a
        dial tone."""

        async def done() -> Dialled:
            self._prepare(self.port)
            result = await job()
            self._gave_dial_tone = self._gave_dial_tone or result.outcome != "no_dial_tone"
            return result

        return self._errand(done)

    def _errand(self, job: Callable[[], Coroutine[Any, Any, Dialled]]) -> Deferred[Dialled]:
        self.machine.send("dial")
        self._rang = False
        self._dialling = Deferred.fromCoroutine(self._dial_idle(job))
        return self._dialling

    def watch(self, on: bool) -> None:
        """Watches for the caller's hang-up, or not (while a transfer listens to the PBX's tones itself)."""
        self.supervision.watch(on)

    # actions of the table

    def listen(self) -> None:
        """Idle: in-band caller ID all the time; each ring begins a new epoch."""
        if self.block_wanted:
            self.machine.send("block")
            return
        self.port.begin_call()
        self.port.detect("fsk_id", "dtmf_id")

    def listen_on(self) -> None:
        """Idle, with the ears of the guard time."""
        if self.block_wanted:
            self.machine.send("block")

    def leave_service(self) -> None:
        """The PBX is told to hunt past this port."""
        self._out.leave()

    def enter_service(self) -> None:
        """The PBX is told that it takes calls again."""
        self._out.enter(self._entered)

    def forget_service(self) -> None:
        """The line rings, or is out of order, while it was out of service."""
        self._out.forget()

    def on_hook(self) -> None:
        """Hangs up."""
        self.port.hangup()

    def start_guard(self) -> None:
        """A ring right after hanging up is a recall, and told as a ring; else the line is idle after the guard time. A
        number before the first ring (DTMF) may begin in that time and end after it."""
        self.port.begin_call()
        self.port.detect("fsk_id", "dtmf_id")
        self._start_timer(self._rules.guard_s, "timeout")

    def stop_guard(self) -> None:
        """It rings already."""
        self._stop_timer()

    def lost(self) -> None:
        """The card or the line is gone in the middle of a call."""
        self.owner.line_lost_caller(self, "alarm")

    def _start_timer(self, seconds: float, event: str) -> None:
        self._stop_timer()
        if self._unlisten is None:
            return  # stopped
        self._timer = self._clock.callLater(seconds, self._timeout, event)

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _timeout(self, event: str) -> None:
        self._timer = None
        self.machine.send(event)
        if event == "stop":
            self.owner.line_stopped_ringing(self)

    def _entered(self) -> None:
        if self.machine.state == "returning":
            self.machine.send("entered")

    async def _dial_idle(self, job: Callable[[], Coroutine[Any, Any, Dialled]]) -> Dialled:
        result = await job()
        if self.machine.state != "dialling":
            return result
        if result.outcome == "no_dial_tone" and (self._rang or result.how == "voice" or self._gave_dial_tone):
            self.machine.send("somebody")
            self._start_timer(RING_GAP_S, "stop")
            self.owner.line_rings(self)
        else:
            self.machine.send("free")
        return result

    async def _dial_out_code(self, code: str) -> Dialled:
        result = await self._code(code, "tone" if self._rules.confirm_tones else "none")
        self.port.hangup()
        return result

    async def _code(self, code: str, confirm: Confirm) -> Dialled:
        self._prepare(self.port)
        result = await dial_code(self._clock, self._rules, self.port, code, confirm)
        self._gave_dial_tone = self._gave_dial_tone or result.outcome != "no_dial_tone"
        return result

    def _out_trouble(self, text: str) -> None:
        self._trouble("busy_out", f"extension {self.extension}: {text}")

    def _event(self, event: Event) -> None:
        self.supervision.hears(event)
        if isinstance(event, RingBegin) or (isinstance(event, RingEnd) and self._tells_ends_only):
            self._ring()
        elif isinstance(event, CallerId):
            if self.machine.state in ("idle", "ringing", "guard"):
                self.owner.line_has_caller_id(self, event)
        elif isinstance(event, Alarm):
            self._alarmed(event.alarms)
        elif isinstance(event, Fallback):
            if event.what != "leave":
                self._trouble("stood_still", f"extension {self.extension}: made busy, the server stood still for 5 s")
        elif self.machine.state == "busy":
            self.supervision.in_call(event)

    def _ring(self) -> None:
        state = self.machine.state
        self._rang = True
        if state in ("idle", "guard") or (state == "blocked" and self._out.open_now):
            if state == "blocked":
                self.port.begin_call()
                self.port.detect("fsk_id", "dtmf_id")
            self.machine.send("ring")
            self._start_timer(RING_GAP_S, "stop")
            self.owner.line_rings(self)
        elif state == "ringing":
            self._start_timer(RING_GAP_S, "stop")
        elif state == "blocked" and self._rules.busy_out != "none" and self._out.told:
            self._trouble("busy_out", f"extension {self.extension}: the PBX rings it though it is out of service")

    @property
    def _tells_ends_only(self) -> bool:
        """A card that reports a burst of ringing only when it is over."""
        return "reports_ring_begin" not in self.port.capabilities

    def _alarmed(self, alarms: tuple[str, ...]) -> None:
        if alarms and self.machine.state != "alarm":
            self._stop_timer()
            self.watch(False)
            self.owner.line_alarm(self, alarms)
            self.machine.send("alarm")
        elif not alarms and self.machine.state == "alarm":
            self.owner.line_alarm(self, alarms)
            self.machine.send("clear")

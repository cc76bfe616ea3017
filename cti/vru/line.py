"""One VRU line: a card port together with the extension and the SMDI (desk, line) that the PBX knows it by.

Keeps the port's idle life: listens for in-band caller ID while on-hook, tells of the first ring, guards the line
after hanging up, is blocked and unblocked by the operator or by an alarm. During a call it watches for the caller's
hang-up as the dialect says: loop drop, polarity, busy tone, dial tone, silence; the first that comes counts. An alarm
ends the call that is on the line; when it clears, the line is idle (or blocked, where that was asked). Whatever a
line reports in whatever order, nothing is raised. Serves steps 1, 3 and 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cti.machine import Chart, Machine
from cti.vru.bursts import Bursts
from drivers.clock import Clock, DelayedCall
from drivers.events import (
    Alarm,
    CallerId,
    DigitBegin,
    DigitEnd,
    Event,
    LoopDrop,
    NotTone,
    PlayDone,
    Polarity,
    RingBegin,
    RingEnd,
    ToneEnded,
    ToneHeard,
    VoiceBegin,
    VoiceEnd,
)
from drivers.operations import quietly
from drivers.port import Port
from drivers.problems import report

# DAHDI keeps ringing masked 2 s after an on-hook (RING_DEBOUNCE); so do we before the port is called idle, unless the
# dialect says otherwise.
GUARD_S = 2.0
# No ring for so long: the caller gave up before we answered (a Chinese PBX rings 1 s in 5).
RING_GAP_S = 7.0

LINE = Chart(
    "Line: one VRU port",
    {
        ("idle", "ring"): ("ringing", ()),
        ("idle", "take"): ("busy", ()),
        ("idle", "block"): ("blocked", ("busy_out",)),
        ("idle", "alarm"): ("alarm", ()),
        ("ringing", "take"): ("busy", ()),
        ("ringing", "stop"): ("idle", ("listen",)),
        ("ringing", "alarm"): ("alarm", ("lost",)),
        ("busy", "free"): ("guard", ("on_hook", "start_guard")),
        ("busy", "alarm"): ("alarm", ("lost", "on_hook")),
        ("guard", "ring"): ("ringing", ("stop_guard",)),
        ("guard", "timeout"): ("idle", ("listen",)),
        ("guard", "alarm"): ("alarm", ("stop_guard",)),
        ("alarm", "clear"): ("idle", ("listen",)),
        ("alarm", "free"): ("alarm", ()),
        ("blocked", "unblock"): ("guard", ("on_hook", "start_guard")),
        ("blocked", "alarm"): ("alarm", ("on_hook",)),
    },
    initial="idle",
    states={
        "idle": "on-hook, listens for rings and in-band caller ID",
        "ringing": "the PBX rings it",
        "busy": "off-hook with a call",
        "guard": "on-hook, but not yet idle for the PBX",
        "alarm": "the card or the wire is out of order",
        "blocked": "out of service by the operator: off-hook, so that the PBX hunts past it",
    },
    limits={"ringing": "7 s without a burst", "guard": "guard_s of the dialect"},
)


@dataclass(frozen=True, slots=True)
class Hangup:
    """Which signs of the far end's hang-up count, from the dialect's disconnect supervision."""

    loop_drop: bool = True
    polarity: bool = False
    busy_tone: bool = True
    dial_tone: bool = True
    silence_s: float = 0.0
    """Neither the caller nor we made a sound for so long, where the PBX gives no other sign; 0: silence is no sign. A
    caller who listens to music in the queue is silent for minutes: what we play ourselves counts as sound."""


SOUNDS = (VoiceBegin, VoiceEnd, DigitBegin, DigitEnd, ToneHeard, ToneEnded, NotTone, PlayDone)


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
        desk: int,
        line: int,
        hangup: Hangup,
        owner: LineOwner,
        *,
        guard_s: float = GUARD_S,
        burst_s: float | None = None,
    ) -> None:
        """``guard_s``: on-hook at least so long between two calls of ours; a ring in that time is told all the same.
        ``burst_s``: the PBX sends digits during a call, with at most so much silence between them."""
        self.port = port
        self.extension = extension
        self.desk = desk
        self.line = line
        self.owner = owner
        self.machine = Machine(LINE, "idle", self, name=port.name)
        self.block_wanted = False
        self._clock = clock
        self._hangup = hangup
        self._guard_s = guard_s
        self._timer: DelayedCall | None = None
        self._watching = False
        self._silence: DelayedCall | None = None
        self._voice = False
        self._sounded_s = 0.0
        self._bursts = Bursts(clock, burst_s, self._digits) if burst_s is not None else None
        self._unlisten: Callable[[], None] | None = None

    def start(self) -> None:
        """Begins to listen. A line that is out of order already is not idle."""
        self._unlisten = self.port.listen(self._event)
        self.listen()
        alarms = self.port.state().alarms
        if alarms:
            self._alarmed(alarms)

    def stop(self) -> None:
        """Leaves the port on-hook and unheard."""
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
        self._stop_timer()
        self.watch(False)
        self.port.hangup()

    @property
    def state(self) -> str:
        """idle, ringing, busy, guard, alarm or blocked."""
        return self.machine.state

    @property
    def ringing(self) -> bool:
        """The PBX rings this line now."""
        return self.machine.state == "ringing"

    # what the rest of the server asks

    def take(self) -> None:
        """The line is off-hook for a call."""
        self._stop_timer()
        self.machine.send("take")

    def free(self) -> None:
        """The call has left the line: on-hook, guard, then idle (or blocked, where that was asked)."""
        self.watch(False)
        self.machine.send("free")

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
        if self.machine.state == "blocked":
            self.machine.send("unblock")

    def watch(self, on: bool) -> None:
        """Watches for the caller's hang-up, or not (while a transfer listens to the PBX's tones itself)."""
        self._watching = on
        if self._silence is not None and self._silence.active():
            self._silence.cancel()
        self._silence = None
        if on and self._hangup.silence_s:
            self._voice = False
            self._sounded_s = self._clock.seconds()
            self._silence = self._clock.callLater(self._hangup.silence_s, self._listen_for_silence)
        if not on:
            self.forget_digits()

    def forget_digits(self) -> None:
        """The digits heard just now were somebody's business already."""
        if self._bursts is not None:
            self._bursts.clear()

    # actions of the table

    def listen(self) -> None:
        """Idle: in-band caller ID all the time; each ring begins a new epoch."""
        if self.block_wanted:
            self.machine.send("block")
            return
        self.port.begin_call()
        self.port.detect("fsk_id", "dtmf_id")

    def busy_out(self) -> None:
        """Off-hook without a call, so that the PBX hunts past this port."""
        self.port.begin_call()
        quietly(self.port.answer()).addErrback(lambda failure: report(f"{self.port.name}: busy-out", failure))

    def on_hook(self) -> None:
        """Hangs up."""
        self.port.hangup()

    def start_guard(self) -> None:
        """A ring right after hanging up is a recall, and told as a ring; else the line is idle after the guard time."""
        self._start_timer(self._guard_s, "timeout")

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

    def _listen_for_silence(self) -> None:
        now = self._clock.seconds()
        if self._voice or self.port.player is not None:
            self._sounded_s = now
        left = self._sounded_s + self._hangup.silence_s - now
        if left > 0:
            self._silence = self._clock.callLater(left, self._listen_for_silence)
        else:
            self._caller_left("silence")

    def _caller_left(self, how: str) -> None:
        self.watch(False)
        self.owner.line_lost_caller(self, how)

    def _event(self, event: Event) -> None:
        if isinstance(event, SOUNDS):
            self._sounded_s = self._clock.seconds()
            if isinstance(event, (VoiceBegin, VoiceEnd)):
                self._voice = isinstance(event, VoiceBegin)
        if isinstance(event, RingBegin) or (isinstance(event, RingEnd) and self._tells_ends_only):
            self._ring()
        elif isinstance(event, CallerId):
            if self.machine.state in ("idle", "ringing", "guard"):
                self.owner.line_has_caller_id(self, event)
        elif isinstance(event, Alarm):
            self._alarmed(event.alarms)
        elif self._watching and self.machine.state == "busy":
            if self._bursts is not None:
                self._bursts.event(event)
            how = self._hung_up(event)
            if how:
                self._caller_left(how)

    def _ring(self) -> None:
        if self.machine.state in ("idle", "guard"):
            if self.machine.state == "guard":
                self.port.begin_call()
                self.port.detect("fsk_id", "dtmf_id")
            self.machine.send("ring")
            self._start_timer(RING_GAP_S, "stop")
            self.owner.line_rings(self)
        elif self.machine.state == "ringing":
            self._start_timer(RING_GAP_S, "stop")

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

    def _digits(self, digits: str) -> None:
        self.owner.line_heard_digits(self, digits)

    def _hung_up(self, event: Event) -> str:
        if isinstance(event, LoopDrop):
            return "loop_drop" if self._hangup.loop_drop else ""
        if isinstance(event, Polarity):
            return "polarity" if self._hangup.polarity else ""
        if isinstance(event, ToneHeard):
            if event.name in ("busy", "congestion") and self._hangup.busy_tone:
                return f"{event.name}_tone"
            if event.name == "dial" and self._hangup.dial_tone:
                return "dial_tone"
        return ""

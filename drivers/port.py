"""One line of a card: a telephone line, an extension, a B channel, with operations that can be awaited.

Every operation is a Deferred that can be cancelled at any moment; afterwards no timer, armed detector, player or
open file is left of it. `begin_call()` raises the port's epoch and ends what was going on with CallEnded, as
`hangup()` does; commands and events of an earlier call are stale and dropped. Detectors armed by `detect` stay armed
until the call ends; an operation arms what it needs for its own time. What nobody awaits is wrapped in
`operations.quietly`, or its end with the call is logged as an unhandled failure. Serves steps 2 to 9.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from twisted.internet.defer import Deferred

from drivers import events as ev
from drivers._engine import lib
from drivers.decode import OF_THE_CALL
from drivers.errors import ArgumentError, CallEnded, EngineError, Unsupported
from drivers.items import Digits, PlayItem, centi
from drivers.line import Line
from drivers.operations import Answer, HookTimed, Operation, WaitFor
from drivers.playing import Collect, Collected, Dial, Play, PlayEnd, Playing
from drivers.problems import note, report
from drivers.recording import Capture, Record, Recording, What
from drivers.ringing import Ring
from drivers.state import DETECTORS, ECHO_MODES, ECHO_TAPS, NAMED_VALUES, SETTINGS, PortState, mask, read_port
from drivers.tones import EMPTY, MAX_TONES, TonePlan

if TYPE_CHECKING:
    from drivers.engine import Engine

TYPED_AHEAD = 32
"""So many digits typed ahead are kept for `collect`; further ones are dropped."""


class Port:
    """A port of an engine; made by `Engine.add_card`."""

    def __init__(self, engine: Engine, number: int, name: str, index: int) -> None:
        state = read_port(engine.handle, number)
        self.engine = engine
        self.number = number
        self.name = name
        self.index = index
        """The port's place on its card."""
        self.kind = state.kind
        self.capabilities = state.capabilities
        self.epoch = state.epoch
        self.plan = EMPTY
        self._first_tone = 0  # id of the plan's first tone in the engine: other ids are of an earlier plan
        self.typed_ahead: deque[str] = deque()
        self.player: Playing[Any] | None = None
        self.recorder: Record | None = None
        self.capture_under_way: Capture | None = None
        self.files: dict[int, Record] = {}
        self.stale_events = 0
        self._line = Line(state)
        self._operations: list[Operation[Any]] = []
        self._listeners: list[Callable[[ev.Event], None]] = []
        self._standing = 0
        self._standing_options = 0
        self._armed = (0, 0)
        self._hearing = False
        self._sounding: ev.ToneHeard | None = None

    def __repr__(self) -> str:
        return f"<Port {self.name} {self.kind} epoch {self.epoch}>"

    def state(self) -> PortState:
        """What is true of the port now, as of the engine's last tick."""
        return read_port(self.engine.handle, self.number)

    @property
    def operations(self) -> list[str]:
        """What is going on, for tests and `status`; a file not yet closed is one."""
        open_files = [f"{self.name}: closing {r.path}" for r in self.files.values() if r.closed]
        return [f"{self.name}: {operation.name}" for operation in self._operations] + open_files

    def listen(self, fn: Callable[[ev.Event], None]) -> Callable[[], None]:
        """Tells all events of this port, before operations hear them; returns what ends that. An exception in a
        listener is logged with the port and stops nobody else."""
        self._listeners.append(fn)
        return lambda: self._listeners.remove(fn) if fn in self._listeners else None

    # ---- the call ----------------------------------------------------------------------------

    def begin_call(self) -> int:
        """A new call: raises the epoch and returns it. Everything of the old call ends, `detect` included."""
        self._end_call(f"{self.name}: a new call began")
        self.epoch = (self.epoch + 1) & 0xFFFFFFFF
        self._command(lib.TR_OP_EPOCH, self.epoch)
        self._armed = (0, 0)  # the new epoch disarmed them, even where `arm` waits for the end of a delivery
        return self.epoch

    def hangup(self) -> None:
        """Ends the call: all operations end, all that sounds stops, an FXO port opens its loop, an FXS port stops
        ringing. Never fails, and may be said twice."""
        ringing = any(isinstance(operation, Ring) for operation in self._operations)
        self._end_call(f"{self.name}: hung up")
        commands: list[tuple[int, tuple[int, ...]]] = []
        if self._hearing:
            self._hearing = False
            commands += [(lib.TR_OP_HEAR, (-1,)), (lib.TR_OP_JOIN, (0,))]
        if self.kind == "fxo":
            commands.append((lib.TR_OP_HOOK, (0,)))
        elif self.kind == "fxs" and ringing:
            commands.append((lib.TR_OP_RING, (0, 0, 0, 0, 0, 0)))
        for op, a in commands:
            try:
                self._command(op, *a)
            except EngineError:
                report(f"{self.name}: hangup, command {op}")

    def answer(self) -> Deferred[None]:
        """FXO: closes the loop; fires when it is closed. Cancelling leaves it as it is."""
        self._need("fxo", "answer")
        return Answer(self, "answer").begin()

    def flash(self, ms: int) -> Deferred[None]:
        """FXO: opens the loop for `ms`, timed by the card; fires at its end. Cannot be taken back."""
        self._need("fxo", "flash")
        return HookTimed(self, "flash", lib.TR_OP_FLASH, _positive(ms)).begin()

    def ring(self, cadence_ms: Sequence[int] = (1000, 4000), caller_id: bytes | str | None = None) -> Deferred[None]:
        """FXS: rings until the telephone is lifted; cancelling stops. `caller_id`: a GR-30 message (bytes), sent after
        the first burst, or DTMF digits (str), sent before it."""
        self._need("fxs", "ring")
        return Ring(self, cadence_ms, caller_id).begin()

    def loop_open(self, ms: int) -> Deferred[None]:
        """FXS: takes battery away for `ms`, which tells the far end that the call is over."""
        self._need("fxs", "loop_open")
        return HookTimed(self, "loop_open", lib.TR_OP_LOOP_OPEN, _positive(ms)).begin()

    def polarity(self, reversed: bool) -> None:
        """FXS: reverses the battery (answer), or back."""
        self._need("fxs", "polarity", "polarity")
        self._command(lib.TR_OP_POLARITY, int(reversed))

    def lamp(self, on: bool) -> None:
        """FXS: the message lamp."""
        self._need("fxs", "lamp", "lamp")
        self._command(lib.TR_OP_LAMP, int(on))

    def bits(self, abcd: int) -> None:
        """B: CAS bits, A is 8."""
        self._need("b", "bits")
        self._command(lib.TR_OP_BITS, abcd)

    def r2(self, what: int, *a: int, side: bytes = b"") -> int:
        """B: a command to the channel's MFC-R2 (enum tr_r2_op and its numbers); `drivers.signalling.r2` gives them.
        Returns the command's id."""
        self._need("b", "R2")
        return self._command(lib.TR_OP_R2, what, *a, side=side)

    def send_frame(self, data: bytes) -> int:
        """D: sends an HDLC frame, given without its checksum. Returns the command's id: where too many frames wait to
        be sent already, `CommandFailed` with TR_E_FULL names it."""
        self._need("d", "send_frame")
        return self._command(lib.TR_OP_FRAME, side=data)

    # ---- sound -------------------------------------------------------------------------------

    def play(self, *items: PlayItem, stop_on_digit: bool = False) -> Deferred[PlayEnd]:
        """Plays the items; cancelling stops. With `stop_on_digit` the first digit ends it, and waits for `collect`.
        PlayFailed where a file cannot be played, PortBusy while another operation plays."""
        return Play(self, items, stop_on_digit).begin()

    def collect(
        self, max_digits: int, first_s: float, gap_s: float, end: str = "#", prompt: Sequence[PlayItem] = ()
    ) -> Deferred[Collected]:
        """Collects up to `max_digits` of the caller's digits, typed ahead or as they come; a digit of `end` ends it and
        is not part of it. The first digit stops the prompt. `first_s` runs from the prompt's end (an endless prompt:
        from now), `gap_s` from each digit's end; a time-out is a result, not an error."""
        if max_digits < 1:
            raise ArgumentError(f"collect of {max_digits} digits")
        return Collect(self, max_digits, first_s, gap_s, end, prompt).begin()

    def dial(self, digits: str, on_ms: int = 100, off_ms: int = 100, level_dbm0: float = -7.0) -> Deferred[None]:
        """Sends digits by DTMF (',' pauses 500 ms); fires after the last one."""
        return Dial(self, (Digits(digits, on_ms=on_ms, off_ms=off_ms, level_dbm0=level_dbm0),)).begin()

    def record(
        self,
        path: str | os.PathLike[str],
        *,
        what: What = "rx",
        limit_s: float | None = None,
        silence_s: float | None = None,
    ) -> Recording:
        """Records to a WAV file, until stopped, the limit, `silence_s` of silence, or the end of the call."""
        limit, silence = round((limit_s or 0) * 1000), round((silence_s or 0) * 1000)
        return Recording(Record(self, os.fspath(path), what, limit, silence))

    def capture(self, path: str | os.PathLike[str], *, what: What = "stereo", limit_s: float) -> Recording:
        """Records the port to a WAV file for `limit_s`, whatever calls begin and end on it, and beside `record`."""
        return Recording(Capture(self, os.fspath(path), what, _positive(round(limit_s * 1000)), 0))

    def hear(self, port: Port | None, gain_db: float = 0.0, *, beside: bool = False) -> None:
        """This port sends what `port` (of the same engine) receives, mixed with what is played: in place of those heard
        until now, or `beside` them (up to 8); None: hears none of them any more. Ends with either one's call."""
        if port is not None:
            self.engine.require(port)
        self._hearing = port is not None or beside
        self._command(lib.TR_OP_HEAR, port.number if port is not None else -1, centi(gain_db), int(beside))

    def unhear(self, port: Port) -> None:
        """Hears this one no more; the others go on."""
        self.engine.require(port)
        self._command(lib.TR_OP_HEAR, port.number, lib.TR_HEAR_NOT, 1)

    def join(
        self,
        conference: int | None,
        *,
        talk: bool = True,
        listen: bool = True,
        talk_db: float = 0.0,
        listen_db: float = 0.0,
    ) -> None:
        """Joins a conference of the engine (numbers from 1 to half its ports), in which each hears all others but not
        itself; again with the same number: muted, given the word, made a listener; None: leaves. Ends with the call."""
        roles = (lib.TR_TALK if talk else 0) | (lib.TR_LISTEN if listen else 0)
        self._hearing = True
        self._command(lib.TR_OP_JOIN, conference or 0, roles, centi(talk_db), centi(listen_db))

    def echo_canceller(self, mode: str, taps: int = 256) -> None:
        """The card's echo canceller, or, on an analog port whose card has none, the engine's: "off" (at first), "on",
        or "fax" (for a fax or modem call: it learns no more); stays so until changed, over calls. `taps`: of the
        engine's, samples of echo that it knows, 256 or 512; 512 costs 1.8 times as much and learns more slowly.
        Unsupported where there is none."""
        if mode not in ECHO_MODES:
            raise ArgumentError(f"{self.name}: echo canceller {mode!r} is none of {', '.join(ECHO_MODES)}")
        if "echo_canceller" not in self.capabilities:
            raise Unsupported(f"{self.name}: this port has no echo canceller")
        if taps not in ECHO_TAPS:
            raise ArgumentError(f"{self.name}: an echo canceller of {taps} taps; the engine's has 256 or 512")
        self._command(lib.TR_OP_ECHO_CANCELLER, ECHO_MODES[mode], taps)

    def gain(self, rx_db: float, tx_db: float) -> None:
        """Receive and transmit gain, -24 to 24 dB."""
        self._command(lib.TR_OP_GAIN, centi(rx_db), centi(tx_db))

    # ---- listening ---------------------------------------------------------------------------

    def detect(self, *names: str, duck: bool = False) -> None:
        """The detectors that stay armed for this call: dtmf, tones, fsk_id, dtmf_id, voice; none: none. `duck` lowers
        our own prompt while a digit is suspected."""
        self._standing = mask(names, DETECTORS, "detector")
        self._standing_options = lib.TR_DUCK_PROMPT if duck else 0
        self.arm()

    def tone_plan(self, plan: TonePlan) -> None:
        """The tones to listen for; stays over calls."""
        first_id = (self._first_tone + MAX_TONES) % (1 << 20)
        packed = plan.packed(first_id)
        self.plan, self._first_tone = plan, first_id
        self.forget_tone()
        self._command(lib.TR_OP_TONE_PLAN, side=packed)

    def wait_tone(self, names: Sequence[str], timeout_s: float | None = None) -> Deferred[ev.ToneHeard]:
        """Fires when one of the plan's tones is confirmed, at once where one is sounding already; TimedOut."""
        wanted = (names,) if isinstance(names, str) else tuple(names)
        for name in wanted:
            self.plan.index(name)
        operation = WaitFor(
            self,
            f"wait_tone({', '.join(wanted)})",
            lambda event: isinstance(event, ev.ToneHeard) and event.name in wanted,
            timeout_s,
            lib.TR_DETECT_TONES,
        )
        sounding = self._sounding
        result = operation.begin()
        if sounding is not None and sounding.name in wanted:
            operation.event(sounding)
        return cast("Deferred[ev.ToneHeard]", result)

    def wait_for(self, *types: type[ev.Event], timeout_s: float | None = None) -> Deferred[ev.Event]:
        """Fires with the next event of one of these types; TimedOut. Arms no detector."""
        name = f"wait_for({', '.join(kind.__name__ for kind in types)})"
        return WaitFor(self, name, lambda event: isinstance(event, types), timeout_s).begin()

    def setting(self, name: str, value: int | str) -> None:
        """A setting of the line: law ("a", "mu"), flash_min_ms, flash_max_ms, debounce_ms, ring_debounce_ms,
        loop_drop_ms, guard_ms, pulse_dial, voice_level (1/100 dBm0), answer_voice_ms; fallback: what the port does when
        this process has been silent for 5 s: "leave", "busy" (FXO: off-hook as soon as it does not ring), "on_hook"
        (FXO: hang up, FXS: stop ringing); `Fallback` tells of it afterwards."""
        if name not in SETTINGS:
            raise ArgumentError(f"setting {name!r} is none of {', '.join(SETTINGS)}")
        if isinstance(value, str):
            words = NAMED_VALUES.get(name, {})
            if value not in words:
                raise ArgumentError(f"setting {name}: {value!r} is none of {', '.join(words) or 'the numbers'}")
            value = words[value]
        self._command(lib.TR_OP_SETTING, SETTINGS[name], value)

    # ---- for operations and the engine -------------------------------------------------------

    def tone_name(self, index: int) -> str:
        """The plan's name for a tone id; a number for a tone of an earlier plan, told before this one was taken."""
        at = index - self._first_tone
        return self.plan.tones[at].name if 0 <= at < len(self.plan.tones) else str(index)

    def forget_tone(self) -> None:
        """After a change of the line, what was sounding does not count as heard."""
        self._sounding = None

    def enter(self, operation: Operation[Any]) -> None:
        self._operations.append(operation)
        if operation.detectors or operation.deaf:
            self.arm()

    def leave(self, operation: Operation[Any]) -> None:
        if operation in self._operations:
            self._operations.remove(operation)
        if operation.detectors or operation.deaf:
            self.arm()

    def arm(self) -> None:
        """Arms what `detect` and the operations want together; once, after the events at hand are delivered."""
        if self.engine.pumping:
            self.engine.later(self)
            return
        detectors, options = self._standing, self._standing_options
        for operation in self._operations:
            detectors |= operation.detectors
            options |= operation.options
        for operation in self._operations:
            detectors &= ~operation.deaf
        if (detectors, options) == self._armed:
            return
        if not detectors & lib.TR_DETECT_TONES:
            self.forget_tone()
        self._armed = (detectors, options)
        try:
            self._command(lib.TR_OP_DETECT, detectors, options)
        except EngineError:
            report(f"{self.name}: detectors")

    def deliver(self, event: ev.Event, tick: int) -> None:
        """Hands an event to the listeners, then to the operations."""
        if isinstance(event, ev.RecordDone) and event.id in self.files:
            self._guard(lambda: self.files[event.id].file_closed(event.why, event.ms, event.errno), "recording")
        if event.epoch != self.epoch and isinstance(event, OF_THE_CALL):
            self.stale_events += 1
            return
        if not self._line.accept(event, tick):
            return
        self._dispatch(event)

    def reconcile(self, tick: int, base_s: float) -> None:
        """Events were lost: tells those that the level state shows to be missing."""
        state = self.state()
        for event in self._line.missing(state, self.number, self.epoch, tick, base_s):
            self._dispatch(event)
        for operation in tuple(self._operations):
            if not operation.closed:
                playing = bool(state.playing or state.play_queue)
                self._guard(lambda o=operation, p=playing: o.reconcile(p, state.recording), operation.name)  # type: ignore[misc]
        for record in tuple(self.files.values()):
            if record.closed and not state.files:
                record.file_closed("lost", 0, 0)

    def _dispatch(self, event: ev.Event) -> None:
        if isinstance(event, ev.ToneHeard):
            self._sounding = event
        elif isinstance(event, (ev.ToneEnded, ev.LoopDrop)):
            self._sounding = None
        elif isinstance(event, ev.OffHook):
            for ring in [one for one in self._operations if isinstance(one, Ring)]:
                self._guard(ring.lifted, ring.name)
        epoch = self.epoch
        for fn in tuple(self._listeners):
            if fn in self._listeners:
                self._guard(lambda fn=fn: fn(event), "listener")  # type: ignore[misc]
        if self.epoch != epoch and isinstance(event, OF_THE_CALL):
            return
        if isinstance(event, ev.CommandFailed):
            self._refused(event)
            return
        heard = False
        for operation in tuple(self._operations):
            if operation.closed:
                continue
            heard = heard or isinstance(operation, Collect)
            self._guard(lambda operation=operation: operation.event(event), operation.name)  # type: ignore[misc]
        if heard or self.epoch != epoch or len(self.typed_ahead) >= TYPED_AHEAD:
            return
        if isinstance(event, (ev.DigitEnd, ev.PulseDigit)):
            self.typed_ahead.append(event.digit)

    def _refused(self, event: ev.CommandFailed) -> None:
        for operation in tuple(self._operations):
            if event.id in operation.ids:
                operation.refused(event)
                return
        if (
            event.op not in (lib.TR_OP_PLAY_STOP, lib.TR_OP_RECORD_STOP, lib.TR_OP_CAPTURE_STOP)
            and event.result != lib.TR_E_STALE
        ):
            note(f"{self.name}: the engine refused command {event.op}: {event.result}")

    def _guard(self, fn: Callable[[], object], what: str) -> None:
        try:
            fn()
        except Exception:  # noqa: BLE001 - one listener must not stop the others; logged with its port
            report(f"{self.name}: {what}")

    def _end_call(self, why: str) -> None:
        error = CallEnded(why)
        for operation in tuple(self._operations):
            if not operation.closed:
                operation.end(error)
        self.typed_ahead.clear()
        self.forget_tone()
        self._standing = self._standing_options = 0
        self.arm()

    def _command(self, op: int, *a: int, side: bytes = b"") -> int:
        id = self.engine.next_id()
        self.engine.command(op, self.number, self.epoch, id, a, side)
        return id

    def _need(self, kind: str, what: str, capability: str | None = None) -> None:
        if self.kind != kind:
            raise Unsupported(f"{self.name}: {what} needs an {kind} port, this is {self.kind}")
        if capability is not None and capability not in self.capabilities:
            raise Unsupported(f"{self.name}: this card has no {capability}")


def _positive(ms: int) -> int:
    if ms <= 0:
        raise ArgumentError(f"{ms} ms")
    return ms

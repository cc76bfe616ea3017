"""Recording dummies that stand around the call control: a port that does what a test says, records, desks, prompts.

The port keeps a real port's rules: operations end with CallEnded in the next turn when the call ends, can be cancelled,
and its listeners hear an event before its operations do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred

from cti.customers.book import Customer
from cti.outside import Outside
from cti.records.records import CustomerCard
from drivers import events as ev
from drivers.callerid import encode_mdmf
from drivers.clock import SteppedClock
from drivers.errors import CallEnded, TimedOut
from drivers.items import Sound
from drivers.playing import Collected, PlayEnd
from drivers.problems import failure
from drivers.recording import RecordEnd

TICK_S = 0.02


class Op:
    """An operation under way."""

    def __init__(self, port: DummyPort, name: str, kinds: tuple[type[ev.Event], ...] = ()) -> None:
        self.port, self.name, self.kinds = port, name, kinds
        self.timer: Any = None
        self.deferred: Deferred[Any] = Deferred(self._cancelled)

    def _cancelled(self, deferred: Deferred[Any]) -> None:
        self.leave()

    def leave(self) -> bool:
        if self.timer is not None and self.timer.active():
            self.timer.cancel()
        if self not in self.port.ops:
            return False
        self.port.ops.remove(self)
        return True

    def finish(self, result: Any = None) -> None:
        if self.leave():
            self.deferred.callback(result)

    def fail(self, error: Exception) -> None:
        if self.leave():
            self.deferred.errback(failure(error))

    def call_ended(self) -> None:
        if self.leave():
            self.port.clock.callLater(0, self._tell, CallEnded("ended"))

    def _tell(self, error: Exception) -> None:
        if not self.deferred.called:
            self.deferred.errback(failure(error))


class DummyPort:
    """``log``: what was asked of it. ``results``: operations that end by themselves: name -> (after seconds, result);
    the others wait for `finish`."""

    kind = "fxo"

    def __init__(
        self, clock: SteppedClock, number: int = 0, results: dict[str, tuple[float, Any]] | None = None
    ) -> None:
        self.clock, self.number, self.name, self.index = clock, number, f"vru:{number}", number
        self.capabilities: tuple[str, ...] = ("reports_ring_begin",)
        self.epoch = 0
        self.alarms: tuple[str, ...] = ()
        self.reversed = False
        self.off_hook = False
        self.log: list[Any] = []
        self.ops: list[Op] = []
        self.results = results if results is not None else {}
        self._listeners: list[Callable[[ev.Event], None]] = []
        self.failures: list[BaseException] = []
        self.typed_ahead: deque[str] = deque()

    def __repr__(self) -> str:
        return f"<{self.name}>"

    @property
    def player(self) -> Op | None:
        return next((op for op in self.ops if op.name in ("play", "dial", "collect")), None)

    # what the server asks

    def state(self) -> Any:
        return SimpleNamespace(alarms=self.alarms, reversed=self.reversed, off_hook=self.off_hook)

    def setting(self, name: str, value: int | str) -> None:
        self.log.append(("setting", name, value))

    def listen(self, fn: Callable[[ev.Event], None]) -> Callable[[], None]:
        self._listeners.append(fn)
        return lambda: self._listeners.remove(fn) if fn in self._listeners else None

    def begin_call(self) -> int:
        self._end()
        self.epoch += 1
        return self.epoch

    def hangup(self) -> None:
        self.log.append("on-hook")
        self.off_hook = False
        self._end()

    def detect(self, *names: str, duck: bool = False) -> None:
        self.log.append(("detect", names))

    def tone_plan(self, plan: Any) -> None:
        self.plan = plan

    def answer(self) -> Deferred[None]:
        self.off_hook = True
        return self._begin("answer")

    def flash(self, ms: int) -> Deferred[None]:
        return self._begin("flash", ms)

    def dial(self, digits: str, on_ms: int = 100, off_ms: int = 100) -> Deferred[None]:
        return self._begin("dial", digits)

    def play(self, *items: Any, stop_on_digit: bool = False) -> Deferred[PlayEnd]:
        return self._begin("play", *items)

    def collect(
        self, max_digits: int, first_s: float, gap_s: float, end: str = "#", prompt: Any = ()
    ) -> Deferred[Collected]:
        return self._begin("collect", *prompt)

    def record(self, path: Any, **options: Any) -> Any:
        self.log.append(("record", str(path)))
        ended: Deferred[RecordEnd] = Deferred()
        recording = SimpleNamespace(ended=ended, open=True, ms=5000)

        def stop() -> Deferred[RecordEnd]:
            if recording.open:
                recording.open = False
                self.clock.callLater(TICK_S, ended.callback, RecordEnd(str(path), "stopped", recording.ms))
            return Deferred()

        recording.stop = stop
        self.recording = recording
        return recording

    def wait_for(self, *kinds: type[ev.Event], timeout_s: float | None = None) -> Deferred[Any]:
        op = Op(self, "wait_for", kinds)
        self.ops.append(op)
        if timeout_s is not None:
            op.timer = self.clock.callLater(timeout_s, op.fail, TimedOut(f"{timeout_s}"))
        return op.deferred

    # what a test says

    @property
    def doing(self) -> list[str]:
        return [op.name for op in self.ops]

    def finish(self, name: str, result: Any = None) -> None:
        """The operation of this name is done."""
        next(op for op in self.ops if op.name == name).finish(result)

    def fail(self, name: str, error: Exception) -> None:
        next(op for op in self.ops if op.name == name).fail(error)

    def tell(self, kind: type[ev.Event], **data: Any) -> None:
        """An event of the line. What a listener raises is raised (a real port logs it)."""
        event = kind(self.number, self.epoch, 0, self.clock.seconds(), **data)
        if isinstance(event, ev.Polarity):
            self.reversed = event.reversed
        if isinstance(event, ev.Alarm):
            self.alarms = event.alarms
        for fn in tuple(self._listeners):
            if fn in self._listeners:
                fn(event)
        for op in tuple(self.ops):
            if isinstance(event, op.kinds):
                op.finish(event)

    def ring(self) -> None:
        """A burst of ringing."""
        self.tell(ev.RingBegin)

    def tone(self, name: str) -> None:
        self.tell(ev.ToneHeard, name=name, level_dbm0=-12.0)

    def caller_id(self, number: str | None, *, ok: bool = True) -> None:
        raw = encode_mdmf(number) if number else encode_mdmf(None, reason="private")
        self.tell(ev.CallerId, form="fsk", ok=ok, raw=raw)

    # within

    def _begin(self, name: str, *detail: Any) -> Deferred[Any]:
        self.log.append((name, *detail))
        op = Op(self, name)
        self.ops.append(op)
        if name in self.results:
            seconds, result = self.results[name]
            op.timer = self.clock.callLater(seconds, op.finish, result)
        return op.deferred

    def _end(self) -> None:
        for op in tuple(self.ops):
            op.call_ended()
        recording = getattr(self, "recording", None)
        if recording is not None:
            recording.stop()


class DummyRecords:
    """Events in a list."""

    def __init__(self) -> None:
        self.events: list[tuple[str | None, str, dict[str, Any]]] = []
        self.cards: dict[str, CustomerCard] = {}
        self.looked_up: list[str] = []
        self.pending: list[Deferred[None]] | None = None
        self._calls = 0
        self.owed: list[Any] = []
        self.outside: Outside  # where a bench asks

    def stop(self) -> None:
        """Nothing is due."""

    def new_call_id(self) -> str:
        self._calls += 1
        return f"1-{self._calls:06d}"

    def event(
        self,
        call: str | None,
        kind: str,
        source: str,
        /,
        *,
        agent: Any = None,
        port: Any = None,
        t: Any = None,
        **data: Any,
    ) -> int:
        self.events.append(
            (call, kind, {**data, "source": source, "agent": agent} if agent else {**data, "source": source})
        )
        return len(self.events)

    async def lookup(self, ani: str | None, *, truncated: bool = False, call: str | None = None) -> CustomerCard:
        self.looked_up.append(str(ani))
        if self.pending is not None:
            waiting: Deferred[None] = Deferred()
            self.pending.append(waiting)
            await waiting
        return self.cards.get(str(ani), CustomerCard())

    def kinds(self, call: str | None) -> list[str]:
        """What was written of a call, in order, without places."""
        return [kind for whose, kind, _ in self.events if whose == call]

    def of(self, call: str | None, kind: str) -> list[dict[str, Any]]:
        return [data for whose, what, data in self.events if whose == call and what == kind]


def card(name: str) -> CustomerCard:
    return CustomerCard(Customer(name), True)


class DummyDesks:
    """Notifications in a list."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, dict[str, Any]]] = []

    def notify(self, agent: str, method: str, params: dict[str, Any]) -> bool:
        self.sent.append((agent, method, params))
        return True

    def broadcast(self, method: str, params: dict[str, Any], groups: Any = None) -> None:
        self.sent.append(("*", method, params))

    def agent_changed(self, agent: str) -> None: ...

    def ask(self, agent: str, call: str | None) -> None:
        self.sent.append((agent, "ask", {"call": call}))

    def close(self) -> None: ...


class DummyPrompts:
    """A prompt is its key."""

    def say(self, key: str, language: str, /, **values: Any) -> list[Any]:
        return [key]

    def music(self) -> tuple[Any, int]:
        return Sound("music.wav"), 10_000

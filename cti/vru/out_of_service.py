"""How a VRU line takes no calls: the PBX is told by a loop held closed, or by a feature code, by the dialect (step 3).

- offhook: hunting passes a busy port by. After its dial tone, busy tone and howler the PBX locks the port out, which
  hunting passes by, too; on-hook brings it back. Where a PBX takes a locked-out port out of service for good, or raises
  an alarm, busy_out_refresh_s puts it on-hook for guard_s and off-hook again; a call that the PBX rings in that moment
  is a call, and is told as one.
- code: the port leaves the hunt group by busy_out_code and enters it again by in_service_code; on-hook meanwhile. Also
  after this process has ended: a line that starts enters it. A code that the PBX does not take is an alarm, and the
  port is held off-hook.
- none: the PBX cannot be told. It goes on ringing the port, which does not answer; each caller loses its time of no
  answer there.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from cti.pbx.line_rules import LineRules
from cti.vru.feature_code import Dialled
from drivers.clock import Clock, DelayedCall
from drivers.errors import EngineError
from drivers.port import Port
from drivers.problems import report


class OutOfService:
    """Of one line. ``open_now``: on-hook for a moment (a refresh)."""

    def __init__(
        self,
        clock: Clock,
        port: Port,
        rules: LineRules,
        dial: Callable[[str], Coroutine[Deferred[Any], Any, Dialled]],
        trouble: Callable[[str], None],
    ) -> None:
        """``dial(code)`` dials a feature code and leaves the port on-hook; ``trouble(text)``: a person should know."""
        self._clock, self._port, self._rules, self._dial, self._trouble = clock, port, rules, dial, trouble
        self.open_now = False
        self._told: bool | None = None  # None: it is not known yet
        self._by_code = False
        self._timer: DelayedCall | None = None
        self._running: Deferred[None] | None = None
        self._waiting: list[Deferred[bool]] = []

    def leave(self) -> None:
        """The port has no call: the PBX is told."""
        self._start(self._leave())

    def enter(self, then: Callable[[], None]) -> None:
        """The port is to take calls again; ``then`` when the PBX is told, and the port can be put on-hook."""
        self._stop_timer()
        self._start(self._enter(then))

    def forget(self) -> None:
        """The line does something else, or is out of order; what goes on, ends."""
        self._stop_timer()
        self._told, self.open_now = None, False
        running, self._running = self._running, None
        if running is not None and not running.called:
            running.cancel()

    def give_up(self) -> None:
        """It will not be out of service: who waits for it hears so."""
        self._say(False)
        self._told = None

    @property
    def told(self) -> bool:
        """The PBX hunts no caller here."""
        return bool(self._told)

    def wait(self) -> Deferred[bool]:
        """Fires when the PBX is told (True), or will not be (False)."""
        answer: Deferred[bool] = Deferred()
        self._waiting.append(answer)
        if self._told is not None:
            self._say(self._told)
        return answer

    async def _leave(self) -> None:
        rules = self._rules
        if rules.busy_out == "none":
            self._say(False)
            return
        if rules.busy_out == "code":
            result = await self._dial(rules.busy_out_code)
            self._by_code = result.done
            if result.done:
                self._say(True)
                return
            self._trouble(
                f"the code {rules.busy_out_code} to leave the hunt group: {result.how}; held off-hook instead"
            )
        await self._off_hook()

    async def _off_hook(self) -> None:
        self.open_now = False
        self._port.begin_call()
        try:
            await self._port.answer()
        except EngineError as error:
            self._trouble(f"cannot be held off-hook: {error}")
            self._say(False)
            return
        self._say(True)
        if self._rules.busy_out_refresh_s is not None:
            self._timer = self._clock.callLater(self._rules.busy_out_refresh_s, self._on_hook)

    def _on_hook(self) -> None:
        """A refresh: a locked-out port is nobody's fault for long."""
        self.open_now = True
        self._port.hangup()
        self._timer = self._clock.callLater(self._rules.guard_s, lambda: self._start(self._off_hook()))

    async def _enter(self, then: Callable[[], None]) -> None:
        self._told, self.open_now = None, False
        by_code, self._by_code = self._by_code, False
        if by_code or self._rules.busy_out == "code":
            self._port.hangup()
            result = await self._dial(self._rules.in_service_code)
            if not result.done:
                self._trouble(f"the code {self._rules.in_service_code} to enter the hunt group: {result.how}")
        then()

    def _say(self, told: bool) -> None:
        self._told = told
        waiting, self._waiting = self._waiting, []
        for answer in waiting:
            if not answer.called:
                answer.callback(told)

    def _start(self, work: Coroutine[Deferred[Any], Any, None]) -> None:
        running, self._running = self._running, None
        if running is not None and not running.called:
            running.cancel()
        self._running = Deferred.fromCoroutine(work)
        self._running.addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        if not isinstance(failure.value, CancelledError):
            report(f"{self._port.name}: busy-out", failure)

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

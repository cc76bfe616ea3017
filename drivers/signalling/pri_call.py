"""A call on a PRI span, and the timers that libpri does not have: T301, T302, T304, T310 (Q.931 table 9-2).

Serves steps 1 to 3, and outside calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from drivers.clock import Clock, DelayedCall
from drivers.port import Port
from drivers.signalling.causes import Cause
from drivers.signalling.dchannel import Side
from drivers.signalling.interface import Numbers, TrunkCall
from drivers.signalling.ladder import Step
from drivers.signalling.pri_rules import PriRules

if TYPE_CHECKING:
    from drivers.signalling.pri import PriTrunk


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

    @property
    def more_follows(self) -> bool:
        """RELEASE and its answer."""
        return not self.refused

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


class CallTimers:
    """Of the calls of one span. ``expired(call, name)``: one was not stopped in time."""

    def __init__(self, clock: Clock, rules: PriRules, side: Side, expired: Callable[[PriCall, str], None]) -> None:
        self._clock, self._rules, self._side, self._expired = clock, rules, side, expired

    def start(self, call: PriCall, name: str) -> None:
        """Anew; 0 ms: never ends. Nothing for a call that is being cleared."""
        self.stop(call, name)
        wait_s = self._rules.timer(name, self._side) / 1000
        if wait_s and call.state != "cleared" and call.cause is None:
            call.timers[name] = self._clock.callLater(wait_s, self._over, call, name)

    def stop(self, call: PriCall, *names: str) -> None:
        """These; none named: all."""
        for name in names or tuple(call.timers):
            timer = call.timers.pop(name, None)
            if timer is not None and timer.active():
                timer.cancel()

    def _over(self, call: PriCall, name: str) -> None:
        call.timers.pop(name, None)
        self._expired(call, name)

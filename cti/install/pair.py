"""Two VRU ports joined by a call through the PBX: the near one calls, the far one answers (step 7, on the installer's
day). What becomes of the call is then seen from both its ends.

Limits: dial_tone_s of the dialect for the dial tone, after which it is dialled blindly; RING_S for the ring; PATH_S for
a digit sent here to be heard there.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from cti.errors import TipringError
from cti.install.alone import CardPort, pause
from cti.pbx.line_rules import LineRules
from drivers.clock import Clock
from drivers.errors import EngineError, TimedOut
from drivers.events import DigitEnd, Event, LoopDrop, Polarity, RingBegin, RingEnd, ToneHeard
from drivers.tones import TonePlan

T = TypeVar("T")
RING_S = 8.0
PATH_S = 1.5


class NotJoined(TipringError):
    """The two cannot be joined by a call; why, in words."""


class Pair:
    """``far`` has the extension ``beside``. ``heard`` is what came since it was cleared, as (near or far, what)."""

    def __init__(self, clock: Clock, near: CardPort, far: CardPort, beside: str, rules: LineRules) -> None:
        self.near, self.far = near, far
        self.heard: list[tuple[str, str]] = []
        self._clock, self._beside, self._rules = clock, beside, rules

    async def during_call(self, plan: TonePlan, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What the work gives, which is done in a call between the two. NotJoined; EngineError where a card fails. Both
        are on-hook afterwards, and idle again for the PBX unless this was cancelled."""
        ears = [one.port.listen(self._ears(which)) for which, one in (("near", self.near), ("far", self.far))]
        try:
            await self._connect(plan)
            result = await work()
        except (NotJoined, EngineError):
            await self._over()
            raise
        else:
            await self._over()
            return result
        finally:
            for deafen in ears:
                deafen()
            self.far.port.hangup()
            self.near.port.hangup()

    async def _over(self) -> None:
        """The far end first, so that nobody is left on hold to ring back."""
        self.far.port.hangup()
        await pause(self._clock, 1.0)
        self.near.port.hangup()
        await pause(self._clock, self._rules.guard_s + 1.0)

    async def path(self) -> bool:
        """A digit sent here is heard there."""
        self.heard.clear()
        await self._dial("5")
        await pause(self._clock, PATH_S)
        return ("far", "digit 5") in self.heard

    def of(self, which: str) -> list[str]:
        """What came at one end."""
        return [what for end, what in self.heard if end == which]

    async def _connect(self, plan: TonePlan) -> None:
        near, far = self.near.port, self.far.port
        for port in (near, far):
            port.begin_call()
            port.tone_plan(plan.without("ringback"))
            port.detect("dtmf", "tones")
        self.heard.clear()
        await near.answer()
        with suppress(TimedOut):
            await near.wait_tone([name for name in self._rules.dial_tone if name in plan], self._rules.dial_tone_s)
        await self._dial(self._beside)
        ends_s = self._clock.seconds() + RING_S
        while ("far", "ring") not in self.heard:
            if self._clock.seconds() > ends_s:
                raise NotJoined(f"{self._beside} did not ring at {self.far}; see tipring pbx learn-ports")
            await pause(self._clock, 0.1)
        await far.answer()
        await pause(self._clock, 1.5)
        if not await self.path():
            raise NotJoined(f"no path between {self.near} and {self.far} after the answer")

    async def _dial(self, digits: str) -> None:
        await self.near.port.dial(digits, on_ms=self._rules.digit_on_ms, off_ms=self._rules.digit_off_ms)

    def _ears(self, which: str) -> Callable[[Event], None]:
        def hear(event: Event) -> None:
            match event:
                case RingBegin() | RingEnd():
                    self.heard.append((which, "ring"))
                case LoopDrop():
                    self.heard.append((which, "loop drop"))
                case Polarity():
                    self.heard.append((which, "polarity"))
                case ToneHeard(name=name):
                    self.heard.append((which, f"tone {name}"))
                case DigitEnd(digit=digit):
                    self.heard.append((which, f"digit {digit}"))
                case _:
                    pass

        return hear

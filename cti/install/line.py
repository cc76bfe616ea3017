"""One VRU line measured: the tones of this PBX and the hook flash that it understands (step 7).

From the port the PBX is made to send each tone (an idle line, its own extension for busy, a neighbour that rings, a
number that there is not), each is recorded and measured. Then the neighbour is called and answered, and each length of
flash is tried on a fresh call. A dial tone alone proves nothing: an opening that was too long hangs up, and brings a
fresh one. So the neighbour is watched, and the path is tried by digits.

Limits: seconds of LISTEN_S for each tone; RING_S for the neighbour's ring, SIGN_S after a flash for its outcome.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from cti.errors import TipringError
from cti.install.alone import CardPort, pause
from cti.install.tone_plan import SiteTones, site_tones
from cti.pbx.line_rules import LineRules
from drivers import wav
from drivers.clock import Clock
from drivers.errors import EngineError, TimedOut
from drivers.events import DigitEnd, Event, LoopDrop, RingBegin, ToneHeard
from drivers.tones import TonePlan

LISTEN_S = {"dial": 3.0, "busy": 7.0, "info": 7.0, "ringback": 20.0}
RING_S = 8.0
SIGN_S = 5.0
PATH_S = 1.5
LENGTHS_MS = (80, 100, 150, 200, 300, 450, 600, 800, 1000, 1200)
Outcome = Literal["flash", "ignored", "hangs up", "unclear"]


@dataclass(frozen=True, slots=True)
class FlashTried:
    """One length and what became of it."""

    ms: int
    outcome: Outcome
    why: str


class LineLearner:
    """Of `port`, with `neighbour` (its extension `beside`) answering."""

    def __init__(
        self,
        clock: Clock,
        port: CardPort,
        neighbour: CardPort,
        beside: str,
        rules: LineRules,
        say: Callable[[str], object] = lambda text: None,
    ) -> None:
        self._clock, self._port, self._neighbour, self._beside = clock, port, neighbour, beside
        self._rules, self._say = rules, say

    async def tones(self, country: str, *, busy: str, vacant: str | None) -> SiteTones:
        """Measures: `busy` is a number that is busy (the port's own extension), `vacant` one that there is not."""
        numbers = {"dial": None, "busy": busy, "ringback": self._beside}
        if vacant is not None:
            numbers["info"] = vacant
        recordings = {}
        for name, number in numbers.items():
            self._say(f"{name}: listening{f' to {number}' if number else ''} ...")
            recordings[name] = await self._listen(number, LISTEN_S[name])
            await pause(self._clock, self._rules.guard_s + 1.0)
        found = site_tones(country, recordings)
        for name, heard in found.measured.items():
            self._say(f"{name:>10}  {heard}")
        return found

    async def _listen(self, number: str | None, seconds: float) -> array[int]:
        port = self._port.port
        port.begin_call()
        handle, path = tempfile.mkstemp(suffix=".wav", prefix="tipring-line-")
        os.close(handle)
        try:
            await port.answer()
            if number is not None:
                await pause(self._clock, self._rules.dial_tone_s / 2)
                await self._dial(number)
            else:
                await pause(self._clock, 0.5)
            await port.record(path, what="rx", limit_s=seconds).ended
            return wav.read(path).channels[0]
        except (EngineError, OSError, wav.WavError) as error:
            raise TipringError(f"port {self._port}: {error}") from error
        finally:
            port.hangup()
            with suppress(OSError):
                os.unlink(path)

    async def flashes(self, plan: TonePlan, lengths: Sequence[int] = LENGTHS_MS) -> list[FlashTried]:
        """Each length on a call of its own."""
        tried = []
        for ms in lengths:
            one = await self._flash(ms, plan)
            self._say(f"flash {ms:>5} ms  {one.outcome}: {one.why}")
            tried.append(one)
        return tried

    async def _flash(self, ms: int, plan: TonePlan) -> FlashTried:
        near, far = self._port.port, self._neighbour.port
        heard: list[tuple[str, str]] = []
        deaf = [port.listen(_ears(which, heard)) for which, port in (("near", near), ("far", far))]
        try:
            why = await self._connect(plan, heard)
            if why:
                return FlashTried(ms, "unclear", why)
            heard.clear()
            await near.flash(ms)
            await pause(self._clock, SIGN_S)
            dial = any(("near", f"tone {name}") in heard for name in self._rules.dial_tone)
            gone = [what for which, what in heard if which == "far"]
            if gone:
                again = " and a fresh dial tone" if dial else ""
                return FlashTried(ms, "hangs up", f"the other end was cut off ({gone[0]}){again}")
            if dial:
                return FlashTried(ms, "flash", "dial tone, and the other end is held")
            if await self._path(heard):
                return FlashTried(ms, "ignored", "the two still hear each other")
            return FlashTried(ms, "unclear", "no dial tone that is known, and no path to the other end")
        except EngineError as error:
            return FlashTried(ms, "unclear", str(error))
        finally:
            for end in deaf:
                end()
            await self._over()

    async def _connect(self, plan: TonePlan, heard: list[tuple[str, str]]) -> str:
        """The neighbour is called and answers; why not, or nothing."""
        near, far = self._port.port, self._neighbour.port
        for port in (near, far):
            port.begin_call()
            port.tone_plan(plan.without("ringback"))
            port.detect("dtmf", "tones")
        await near.answer()
        with suppress(TimedOut):
            await near.wait_tone([name for name in self._rules.dial_tone if name in plan], self._rules.dial_tone_s)
        await self._dial(self._beside)
        ends_s = self._clock.seconds() + RING_S
        while ("far", "ring") not in heard:
            if self._clock.seconds() > ends_s:
                return f"{self._beside} did not ring at {self._neighbour}; see tipring pbx learn-ports"
            await pause(self._clock, 0.1)
        await far.answer()
        await pause(self._clock, 1.5)
        return "" if await self._path(heard) else "no path between the two after the answer"

    async def _path(self, heard: list[tuple[str, str]]) -> bool:
        """A digit sent here is heard there."""
        heard.clear()
        await self._dial("5")
        await pause(self._clock, PATH_S)
        return ("far", "digit 5") in heard

    async def _dial(self, digits: str) -> None:
        await self._port.port.dial(digits, on_ms=self._rules.digit_on_ms, off_ms=self._rules.digit_off_ms)

    async def _over(self) -> None:
        """The neighbour first, so that nobody is left on hold to ring back."""
        self._neighbour.port.hangup()
        await pause(self._clock, 1.0)
        self._port.port.hangup()
        await pause(self._clock, self._rules.guard_s + 1.0)


def _ears(which: str, heard: list[tuple[str, str]]) -> Callable[[Event], None]:
    def hear(event: Event) -> None:
        match event:
            case RingBegin():
                heard.append((which, "ring"))
            case LoopDrop():
                heard.append((which, "loop drop"))
            case ToneHeard(name=name):
                heard.append((which, f"tone {name}"))
            case DigitEnd(digit=digit):
                heard.append((which, f"digit {digit}"))
            case _:
                pass

    return hear


def choose(tried: Sequence[FlashTried], present_ms: int) -> tuple[int | None, str]:
    """A length well inside those that work: the present one where it is, else the middle one; and how sure."""
    good = [one.ms for one in tried if one.outcome == "flash"]
    if not good:
        return None, "no length worked: is the flash allowed for this extension (class of service)?"
    every = [one.ms for one in tried]
    run = every[every.index(good[0]) : every.index(good[-1]) + 1]
    if run != good:
        odd = [ms for ms in run if ms not in good]
        return good[len(good) // 2], f"of {good[0]} to {good[-1]} ms, {odd} did not work: try again"
    if good[0] < present_ms < good[-1]:
        return present_ms, f"works from {good[0]} to {good[-1]} ms; the present value is well inside"
    sure = "" if len(good) > 2 else "; so few lengths leave little margin"
    return good[len(good) // 2], f"works from {good[0]} to {good[-1]} ms{sure}"

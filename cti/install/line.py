"""One VRU line measured: the tones of this PBX, how it tells that the other end has hung up, and the hook flash that it
understands (steps 7 and 9).

From the port the PBX is made to send each tone (an idle line, its own extension for busy, a neighbour that rings, a
number that there is not, one that is congested), each is recorded and measured. The neighbour is called, answers and
hangs up: what is heard then is how a caller's hang-up will be told. Then each length of flash is tried
(cti.install.flash); the tone of a held caller is measured as well.

Limits: seconds of LISTEN_S for each tone, once more where the first recording has no steady tone; GONE_S after the
neighbour's hang-up.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cti.errors import TipringError
from cti.install.alone import CardPort, pause
from cti.install.flash import LENGTHS_MS, FlashTrial, FlashTried
from cti.install.pair import NotJoined, Pair
from cti.install.tone_plan import SiteTones, recognised, site_tones, unusable
from cti.pbx.line_rules import DisconnectSign, LineRules
from drivers.cadence import Measured, measure
from drivers.clock import Clock
from drivers.errors import EngineError
from drivers.measure import record
from drivers.tones import TonePlan

LISTEN_S = {"dial": 3.0, "busy": 7.0, "info": 7.0, "congestion": 9.0, "ringback": 20.0}
TRIES = 2
GONE_S = 8.0


@dataclass(frozen=True, slots=True)
class HungUp:
    """What tells that the other end has hung up, and what was heard; ``why``: it could not be tried."""

    signs: tuple[DisconnectSign, ...] = ()
    heard: Measured | None = None
    why: str = ""

    def __str__(self) -> str:
        if self.why:
            return self.why
        sound = f", then {self.heard}" if self.heard is not None and self.heard.kind != "silence" else ""
        return (", ".join(self.signs) or "no sign that is known") + sound


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
        self._clock, self._port, self._beside = clock, port, beside
        self._rules, self._say = rules, say
        self._pair = Pair(clock, port, neighbour, beside, rules)
        self._recordings: dict[str, array[int]] = {}
        self._held: array[int] | None = None

    async def tones(
        self, country: str, *, busy: str, vacant: str | None = None, congested: str | None = None
    ) -> SiteTones:
        """Measures: `busy` is a number that is busy (the port's own extension), `vacant` one that there is not,
        `congested` one whose lines are all taken."""
        numbers = {"dial": None, "busy": busy, "ringback": self._beside}
        numbers |= {name: number for name, number in (("info", vacant), ("congestion", congested)) if number}
        for name, number in numbers.items():
            self._recordings[name] = await self._steady(name, number)
        found = self.plan(country)
        for name, heard in found.measured.items():
            self._say(f"{name:>10}  {heard}")
        return found

    def plan(self, country: str) -> SiteTones:
        """Of all that was recorded so far, the tone of a held caller included."""
        return site_tones(country, self._recordings, held=self._held)

    async def _steady(self, name: str, number: str | None) -> array[int]:
        """Somebody may have spoken in between: once more before it counts for nothing."""
        for _ in range(TRIES):
            self._say(f"{name}: listening{f' to {number}' if number else ''} ...")
            sound = await self._listen(number, LISTEN_S[name])
            await pause(self._clock, self._rules.guard_s + 1.0)
            if not unusable(name, measure(sound)):
                break
        return sound

    async def _listen(self, number: str | None, seconds: float) -> array[int]:
        port = self._port.port
        port.begin_call()
        try:
            await port.answer()
            if number is not None:
                await pause(self._clock, self._rules.dial_tone_s / 2)
                await port.dial(number, on_ms=self._rules.digit_on_ms, off_ms=self._rules.digit_off_ms)
            else:
                await pause(self._clock, 0.5)
            received, _ = await record(port, seconds)
            return received
        except EngineError as error:
            raise TipringError(f"port {self._port}: {error}") from error
        finally:
            port.hangup()

    async def hung_up(self, plan: TonePlan) -> HungUp:
        """The neighbour is called, answers and hangs up."""
        try:
            told, received = await self._pair.during_call(plan, self._far_hangs_up)
        except (NotJoined, EngineError) as error:
            return HungUp(why=str(error))
        tones = recognised(plan, received)
        signs: list[DisconnectSign] = []
        if "loop drop" in told:
            signs.append("loop_drop")
        if "polarity" in told:
            signs.append("polarity")
        if {"busy", "congestion"}.intersection(tones):
            signs.append("busy_tone")
        if "dial" in tones:
            signs.append("dial_tone")
        return HungUp(tuple(signs), measure(received))

    async def _far_hangs_up(self) -> tuple[list[str], array[int]]:
        """What comes, and what is heard."""
        pair = self._pair
        pair.heard.clear()
        pair.far.port.hangup()
        received, _ = await record(pair.near.port, GONE_S)
        return pair.of("near"), received

    async def flashes(self, plan: TonePlan, lengths: Sequence[int] = LENGTHS_MS) -> list[FlashTried]:
        """Each length on a call of its own."""
        trial = FlashTrial(self._pair, self._rules, self._say)
        tried = await trial.run(plan, lengths)
        self._held = trial.held
        return tried

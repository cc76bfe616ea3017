"""Which openings of the loop does this PBX take for a hook flash? Each length is tried on a call of its own (step 7).

A dial tone alone proves nothing: an opening that was too long hangs up, and brings a fresh one. So the other end is
watched, and the path is tried by digits. A PBX may give a tone of its own while a caller is held: what is heard after
the first flash that works is kept, to be measured.

Limits: SIGN_S after each flash. Where the two ports cannot be joined, the first length says so and no other is tried.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from cti.install.pair import NotJoined, Pair
from cti.pbx.line_rules import LineRules
from drivers.cadence import measure
from drivers.errors import EngineError
from drivers.measure import record
from drivers.tones import TonePlan
from drivers.wav import RATE

SIGN_S = 5.0
LENGTHS_MS = (80, 100, 150, 200, 300, 450, 600, 800, 1000, 1200)
Outcome = Literal["flash", "ignored", "hangs up", "unclear"]


@dataclass(frozen=True, slots=True)
class FlashTried:
    """One length and what became of it."""

    ms: int
    outcome: Outcome
    why: str


class FlashTrial:
    """Over a pair of ports. ``held`` is what was heard after the first flash that worked, None before."""

    def __init__(self, pair: Pair, rules: LineRules, say: Callable[[str], object] = lambda text: None) -> None:
        self.held: array[int] | None = None
        self._pair, self._rules, self._say = pair, rules, say

    async def run(self, plan: TonePlan, lengths: Sequence[int] = LENGTHS_MS) -> list[FlashTried]:
        """Each length in turn."""
        tried: list[FlashTried] = []
        for ms in lengths:
            try:
                one = await self._pair.during_call(plan, partial(self._flash, ms))
            except NotJoined as error:
                self._say(f"flash: {error}")
                return [*tried, FlashTried(ms, "unclear", str(error))]
            except EngineError as error:
                one = FlashTried(ms, "unclear", str(error))
            self._say(f"flash {ms:>5} ms  {one.outcome}: {one.why}")
            tried.append(one)
        return tried

    async def _flash(self, ms: int) -> FlashTried:
        pair = self._pair
        pair.heard.clear()
        await pair.near.port.flash(ms)
        received, _ = await record(pair.near.port, SIGN_S)
        known = any(f"tone {name}" in pair.of("near") for name in self._rules.dial_tone)
        gone = pair.of("far")
        if gone:
            again = " and a fresh dial tone" if known else ""
            return FlashTried(ms, "hangs up", f"the other end was cut off ({gone[0]}){again}")
        sound = received[RATE // 2 :]
        if known:
            self.held = self.held or sound
            return FlashTried(ms, "flash", "dial tone, and the other end is held")
        if await pair.path():
            return FlashTried(ms, "ignored", "the two still hear each other")
        found = measure(sound)
        if found.kind in ("continuous", "cadence"):
            self.held = self.held or sound
            return FlashTried(ms, "flash", f"a tone that the plan does not know ({found}), and the other end is held")
        return FlashTried(ms, "unclear", "no dial tone, and no path to the other end")


def choose(tried: Sequence[FlashTried], present_ms: int) -> tuple[int | None, str]:
    """A length well inside those that work: the present one where it is, else the middle one; and how sure."""
    good = [one.ms for one in tried if one.outcome == "flash"]
    if not good:
        unclear = next((one.why for one in tried if one.outcome == "unclear"), None)
        return None, unclear or "no length worked: is the flash allowed for this extension (class of service)?"
    every = [one.ms for one in tried]
    run = every[every.index(good[0]) : every.index(good[-1]) + 1]
    if run != good:
        odd = [ms for ms in run if ms not in good]
        return good[len(good) // 2], f"of {good[0]} to {good[-1]} ms, {odd} did not work: try again"
    if good[0] < present_ms < good[-1]:
        return present_ms, f"works from {good[0]} to {good[-1]} ms; the present value is well inside"
    sure = "" if len(good) > 2 else "; so few lengths leave little margin"
    return good[len(good) // 2], f"works from {good[0]} to {good[-1]} ms{sure}"

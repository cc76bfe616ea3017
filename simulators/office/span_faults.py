"""What goes wrong on an E1 at whose other end the office is: alarms, bit errors, slips, tones and frames lost (step 1).

The wires do it (csrc/wire.h); here it is decided when. R2 tones are drowned in noise (of a slot's bits every second one
is wrong) while a call is being set up: for a moment, which compelled signalling survives, or longer than its timers.
Frames of a D channel are damaged by bit errors of that channel alone, which layer 2 sends again; or it is drowned for
longer than layer 2 tries. A call of 20 digits is hit by `damaged:1%` with a chance of one in four.
"""

from __future__ import annotations

from math import exp, log
from typing import TYPE_CHECKING, Final

from drivers.card import SoftwareCard
from simulators.office.trunk_line import TrunkLine

if TYPE_CHECKING:
    from simulators.world.surroundings import Surroundings

TONE_S: Final = 0.12
"""So long lasts a beat of a compelled cycle; each may be hit."""
FRAME_BITS: Final = 320
"""Of a message of 40 octets."""
DROWNED_S: Final = {"damaged": (0.05, 20.0), "lost": (20.0, 20.0)}
"""How long a tone, or the D channel, is hit: short times as often as long ones, by their logarithm; or for longer than
the 15 s of ITU-T Q.476 and the four tries of Q.921."""
NOISE: Final = 0.5
"""Rate of bit errors that leaves nothing of a tone."""


class SpanFaults:
    """Of one world; begins with its run."""

    def __init__(self, world: Surroundings) -> None:
        self._world, self._card = world, world.office
        self._random = world.random("span faults")
        self._drowned: set[int] = set()

    def start(self) -> None:
        """Everything that the scenario wants."""
        scenario, clock, card = self._world.scenario, self._world.clock, self._card
        for index, port in enumerate(card.ports):
            rate = scenario.bit_errors
            if port.kind == "d" and scenario.frames_damaged:
                rate = 1 - (1 - scenario.frames_damaged) ** (1 / FRAME_BITS)
            if rate or scenario.span_slips:
                card.faults(index, bit_error_rate=rate, slip_per_min=scenario.span_slips, seed=index + 1)
        for kind, at_s, for_s in scenario.alarms:
            clock.callLater(at_s, self._alarm, kind)
            clock.callLater(at_s + for_s, self._alarm, "")
        if scenario.mfc or scenario.frames_lost:
            clock.callLater(TONE_S, self._beat)

    def _alarm(self, kind: str) -> None:
        self._world.truth.note(None, "office", "alarm" if kind else "alarm over", kind=kind)
        for index in range(len(self._card.ports)):
            self._card.faults(index, alarm=kind)

    def _beat(self) -> None:
        scenario = self._world.scenario
        self._world.clock.callLater(TONE_S, self._beat)
        for index, line in enumerate(self._world.lines):
            if not isinstance(line, TrunkLine) or not line.in_registers:
                continue
            if self._hit(scenario.frames_lost):
                self._drown(len(self._card.ports) - 1, None, "D channel", "frames lost", "lost")
            for kind, share in scenario.mfc:
                if self._hit(share):
                    self._drown(index, line.call_no, f"line {line.index}", f"tone {kind}", kind)
                    break

    def _hit(self, share: float) -> bool:
        return share > 0 and self._random.random() < share

    def _drown(self, index: int, call_no: int | None, who: str, what: str, kind: str) -> None:
        if index in self._drowned:
            return
        shortest, longest = DROWNED_S[kind]
        for_s = round(exp(self._random.uniform(log(shortest), log(longest))), 2)
        self._world.truth.note(call_no, who, what, for_s=for_s)
        self._drowned.add(index)
        _noise(self._card, index, NOISE)
        self._world.clock.callLater(for_s, self._surface, index)

    def _surface(self, index: int) -> None:
        self._drowned.discard(index)
        _noise(self._card, index, self._world.scenario.bit_errors)


def _noise(card: SoftwareCard, index: int, rate: float) -> None:
    card.faults(index, bit_error_rate=rate)

"""How the lines of an analog trunk behave: all of it is the site's to set. Serves steps 1 to 3, and outside calls."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.tones import EMPTY, TonePlan
from drivers.words import Answer, Disconnect


@dataclass(frozen=True, slots=True)
class AnalogRules:
    """How the lines behave; all of it is the site's to set, seconds unless named otherwise."""

    tones: TonePlan = EMPTY
    dnis: str = ""
    """The number that callers dialled: analog lines do not say it."""
    caller_id: bool = True
    """The office sends it; else calls are offered with complete numbers at once."""
    id_wait_s: float = 3.0
    """From the end of the first ring; a second ring ends the wait, too."""
    ring_gap_s: float = 7.0
    """No ring for so long: the caller gave up (a Chinese office rings 1 s in 5)."""
    dial_tone_s: float = 5.0
    """0: dials after `dial_pause_s` without waiting for dial tone."""
    dial_pause_s: float = 0.5
    """From dial tone, or from off-hook, to the first digit."""
    digit_on_ms: int = 100
    digit_off_ms: int = 100
    answer: tuple[Answer, ...] = ("polarity", "ringback_stops", "voice")
    answer_s: float = 60.0
    """From the last digit; then the call ends with cause 19."""
    disconnect: tuple[Disconnect, ...] = ("loop_drop", "polarity", "busy_tone", "dial_tone")
    guard_s: float = 2.0
    """On-hook before the line may be seized again: the office must notice (a Q.118 release guard has no like here)."""
    busy_out: bool = True
    """A blocked line is kept off-hook, so that the office hunts past it."""

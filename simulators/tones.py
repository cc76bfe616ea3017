"""Tones of the simulated exchanges, and what people and trunks recognise (GB/T 3380: 450 Hz, -10 dBm0).

This table is the world's own. The server learns its tones from conf/tones; the two were typed separately.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers import items
from drivers import tones as plans


@dataclass(frozen=True)
class Sent:
    """A tone that an exchange sends: Hz (f2 0: one frequency), level of each in dBm0, on and off times in ms."""

    f1: int
    f2: int = 0
    level_dbm0: float = -10.0
    cadence_ms: tuple[int, ...] = ()

    def item(self) -> items.Tone:
        return items.Tone(self.f1, self.f2, self.level_dbm0, self.cadence_ms)


CHINA: dict[str, Sent] = {
    "dial": Sent(450),
    "ringback": Sent(450, cadence_ms=(1000, 4000)),
    "busy": Sent(450, cadence_ms=(350, 350)),
    "congestion": Sent(450, cadence_ms=(700, 700)),
    "vacant": Sent(450, cadence_ms=(100, 100, 100, 100, 100, 100, 400, 400)),
    "howler": Sent(950),
}
RING_CADENCE_MS = (1000, 4000)


def listening_plan() -> plans.TonePlan:
    """What trunks and people of this world recognise."""
    return plans.TonePlan(
        "world",
        (
            plans.Tone("ringback", 450, cadence_ms=(1000, 4000)),
            plans.Tone("busy", 450, cadence_ms=(350, 350), min_cycles=3),
            plans.Tone("congestion", 450, cadence_ms=(700, 700), min_cycles=3),
            plans.Tone("dial", 450, min_ms=1500),
        ),
    )

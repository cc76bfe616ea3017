"""Tones of the simulated exchanges, and what people and trunks recognise (GB/T 3380: 450 Hz, -10 dBm0).

The cadences of single makes were measured by a maker of voice mail on PBXs in China (busy, ringback, error; on and off
in hundredths of a second); their frequencies were not, and are taken as 450 Hz. This table is the world's own. The
server learns its tones from conf/tones; the two were typed separately.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

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
    "stutter": Sent(450, cadence_ms=(400, 50)),  # special dial tone
    "confirm": Sent(450, cadence_ms=(200, 200)),
}
RING_CADENCE_MS = (1000, 4000)


def measured(busy: tuple[int, int], ringback: tuple[int, int], error: tuple[int, int] | None = None) -> dict[str, Sent]:
    """The tones of a make of which these cadences are known; the rest is the country's."""
    tones = {**CHINA, "busy": Sent(450, cadence_ms=busy), "ringback": Sent(450, cadence_ms=ringback)}
    if error is not None:
        tones["vacant"] = Sent(450, cadence_ms=error)
    return tones


NORSTAR_ATA = measured((480, 450), (1890, 3730))
SAMSUNG_DCS = measured((480, 450), (960, 2800), (220, 220))


def changed(tones: Mapping[str, Sent | None], hz: int | None = None, stretch: float = 1.0) -> dict[str, Sent | None]:
    """A tone plan that nobody knows: every tone at another frequency, its times longer by a factor."""
    out: dict[str, Sent | None] = {}
    for name, tone in tones.items():
        if tone is not None:
            cadence = tuple(round(ms * stretch) for ms in tone.cadence_ms)
            tone = replace(tone, f1=hz or tone.f1, f2=0 if hz else tone.f2, cadence_ms=cadence)
        out[name] = tone
    return out


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

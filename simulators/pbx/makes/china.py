"""Shen'ou (申瓯) USO console: call records forwarded over a serial line (step 9).

ASCII, `T` and left-justified fields, CR LF; start YYYYMMDDhhmmss in 15 columns, duration hhmmss in 7, calling number
16, internal number 8, called number 24, type 3 (12 incoming), charge 8. 2400 baud, 8N2.

Not known: which number the called one of an incoming call is (what was dialled, here), the digits towards voice ports.
Small Chinese PBXs pass caller ID to extensions, and that is what names the caller here (DTMF, as the older ones do).
"""

from __future__ import annotations

from simulators.pbx.plan import PbxPlan
from simulators.pbx.smdr import Leg, Writer, hms

SHENOU = PbxPlan(smdi=None, in_band="dtmf", disconnect="tone")


class Uso(Writer):
    """82 characters and CR LF."""

    def write(self, leg: Leg) -> str:
        hours, minutes, seconds = hms(leg.duration_s)
        return (
            f"T{leg.begin:%Y%m%d%H%M%S} {hours:02d}{minutes:02d}{seconds:02d} {leg.number:<16}{leg.extension:<8}"
            f"{leg.called:<24}{'12':<3}{'0.00':<8}\r\n"
        )

"""Alcatel OmniPCX Office: the listing on its V.24 line (step 9).

Each field can be switched on by itself; here SUB, TYP (`<--` incoming), TRK (L and two digits, analog), DAT, TIM, DUR
and DNU are, with single spaces between.

Not known: widths, the order of day and month (day first here), and whether DNU of an incoming call is the caller (here
it is). The packets towards voice ports are known by their types only: FSK caller ID names the caller here.
"""

from __future__ import annotations

from simulators.pbx.plan import PbxPlan
from simulators.pbx.smdr import Leg, Writer, clock_text

PLAN = PbxPlan(smdi=None, in_band="fsk", disconnect="tone")


class Listing(Writer):
    """One line a leg."""

    def write(self, leg: Leg) -> str:
        text = (
            f"{leg.extension} <-- L{leg.trunk:02d} {leg.begin:%d/%m/%y %H:%M} {clock_text(leg.duration_s)} {leg.number}"
        )
        return f"{text.rstrip()}\r\n"

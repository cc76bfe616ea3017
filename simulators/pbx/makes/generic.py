"""No make in particular: SMDI and plain records, as many small PBXs have them (steps 4 and 9).

`Tokens` is a line of date, time, extension, line, number, duration divided by spaces; `Columns` the same in fixed
columns. They stand for whatever a site has: the server needs a dialect written for them.
"""

from __future__ import annotations

from simulators.pbx.plan import PbxPlan
from simulators.pbx.smdr import Leg, Writer, clock_text, columns

PLAN = PbxPlan()


class Tokens(Writer):
    """2026-01-05 09:02:33 8001 07 13800138000 00:00:20: the time is that of the end."""

    def write(self, leg: Leg) -> str:
        number = leg.number or "-"
        return (
            f"{leg.ended:%Y-%m-%d %H:%M:%S} {leg.extension} {leg.trunk:02d} {number} {clock_text(leg.duration_s)}\r\n"
        )


class Columns(Writer):
    """Date 1-10, time 12-19, extension 21-26, line 28-30, number 32-51, duration 53-60."""

    def write(self, leg: Leg) -> str:
        text = columns(
            60,
            date=(1, f"{leg.ended:%Y-%m-%d}"),
            time=(12, f"{leg.ended:%H:%M:%S}"),
            extension=(21, leg.extension),
            line=(28, f"{leg.trunk:03d}"),
            number=(32, leg.number),
            duration=(53, clock_text(leg.duration_s)),
        )
        return f"{text}\r\n"

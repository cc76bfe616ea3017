"""Toshiba Strata CTX: Nortel's new record format in fixed columns, and SMDI (steps 4 and 9).

First line: type 1, record 3-5, node 7-12, origin 14-22, terminator 24-32, `MM/DD HH:MM:SS` 34-47, `HH:MM:SS.0` 49-58,
digits 60-91, CR LF. Second line: `&` in column 2, the caller's number 3-19, the called number 40-46. Types as
Meridian 1.

Not known: whether the time printed is the beginning or the end (the end here, as in the old format), the names of trunk
and station in origin and terminator (T and three digits, the number), where numbers stand in their columns
(left).
"""

from __future__ import annotations

from simulators.pbx.plan import PbxPlan
from simulators.pbx.smdr import Leg, Writer, clock_text, columns

PLAN = PbxPlan(disconnect="tone")


class Ctx(Writer):
    """Two lines a leg."""

    def __init__(self) -> None:
        self._number = 0

    def write(self, leg: Leg) -> str:
        kind = {"only": "N" if leg.answered else "B", "first": "S", "middle": "X", "last": "E"}[leg.leg]
        first = columns(
            91,
            kind=(1, kind),
            number=(3, f"{self._number % 1000:03d}"),
            node=(7, "000000"),
            origin=(14, f"T{leg.trunk:03d}"),
            terminator=(24, leg.extension),
            when=(34, f"{leg.ended:%m/%d %H:%M:%S}"),
            duration=(49, f"{clock_text(leg.duration_s)}.0"),
        )
        second = columns(46, mark=(2, "&"), number=(3, leg.number[:17]), called=(40, leg.called[-7:]))
        self._number += 1
        return f"{first}\r\n{second.rstrip()}\r\n"

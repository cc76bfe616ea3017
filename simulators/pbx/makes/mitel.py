"""Mitel SX-200/SX-2000: one record for a whole call, at its end (step 9).

Order: long-call mark, date mm/dd without year, start hh:mm, duration, calling party (T and the trunk), attendant `*`,
time to answer, digits dialled (26), meter pulses, completion, flags, called party, transfer T or conference C, third
party, account. A caller whom the VRU has put through is one line: called the VRU's extension, T, the agent's.

Not known: the columns (single spaces here, a digits field that is empty collapses), and how the caller is named: the
record of a trunk has no caller's number without the ANI extension, and the digit tables towards voice ports were not
found. FSK caller ID here.
"""

from __future__ import annotations

from simulators.pbx.plan import PbxPlan
from simulators.pbx.smdr import Leg, Writer, clock_text

PLAN = PbxPlan(smdi=None, in_band="fsk", legs="whole_call", disconnect="tone")


class Sx200(Writer):
    """An unanswered call has stars for its time to answer."""

    def write(self, leg: Leg) -> str:
        mark = (
            "+" if leg.duration_s >= 1800 else "%" if leg.duration_s >= 600 else "-" if leg.duration_s >= 300 else " "
        )
        answer = "***" if leg.ring_s is None or not leg.answered else f"{min(int(leg.ring_s), 999):03d}"
        parties = f"{leg.before[0]} T {leg.extension}" if leg.before else leg.extension
        text = (
            f"{mark}{leg.begin:%m/%d %H:%M} {clock_text(leg.duration_s)} T{leg.trunk:03d}  {answer} {'':26} {parties}"
        )
        return f"{text.rstrip()}\r\n"

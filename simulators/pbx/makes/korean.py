"""LG Aria/ipLDK and Samsung DCS/OfficeServ: records, LG's SMDI, Samsung's packets and tones (steps 4, 7 and 9).

LG prints a heading (NO STA CO TIME START DIALED) and lines as `0003 100 001 00:00:20 25/05/99 18:11 R100 RING 00:04`:
running number, station, line, duration, start as dd/mm/yy hh:mm, R and the station called, ring time. Its SMDI names a
direct call of a line R (Type III) and numbers of up to 9 characters: the last 9 digits of a longer one are passed on.
Samsung prints `EXT AUTH TRK MM/DD STT.TIME DURATION FG DIALED DIGIT ACCOUNT CID NAME`, FG I in, IT in and transferred,
A abandoned (without extension). The lines of Samsung are measured: busy .48/.45 s, ringback .96/2.80, error .22/.22.

Not known: which end of a longer number LG keeps (the end here, so that it can be compared), the digits of LG's in-band
strings and of Samsung's packets and progress digits (all free; by default nothing is sent): Samsung names its callers
by FSK caller ID here.
"""

from __future__ import annotations

from simulators.lines.tones import SAMSUNG_DCS
from simulators.pbx.plan import PbxPlan, SmdiForm
from simulators.pbx.smdr import Leg, Writer, clock_text

LG = PbxPlan(smdi=SmdiForm(reason="R", number_max=9), disconnect="tone")
SAMSUNG = PbxPlan(tones=SAMSUNG_DCS, smdi=None, in_band="fsk")
LG_HEADING = "NO   STA CO  TIME     START          DIALED\r\n"
SAMSUNG_HEADING = "EXT  AUTH TRK MM/DD STT.TIME DURATION FG DIALED DIGIT       ACCOUNT      CID NAME\r\n"


class Aria(Writer):
    """A heading before each 50 lines."""

    def __init__(self) -> None:
        self._number = 0

    def write(self, leg: Leg) -> str:
        heading = LG_HEADING if self._number % 50 == 0 else ""
        self._number += 1
        ring = int(leg.ring_s or 0)
        called = f"R{leg.extension}" if leg.answered else "R"
        return (
            f"{heading}{self._number % 10000:04d} {leg.extension:<3} {leg.trunk:03d} {clock_text(leg.duration_s)} "
            f"{leg.begin:%d/%m/%y %H:%M} {called} RING {ring // 60:02d}:{ring % 60:02d}\r\n"
        )


class Dcs(Writer):
    """A heading before each 50 lines."""

    def __init__(self) -> None:
        self._line = 0

    def write(self, leg: Leg) -> str:
        heading = SAMSUNG_HEADING if self._line % 50 == 0 else ""
        self._line += 1
        flag = "A" if not leg.answered else "IT" if leg.leg in ("middle", "last") else "I"
        extension = f"{leg.extension} " if leg.answered else ""
        text = (
            f"{extension}{700 + leg.trunk} {leg.begin:%m/%d %H:%M:%S} {clock_text(leg.duration_s)} {flag} {leg.number}"
        )
        return f"{heading}{text.rstrip()}\r\n"

"""Siemens: Hicom 150E and HiPath 3000 (compressed records, one at the ring), HiPath 1100 (VMIe digits) (steps 4 and 9).

The compressed format runs without separators: date 8, time 8, trunk 3, station 6, ring 5, duration 8, number 25, pulses
11, info 2, project 11, MSN 11, seizure code 5, LCR route 2, nodal, WATS and CIC 7, then CR LF. Info: 0 call information
at the ring, 1 incoming, 5 forwarded, 9 transferred outside. The date and time are those of the end. The called number
stands as MSN.
VMIe of HiPath 1100 sends after the answer `***n`, the caller in 6 places with stars on the left (all stars: from
outside), the called station likewise, `*3` for an analogue line outside, `*4` for a digital one.

Not known: how ring time and duration stand in the line at the ring (blank here, as an example shows); the record of a
HiPath 1100: it prints none here, and the agents' word ends their calls. VMIe does not name outside callers: FSK caller
ID does.
"""

from __future__ import annotations

from simulators.pbx.plan import FollowOn, PbxPlan
from simulators.pbx.smdr import Leg, Writer, clock_text

HICOM = PbxPlan(smdi=None, disconnect="tone")
HIPATH1100 = PbxPlan(
    smdi=None,
    in_band="fsk",
    follow_on=FollowOn(outside="***3******{called:*>6}*3", recall="***3******{called:*>6}*3"),
    disconnect="tone",
)


class Compressed(Writer):
    """Hicom 150E, HiPath 3000."""

    names_called = True

    def rings(self, leg: Leg) -> str:
        return self._line(leg, "", "", "0")

    def write(self, leg: Leg) -> str:
        ring = "" if leg.ring_s is None else f"{int(leg.ring_s) // 60:02d}:{int(leg.ring_s) % 60:02d}"
        return self._line(leg, ring, clock_text(leg.duration_s), "1")

    @staticmethod
    def _line(leg: Leg, ring: str, duration: str, info: str) -> str:
        return (
            f"{leg.ended:%d.%m.%y%H:%M:%S}{leg.trunk:>3}{leg.extension:>6}{ring:>5}{duration:>8}{leg.number:<25.25}"
            f"{'':11}{info:>2}{'':11}{leg.called[-11:]:>11}{'':5}{'':2}{'':7}\r\n"
        )

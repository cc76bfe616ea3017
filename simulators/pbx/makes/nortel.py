"""Nortel: Meridian 1 in its old record format, and Norstar, plain and in real time (steps 4, 7 and 9).

Meridian 1: type, record number modulo 1000, customer, originator, terminator, date without year, time, duration,
digits: N normal, S start (then transferred), X transfer, E end, B abandoned. With analogue ports it commonly has a set
emulator that turns the display into SMDI. Norstar prints a call as four lines that end CR LF LF; in real time lines
`*MMDDYY HHMMSS LINE STATION CLID NAME TYPE EVENT` come while the station rings (G), at the answer (A), without answer
(N), at a transfer (T) and at the release (R). Its analogue terminal adapter: flash of 450 ms, `*70` and the extension
transfers, a flash and 2 takes the caller back, flash `*1` ext and flash `#1` ext switch the lamp, `*76` picks up, busy
.48/.45 s, ringback 1.89/3.73 s.

Not known: how Meridian prints the caller's number in the old format (as the digits here); what Norstar's plain format
prints for an incoming call (INCOMING CALL here, after OUTGOING CALL of the guide's example, with the caller's number
nowhere); letters and positions of TYPE in real time (U and spaces here, as in the one example), and the form of the
called number that event D gives (not printed); the digits that a VMI unit sends before a call. How plain Norstar names
callers to an adapter was not found: FSK caller ID here.
"""

from __future__ import annotations

from simulators.lines.tones import NORSTAR_ATA
from simulators.pbx.plan import PbxPlan
from simulators.pbx.smdr import Leg, Writer, clock_text

MERIDIAN = PbxPlan()
NORSTAR = PbxPlan(
    tones=NORSTAR_ATA,
    smdi=None,
    in_band="fsk",
    flash_ms=(300, 600),
    transfer_code="*70{ext}",
    retrieve="flash_code",
    retrieve_code="2",
    lamp_codes=("*1{ext}", "#1{ext}"),
    pickup_codes=("*76", ""),
    disconnect="tone",
)
NORSTAR_REALTIME = PbxPlan(
    tones=NORSTAR_ATA,
    smdi=None,
    flash_ms=(300, 600),
    transfer_code="*70{ext}",
    retrieve="flash_code",
    retrieve_code="2",
    lamp_codes=("*1{ext}", "#1{ext}"),
    pickup_codes=("*76", ""),
    disconnect="tone",
)


class Meridian1(Writer):
    """A transferred call writes S for its first leg, X for those between and E for its last."""

    def __init__(self) -> None:
        self._number = 0

    def write(self, leg: Leg) -> str:
        kind = {"only": "N" if leg.answered else "B", "first": "S", "middle": "X", "last": "E"}[leg.leg]
        return self._line(kind, f"T010 {leg.trunk:03d}", leg.extension, leg, leg.number)

    def internal(self, leg: Leg) -> str:
        return self._line("L", leg.consulted_by, leg.extension, leg, "")

    def _line(self, kind: str, originator: str, terminator: str, leg: Leg, digits: str) -> str:
        text = (
            f"{kind} {self._number % 1000:03d} 00 {originator:<7} {terminator:<7} "
            f"{leg.ended:%m/%d %H:%M} {clock_text(leg.duration_s)} {digits}"
        )
        self._number += 1
        return f"{text.rstrip()}\r\n"


class Norstar(Writer):
    """Four lines a call, with the time of its beginning."""

    def write(self, leg: Leg) -> str:
        lines = (
            f"-------- {leg.begin:%m/%d/%y %H:%M:%S} LINE = {leg.trunk:04d} STN = {leg.extension}",
            "00:00:00 INCOMING CALL",
            f"{clock_text(leg.duration_s)} CALL RELEASED",
        )
        return "".join(f"{line}\r\n\n" for line in lines)


class NorstarRealTime(Writer):
    """One line an event."""

    def rings(self, leg: Leg) -> str:
        return self._line(leg, "G")

    def answers(self, leg: Leg) -> str:
        return self._line(leg, "A")

    def write(self, leg: Leg) -> str:
        event = "N" if not leg.answered else "T" if leg.leg in ("first", "middle") else "R"
        return self._line(leg, event)

    def _line(self, leg: Leg, event: str) -> str:
        return f"*{leg.ended:%m%d%y %H%M%S} {leg.trunk:04d} {leg.extension:<4} {leg.number} U {event}\r\n"

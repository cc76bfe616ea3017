"""Avaya/Lucent Definity, Communication Manager: call detail records of fixed columns (step 9).

TELESEER, Printer, LSU and Int-Direct as tables 27 to 44 of 555-233-506 have them. The duration is H MM T, tenths of a
minute. At the first record and at midnight a date record comes first: MM DD and three NULs (Printer), MMDD and one NUL
(TELESEER, LSU, Int). Records end CR LF; the old formats add three NULs. An LSU record has no time of day.

Not known, and chosen here: numbers stand at the right of their columns; an incoming call has the answering extension as
dialed number, and the trunk's access code as calling number; condition code 9 for an incoming call (general knowledge;
table 45 was not read), I in its place in the 59-character form; what stands in columns 1 to 26 of Int-Direct (blank
here: no time, no duration). None of these records has room for the caller's number. How the caller is named to analogue
ports: the mode codes of Communication Manager have no documented defaults; the codes of the same family on Partner and
Merlin do, second-hand: `#03##EEE#` is a call from outside to EEE. They do not carry the caller's number either: FSK
caller ID does.
"""

from __future__ import annotations

from datetime import date

from simulators.pbx.plan import FollowOn, PbxPlan
from simulators.pbx.smdr import Leg, Writer, columns

PLAN = PbxPlan(smdi=None, in_band="fsk", follow_on=FollowOn(outside="#03##{called}#"), disconnect="tone")
ACCESS_CODE, INCOMING, INCOMING_LSU = "9", "9", "I"


def tenths(seconds: float) -> tuple[str, str, str]:
    """H, MM, T of a duration: hours, minutes, tenths of a minute."""
    whole = int(seconds / 6)
    return str(whole // 600 % 10), f"{whole // 10 % 60:02d}", str(whole % 10)


class Definity(Writer):
    """A date record, then lines until midnight."""

    date_format, date_end, end = "%m%d", "\r\n\0", "\r\n\0\0\0"

    def __init__(self) -> None:
        self._date: date | None = None

    def write(self, leg: Leg) -> str:
        first = ""
        if leg.ended.date() != self._date:
            self._date = leg.ended.date()
            first = leg.ended.strftime(self.date_format) + self.date_end
        return f"{first}{self.line(leg)}{self.end}"

    def line(self, leg: Leg) -> str:
        """Without its line end."""
        raise NotImplementedError


class Teleseer(Definity):
    """76 characters."""

    def line(self, leg: Leg) -> str:
        hours, minutes, tenth = tenths(leg.duration_s)
        return columns(
            76,
            time=(4, f"{leg.ended:%H%M}"),
            duration=(8, hours + minutes + tenth),
            condition=(12, INCOMING),
            dialed=(19, f"{leg.extension:>15}"),
            calling=(34, f"{ACCESS_CODE:>5}"),
            circuit=(56, f"{leg.trunk:03d}"),
        )


class Printer(Definity):
    """77 characters."""

    date_format, date_end = "%m %d", "\r\n\0\0\0"

    def line(self, leg: Leg) -> str:
        hours, minutes, tenth = tenths(leg.duration_s)
        return columns(
            77,
            time=(1, f"{leg.ended:%H%M}"),
            h=(6, hours),
            mm=(7, minutes),
            t=(9, tenth),
            condition=(11, INCOMING),
            dialed=(21, f"{leg.extension:>15}"),
            calling=(37, f"{ACCESS_CODE:>5}"),
            circuit=(74, f"{leg.trunk:03d}"),
        )


class Lsu(Definity):
    """54 characters: no time of day."""

    def line(self, leg: Leg) -> str:
        hours, minutes, tenth = tenths(leg.duration_s)
        return columns(
            54,
            duration=(1, hours + minutes + tenth),
            condition=(5, INCOMING_LSU),
            dialed=(12, f"{leg.extension:>15}"),
            calling=(27, f"{ACCESS_CODE:>4}"),
            circuit=(47, f"{leg.trunk % 100:02d}"),
            hundreds=(53, str(leg.trunk // 100)),
        )


class IntDirect(Definity):
    """78 characters and CR LF."""

    end = "\r\n"

    def line(self, leg: Leg) -> str:
        return columns(
            78,
            dialed=(27, f"{leg.extension:>18}"),
            calling=(46, f"{ACCESS_CODE:>5}"),
            circuit=(74, f"{leg.trunk % 100:02d}"),
        )

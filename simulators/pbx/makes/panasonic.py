"""Panasonic KX-TDA and KX-TD: records, status digits, follow-on digits (steps 4, 7 and 9).

KX-TDA/TDE/NCP/NS print pattern A: 80 columns, date 8, time 7, extension 5, line 2, number 25, ring 4, duration 8,
account 10, condition 3, single spaces between. KX-TD816/1232 print Date Time Ext CO Dial(20) ANS Duration Cost Acc CD;
the widths of the other columns are those of pattern B (cost 8 and currency). Voice ports on analogue extensions are a
"VM (DTMF) group": the PBX sends digits after the answer (`#6` and the mailbox in AA mode) and, while the port
transfers, one digit in place of each tone; `#9` is the end of the call. Status digits are the makers' defaults.

Not known: the waiting times before the digits, the flash length, the feature number of the lamp, whether the printed
time is the beginning or the end (the end is printed here), what KX-TD prints as ring time of ANS. The digits carry the
mailbox, never the caller: the caller's number comes as SLT caller ID.
"""

from __future__ import annotations

from simulators.pbx.plan import FollowOn, PbxPlan
from simulators.pbx.smdr import Leg, Writer, hms

STATUS_TDA = {
    "ringback": "1",
    "busy": "2",
    "vacant": "3",
    "dnd": "4",
    "answer": "5",
    "forwarded": "8",
    "confirm": "9",
}
STATUS_TD = {"ringback": "1", "busy": "2", "vacant": "3", "dnd": "4", "answer": "5", "confirm": "9"}

TDA = PbxPlan(
    smdi=None,
    in_band="fsk",
    follow_on=FollowOn(outside="#6{called}"),
    status_digits=STATUS_TDA,
    disconnect="digits",
    disconnect_digits="#9",
)
TD = PbxPlan(
    pickup_codes=("40", "41{ext}"),
    smdi=None,
    in_band="fsk",
    follow_on=FollowOn(outside="{called}"),
    status_digits=STATUS_TD,
    disconnect="digits",
    disconnect_digits="#9",
)


def minutes_seconds(seconds: float | None) -> str:
    """m'ss; nothing where it did not ring."""
    return "" if seconds is None else f"{int(seconds) // 60}'{int(seconds) % 60:02d}"


class PatternA(Writer):
    """KX-TDA. A heading on the first line of each page of 60 lines."""

    names: tuple[str, ...] = ("Date", "Time", "Ext", "CO", "Dial Number", "Ring", "Duration", "ACC Code", "CD")
    widths: tuple[int, ...] = (8, 7, 5, 2, 25, 4, 8, 10, 3)

    def __init__(self, page_lines: int = 60) -> None:
        self._page_lines = page_lines
        self._line = 0

    def write(self, leg: Leg) -> str:
        return self._paged(self._row(leg, f"{leg.trunk:02d}", f"<I>{leg.number}"))

    def outward(self, leg: Leg) -> str:
        return self._paged(self._row(leg, f"{leg.trunk:02d}", leg.number))

    def internal(self, leg: Leg) -> str:
        return self._paged(self._row(leg, "  ", f"EXT{leg.extension}", leg.consulted_by))

    def _row(self, leg: Leg, line: str, number: str, extension: str = "") -> str:
        hours, minutes, seconds = hms(leg.duration_s)
        return " ".join(
            (
                leg.ended.strftime("%m/%d/%y"),
                leg.ended.strftime("%I:%M%p"),
                f"{extension or leg.extension:>5}",
                line,
                f"{number:<25.25}",
                f"{minutes_seconds(leg.ring_s) if line.strip() else '':>4}",
                f"{hours:02d}:{minutes:02d}'{seconds:02d}",
                " " * 10,
                "TR" if leg.leg in ("first", "middle") else "",
            )
        ).rstrip()

    def _paged(self, text: str) -> str:
        heading = ""
        if self._line % self._page_lines == 0:
            first = " ".join(f"{name:<{width}}" for name, width in zip(self.names, self.widths, strict=True)).rstrip()
            heading = f"{first}\r\n{'-' * 80}\r\n"
        self._line += 1
        return f"{heading}{text}\r\n"


class KxTd(PatternA):
    """KX-TD816/1232: the number has 20 columns, and a charge stands behind the duration."""

    names = ("Date", "Time", "Ext", "CO", "Dial Number", "ANS", "Duration", "Cost", "Acc", "CD")
    widths = (8, 7, 5, 2, 20, 4, 8, 11, 10, 3)

    def _row(self, leg: Leg, line: str, number: str, extension: str = "") -> str:
        hours, minutes, seconds = hms(leg.duration_s)
        return " ".join(
            (
                leg.ended.strftime("%m/%d/%y"),
                leg.ended.strftime("%I:%M%p"),
                f"{extension or leg.extension:>5}",
                line,
                f"{number:<20.20}",
                f"{minutes_seconds(leg.ring_s) if line.strip() else '':>4}",
                f"{hours:02d}:{minutes:02d}'{seconds:02d}",
                " " * 11,
                " " * 10,
                "TR" if leg.leg in ("first", "middle") else "",
            )
        ).rstrip()

"""NEC NEAX 2400/2000: call records as texts, and the message centre interface MCI (steps 4 and 9).

A record begins `0!K` and its type: KE incoming, KB between stations. Offsets from the `0`: 5 route, 8 trunk, 11 calling
type, 12 tenant, 14 station, 20 start and 30 end as MMDDhhmmss, 53 condition B (0 not transferred), 62 dialled number,
116 and 118 the years of start and end. Port class "CR/LF" sends the text as a line; "STX-ETX/BCC" frames it: STX, text,
ETX and the XOR of all from SA to ETX. Analogue voice ports see the end of a call as a momentary loop open; a hook flash
lasts 120 to 1080 ms. MCI texts are STX 0 ! ... ETX, sent as the call terminates on the station, never acknowledged.

Not known, and chosen here: that KE has the columns of KA (outgoing), with the answering station as calling number and
the caller's number among the dialled digits left blank; whether 53 is 1 after a transfer. The positions inside an MCI
text are in no manual that could be read: `MCI` is a site's measure, not NEC's.
"""

from __future__ import annotations

from datetime import datetime

from simulators.pbx.plan import MciForm, PbxPlan
from simulators.pbx.smdr import Leg, Writer, columns

MCI = MciForm(
    columns={"station": (5, 10), "called": (13, 24), "calling": (25, 40), "calling_given": (41, 41)}, length=41
)
PLAN = PbxPlan(smdi=None, mci=MCI, flash_ms=(120, 1080))
STX, ETX = "\x02", "\x03"


def bcc(text: str) -> str:
    """XOR of the characters, SA to ETX."""
    value = 0
    for sign in text:
        value ^= ord(sign)
    return chr(value)


class Neax(Writer):
    """Port class CR/LF."""

    def write(self, leg: Leg) -> str:
        return self.frame(self._text("KE", leg, leg.extension))

    def internal(self, leg: Leg) -> str:
        return self.frame(self._text("KB", leg, leg.consulted_by, dialled=leg.extension))

    def frame(self, text: str) -> str:
        return f"{text}\r\n"

    def _text(self, kind: str, leg: Leg, station: str, dialled: str = "") -> str:
        def at(offset: int, text: str) -> tuple[int, str]:
            return offset + 1, text

        trunk = kind == "KE"
        return columns(
            128,
            head=at(0, f"0!{kind}"),
            route=at(5, "001" if trunk else ""),
            trunk=at(8, f"{leg.trunk:03d}" if trunk else ""),
            calling_type=at(11, "0"),
            tenant=at(12, "01"),
            station=at(14, f"{station:<6}"),
            start=at(20, self._time(leg.begin)),
            end=at(30, self._time(leg.ended)),
            condition=at(53, "1" if leg.leg in ("first", "middle") else "0"),
            dialled=at(62, f"{dialled:<24}"),
            years=at(116, f"{leg.begin:%y}{leg.ended:%y}"),
        )

    @staticmethod
    def _time(when: datetime) -> str:
        return when.strftime("%m%d%H%M%S")


class NeaxFramed(Neax):
    """Port class STX-ETX/BCC."""

    def frame(self, text: str) -> str:
        checked = text + ETX
        return f"{STX}{checked}{bcc(checked)}"


def mci_text(form: MciForm, station: str, called: str, calling: str) -> str:
    """STX 0 ! ... ETX, by the site's columns; fields are filled up with spaces."""
    values = {
        "station": station,
        "called": called,
        "calling": calling,
        "calling_given": "1" if calling else "0",
        "reason": form.reason,
    }
    fields = {
        name: (first, f"{values[name]:<{last - first + 1}.{last - first + 1}}")
        for name, (first, last) in form.columns.items()
    }
    return STX + columns(form.length, head=(1, "0!"), **fields) + ETX

"""The makes of PBX that this world knows, each by its own tables (steps 2 to 4, 7 and 9).

Typed from manuals and measurements, never from the server's dialects: a mistake must not pass at both ends. What is not
known of a make stands in the docstring of its file; the rest of its plan is what PBXs have in common. Aastra's Ascotel
is not here: of its record there is one example, in which nothing says which field is the extension.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.lines.serial_line import Speed
from simulators.pbx.makes import (
    alcatel,
    china,
    definity,
    generic,
    korean,
    mitel,
    nec,
    nortel,
    panasonic,
    siemens,
    toshiba,
)
from simulators.pbx.plan import PbxPlan
from simulators.pbx.smdr import Writer

SMDI_SPEED = Speed(9600, 7, "even", 1)
MCI_SPEED = Speed(9600, 7, "even", 2)
SMDR_SPEED = Speed(9600, 8, "none", 1)


@dataclass(frozen=True)
class Make:
    """`dialect` is what the server's site file calls it. `records` None: it prints none. `dnis`: the number by which
    the PBX itself names the service, where its messages have no room for what was dialled."""

    dialect: str
    shows: str
    plan: PbxPlan = field(default_factory=PbxPlan)
    records: Callable[[], Writer] | None = generic.Tokens
    dnis: str | None = None
    smdi_speed: Speed = SMDI_SPEED
    mci_speed: Speed = MCI_SPEED
    smdr_speed: Speed = SMDR_SPEED


USUAL = "usual"
MAKES: dict[str, Make] = {
    USUAL: Make("panasonic-tda", "SMDI and caller ID, Panasonic's records", PbxPlan(in_band="fsk"), panasonic.PatternA),
    "panasonic-tda": Make(
        "panasonic-tda", "digits after answer, status digits, pattern A", panasonic.TDA, panasonic.PatternA
    ),
    "panasonic-kxtd": Make(
        "panasonic-kxtd", "mailbox digits, status digits, records with charge", panasonic.TD, panasonic.KxTd, "700"
    ),
    "definity-teleseer": Make(
        "definity-teleseer", "mode codes, TELESEER records", definity.PLAN, definity.Teleseer, "7000"
    ),
    "definity-printer": Make(
        "definity-printer", "mode codes, Printer records", definity.PLAN, definity.Printer, "7000"
    ),
    "definity-lsu": Make("definity-lsu", "records without time of day", definity.PLAN, definity.Lsu, "7000"),
    "definity-int": Make("definity-int", "Int-Direct records", definity.PLAN, definity.IntDirect, "7000"),
    "nec-neax": Make("nec-neax", "MCI texts, records as lines of text", nec.PLAN, nec.Neax),
    "nec-neax-bcc": Make("nec-neax-bcc", "MCI texts, records framed STX ETX BCC", nec.PLAN, nec.NeaxFramed),
    "mitel-sx200": Make("mitel-sx200", "one record for a whole call", mitel.PLAN, mitel.Sx200),
    "meridian1": Make("meridian1", "SMDI, old-format records", nortel.MERIDIAN, nortel.Meridian1),
    "norstar": Make("norstar", "adapter codes and tones, records of four lines", nortel.NORSTAR, nortel.Norstar),
    "norstar-realtime": Make(
        "norstar-realtime", "the record at the ring names the caller", nortel.NORSTAR_REALTIME, nortel.NorstarRealTime
    ),
    "hicom150": Make("hicom150", "the record at the ring names the caller", siemens.HICOM, siemens.Compressed),
    "hipath1100": Make("hipath1100", "VMIe digits, no records", siemens.HIPATH1100, None, "700"),
    "lg-aria": Make("lg-aria", "SMDI letter R, numbers cut to 9 digits", korean.LG, korean.Aria),
    "samsung": Make("samsung", "measured tones, records with caller", korean.SAMSUNG, korean.Dcs),
    "omnipcx-office": Make("omnipcx-office", "listing", alcatel.PLAN, alcatel.Listing),
    "toshiba-ctx": Make("toshiba-ctx", "SMDI, records of two lines in columns", toshiba.PLAN, toshiba.Ctx),
    "shenou": Make(
        "shenou", "DTMF caller ID, console records", china.SHENOU, china.Uso, smdr_speed=Speed(2400, 8, "none", 2)
    ),
    "generic": Make("generic", "SMDI, records divided by spaces", generic.PLAN, generic.Tokens),
    "generic-columns": Make("generic-columns", "SMDI, records in columns", generic.PLAN, generic.Columns),
}


def listing() -> str:
    """Every make with what it shows, one a line."""
    return "\n".join(f"  {name:<18} {make.shows}" for name, make in MAKES.items() if name != USUAL)

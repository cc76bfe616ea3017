"""What a PBX says of a call that is, or will be, on one of our lines, whatever it says it by (step 4).

SMDI names the line by message desk and line, records and NEC's texts by its extension; the digits after our answer come
on the line itself. The words for the reason are one set for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from cti.call import Source
from cti.pbx.call_rules import CallSource, Reason
from cti.pbx.smdi import SmdiCall
from cti.pbx.smdr import SmdrRecord

# The name in a dialect, and the one in records.
SOURCE: Final[dict[CallSource, Source]] = {
    "smdi": "smdi",
    "dtmf_after_answer": "dtmf",
    "callerid_on_port": "port",
    "smdr_at_ring": "smdr",
    "mci": "mci",
}
# Sources on a serial line: none has a checksum.
SERIAL: Final[frozenset[Source]] = frozenset({"smdi", "smdr", "mci"})
# The reason letters of SMDI (GR-283; I and R are iPECS').
LETTERS: Final[dict[str, Reason]] = {
    "D": "direct",
    "R": "direct",
    "A": "all",
    "B": "busy",
    "N": "no_answer",
    "I": "dnd",
}


# Further fields of a record that hold the number dialled by the caller: HiPath prints it as MSN, Panasonic as <D>.
CALLED: Final = ("dnis", "msn", "did")


class Place(Protocol):
    """A line by the names that the PBX has for it."""

    extension: str
    desk: int | None
    line: int | None


@dataclass(frozen=True, slots=True)
class Announcement:
    """A call, as one source tells of it.

    The line is given by (desk, line), or by its extension; neither: the source does not say which line it is.
    forwarded_from: the station that was called first; calling: the ANI; both None when not known.
    """

    source: Source
    reason: Reason = "unknown"
    forwarded_from: str | None = None
    calling: str | None = None
    desk: int | None = None
    line: int | None = None
    extension: str | None = None
    trunk: str | None = None

    def names(self, line: Place) -> bool:
        """Is this the line that is meant?"""
        if self.desk is not None:
            return (self.desk, self.line) == (line.desk, line.line)
        return self.extension is not None and self.extension == line.extension

    @property
    def place(self) -> str:
        """Which line, in words."""
        if self.desk is not None:
            return f"desk {self.desk} line {self.line}"
        return f"extension {self.extension}" if self.extension is not None else "no line"


def from_smdi(message: SmdiCall) -> Announcement:
    """An SMDI message; a letter that is no reason (iPECS' C, E, H) is unknown."""
    reason = LETTERS.get(message.reason, "unknown")
    return Announcement("smdi", reason, message.forwarded_from, message.calling, message.desk, message.line)


def from_record(record: SmdrRecord) -> Announcement | None:
    """A record printed while the station rings; None: a number in it is none, the record was damaged."""
    calling = record.number or None
    called = next((record.fields[name] for name in CALLED if record.fields.get(name)), None)
    if any(number is not None and not number.isdigit() for number in (calling, called)):
        return None
    return Announcement(
        "smdr", forwarded_from=called, calling=calling, extension=record.extension or None, trunk=record.trunk or None
    )

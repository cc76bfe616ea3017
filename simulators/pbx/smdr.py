"""What a PBX prints of its calls (step 9): the facts of a leg, and what every make's writer has in common.

How a make writes them is in simulators/makes. All times are the PBX's own local time, perhaps wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Leg:
    """One extension's part in a call with a trunk. Durations are seconds; `ring_s` None where it did not ring.
    `leg` says which part of the call it is: only, first (then transferred), middle, last (after a transfer); `before`
    are the extensions that had the call earlier, where one record is for the whole call. `consulted_by`: no trunk, a
    call between extensions."""

    ended: datetime
    extension: str
    trunk: int
    number: str
    ring_s: float | None
    duration_s: float
    leg: str = "only"
    answered: bool = True
    started: datetime | None = None  # answered, or the first ring where nobody answered
    called: str = ""
    before: tuple[str, ...] = ()
    consulted_by: str = ""

    @property
    def begin(self) -> datetime:
        return self.started or self.ended


class Writer:
    """A make's printer. Each method returns what is printed, line ends and all; "" nothing."""

    names_called = False  # what `rings` prints holds the number that was dialled

    def rings(self, leg: Leg) -> str:
        """The extension rings for this caller."""
        return ""

    def answers(self, leg: Leg) -> str:
        """The extension has answered."""
        return ""

    def write(self, leg: Leg) -> str:
        """The leg is over."""
        raise NotImplementedError

    def outward(self, leg: Leg) -> str:
        """A call outside is over, for this extension; counted from its dialling."""
        return ""

    def internal(self, leg: Leg) -> str:
        """A call between extensions is over."""
        return ""


def hms(seconds: float) -> tuple[int, int, int]:
    """Hours, minutes, seconds of a duration, whole seconds."""
    whole = int(seconds)
    return whole // 3600, whole // 60 % 60, whole % 60


def clock_text(seconds: float) -> str:
    """hh:mm:ss."""
    hours, minutes, rest = hms(seconds)
    return f"{hours:02d}:{minutes:02d}:{rest:02d}"


def columns(length: int, **fields: tuple[int, str]) -> str:
    """A line of `length` characters: each field is its first column, from 1, and its text; the rest is spaces."""
    line = [" "] * length
    for first, text in fields.values():
        line[first - 1 : first - 1 + len(text)] = text
    return "".join(line)

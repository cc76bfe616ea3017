"""A trunk of the simulated PBX (steps 1 and 2): what lines of all kinds have in common.

It is hunted for, joined and printed; the legs of its call for the record are in pbx_legs.py. How a call comes, who
calls and how its end is noticed is the line's: pbx_analog.py for the office's subscriber lines, pbx_digital.py for the
channels of an E1.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from drivers.clock import DelayedCall
from drivers.port import Port
from simulators.lines.party import Party
from simulators.pbx.legs import CallLegs

if TYPE_CHECKING:
    from simulators.pbx.pbx import Pbx


class Trunk(Party):
    """`state`: idle, ringing (in), busy (answered by us), resting (just released), dead (no power)."""

    def __init__(self, pbx: Pbx, port: Port, number: int, dnis: str) -> None:
        super().__init__(port, pbx.plan.tones, pbx.music)
        self.pbx, self.number, self.dnis = pbx, number, dnis
        self.state = "idle"
        self.call_number: int | None = None  # the world's number of the call, for its log only
        self.legs = CallLegs(pbx, self)
        self._timer: DelayedCall | None = None

    @property
    def call_no(self) -> int | None:
        return self.call_number

    def belongs_to(self, call_number: int) -> None:
        """Tells the trunk's log who calls now; the PBX itself knows only what it hears."""
        self.call_number = call_number

    def rings(self) -> None:
        """An extension rings for this trunk, or will: the caller hears ringback."""
        self.hear_tone("ringback")

    def refuse(self) -> None:
        """Nobody can take the call."""
        self.hear_tone("busy")

    @abstractmethod
    def release(self) -> None:
        """Frees the line: the call is over."""

    @abstractmethod
    def power_fails(self) -> None:
        """The PBX has lost its power: whatever went on is gone without a record."""

    @abstractmethod
    def power_returns(self) -> None: ...

    def _note(self, what: str, **data: str | int | float | bool | None) -> None:
        self.pbx.note(self.call_no, f"trunk {self.number}", what, **data)

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

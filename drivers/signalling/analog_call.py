"""A call on an analog line: what is said of it goes to the line (analog_line.py). Serves steps 1 to 3, calls out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.signalling.causes import Cause
from drivers.signalling.interface import Numbers, TrunkCall

if TYPE_CHECKING:
    from drivers.signalling.analog_line import Line


class AnalogCall(TrunkCall):
    """A call on an analog line."""

    def __init__(self, line: Line, numbers: Numbers, *, incoming: bool) -> None:
        super().__init__(line.trunk, line.port, line.slot, numbers, incoming=incoming)
        self.offered = True
        self._line = line

    @property
    def frees_channel(self) -> bool:
        """A line that rings cannot be refused: it rings until the caller gives up."""
        return not self.incoming or self.was_answered

    def _say_proceeding(self) -> None:
        """The line has no sign for it."""

    def _say_alerting(self) -> None:
        """Nor for this: the caller hears ringback since the ring began."""

    def _say_answer(self) -> None:
        self._line.answer(self)

    def _say_more(self, digits: str) -> None:
        self._line.dial(self, digits)

    def _say_clear(self, cause: Cause) -> None:
        self._line.clear(self)

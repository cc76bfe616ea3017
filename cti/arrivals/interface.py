"""Whom the arrivals tell: the first four of the nine steps, and what becomes of a call then (steps 1 to 4)."""

from __future__ import annotations

from typing import Protocol

from cti.arrivals.numbers import Numbers
from cti.call import Call, Source
from cti.pbx.announcement import Announcement
from cti.vru.line import VruLine


class Steps(Protocol):
    """The first four of the nine steps, as cti.nine_steps has them."""

    def step_1_call_arrives(self, source: Source) -> Call | None: ...

    def step_2_numbers(self, call: Call, numbers: Numbers) -> None: ...

    def step_3_hunted_to(self, call: Call, line: VruLine, source: Source) -> None: ...

    def step_4_pbx_tells(self, call: Call, source: Source) -> None: ...


class Service(Protocol):
    """What becomes of an arriving call, as cti.conduct has it."""

    def answer(self, call: Call) -> None: ...

    def recall_expected(self, line: VruLine) -> bool:
        """May a ring on this line bring back a call that a transfer took away?"""
        ...

    def recalled(self, line: VruLine, message: Announcement | None, number: str | None) -> Call | None:
        """The call that a ring with this message, or this in-band number ("": it says that there is none), or neither,
        brings back."""
        ...

    def resume(self, call: Call, line: VruLine) -> None:
        """It is back, and rings on this line."""
        ...

    def recall_stopped(self, line: VruLine) -> bool:
        """What may have been a recall stopped ringing before that was known. False: it was none."""
        ...

    def caller_gone(self, call: Call, how: str) -> None:
        """The far end hung up, before or after our answer."""
        ...

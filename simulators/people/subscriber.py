"""Telephones of the town that our people call: customers called back, mobile seats, numbers that are busy or wrong.

The office rings them (`outward.py`); who answers speaks, listens and hangs up, as a caller does. Serves outside calls
and agents who are reached over a trunk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.defer import Deferred

from drivers.clock import Clock, DelayedCall
from simulators.lines.party import Line, ended, pause
from simulators.people.hearing import Ear
from simulators.truth import Note


@dataclass(frozen=True)
class SubscriberPlan:
    """`answer_s` after the first ring, None: does not answer; `talk_s` at most, None: until the other end hangs up.
    `busy`: on the telephone all the time. A number that no plan has is vacant. `agent`: whose telephone it is."""

    number: str
    answer_s: float | None = 3.0
    talk_s: float | None = None
    busy: bool = False
    agent: str | None = None


class Subscriber:
    """One conversation of a subscriber, from the answer to the end."""

    def __init__(self, clock: Clock, plan: SubscriberPlan, line: Line, ear: Ear, note: Note) -> None:
        self.plan, self.line, self.ear = plan, line, ear
        self._clock, self._tell = clock, note
        self._timer: DelayedCall | None = None
        self._script: Deferred[None] | None = None
        self.over = False
        self.on_over: Callable[[], None] = lambda: None

    def _note(self, what: str, **data: str | int | float | bool | None) -> None:
        self._tell(None, f"subscriber {self.plan.number}", what, number=self.plan.number, **data)

    def answers(self) -> None:
        """Lifts the handset and speaks."""
        self._note("subscriber answers")
        self.ear.open()
        self._script = Deferred.fromCoroutine(self._speak())
        self._script.addErrback(ended)

    async def _speak(self) -> None:
        await pause(self._clock, 0.2)
        self.ear.speak()
        if self.plan.talk_s is not None:
            await pause(self._clock, self.plan.talk_s)
            self.hang_up()

    def hang_up(self) -> None:
        """Puts the handset down."""
        if not self.over:
            self._note("subscriber hangs up")
            self._end()
            self.line.hang_up()

    def released(self) -> None:
        """The other end has hung up."""
        if not self.over:
            self._note("subscriber released")
            self._end()

    def _end(self) -> None:
        self.over = True
        if self._script is not None and not self._script.called:
            self._script.cancel()
        self.ear.close()
        self.on_over()

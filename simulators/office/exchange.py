"""Whom the office reaches when the server dials out: the town's numbers and their telephones (outside calls, step 7).

The signalling of a line asks here what a number means, and who is there; what the server is told of it is the line's
own: tones on an analog trunk (outward.py), messages or register signals on an E1.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from drivers.clock import Clock
from simulators.lines.party import Line
from simulators.people.hearing import Ear, Voices
from simulators.people.subscriber import Subscriber, SubscriberPlan
from simulators.truth import Note

Reached = Literal["rings", "busy", "vacant"]


class Exchange:
    """`plans` are the telephones that there are; each is busy while it is called or talks."""

    def __init__(self, clock: Clock, plans: Iterable[SubscriberPlan], voices: Voices | None, note: Note) -> None:
        self._clock, self._voices, self._note = clock, voices, note
        self.plans = {plan.number: plan for plan in plans}
        self.talking: dict[str, Subscriber] = {}
        self._in_use: set[str] = set()

    def whole(self, digits: str) -> bool:
        """Is this a number, with nothing to follow?"""
        return digits in self.plans and not any(n.startswith(digits) and n != digits for n in self.plans)

    def reach(self, number: str) -> Reached:
        """What the office finds at that number. A telephone that rings belongs to this call until `left`."""
        plan = self.plans.get(number)
        reached: Reached = "vacant" if plan is None else "busy" if plan.busy or number in self._in_use else "rings"
        if reached == "rings":
            self._in_use.add(number)
        self._note(None, "exchange", "dialled", number=number, reached=reached)
        return reached

    def left(self, number: str) -> None:
        """The call to it is over before it was answered."""
        self._in_use.discard(number)

    def answered(self, number: str, line: Line) -> Subscriber:
        """Somebody lifts there: a person at the end of that line. Speaks at once."""
        party = f"subscriber {number}"
        ear = Ear(self._clock, line.port, line.sounds, party, self._voices)
        person = Subscriber(self._clock, self.plans[number], line, ear, self._note)
        person.on_over = lambda: self._over(number)
        self.talking[number] = person
        person.answers()
        return person

    def _over(self, number: str) -> None:
        self._in_use.discard(number)
        self.talking.pop(number, None)

    def answer_s(self, number: str) -> float | None:
        """How long it rings there; None: nobody answers."""
        return self.plans[number].answer_s

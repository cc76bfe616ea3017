"""Which call each message of a D channel belongs to, for the calls' ladders.

A call's reference is learnt from its SETUP: that of a call that comes is the last frame before it is offered; calls of
ours leave in the order in which they were asked for. Serves `tipring trace CALL --signalling`.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol

from drivers.events import PriFrame
from drivers.signalling import q931
from drivers.signalling.ladder import Step

STEPS: Final = 200
"""Messages of a call that are kept."""
CALLS: Final = 500
"""Calls whose messages are kept apart: those there are, and some whose RELEASE COMPLETE never came."""


class Call(Protocol):
    """What is asked of a call."""

    begun_s: float
    steps: list[Step]

    @property
    def is_over(self) -> bool: ...


class Messages:
    """Of one D channel."""

    def __init__(self) -> None:
        self._calls: dict[tuple[bool, int], Call] = {}  # by whose reference it is (ours: True), and the reference
        self._leaving: deque[Call] = deque()
        self._last: PriFrame | None = None
        self._answer: PriFrame | None = None  # sent since then

    def leaves(self, call: Call) -> None:
        """Its SETUP has been asked for."""
        self._leaving.append(call)

    def came(self, call: Call) -> None:
        """Its SETUP was the last frame received; it may have been refused already."""
        message = q931.read(self._last.data) if self._last is not None else None
        if self._last is None or message is None:
            return
        self._keep(call, self._last, message)
        self._calls[False, message.reference] = call
        answer = q931.read(self._answer.data) if self._answer is not None else None
        if self._answer is None or answer is None or answer.from_caller or answer.reference != message.reference:
            return
        self._keep(call, self._answer, answer)
        if answer.name == "RELEASE COMPLETE":
            del self._calls[False, message.reference]

    @property
    def unended(self) -> bool:
        """Are there calls whose RELEASE COMPLETE has not passed?"""
        return bool(self._calls)

    def forget(self, call: Call) -> None:
        """It is over, perhaps before its SETUP left; what still comes of it is kept all the same."""
        if call in self._leaving:
            self._leaving.remove(call)

    def heard(self, frame: PriFrame) -> None:
        """A frame that was sent or received."""
        if not frame.sent:
            self._last, self._answer = frame, None
        elif self._answer is None:
            self._answer = frame
        message = q931.read(frame.data)
        if message is None or not message.reference:
            return
        key = (message.from_caller == frame.sent, message.reference)
        call = self._calls.get(key)
        if frame.sent and message.name == "SETUP" and self._leaving and (call is None or call.is_over):
            call = self._calls[key] = self._leaving.popleft()
        if call is not None:
            self._keep(call, frame, message)
            if message.name == "RELEASE COMPLETE":
                del self._calls[key]

    def _keep(self, call: Call, frame: PriFrame, message: q931.Message) -> None:
        while len(self._calls) > CALLS:
            del self._calls[next(iter(self._calls))]
        if len(call.steps) < STEPS:
            ms = round((frame.time_s - call.begun_s) * 1000)
            call.steps.append(Step(max(ms, 0), frame.sent, message.name, message.words, octets=frame.data))

"""PINs that agents without a PC type on a telephone: at a service port, or at a seat of ours (step 8's poor relation).

A wrong PIN costs a growing delay, kept for the agent over all telephones (cti.desk.passwords.Delays), in which nothing
is read; an unknown agent takes as long as a known one. PINs are never logged.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from twisted.internet.defer import Deferred

from cti.desk.passwords import NOBODY, Checker, Delays, LoginBusy
from drivers.clock import Clock

ANYWHERE = "telephone"


class Profile(Protocol):
    """An agent of the site file."""

    @property
    def id(self) -> str: ...
    @property
    def pin(self) -> str | None: ...


class Pins:
    """Of one site."""

    def __init__(self, clock: Clock, agents: Iterable[Profile], checker: Checker) -> None:
        self._clock, self._checker = clock, checker
        self._pins = {agent.id: agent.pin for agent in agents if agent.pin is not None}
        self._delays = Delays(clock)

    def known(self, agent: str) -> bool:
        """May this agent sign in by telephone?"""
        return agent in self._pins

    async def right(self, agent: str, pin: str) -> bool:
        """Is it this agent's PIN? A wrong one is answered late; so is everything while a delay runs."""
        left_s = self._delays.left_s(agent, ANYWHERE)
        if left_s:
            await self._pause(left_s)
            return False
        try:
            right = await self._checker.verify(self._pins.get(agent, NOBODY), pin)
        except LoginBusy:
            return False
        if right and agent in self._pins:
            self._delays.right(agent, ANYWHERE)
            return True
        await self._pause(self._delays.wrong(agent, ANYWHERE))
        return False

    async def _pause(self, seconds: float) -> None:
        done: Deferred[None] = Deferred(lambda cancelled: timer.cancel())
        timer = self._clock.callLater(seconds, done.callback, None)
        await done

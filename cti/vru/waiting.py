"""The caller waits for an agent: told the place, and may wait, leave a message, or go (step 6).

Between announcements there is music, which goes on where it was cut off. The place is announced on entry and when it
changes (changes that come while something is being said, or sooner than the flow's announce_least_s, are told together
afterwards), and after announce_s without news the caller is asked for patience. An agent assigned ends it at once, also
in the middle of an announcement: nobody waits for the end of "please wait".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from cti.errors import LeftQueue
from cti.vru.flow import Flow, Language
from cti.vru.prompts import Prompts
from drivers.clock import Clock
from drivers.items import PlayItem, Silence, Sound
from drivers.playing import Collected
from drivers.port import Port

PAUSE_MS: Final = 1500  # after an announcement: whoever wants to press a key hears that it is over


class Place(Protocol):
    """What a queue entry offers to the waiting caller."""

    @property
    def place(self) -> int: ...

    @property
    def assigned(self) -> Deferred[Any]: ...

    def on_place(self, listener: Callable[[int], object]) -> Callable[[], None]: ...


@dataclass(frozen=True, slots=True)
class Waited:
    """How waiting ended: agent (who is in `agent`), message, go (both asked for by key), or left.

    left: the queue let the caller go; `left` says why, for example overdue.
    """

    why: Literal["agent", "message", "go", "left"]
    agent: Any = None
    left: str = ""


async def wait_for_agent(
    clock: Clock,
    port: Port,
    entry: Place,
    flow: Flow,
    prompts: Prompts,
    language: Language,
    announce_s: float,
    announced: Callable[[int], None] = lambda place: None,
) -> Waited:
    """Keeps the caller company until an agent is assigned, a key is pressed, or the queue lets them go.

    An agent who is assigned already is returned without a word. announced is told each place that is said. The Deferred
    entry.assigned is awaited here and nowhere else; when this coroutine is cancelled it is cancelled.
    """
    return await _Waiting(clock, port, entry, flow, prompts, language, announce_s, announced).run()


class _Waiting:
    def __init__(
        self,
        clock: Clock,
        port: Port,
        entry: Place,
        flow: Flow,
        prompts: Prompts,
        language: Language,
        announce_s: float,
        announced: Callable[[int], None],
    ) -> None:
        self.clock, self.port, self.entry, self.keys = clock, port, entry, flow.waiting
        self.prompts, self.language, self.announce_s, self.announced = prompts, language, announce_s, announced
        self.result: Waited | None = None
        self.told = 0  # the place said last
        self.told_s = 0.0
        self.spoke_s = 0.0  # when something was said last
        self.under_way: Deferred[Any] | None = None  # the port's operation that news may interrupt
        self.music: Sound | None = None
        self.music_ms = 1
        if flow.waiting.music:
            self.music, self.music_ms = prompts.music()
        self.music_at_ms = 0  # where it goes on
        self.quiet = False
        self.interrupted = False

    async def run(self) -> Waited:
        assigned = self.entry.assigned
        assigned.addCallbacks(self._assigned, self._left)
        forget = self.entry.on_place(self._place_changed)
        try:
            prompt = [] if self.result is not None else self._opening()
            while self.result is None:
                if prompt:
                    self.spoke_s = self.clock.seconds()
                    await self._until_news(self.port.play(*prompt, stop_on_digit=True))
                    self.spoke_s = self.clock.seconds()
                if self.result is None:
                    self.quiet = True
                    began_s = self.clock.seconds()
                    silence = self._music()
                    key = await self._until_news(self.port.collect(1, self._quiet_s(), 1.0, end="", prompt=silence))
                    heard_ms = round(1000 * (self.clock.seconds() - began_s)) - PAUSE_MS
                    self.music_at_ms = (self.music_at_ms + max(heard_ms, 0)) % self.music_ms
                    self.quiet = False
                    prompt = self._after(key)
            return self.result
        finally:
            forget()
            if not assigned.called:
                assigned.cancel()

    async def _until_news(self, operation: Deferred[Any]) -> Any:
        """The operation's result, or None when news interrupted it."""
        self.under_way, self.interrupted = operation, False
        if self.result is not None:
            self._interrupt()
        try:
            return await operation
        except CancelledError:
            if not self.interrupted:
                raise
            return None
        finally:
            self.under_way = None

    def _after(self, heard: Collected | None) -> list[PlayItem]:
        """What is to be said next, a key, a time-out or news having ended the silence."""
        if self.result is not None:
            return []
        if heard is not None and heard.text:
            if heard.text == self.keys.message:
                self.result = Waited("message")
            elif heard.text == self.keys.leave:
                self.result = Waited("go")
            return [] if self.result is not None else self._opening()
        if self._news() and self._may_tell():
            return self._place()
        if self.clock.seconds() - self.spoke_s >= self.announce_s:
            return [*self.prompts.say("still_waiting", self.language), *self._choices()]
        return []

    def _news(self) -> bool:
        return self.entry.place not in (0, self.told)

    def _may_tell(self) -> bool:
        return self.clock.seconds() - self.told_s >= self.keys.announce_least_s

    def _quiet_s(self) -> float:
        """How long nothing is said unless something happens; a tick at least."""
        now = self.clock.seconds()
        left = self.spoke_s + self.announce_s - now
        if self._news():
            left = min(left, self.told_s + self.keys.announce_least_s - now)
        return max(left, 0.02)

    def _music(self) -> list[PlayItem]:
        return [Silence(PAUSE_MS), replace(self.music, start_ms=self.music_at_ms)] if self.music is not None else []

    def _opening(self) -> list[PlayItem]:
        return [*self._place(), *self._choices()]

    def _place(self) -> list[PlayItem]:
        place = self.entry.place
        if place <= 0:
            return []
        self.told, self.told_s = place, self.clock.seconds()
        self.announced(place)
        if place == 1:
            return self.prompts.say("place_next", self.language)
        if place == 2:
            return self.prompts.say("place_one", self.language)
        return self.prompts.say("place", self.language, ahead=place - 1)

    def _choices(self) -> list[PlayItem]:
        items = self.prompts.say("hold_on", self.language)
        if self.keys.message is not None:
            items += self.prompts.say("press_for_message", self.language, key=self.keys.message)
        if self.keys.leave is not None:
            items += self.prompts.say("press_to_leave", self.language, key=self.keys.leave)
        return items

    # news

    def _assigned(self, agent: Any) -> Any:
        self.result = self.result or Waited("agent", agent)
        self._interrupt()
        return agent

    def _left(self, failure: Failure) -> None:
        failure.trap(LeftQueue, CancelledError)  # type: ignore[no-untyped-call]
        if isinstance(failure.value, LeftQueue):
            self.result = self.result or Waited("left", left=failure.value.why)
            self._interrupt()

    def _place_changed(self, place: int) -> None:
        if self.quiet and self._news():
            self._interrupt()

    def _interrupt(self) -> None:
        if self.under_way is not None:
            self.interrupted = True
            self.under_way.cancel()

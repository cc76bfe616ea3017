"""The VRU's part of a call, spoken: the menu, the wait, the message, and what is said when something went wrong.

Joins the pieces of cti.vru (menu, waiting, message) with the call and the queue. Serves steps 5 and 6.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from twisted.internet.defer import CancelledError, Deferred

from cti.acd.agent import Agent
from cti.acd.centre import Acd
from cti.call import Call
from cti.errors import QueueFull
from cti.records.outcome import Outcome
from cti.site.config import Site
from cti.vru.flow import Flow, Language
from cti.vru.keys import Keys
from cti.vru.menu import MenuResult, run_menu
from cti.vru.message import Message, leave_message
from cti.vru.prompts import Prompts
from cti.vru.waiting import Waited, wait_for_agent
from drivers.clock import Clock
from drivers.port import Port


@dataclass(frozen=True, slots=True)
class WithoutAgent:
    """Why the queue ended without an agent, and what follows."""

    outcome: Outcome
    farewell: str  # key of what is said
    wants_message: bool = False
    cause: str = ""


ENDINGS = {
    "message": WithoutAgent("abandoned_queue", "goodbye", wants_message=True, cause="no message was left"),
    "go": WithoutAgent("gone_by_choice", "goodbye"),
    "overdue": WithoutAgent("overdue", "waited_too_long"),
    "queue_full": WithoutAgent("queue_full", "queue_full"),
}


class Attendant:
    """Speaks with callers."""

    def __init__(
        self,
        clock: Clock,
        site: Site,
        flow: Flow,
        prompts: Prompts,
        acd: Acd,
        on_message: Callable[[Call, Message], None],
    ) -> None:
        """``on_message(call, message)`` is told every message, also of a caller who hung up, and every
        recording that failed."""
        self._clock, self._site, self._flow, self._prompts, self._acd = clock, site, flow, prompts, acd
        self._on_message = on_message
        self._waited: dict[str, Waited] = {}
        self._recording: dict[str, Deferred[None]] = {}

    async def menu(self, call: Call) -> MenuResult:
        """Step 5: greeting, language, menu."""

        def spoken(language: Language) -> None:
            call.language = language

        site = self._site
        notice = "recording_notice" if site.recording.notice and site.switch == "card" else None
        keys = Keys(port_of(call), self._clock, call.strings_until_s)
        return await run_menu(keys, self._flow, self._prompts, site.site.language, spoken, notice=notice)

    async def wait_for_agent(self, call: Call) -> Agent | None:
        """Step 6: in the queue until an agent is free (who comes back keeps the place); None: see ``ended``."""
        group = self._site.group(call.group or "")
        assert group is not None
        entry = self._acd.entries.get(call.id)
        if entry is None and call.entry is not None and call.entry.state == "left":
            self._waited[call.id] = Waited("left", left=call.entry.why)  # too long, while an agent was being called
            return None
        if entry is None:
            try:
                entry = self._acd.enqueue(call.id, group.name)
            except QueueFull:
                self._waited[call.id] = Waited("left", left="queue_full")
                return None
        call.entry = entry  # an agent who gives a caller to another group has made a new one
        waited = await wait_for_agent(
            self._clock, port_of(call), entry, self._flow, self._prompts, _language(call), group.announce_s
        )
        if waited.why == "agent":
            return cast(Agent, waited.agent)
        self._waited[call.id] = waited
        return None

    def ended(self, call: Call) -> WithoutAgent:
        """How the wait of a call ended that got no agent."""
        waited = self._waited.pop(call.id, None)
        if waited is None:
            return WithoutAgent("failed", "out_of_service", cause="the queue was left without a reason")
        why = waited.left if waited.why == "left" else waited.why
        return ENDINGS.get(why, WithoutAgent("failed", "out_of_service", cause=why))

    async def take_message(self, call: Call) -> None:
        """A message in the state folder, named after the call; its length is the call's ``message_s``."""
        path = self._site.messages / f"{call.id}.wav"

        closed: Deferred[None] = Deferred()
        self._recording[call.id] = closed

        def over() -> None:
            self._recording.pop(call.id, None)
            if not closed.called:
                closed.callback(None)

        def kept(message: Message) -> None:
            call.message_s = message.seconds if message.seconds >= self._flow.message.least_s else 0.0
            call.message_failed = message.problem
            if call.message_s or call.message_failed:
                self._on_message(call, message)
            over()

        try:
            await leave_message(port_of(call), self._prompts, _language(call), path, self._flow.message, kept)
        finally:
            over()  # also where the recording never began

    def recording(self, call: Call) -> Deferred[None] | None:
        """Fires when the message under way is closed, as the end of the port's call does; None: no message."""
        return self._recording.get(call.id)

    async def say(self, call: Call, key: str, *, until: Deferred[Any] | None = None, **values: str) -> None:
        """Says one thing, to its end or until ``until`` fires. ``values``: what the text has in braces."""
        playing = port_of(call).play(*self._prompts.say(key, _language(call), **values))
        if until is None:
            await playing
            return
        until.addCallback(_interrupt, playing)
        try:
            await playing
        except CancelledError:
            if not until.called:
                raise


def port_of(call: Call) -> Port:
    """The port on which a call is that we serve."""
    assert call.line is not None
    return call.line.port


def _language(call: Call) -> Language:
    return "en" if call.language == "en" else "zh"


def _interrupt(result: Any, playing: Deferred[Any]) -> Any:
    playing.cancel()
    return result

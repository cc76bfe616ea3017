"""The turns of the ACD: a change is made whole, then callers and agents are matched, then all are told (steps 6 and 7).

Who is told does something in return, which is a turn of its own and is told after the first: therefore nobody hears of
half a change, and all hear of changes in the order in which they happened. What one of them raises is raised when all
have been told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Protocol

from cti.acd.agent import Agent
from cti.acd.queue import GroupQueue, GroupSettings
from cti.acd.strategy import longest_waiting


class OnEvent(Protocol):
    """Who writes the record. Kinds with a call: queued, place, offered, no_answer, busy, failed (the offer), requeued,
    connected, talk_ended, left_queue. Kinds of an agent: agent_state (data as Agent.snapshot), ask (a call record is
    overdue: ask the desk whether the call goes on)."""

    def __call__(
        self, kind: str, call: str | None, agent: str | None, source: str, data: dict[str, object]
    ) -> object: ...


class Turns:
    """The groups' queues, and what waits for the end of the turn: who moved in a queue, who became available, whom to
    tell."""

    def __init__(self, groups: Iterable[GroupSettings], on_event: OnEvent) -> None:
        self.queues = {group.name: GroupQueue(group) for group in groups}
        self._on_event = on_event
        self._depth = 0
        self._telling = False
        self._outbox: deque[Callable[[], object]] = deque()
        self._moved: dict[str, int] = {}  # queue -> lowest index whose place changed in this turn
        self._fresh: dict[str, Agent] = {}  # agents who became available in this turn

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One indivisible change; at the end of the outermost one callers and agents are matched and all are told."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if self._depth == 0:
                self._match()
                self._tell_places()
                if not self._telling:
                    self._deliver()

    def _deliver(self) -> None:
        """Tell everybody; what one of them raises is raised when all have been told."""
        self._telling = True
        failure: Exception | None = None
        try:
            while self._outbox:
                try:
                    self._outbox.popleft()()
                except Exception as error:  # noqa: BLE001 raised below
                    failure = failure or error
        finally:
            self._telling = False
        if failure is not None:
            raise failure

    def _tell(self, kind: str, call: str | None, agent: str | None, source: str, /, **data: object) -> None:
        self._outbox.append(lambda: self._on_event(kind, call, agent, source, data))

    def _note(self, queue: GroupQueue, index: int) -> None:
        self._moved[queue.name] = min(index, self._moved.get(queue.name, index))

    def _tell_places(self) -> None:
        for name, index in self._moved.items():
            for place, entry in enumerate(self.queues[name].from_index(index), index + 1):
                if entry.told_place != place:
                    entry.told_place = place
                    self._tell("place", entry.call, None, "acd", place=place)
                    self._outbox.append(partial(entry.tell_place, place))
        self._moved.clear()

    def _match(self) -> None:
        """Callers who came or came back look for an agent first, then agents who became available for a caller."""
        for name in list(self._moved):
            queue = self.queues[name]
            while queue.head is not None and (agent := queue.idle.first()) is not None:
                self._offer(agent)
        if self._fresh:
            fresh = sorted(self._fresh.values(), key=lambda agent: agent.rank)
            self._fresh.clear()
            for agent in fresh:
                if agent.available:
                    self._offer(agent)

    def _offer(self, agent: Agent) -> None:
        """Promise this agent the caller who has waited longest over all the agent's groups, if any waits."""
        queue = longest_waiting(self.queues[name] for name in agent.group_names)
        if queue is None or queue.head is None:
            return
        entry = queue.head
        self._note(queue, queue.remove(entry))
        entry.machine.send("offer")
        entry.agent = agent
        entry.told_place = 0
        agent.reserve(entry.call, queue.settings.ring_s, queue.settings.wrap_up_s)
        self._tell("offered", entry.call, agent.id, "acd", extension=agent.extension, group=queue.name)
        self._outbox.append(partial(entry.fire, agent))

"""Who gets whom: the longest idle agent gets the caller, the longest waiting caller gets the agent (step 6).

The two rules, and why they are fair:

- A caller arrives and agents of the group are idle: the one whose rank is lowest, that is who has been idle longest.
  An agent in several groups is in the idle set of each, and leaves all of them at once.
- An agent becomes idle and callers wait in several of the agent's groups: the caller who has waited longest over all
  of them, so that a busy queue cannot starve a quiet one, nor the other way round.

Both are heap or head look-ups: with 100,000 agents a decision costs hardly more than with 100. No I/O, no clock.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cti.acd.agent import Agent
    from cti.acd.queue import GroupQueue

_COMPACT = 64


class IdleAgents:
    """The available agents of one group in the order of their rank: a heap; who left is skipped when met."""

    __slots__ = ("_heap", "_ranks")

    def __init__(self) -> None:
        self._heap: list[tuple[int, Agent]] = []
        self._ranks: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._ranks)

    def __contains__(self, agent: Agent) -> bool:
        return agent.id in self._ranks

    def add(self, agent: Agent) -> None:
        """The agent is available, at its rank (a number no other agent has)."""
        rank = agent.rank
        if self._ranks.get(agent.id) == rank:
            return
        self._ranks[agent.id] = rank
        heapq.heappush(self._heap, (rank, agent))

    def discard(self, agent: Agent) -> None:
        """The agent is not available any more."""
        if self._ranks.pop(agent.id, None) is not None and len(self._heap) > 2 * len(self._ranks) + _COMPACT:
            self._heap = sorted({rank: agent for rank, agent in self._heap if self._live(rank, agent)}.items())

    def first(self) -> Agent | None:
        """The longest idle agent, or None."""
        heap = self._heap
        while heap:
            rank, agent = heap[0]
            if self._live(rank, agent):
                return agent
            heapq.heappop(heap)
        return None

    def _live(self, rank: int, agent: Agent) -> bool:
        return self._ranks.get(agent.id) == rank


def longest_waiting(queues: Iterable[GroupQueue]) -> GroupQueue | None:
    """Of an agent's queues the one at whose head the longest waiting caller stands; None where nobody waits."""
    best: GroupQueue | None = None
    best_key = 0
    for queue in queues:
        key = queue.head_key
        if key is not None and (best is None or key < best_key):
            best, best_key = queue, key
    return best

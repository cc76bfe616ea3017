"""What the records tell an agent's desk: the agent's last calls, and the messages left for the agent's groups (step
8)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from cti.outside import Outside
from cti.records.row import CallRow
from cti.records.store import Store


class DeskHistory:
    """Asks the database, outside the reactor's turn."""

    def __init__(self, outside: Outside, store: Store, groups: dict[str, Collection[str]]) -> None:
        """``groups``: of each agent."""
        self._outside, self._store, self._groups = outside, store, groups

    async def calls(self, agent: str, limit: int) -> list[dict[str, Any]]:
        """The agent's last calls, also those of the agent's own making, the newest first."""
        rows = await self._outside.ask(self._store.calls, agent=agent, kind=None, limit=limit)
        return [call_line(row) for row in rows]

    async def messages(self, agent: str, limit: int) -> list[dict[str, Any]]:
        """Messages for the agent's groups, the newest first."""
        groups = self._groups.get(agent, ())
        rows = await self._outside.ask(self._store.messages, groups=groups, limit=limit)
        return [{**call_line(row), "path": row.message_path, "seconds": row.message_s} for row in rows]


def call_line(row: CallRow) -> dict[str, Any]:
    """One call as a desk lists it."""
    return {
        "call": row.id,
        "kind": row.kind,
        "at": row.started_at.isoformat(),
        "ani": row.ani,
        "dnis": row.dnis,
        "outcome": row.outcome,
        "group": row.group_name,
        "agent": row.agent,
        "talk_s": row.talk_s if row.ended_at is not None else None,
    }

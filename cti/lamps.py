"""Message lamps (留言灯): a group's is lit by a message, and put out when one of its agents has seen the list (step 6).

The order goes to the PBX over the SMDI line. An order that the PBX obeys gets no answer; one that it refuses comes back
and is told as an alarm. An order that waits for the line is replaced by a later one for the same lamp.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from cti.config import Agent, Group
from cti.pbx.smdi import lamp


class Lamps:
    """The lamps of all groups that have one. ``order(bytes, key)`` writes to the SMDI line."""

    def __init__(
        self,
        groups: Iterable[Group],
        agents: Iterable[Agent],
        order: Callable[[bytes, object], object] | None,
        msd_strip: int = 0,
    ) -> None:
        """``order`` None: this PBX takes no such orders, and nothing is said."""
        self._number: Mapping[str, str] = {group.name: group.lamp for group in groups if group.lamp is not None}
        self._groups: Mapping[str, Sequence[str]] = {agent.id: agent.groups for agent in agents}
        self._order, self._msd_strip = order, msd_strip
        self._lit: dict[str, bool] = {}  # by telephone; not known after a start, when the PBX may show an old one

    def message_left(self, group: str | None) -> None:
        """A message for that group is kept."""
        if group is not None and group in self._number:
            self._set(self._number[group], True)

    def looked_at(self, agent: str) -> None:
        """The agent has seen the list of messages of all their groups."""
        for group in self._groups.get(agent, ()):
            if group in self._number:
                self._set(self._number[group], False)

    def _set(self, number: str, on: bool) -> None:
        if self._order is not None and self._lit.get(number) is not on:
            self._lit[number] = on
            self._order(lamp(number, on, self._msd_strip), number)

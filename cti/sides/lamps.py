"""Message lamps (留言灯): a group's is lit by a message, and put out when one of its agents has seen the list (step 6).

The order goes to the PBX over the SMDI line, or by a feature code dialled from a VRU port (cti.sides.lamp_codes). Over
SMDI an order that the PBX obeys gets no answer; one that it refuses comes back and is told as an alarm. An order that
waits is replaced by a later one for the same lamp. What was ordered is kept in a file, and sent again after a restart
of ours, when the line to the PBX is back, and when the PBX has lost its own memory and says so (`refresh`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from cti import kept_file
from cti.site.config import Agent, Group

Order = Callable[[str, bool], None]


class Lamps:
    """The lamps of all groups that have one. ``order(telephone, on)`` tells the PBX."""

    def __init__(
        self,
        groups: Iterable[Group],
        agents: Iterable[Agent],
        order: Order | None,
        *,
        kept: Path | None = None,
        toggles: bool = False,
    ) -> None:
        """``order`` None: this PBX takes no such orders, and nothing is said. ``kept``: the file that outlives us.
        ``toggles``: one code for on and off, so that nothing is said that is so already, or that is not known."""
        self._number: Mapping[str, str] = {group.name: group.lamp for group in groups if group.lamp is not None}
        self._groups: Mapping[str, Sequence[str]] = {agent.id: agent.groups for agent in agents}
        self._order, self._kept, self._toggles = order, kept, toggles
        ours = set(self._number.values())  # the site may have fewer now
        # by telephone; what is not in it is not known: the PBX may show an old one
        self._lit = {
            number: on for number, on in (kept_file.read(kept, dict[str, bool]) or {}).items() if number in ours
        }

    def start(self) -> None:
        """Every lamp that is known is ordered again: the PBX may have been off while we were."""
        self.refresh()

    def refresh(self) -> None:
        """The PBX has forgotten its lamps."""
        if self._order is not None and not self._toggles:
            for number, on in self._lit.items():
                self._order(number, on)

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
        if self._order is None or self._lit.get(number, on if self._toggles and not on else None) is on:
            return
        self._lit[number] = on
        kept_file.write(self._kept, self._lit)
        self._order(number, on)

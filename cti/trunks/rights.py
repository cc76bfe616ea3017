"""How far an agent may call outside (长途权限), whoever switches. Serves calls out."""

from __future__ import annotations

from collections.abc import Iterable

from cti.site.config import Agent, Group
from cti.site.trunks import TOLLS, Toll


def right_of(agent: Agent | None, groups: Iterable[Group]) -> Toll:
    """The agent's own word, else the farthest of the groups he is in; nobody: not at all."""
    if agent is None:
        return "none"
    if agent.calls is not None:
        return agent.calls
    return max((group.calls for group in groups if group.name in agent.groups), key=TOLLS.index, default="none")


def may_call(right: Toll, toll: Toll) -> bool:
    """Does the right include numbers that are so far?"""
    return TOLLS.index(right) >= TOLLS.index(toll)

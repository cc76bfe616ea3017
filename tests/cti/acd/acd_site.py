"""Groups and agents as the site file would give them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class GroupOf:
    """A group."""

    name: str
    ring_s: float = 15.0
    wrap_up_s: float = 5.0
    max_wait_s: float = 60.0
    max_queue: int = 100


@dataclass
class ProfileOf:
    """An agent."""

    id: str
    groups: list[str] = field(default_factory=list)
    extension: str | None = None
    name: str = ""
    password: str = ""

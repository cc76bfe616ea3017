"""The record of a talk that our own cards switched (step 9): what a PBX would print, without the line in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from cti.call import Call


@dataclass(frozen=True, slots=True)
class TalkRecord:
    """A caller's conversation is over. extension: who had it last; who_first: who hung up first, device or cause."""

    call: Call
    extension: str | None
    talked_s: float
    ended_by: str

    @property
    def source(self) -> Literal["switch"]:
        """Who says so."""
        return "switch"

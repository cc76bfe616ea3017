"""What can go wrong in the control half, by name.

The type says whose fault it is: ours, the site's files, or the peer's (the PBX, an agent's desk). Every error that
reaches a person carries what happened and, where there is one, the remedy. Serves all of the nine steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


def printable(text: str) -> str:
    """Text of somebody else's as it can be shown: control characters, which a terminal would obey, as \\x1b or \\n."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


class TipringError(Exception):
    """Base of all errors that the control half raises on purpose."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault in a configuration file: where, what, and what would be right.

    line counts from 1; 0 means the file as a whole. field is the dotted path of the field, empty for the whole file.
    """

    file: str
    line: int
    field: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        what = f"{self.field}: {self.message}" if self.field else self.message
        text = f"{where}: {what}; {self.remedy}" if self.remedy else f"{where}: {what}"
        return printable(text)  # the file may have anything in it


class ConfigFaults(TipringError):
    """A configuration file is wrong; holds every fault found in it, in the order of its lines."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults: list[Fault] = sorted(faults, key=lambda fault: (fault.file, fault.line))
        super().__init__("\n".join(str(fault) for fault in self.faults))


class JournalError(TipringError):
    """The journal cannot be opened or kept."""


class JournalBusy(JournalError):
    """Another process writes this journal: is a second server running with the same state_dir?"""


class JournalFull(JournalError):
    """An event could not be written: the disk is full and so is the memory kept for that case."""


class StoreError(TipringError):
    """The database cannot be used: not reachable, of another version, or ahead of the journal."""


class OutsideError(TipringError):
    """An outside service (database, directory) did not answer a question in time, or too many wait already."""


class AcdError(TipringError):
    """The ACD cannot do what was asked; nothing was changed."""


class UnknownGroup(AcdError):
    """The site has no group of this name."""


class UnknownAgent(AcdError):
    """The site has no agent of this id."""


class UnknownCall(AcdError):
    """No queue knows this caller (any more)."""


class QueueFull(AcdError):
    """No agent of the group is idle, and max_queue callers wait already."""

    def __init__(self, group: str, max_queue: int) -> None:
        self.group, self.max_queue = group, max_queue
        super().__init__(f"the queue of group {group} is full ({max_queue} callers)")


class LeftQueue(AcdError):
    """The caller left the queue without an agent; why says how (overdue: waited max_wait_s)."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"left the queue: {why}")


class ExtensionTaken(AcdError):
    """Another agent is logged in at this extension, or the agent has none and named none."""

    def __init__(self, extension: str | None, agent: str | None) -> None:
        self.extension, self.agent = extension, agent
        super().__init__(f"extension {extension} belongs to agent {agent}" if extension else "an extension is needed")


class CannotCall(TipringError):
    """A call out cannot be made; nothing was seized. why: number (no route leads there), right (the caller may not call
    so far), hours (no route there is open now), busy (every channel of its routes is taken, blocked or in alarm)."""

    def __init__(self, why: Literal["number", "right", "hours", "busy"], number: str, text: str) -> None:
        self.why, self.number = why, number
        super().__init__(f"{number} cannot be called: {text}")


class UnknownSeat(AcdError):
    """Our own cards switch, and no telephone of theirs has this extension."""

    def __init__(self, extension: str) -> None:
        super().__init__(f"there is no seat {extension}: log in at a telephone of the site")


class SoundRefused(TipringError):
    """A message's sound is not for who asks, or is not there (any more)."""


class DeskProtocolError(TipringError):
    """A desk sent a message that breaks the desk protocol, or asks what cannot be; code is the JSON-RPC error code."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        self.code, self.message, self.data = code, message, data
        super().__init__(message)


class PromptError(TipringError):
    """A prompt cannot be made, is not a file that a port can play, or is not known."""

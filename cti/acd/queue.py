"""The callers of one group in the order of their arrival, and what one of them may expect (step 6).

A caller keeps the key of the arrival for life: whoever comes back (no answer, busy, failed transfer, recall by the PBX)
stands where they stood before, ahead of all who came later. The place counts the callers who wait, from 1; callers
whose agent is being called are not counted, therefore a place may go up again when one of them comes back. No I/O.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import Deferred, fail, succeed

from cti.acd.strategy import IdleAgents
from cti.errors import LeftQueue
from cti.machine import Chart, Machine

if TYPE_CHECKING:
    from cti.acd.agent import Agent
    from drivers.clock import DelayedCall

ENTRY = Chart(
    "Queue entry: one caller of a group",
    {
        ("waiting", "offer"): ("offered", ()),
        ("waiting", "answer"): ("connected", ()),
        ("waiting", "leave"): ("left", ()),
        ("waiting", "aside"): ("over", ()),
        ("offered", "answer"): ("connected", ()),
        ("offered", "back"): ("waiting", ()),
        ("offered", "leave"): ("left", ()),
        ("connected", "back"): ("waiting", ()),
        ("connected", "over"): ("over", ()),
        ("connected", "leave"): ("left", ()),
        ("over", "back"): ("waiting", ()),
        ("over", "leave"): ("left", ()),
        ("left", "answer"): ("connected", ()),
    },
    initial="waiting",
    states={
        "waiting": "has a place; nobody is being called",
        "offered": "an agent is being called for this caller",
        "connected": "talks with the agent",
        "over": "the talk is over, or the PBX has the caller, whom a recall can bring back to the old place",
        "left": "gone: hung up, left a message; or waited too long (and may be answered even so)",
    },
    limits={
        "waiting": "max_wait_s of the group, from the arrival, or from being given back by an agent",
        "offered": "the agent's reserve_s and ring_s + ring_spare_s",
        "connected": "the agent's talk_s + ask_s",
        "over": "the next 1000 talks",
    },
)


class GroupSettings(Protocol):
    """What the site file says of a group."""

    @property
    def name(self) -> str: ...
    @property
    def ring_s(self) -> float: ...
    @property
    def wrap_up_s(self) -> float: ...
    @property
    def max_wait_s(self) -> float: ...
    @property
    def max_queue(self) -> int: ...


class QueueEntry:
    """One caller in a group's queue. Cancelling `assigned` does not leave the queue: say `Acd.remove`."""

    __slots__ = (
        "_assigned", "_listeners", "agent", "call", "came_s", "key", "machine", "queue", "since_s", "timer",
        "told_place", "why",
    )  # fmt: skip

    def __init__(self, call: str, queue: GroupQueue, key: int, came_s: float) -> None:
        self.call = call
        self.queue = queue
        self.key = key  # order of arrival over all groups
        self.came_s = came_s
        self.since_s = came_s  # max_wait_s counts from here: the arrival, or being given back
        self.agent: Agent | None = None  # offered to, or connected with
        self.why = ""  # this caller left
        self.timer: DelayedCall | None = None  # max_wait_s
        self.told_place = 0
        self.machine = Machine(ENTRY, name=call)
        self._assigned: Deferred[Agent] | None = None
        self._listeners: list[Callable[[int], object]] = []

    def __repr__(self) -> str:
        return f"<QueueEntry {self.call} {self.queue.name} {self.state}>"

    @property
    def state(self) -> str:
        """waiting, offered, connected, over or left."""
        return self.machine.state

    @property
    def group(self) -> str:
        """The group's name."""
        return self.queue.name

    @property
    def place(self) -> int:
        """1 for the next to be served; 0 when not waiting."""
        return self.queue.place(self) if self.state == "waiting" else 0

    @property
    def assigned(self) -> Deferred[Agent]:
        """Fires with the agent who is to be called for this caller; a new one after each way back to the queue.

        Who asks for it waits for it. Fails with LeftQueue(why) when the caller leaves the queue: removed, or waited
        max_wait_s (why is overdue).
        """
        pending = self._assigned
        if pending is not None and not pending.called:
            return pending
        if self.state == "left":
            return fail(LeftQueue(self.why))
        if self.agent is not None:
            return succeed(self.agent)
        self._assigned = Deferred()
        return self._assigned

    def on_place(self, listener: Callable[[int], object]) -> Callable[[], None]:
        """Call listener(place) whenever the place changes; returns a function that ends this."""
        self._listeners.append(listener)

        def forget() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return forget

    def fire(self, agent: Agent) -> None:
        """Tell who waits for it that this agent is to be called, unless the offer is history by now."""
        if self.state != "offered" or self.agent is not agent:
            return
        waiting, self._assigned = self._assigned, None
        if waiting is not None and not waiting.called:
            waiting.callback(agent)

    def fire_left(self) -> None:
        """Tell who waits for an agent that there will be none."""
        waiting, self._assigned = self._assigned, None
        if waiting is not None and not waiting.called:
            waiting.errback(LeftQueue(self.why))

    def tell_place(self, place: int) -> None:
        """Tell the listeners."""
        for listener in tuple(self._listeners):
            listener(place)

    def stop_timer(self) -> None:
        """max_wait_s does not count any more."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class GroupQueue:
    """The waiting callers of a group, sorted by arrival, and its idle agents. One of the two is always empty."""

    def __init__(self, settings: GroupSettings) -> None:
        self.settings = settings
        self.name = settings.name
        self.idle = IdleAgents()
        self._keys: list[int] = []
        self._entries: list[QueueEntry] = []

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[QueueEntry]:
        return iter(self._entries)

    @property
    def head_key(self) -> int | None:
        """The arrival of the caller who has waited longest."""
        return self._keys[0] if self._keys else None

    @property
    def head(self) -> QueueEntry | None:
        """The caller who has waited longest."""
        return self._entries[0] if self._entries else None

    def insert(self, entry: QueueEntry) -> int:
        """At the place of the arrival; returns the index from which places changed."""
        index = bisect_left(self._keys, entry.key)
        self._keys.insert(index, entry.key)
        self._entries.insert(index, entry)
        return index

    def remove(self, entry: QueueEntry) -> int:
        """Out of the queue; returns the index from which places changed."""
        index = bisect_left(self._keys, entry.key)
        if index == len(self._keys) or self._entries[index] is not entry:
            raise ValueError(f"{entry!r} does not wait in {self.name}")
        del self._keys[index]
        del self._entries[index]
        return index

    def place(self, entry: QueueEntry) -> int:
        """1 for the head."""
        return bisect_left(self._keys, entry.key) + 1

    def from_index(self, index: int) -> list[QueueEntry]:
        """The callers at this index and behind."""
        return self._entries[index:]

"""What the connections of telephones say of their agents' lines, to the ACD (steps 7 and 9).

A telephone that is in use, for whatever reason, gets no caller. Who talks with a queue's caller has the caller's call;
when the caller is handed on, the one before is free (with the wrap-up that is owed) and the next one has it. A caller
handed on to nobody we know (outside, a telephone without an agent) leaves the agent free and the call going on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from cti.switch.device import Device
from cti.switch.seat import Seat

if TYPE_CHECKING:
    from cti.acd.agent import Agent
    from cti.acd.centre import Acd
    from cti.call import Call


class AgentLines:
    """``calls``: those that have not ended, by id. ``moved(call, before, after)``: told of a caller who rings at
    another agent's telephone now."""

    def __init__(
        self,
        acd: Acd,
        calls: Mapping[str, Call],
        moved: Callable[[Call, Agent, Agent], object],
    ) -> None:
        self._acd, self._calls, self._moved = acd, calls, moved

    def follow(self, devices: Iterable[Device]) -> None:
        """These devices' connections changed."""
        seats = [device for device in devices if isinstance(device, Seat)]
        with self._acd.turn():
            for seat in seats:  # who has a caller first, so that nobody loses one who was only handed on
                agent = self._acd.at_extension(seat.name)
                call = talks_with(seat)
                if agent is not None and call is not None:
                    self._has(agent, seat, call)
            for seat in seats:
                agent = self._acd.at_extension(seat.name)
                if agent is not None:
                    self._rings(agent, seat)
                    self._has_not(agent, seat)

    def _rings(self, agent: Agent, seat: Seat) -> None:
        """A caller who was offered to another agent, whose telephone rings for them no more, rings here: deflected, or
        picked up from an on-hook telephone."""
        conversation = seat.alerting.conversation if seat.alerting is not None else None
        call = conversation.call if conversation is not None else None
        if conversation is None or call is None or call.state != "transferring" or call.agent in (None, agent.id):
            return
        before = self._acd.agent(call.agent or "")
        if any(one.device.name == before.extension for one in conversation.ringing):
            return
        entry = self._acd.entries.get(call.id)
        ring_s = seat.takes_s(entry.queue.settings.ring_s) if entry is not None else None
        if self._acd.offer_elsewhere(call.id, agent, ring_s):
            call.agent, call.extension = agent.id, seat.name
            self._moved(call, before, agent)

    def _has(self, agent: Agent, seat: Seat, call: Call) -> None:
        """The caller is another's as long as that one has a part in it, too."""
        if call.state != "talking" or call.agent == agent.id or _still_has(call, seat):
            return
        call.agent, call.extension = agent.id, seat.name
        self._acd.hand_over(call.id, agent)

    def _has_not(self, agent: Agent, seat: Seat) -> None:
        call = self._calls.get(agent.call) if agent.call is not None else None
        lost = call is not None and call.state == "talking" and talks_with(seat) is not call
        if call is not None and lost and call.agent == agent.id:  # nobody we know has it now
            call.agent = None
            self._acd.hand_over(call.id, None)
        if seat.idle:
            if agent.line == "talking" and agent.call is None:
                self._acd.line(agent, "idle", "telephone", source="switch")
        elif agent.line == "idle" and self._acd.at_extension(seat.name) is agent:  # and has not gone home
            self._acd.line(agent, "talking", "telephone", source="switch")


def talks_with(seat: Seat) -> Call | None:
    """The queue's caller in whose conversation a telephone has a part (also on hold)."""
    for connection in seat.connections:
        if connection.role == "talk" and connection.state in ("connected", "hold"):
            call = connection.conversation.call
            if call is not None:
                return call
    return None


def _still_has(call: Call, but: Seat) -> bool:
    """Does the agent who has the call have a part in it still?"""
    return any(
        connection.device.name == call.extension and talks_with(connection.device) is call
        for connection in (one for device in but.connections for one in device.conversation.talkers)
        if isinstance(connection.device, Seat) and connection.device is not but
    )

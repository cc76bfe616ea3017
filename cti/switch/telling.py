"""What the switch does, told: to the journal first, then to the desks of who has a part in it (steps 8 and 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cti.switch.device import TrunkEnd
from cti.switch.seat import Seat
from cti.switch.verbs.asker import Asker
from drivers.words import alarm_words

if TYPE_CHECKING:
    from cti.call import Call
    from cti.centre import Centre
    from cti.switch.connection import Connection


class Telling:
    """Of one centre."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre

    def event(self, kind: str, connection: Connection, cause: str) -> None:
        """An event of call control, in the words of CSTA; a telephone that rings has its caller on the screen."""
        conversation, device = connection.conversation, connection.device
        told = {"event": kind, "device": device.name, "conversation": conversation.id}
        told |= {"cause": cause} if cause else {}
        call = conversation.call or (device.record if isinstance(device, TrunkEnd) else None)
        more: dict[str, Any] = dict(told)
        if call is None and conversation.record:
            self._centre.records.event(conversation.record, "connection", "switch", **more)
        else:
            self._centre.event(call, "connection", "switch", **more)
        if kind == "Delivered":
            self._shows(connection, call)
        parts = [{"device": one.device.name, "state": one.state, "role": one.role} for one in conversation.connections]
        said = {**told, "state": connection.state, "call": call.id if call is not None else None, "connections": parts}
        for name in dict.fromkeys([device.name, *(one.device.name for one in conversation.connections)]):
            agent = self._centre.acd.at_extension(name)
            if agent is not None:
                self._centre.desks.notify(agent.id, "connection", said)

    def verb(self, asker: Asker, verb: str, to: str | None, call: Call | None) -> None:
        """Something was done with a call, or with none."""
        data: dict[str, Any] = {"verb": verb, "to": to, "device": asker.seat.name, "by": asker.source}
        self._centre.event(call, "verb", "desk" if asker.source == "desk" else "switch", agent=asker.agent, **data)

    def trouble(self, seat: Seat, what: str, raised: bool) -> None:
        """A telephone is left off-hook, or out of order, or no longer: an alarm, and a word to its agent."""
        text = {
            "off_hook": f"the telephone {seat.name} is {'not' if raised else 'in use again, or'} hung up",
            "alarm": f"seat {seat.name}: " + (alarm_words(seat.alarms) or "in order again"),
        }[what]
        self._centre.set_alarm(f"seat_{what}_{seat.name}", raised, text)
        agent = self._centre.acd.at_extension(seat.name)
        if agent is not None:
            self._centre.desks.notify(agent.id, "alarm", {"what": what, "raised": raised, "text": text})

    def no_callers(self, agent: str, seat: Seat) -> None:
        """To who has just logged in at a telephone that nobody can be put through to."""
        what = "alarm" if seat.alarms else "off_hook"
        text = f"telephone {seat.name}: " + (alarm_words(seat.alarms) or "hang it up: it is off-hook")
        self._centre.desks.notify(
            agent, "alarm", {"what": what, "raised": True, "text": f"{text}; no callers come there until then"}
        )

    def _shows(self, connection: Connection, call: Call | None) -> None:
        """The caller is on the agent's screen; of a consultation, the one who is on hold."""
        agent, conversation = self._centre.acd.at_extension(connection.device.name), connection.conversation
        if call is None:
            held = (h for one in conversation.talkers if one is not connection for h in one.device.held)
            call = next((one.conversation.call for one in held if one.conversation.call is not None), None)
        if agent is not None and call is not None and call.agent != agent.id and call.state == "talking":
            self._centre.pop_ups.show_too(call, agent)

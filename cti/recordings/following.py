"""Which conversations are recorded, and at which port: follows the switch (step 9).

A conversation is recorded from the moment two talk in it until it is over, or the VRU has the caller again: at the
trunk of its caller (or called party) through all holds, transfers and conferences; without a trunk, at the telephone of
the first who talk, for as long as it is in it with somebody. Asked again, nothing is done twice. A device that goes
from one conversation into another, as a transfer makes it, keeps its file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cti.recordings.recordings import Recordings, Talk
from cti.switch.conversation import Conversation
from cti.switch.device import Device
from drivers.port import Port


@dataclass(slots=True)
class _Recorded:
    talk: Talk
    conversation: Conversation
    device: Device


class Following:
    """``agent_at(extension)``: who sits there now."""

    def __init__(self, recordings: Recordings, agent_at: Callable[[str], str | None]) -> None:
        self._recordings, self._agent_at = recordings, agent_at
        self._at: dict[Device, _Recorded] = {}
        self._of: dict[Conversation, _Recorded] = {}

    def look(self, devices: Iterable[Device]) -> None:
        """Something changed for these."""
        changed = list(devices)
        for conversation in dict.fromkeys(one.conversation for device in changed for one in device.connections):
            self._look(conversation)
        for device in changed:
            known = self._at.get(device)
            if known is not None and self._device(known.conversation) is not device:
                self._end(known)

    def _look(self, conversation: Conversation) -> None:
        device = self._device(conversation)
        port = device.port if device is not None else None
        known = self._of.get(conversation)
        if known is not None and known.device is not device:
            self._end(known)
        if device is None or port is None:
            return
        known = self._at.get(device)
        if known is not None and (known.talk.port is not port or known.talk.why is not None):
            self._end(known)
            known = None
        if known is None:
            talk = self._begin(conversation, port) if len(conversation.together) > 1 else None
            if talk is None:
                return
            known = self._at[device] = _Recorded(talk, conversation, device)
        elif known.conversation is not conversation:
            self._of.pop(known.conversation, None)
            known.conversation = conversation
        self._of[conversation] = known
        known.talk.joined(self._agents(conversation))

    def _begin(self, conversation: Conversation, port: Port) -> Talk | None:
        call = conversation.call
        return self._recordings.begin(
            port,
            call.id if call is not None else conversation.record or None,
            conversation.id,
            ani=call.ani if call is not None else conversation.calling,
            dnis=call.dnis if call is not None else None,
            group=call.group if call is not None else None,
        )

    def _device(self, conversation: Conversation) -> Device | None:
        """Where it is recorded, if two talk in it."""
        if conversation.vru:
            return None
        trunks = [one.device for one in conversation.talkers if one.device.kind == "trunk"]
        if trunks:
            return conversation.caller or trunks[0]
        known = self._of.get(conversation)
        together = [one.device for one in conversation.together]
        if len(together) < 2:
            return None
        return known.device if known is not None and known.device in together else together[0]

    def _end(self, known: _Recorded) -> None:
        known.talk.end()
        if self._of.get(known.conversation) is known:
            del self._of[known.conversation]
        if self._at.get(known.device) is known:
            del self._at[known.device]

    def _agents(self, conversation: Conversation) -> list[str]:
        seats = [one.device.name for one in conversation.together if one.device.kind == "seat"]
        found = [self._agent_at(extension) for extension in seats]
        return [agent for agent in found if agent is not None]

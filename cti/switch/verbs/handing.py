"""Verbs that hand a conversation on, or bring somebody in: consult, transfer, blind_transfer, three_way, conference,
deflect, give_back (step 7).

A transfer that nobody takes within RING_S comes back to who made it (cti.switch.turns).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from cti.switch.connection import Connection
from cti.switch.conversation import Conversation
from cti.switch.errors import UnknownNumber, VerbRefused, WrongState
from cti.switch.seat import Seat
from cti.switch.verbs.asker import Answer, Asker
from cti.switch.verbs.own import refused_sound

if TYPE_CHECKING:
    from cti.call import Call
    from cti.site.config import Site
    from cti.switch.calling import Reach
    from cti.switch.on_card import OnCard

RING_S: Final = 30.0


def wanted_group(site: Site, call: Call, number: str | None) -> str:
    """The group that is meant by a number; without one, that from which the caller came. UnknownNumber."""
    group = next((one for one in site.groups if one.number == number), None) if number else site.group(call.group or "")
    if group is None:
        raise UnknownNumber(f"no group has the number {number}" if number else "the caller came from no group")
    return group.name


def _no_queues(call: Call, number: str | None) -> Callable[[], object]:
    raise UnknownNumber("there are no queues here")


class Handing:
    """See cti.switch.verbs.VERBS for what each does. ``to_queue(call, number)``: how the caller is put into a
    group's queue; raises UnknownNumber."""

    def __init__(self, switch: OnCard, reach: Reach) -> None:
        self._switch, self._reach = switch, reach
        self.to_queue: Callable[[Call, str | None], Callable[[], object]] = _no_queues

    def consult(self, asker: Asker, to: str) -> Answer:
        """Refused, nothing is put on hold."""
        seat, present = asker.seat, asker.seat.present
        if to == seat.name:
            raise UnknownNumber(f"{to} is this telephone itself")
        self._reach.check(to, seat)
        if present is not None and present.state == "initiated" and seat.held:
            self._switch.clear(present, "consults")  # by recall button and desk at once
        else:
            self._switch.send(asker.talking, "hold")
        self.consulting(seat, to)
        return None

    def consulting(self, seat: Seat, to: str) -> None:
        """The conversation is on hold; a refusal is heard as a tone, too."""
        switch = self._switch
        conversation = switch.converse(seat.name)
        with switch.turn():
            mine = switch.bring(seat, conversation, "originate", "consults")
            try:
                called = self._reach.call(conversation, to, seat)
            except VerbRefused as refused:
                switch.fail(mine, refused_sound(refused), str(refused))
                return
            if isinstance(called.device, Seat):
                switch.limit(called, called.device.takes_s(RING_S), lambda: self._nobody(mine, called))

    def transfer(self, asker: Asker, to: str | None) -> Answer:
        """Also while the one consulted still rings: then the caller waits for the answer."""
        held, present = asker.held, asker.seat.present
        others = [one for one in present.conversation.talkers if one is not present] if present is not None else []
        others = [one for one in others if one.state in ("connected", "alerting")]
        if present is None or present.state != "connected" or not others:
            raise WrongState("nobody is consulted, or nobody is there any more")
        switch, conversation, back = self._switch, held.conversation, asker.seat
        self.calling(conversation)
        if any(other.state == "alerting" for other in others):
            conversation.back = back
        for other in others:
            switch.move(other, conversation)
            if other.state == "alerting":
                switch.limit(other, other.device.takes_s(RING_S), partial(switch.clear, other, "no answer"))
        switch.clear(held, f"transferred by {back.name}", "transfer")
        switch.clear(present, f"transferred by {back.name}", "transfer")
        switch.busy(back, "transferred")
        return None

    def blind_transfer(self, asker: Asker, to: str) -> Answer:
        """A telephone that is in use refuses it, and nothing is changed: camp_on waits for it."""
        present, seat = asker.talking, asker.seat
        if to == seat.name or any(one.device.name == to for one in present.conversation.connections):
            raise UnknownNumber(f"{to} is in this conversation already")
        self.calling(present.conversation)
        called = self._reach.call(present.conversation, to, seat)
        present.conversation.back = seat
        if isinstance(called.device, Seat):
            self._switch.limit(called, called.device.takes_s(RING_S), lambda: self._switch.clear(called, "no answer"))
        self._switch.clear(present, f"transferred by {seat.name}", "transfer")
        self._switch.busy(seat, "transferred")
        return None

    def three_way(self, asker: Asker, to: str | None) -> Answer:
        """Three, and not more: that is a conference."""
        if len(asker.held.conversation.talkers) + len(asker.talking.conversation.talkers) > 4:
            raise WrongState("more than three would be joined: make it a conference")
        return self.conference(asker, None)

    def conference(self, asker: Asker, to: str | None) -> Answer:
        """With a target: rings there, and whoever lifts is in. Else who is consulted and who is on hold are joined."""
        switch, present = self._switch, asker.talking
        if to is not None:
            called = self._reach.call(present.conversation, to, asker.seat)
            if isinstance(called.device, Seat):
                switch.limit(called, called.device.takes_s(RING_S), lambda: switch.clear(called, "no answer"))
            return None
        held = asker.held
        others = [one for one in present.conversation.connections if one is not present]
        if not any(one.state == "connected" for one in others):
            raise WrongState("nobody is consulted, or nobody is there yet")
        for other in others:
            switch.move(other, held.conversation, "conference")
        switch.clear(present, "conference")
        switch.send(held, "conference")
        return None

    def deflect(self, asker: Asker, to: str) -> Answer:
        """The caller's time to wait goes on; who deflects is free."""
        ringing = asker.ringing
        if to == asker.seat.name:
            raise UnknownNumber(f"{to} is this telephone itself")
        conversation = ringing.conversation
        called = self._reach.call(conversation, to, asker.seat)
        if conversation.offered is None and isinstance(called.device, Seat):
            self._switch.limit(called, called.device.takes_s(RING_S), lambda: self._switch.clear(called, "no answer"))
        self._switch.clear(ringing, f"deflected to {to}", "divert")
        return None

    def give_back(self, asker: Asker, to: str | None) -> Answer:
        """The VRU has the caller again, who waits for the group at the place of the arrival."""
        present, switch = asker.talking, self._switch
        conversation = present.conversation
        call = conversation.call
        if call is None or len(conversation.talkers) != 2:
            raise WrongState("this is no conversation with a queue's caller alone")
        give = self.to_queue(call, to)
        switch.clear(present, f"given back by {asker.seat.name}", "transfer")
        switch.back_to_vru(conversation)
        switch.busy(asker.seat, "given back")
        give()
        return None

    # within

    def calling(self, conversation: Conversation) -> None:
        """What the next telephone shows: the caller's number, where there is one."""
        call = conversation.call
        if call is not None and call.ani:
            conversation.calling = call.ani

    def _nobody(self, mine: Connection, called: Connection) -> None:
        with self._switch.turn():
            self._switch.fail(mine, "busy", "no answer")
            self._switch.clear(called, "no answer")

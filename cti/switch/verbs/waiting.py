"""Verbs with which a call waits: park, pick_up, camp_on (step 7).

Parked for PARK_S, or camped for CAMP_S without the telephone coming free: it comes back to who put it there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from cti.switch.connection import Connection
from cti.switch.conversation import Conversation
from cti.switch.device import Device
from cti.switch.errors import NobodyThere, TargetBusy, UnknownNumber, WrongState
from cti.switch.seat import Seat
from cti.switch.verbs.asker import Answer, Asker
from cti.switch.verbs.handing import RING_S

if TYPE_CHECKING:
    from cti.switch.calling import Reach
    from cti.switch.on_card import OnCard

PARK_S: Final = 120.0
CAMP_S: Final = 120.0
SLOTS: Final = 99


class Waiting:
    """See cti.switch.verbs.VERBS for what each does. Slots are 1 to SLOTS."""

    def __init__(self, switch: OnCard, reach: Reach) -> None:
        self._switch, self._reach = switch, reach
        self._camped: dict[Connection, None] = {}

    @property
    def _parked(self) -> dict[str, Conversation]:
        return {one.parked: one for one in self._switch.conversations if one.parked}

    def park(self, asker: Asker, to: str | None) -> Answer:
        """Answers with the slot, the lowest free one unless one is asked for."""
        switch, mine, taken = self._switch, asker.talking, self._parked
        conversation = mine.conversation
        others = [one for one in conversation.talkers if one is not mine]
        if len(others) != 1 or others[0].state != "connected":
            raise WrongState("only a conversation of two can be parked")
        slot = to or next((str(n) for n in range(1, SLOTS + 1) if str(n) not in taken), "")
        slot = slot.lstrip("0")  # 01 is 1
        if not slot.isdecimal() or not 1 <= int(slot[:3]) <= SLOTS:
            raise UnknownNumber(f"slots are 1 to {SLOTS}")
        if slot in taken:
            raise TargetBusy(f"somebody is parked in slot {slot}")
        (other,) = others
        conversation.parked, conversation.back = slot, asker.seat
        switch.send(other, "queue", f"parked in {slot}")
        switch.limit(other, PARK_S, lambda: self._unpark(other))
        switch.clear(mine, f"parked in {slot}", "transfer")
        switch.busy(asker.seat, "parked")
        return {"slot": slot}

    def pick_up(self, asker: Asker, to: str) -> Answer:
        """An on-hook telephone rings first; another one may be quicker."""
        slot = to.lstrip("0")
        if slot not in self._parked:
            raise NobodyThere(f"nobody is parked in slot {to}")
        self._reach.prompt(asker.seat, slot, lambda: self._take(asker.seat, slot))
        return None

    def _take(self, seat: Seat, slot: str) -> None:
        conversation = self._parked.get(slot)
        if conversation is None:
            raise NobodyThere(f"nobody is parked in slot {slot} any more")
        conversation.parked, conversation.back = "", None
        with self._switch.turn():
            self._switch.bring(seat, conversation, "originate", f"picked up from {slot}")
            for parked in [one for one in conversation.talkers if one.state == "queued"]:
                self._switch.send(parked, "answer")

    def _unpark(self, parked: Connection) -> None:
        parked.conversation.parked = ""
        with self._switch.turn():
            self._switch.send(parked, "answer", "parked too long")

    def camp_on(self, asker: Asker, to: str) -> Answer:
        """Who hands a call on leaves; the caller hears music until the telephone is free, and rings there then."""
        switch, mine, seat = self._switch, asker.talking, self._switch.seats.get(to)
        if seat is None or seat is asker.seat:
            raise UnknownNumber(f"{to} is no other telephone of ours")
        if seat.idle:
            raise WrongState(f"telephone {to} is free: transfer the call")
        if any(one.state == "queued" for one in seat.connections):
            raise TargetBusy(f"somebody waits for telephone {to} already")
        conversation = mine.conversation
        others = [one for one in conversation.together if one is not mine]
        if len(others) != 1:
            raise WrongState("only a conversation of two can wait")
        conversation.back, conversation.music = asker.seat, True
        camped = switch.bring(seat, conversation, "queue", "camped on")
        camped.camped = True
        switch.limit(camped, CAMP_S, lambda: switch.clear(camped, "waited too long"))
        self._camped[camped] = None
        switch.clear(mine, f"camped on {to}", "transfer")
        switch.busy(asker.seat, "camped on")
        return None

    def look(self, devices: Iterable[Device]) -> None:
        """These changed: who is free now gets who waits for it."""
        changed = set(devices)
        for camped in list(self._camped):
            if camped.state != "queued":
                del self._camped[camped]
            elif camped.device in changed and isinstance(camped.device, Seat):
                self._let_ring(camped, camped.device)

    def _let_ring(self, camped: Connection, seat: Seat) -> None:
        if seat.off_hook or seat.alarms or any(one is not camped for one in seat.connections):
            return
        del self._camped[camped]
        switch, camped.camped = self._switch, False
        with switch.turn():
            switch.send(camped, "deliver", "free")
            seat.ring(camped.conversation.calling)
            switch.limit(camped, seat.takes_s(RING_S), lambda: switch.clear(camped, "no answer"))

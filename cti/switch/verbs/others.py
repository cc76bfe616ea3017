"""Verbs about others' conversations: monitor, whisper, barge_in, forced_release, take_over, group_pickup, take_ringing
(step 7). Supervisors', but for the pickup in one's own group.

Who listens stays for as long as two talk with each other, wherever they came from; then hears busy tone. One who
listens already may change to another way of it, and back, at any moment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cti.switch.connection import Connection, Role
from cti.switch.errors import NobodyThere, UnknownNumber, WrongState
from cti.switch.seat import Seat
from cti.switch.verbs.asker import Answer, Asker
from cti.switch.verbs.handing import RING_S

if TYPE_CHECKING:
    from cti.switch.calling import Reach
    from cti.switch.on_card import OnCard

ROLES: dict[str, Role] = {"monitor": "listen", "whisper": "coach", "barge_in": "talk"}


class Others:
    """See cti.switch.verbs.VERBS for what each does. ``same_group(extension, extension)``: may one pick up the other's
    calls?"""

    def __init__(self, switch: OnCard, reach: Reach) -> None:
        self._switch, self._reach = switch, reach
        self.same_group: Callable[[str, str], bool] = lambda one, other: False

    # listening in

    def monitor(self, asker: Asker, to: str) -> Answer:
        """监听."""
        return self._listen_in(asker, to, "monitor")

    def whisper(self, asker: Asker, to: str) -> Answer:
        """密语."""
        return self._listen_in(asker, to, "whisper")

    def barge_in(self, asker: Asker, to: str) -> Answer:
        """强插."""
        return self._listen_in(asker, to, "barge_in")

    def _listen_in(self, asker: Asker, to: str, how: str) -> Answer:
        target, present = self._talks(asker, to), asker.seat.present
        if present is not None and present.conversation is target.conversation:
            if present.state != "connected":
                raise WrongState(f"telephone {asker.seat.name} has put this conversation on hold")
            self._change(present, target, ROLES[how])
            return None
        self._reach.prompt(asker.seat, to, lambda: self._join(asker, to, ROLES[how]))
        return None

    def _join(self, asker: Asker, to: str, role: Role) -> None:
        target = self._talks(asker, to)
        with self._switch.turn():
            joined = self._switch.bring(asker.seat, target.conversation, "join", role, role)
            joined.coached = target.device if role == "coach" else None

    def _change(self, present: Connection, target: Connection, role: Role) -> None:
        if present.role == "talk" and present is not target and role != "talk":
            others = [one for one in present.conversation.together if one is not present]
            if len(others) < 2:
                raise WrongState("without you there is nobody to listen to")
        with self._switch.turn():
            present.role = role
            present.coached = target.device if role == "coach" else None
            self._switch.send(present, "conference", role)

    # ending, taking

    def forced_release(self, asker: Asker, to: str) -> Answer:
        """强拆: the agent's telephone hears busy tone, and so does everybody whom nobody is left for."""
        target = self._talks(asker, to)
        seat = target.device
        self._switch.clear(target, f"released by {asker.seat.name}")
        if isinstance(seat, Seat):
            self._switch.busy(seat, "forced release")
        return None

    def take_over(self, asker: Asker, to: str) -> Answer:
        """拦截: until the supervisor's telephone is lifted the agent goes on talking. A listener's is lifted."""
        target, present = self._talks(asker, to), asker.seat.present
        if present is not None and present.conversation is target.conversation:
            with self._switch.turn():
                self._change(present, target, "talk")
                self._displace(target, asker)
            return None
        self._reach.prompt(asker.seat, to, lambda: self._take(asker, to))
        return None

    def _take(self, asker: Asker, to: str) -> None:
        target = self._talks(asker, to)
        with self._switch.turn():
            self._switch.bring(asker.seat, target.conversation, "originate", "take over")
            self._displace(target, asker)

    def _displace(self, target: Connection, asker: Asker) -> None:
        seat = target.device
        self._switch.clear(target, f"taken over by {asker.seat.name}", "divert")
        if isinstance(seat, Seat):
            self._switch.busy(seat, "taken over")

    def group_pickup(self, asker: Asker, to: str | None) -> Answer:
        """代接: the call that rings longest; with a target, that telephone's."""
        mine = asker.seat.name
        ringing = [one for one in self._ringing() if to is None or one.device.name == to]
        ringing = [one for one in ringing if self.same_group(mine, one.device.name)]
        if not ringing:
            raise NobodyThere("nothing rings in your group" if to is None else f"telephone {to} does not ring for you")
        self._pick(asker, min(ringing, key=lambda one: one.since_s))
        return None

    def take_ringing(self, asker: Asker, to: str) -> Answer:
        """抢接: in whatever group."""
        ringing = next((one for one in self._ringing() if one.device.name == to), None)
        if ringing is None:
            raise NobodyThere(f"telephone {to} does not ring")
        self._pick(asker, ringing)
        return None

    def _pick(self, asker: Asker, ringing: Connection) -> None:
        """An off-hook telephone has the call at once; an on-hook one rings in the other's place."""
        seat, switch, conversation = asker.seat, self._switch, ringing.conversation
        if seat is ringing.device:
            raise WrongState(f"telephone {seat.name} rings itself: lift it")
        if seat.off_hook and seat.ready_to_go_on:
            self._reach.put_down(seat)
            mine = switch.bring(seat, conversation, "deliver", "pickup")
            switch.answer(mine, "pickup")
            if ringing.live:
                switch.clear(ringing, f"picked up by {seat.name}", "divert")
            return
        if not seat.idle:
            raise WrongState(f"telephone {seat.name} is in use itself")
        mine = switch.deliver(seat, conversation, "pickup")
        switch.clear(ringing, f"picked up by {seat.name}", "divert")
        if conversation.offered is None:
            switch.limit(mine, seat.takes_s(RING_S), lambda: switch.clear(mine, "no answer"))

    # within

    def _ringing(self) -> list[Connection]:
        return [
            one
            for conversation in self._switch.conversations
            for one in conversation.ringing
            if conversation.then is None and isinstance(one.device, Seat)
        ]

    def _talks(self, asker: Asker, to: str) -> Connection:
        """The conversation that a telephone is in, with somebody."""
        seat = self._switch.seats.get(to)
        if seat is None:
            raise UnknownNumber(f"{to} is no telephone of ours")
        if seat is asker.seat:
            raise UnknownNumber(f"{to} is this telephone itself")
        present = seat.present
        if present is None or present.state != "connected" or present.role != "talk":
            raise NobodyThere(f"telephone {to} is in no conversation")
        if not any(one is not present for one in present.conversation.together):
            raise NobodyThere(f"telephone {to} talks with nobody yet")
        return present

"""Verbs about one's own conversations: make, answer, hang_up, hold, retrieve, alternate, send_dtmf (step 7)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cti.switch.connection import Connection
from cti.switch.device import TrunkEnd
from cti.switch.errors import UnderWay, UnknownNumber, VerbRefused, WrongState
from cti.switch.hearing import Sound
from cti.switch.seat import Seat
from cti.switch.verbs.asker import Answer, Asker
from drivers.operations import quietly

if TYPE_CHECKING:
    from cti.switch.calling import Reach
    from cti.switch.on_card import OnCard


class Own:
    """See cti.switch.verbs.VERBS for what each does."""

    def __init__(self, switch: OnCard, reach: Reach) -> None:
        self._switch, self._reach = switch, reach

    def make(self, asker: Asker, to: str) -> Answer:
        """The telephone is lifted, or rings for its agent; then the number is called."""
        seat = asker.seat
        if to == seat.name:
            raise UnknownNumber(f"{to} is this telephone itself")
        self._reach.check(to, seat)
        self._reach.prompt(seat, to, lambda: self.call(seat, to))
        return None

    def call(self, seat: Seat, to: str) -> Connection:
        """Off-hook, and the number is known. A refusal is heard as a tone, too."""
        switch = self._switch
        conversation = switch.converse(seat.name)
        with switch.turn():
            mine = switch.bring(seat, conversation, "originate")
            try:
                self._reach.call(conversation, to, seat)
            except VerbRefused as refused:
                switch.fail(mine, refused_sound(refused), str(refused))
                raise
        return mine

    def answer(self, asker: Asker, to: str | None) -> Answer:
        """A telephone on a card cannot be lifted by us; one that is off-hook takes what waits for it."""
        seat = asker.seat
        waiting = next((one for one in seat.connections if one.state == "queued"), None)
        if seat.alerting is not None and not seat.off_hook:
            raise WrongState(f"telephone {seat.name} rings: lift it")
        if waiting is None:
            raise WrongState(f"nothing waits for telephone {seat.name}")
        present = seat.present_but(waiting)
        if present is not None and present.state == "connected":
            self._switch.send(present, "hold")
        elif present is not None:
            self._switch.clear(present)
        waiting.camped = False
        self._switch.answer(waiting)
        return None

    def hang_up(self, asker: Asker, to: str | None) -> Answer:
        """The handset stays where it is: off-hook, the telephone hears busy tone until it is put down."""
        seat = asker.seat
        leaving = seat.present or seat.alerting
        if leaving is None:
            raise WrongState(f"telephone {seat.name} has no conversation in hand")
        self._switch.clear(leaving, f"{seat.name} hung up")
        self._switch.busy(seat, "hung up at the desk")
        return None

    def hold(self, asker: Asker, to: str | None) -> Answer:
        """One conversation in hand, any number aside."""
        self._switch.send(asker.talking, "hold")
        return None

    def retrieve(self, asker: Asker, to: str | None) -> Answer:
        """What was being done meanwhile (dialled, called in vain) ends; a conversation in hand is not thrown away."""
        held, present = asker.held, asker.seat.present
        if not asker.seat.off_hook:
            raise WrongState(f"telephone {asker.seat.name} is on-hook: lift it")
        if present is not None and _speaks(present):
            raise WrongState("another conversation is in hand: alternate, transfer or hang up")
        if present is not None:
            asker.seat.calm()
            self._switch.clear(present, "the one on hold is taken back")
        self._switch.send(held, "retrieve")
        return None

    def alternate(self, asker: Asker, to: str | None) -> Answer:
        """The one put aside first comes back first, where there are more than two."""
        present, held = asker.talking, asker.seat.held
        if not held:
            raise WrongState(f"telephone {asker.seat.name} has nothing on hold")
        self._switch.send(present, "hold")
        self._switch.send(held[0], "retrieve")
        return None

    def send_dtmf(self, asker: Asker, to: str) -> Answer:
        """To everybody outside in the conversation; the digits are heard by nobody here."""
        ends = [one.device for one in asker.talking.conversation.together if isinstance(one.device, TrunkEnd)]
        if not ends:
            raise WrongState("nobody outside is in the conversation")
        if any(end.port.player is not None for end in ends):
            raise UnderWay("digits, or a notice, are being sent already")
        if not re.fullmatch(r"[0-9*#A-D]{1,64}", to):
            raise UnknownNumber("1 to 64 of 0-9, *, #, A-D")
        for end in ends:
            quietly(end.port.dial(to))
        return None


def refused_sound(refused: VerbRefused) -> Sound:
    """What somebody who dialled hears of it."""
    return {"unknown_number": "info", "no_trunk": "congestion", "not_allowed": "info"}.get(refused.name, "busy")  # type: ignore[return-value]


def _speaks(present: Connection) -> bool:
    others = [one for one in present.conversation.together if one is not present]
    return present.state == "connected" and bool(others)

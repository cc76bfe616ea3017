"""What the movements of an agent's telephone mean: lifted, hung up, flashed, typed on (step 7).

Lifted while it rings: answered. Lifted otherwise: dial tone, and a number or a star code (cti.switch.dialling). Hung
up: out of the conversation; with another one on hold, and nobody else in hand, it rings for that one at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cti.switch.on_card import OnCard
from cti.switch.seat import Seat

if TYPE_CHECKING:
    from cti.switch.connection import Connection


class TelephoneMoves:
    """Owner of all seats (cti.switch.seat.SeatOwner). ``on_trouble(seat, what, raised)``: off_hook, alarm."""

    def __init__(self, switch: OnCard, on_trouble: Callable[[Seat, str, bool], object]) -> None:
        self._switch, self._on_trouble = switch, on_trouble

    def lifted(self, seat: Seat) -> None:
        """Answers, or asks for a number."""
        switch, ringing = self._switch, seat.alerting
        if ringing is not None:
            switch.answer(ringing)
            return
        with switch.turn():
            connection = switch.bring(seat, switch.converse(seat.name), "initiate")
            switch.tones[connection] = "dial"

    def hung_up(self, seat: Seat) -> None:
        """Out of the conversation it was in."""
        switch = self._switch
        with switch.turn():
            present: Connection | None = seat.present
            if present is not None:
                switch.clear(present, f"{seat.name} hung up")

    def flashed(self, seat: Seat) -> None:
        """The recall button."""

    def typed(self, seat: Seat, digit: str) -> None:
        """A digit."""

    def left_off_hook(self, seat: Seat, still: bool) -> None:
        """Howler, then silence; the agent is told."""
        switch = self._switch
        present = seat.present
        with switch.turn():
            if still and present is not None:
                switch.sound(present, None if seat.silent else "howler")
        self._on_trouble(seat, "off_hook", still)

    def out_of_order(self, seat: Seat, alarms: tuple[str, ...]) -> None:
        """The card is gone: whatever went on there is over."""
        switch = self._switch
        with switch.turn():
            for connection in list(seat.connections) if alarms else ():
                switch.clear(connection, "alarm " + " ".join(alarms))
        self._on_trouble(seat, "alarm", bool(alarms))

    def new_call_on(self, seat: Seat) -> None:
        """Its port's epoch is raised."""
        self._switch.new_call_on(seat)

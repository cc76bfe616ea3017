"""Who asks for a verb, and what is in hand there (step 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cti.switch.connection import Connection
from cti.switch.errors import WrongState
from cti.switch.seat import Seat

if TYPE_CHECKING:
    from cti.call import Call

Answer = Mapping[str, Any] | None
Role = Literal["agent", "supervisor"]


@dataclass(frozen=True, slots=True)
class Asker:
    """A telephone, who sits there (None: nobody is logged in), and by which way the wish came."""

    seat: Seat
    agent: str | None
    role: Role
    source: Literal["desk", "telephone"]

    @property
    def call(self) -> Call | None:
        """The caller's record that is in hand, or on hold."""
        calls = (one.conversation.call for one in self.seat.connections)
        return next((call for call in calls if call is not None), None)

    @property
    def talking(self) -> Connection:
        """The conversation in hand. WrongState."""
        present = self.seat.present
        if present is None or present.state != "connected" or present.role != "talk":
            raise WrongState(f"telephone {self.seat.name} is in no conversation")
        return present

    @property
    def held(self) -> Connection:
        """The one put aside last. WrongState."""
        if not self.seat.held:
            raise WrongState(f"telephone {self.seat.name} has nothing on hold")
        return self.seat.held[-1]

    @property
    def ringing(self) -> Connection:
        """What it rings for. WrongState."""
        alerting = self.seat.alerting
        if alerting is None or alerting.conversation.then is not None:
            raise WrongState(f"telephone {self.seat.name} does not ring")
        return alerting

"""What appears on the agent's screen: who calls, what they chose, how long they waited, what is known of them (step 8).

The customer is looked up as soon as the number is known, so that at the transfer the card is at hand; a number or a
card that comes later updates the screen. A number that is cut or doubted (cti.arrivals.numbers) is nobody's for
certain: then there is no customer on the screen and none of their calls, only candidates. A customer's texts are shown
up to NAME and NOTE characters; the rest is in the customer file.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred

from cti.acd.agent import Agent
from cti.call import Call
from cti.customers.book import Customer
from cti.desk.history import call_line
from cti.records.records import CustomerCard, Records
from drivers.clock import Clock

NAME = 200
NOTE = 1000


class Screens(Protocol):
    """The agents' desks."""

    def notify(self, agent: str, method: str, params: dict[str, Any]) -> bool:
        """Sends a notification; kept for the session where the link is down."""
        ...


class PopUps:
    """The pop-ups of calls under way."""

    def __init__(self, clock: Clock, records: Records, screens: Screens) -> None:
        self._clock, self._records, self._screens = clock, records, screens
        self._cards: dict[Call, tuple[str, CustomerCard]] = {}  # with the number it belongs to
        self._shown: dict[Call, list[str]] = {}  # the agents who have it on their screens

    def numbers_changed(self, call: Call) -> None:
        """Looks the caller up; what is on a screen already is updated."""
        if call.ended:
            return
        if call in self._shown:
            self._update(call)
        if call.ani and (call not in self._cards or self._cards[call][0] != call.ani):
            Deferred.fromCoroutine(self._look_up(call, call.ani))

    def show(self, call: Call, agent: Agent) -> None:
        """The pop-up, as the telephone is called."""
        self._shown[call] = [agent.id]
        self._screens.notify(agent.id, "popup", self._content(call))

    def show_too(self, call: Call, agent: Agent) -> None:
        """The call is handed on to, or talked over with, another agent: on that one's screen as well."""
        shown = self._shown.setdefault(call, [])
        if agent.id not in shown:
            shown.append(agent.id)
            self._screens.notify(agent.id, "popup", self._content(call))

    def withdraw(self, call: Call, agent: Agent) -> None:
        """The call goes to another agent."""
        if agent.id in self._shown.get(call, ()):
            self._shown[call].remove(agent.id)
            self._screens.notify(agent.id, "ended", {"call": call.id, "reason": "not answered"})

    def forget(self, call: Call) -> None:
        """The call is over."""
        self._cards.pop(call, None)
        for agent in self._shown.pop(call, ()):
            self._screens.notify(agent, "ended", {"call": call.id, "reason": call.outcome or ""})

    async def _look_up(self, call: Call, ani: str) -> None:
        card = await self._records.lookup(ani, truncated=call.ani_truncated, call=call.id)
        if call.ended or call.ani != ani:
            return
        self._cards[call] = (ani, card)
        if call in self._shown:
            self._update(call)

    def _update(self, call: Call) -> None:
        for agent in self._shown[call]:
            self._screens.notify(agent, "popup.update", self._content(call))

    def _content(self, call: Call) -> dict[str, Any]:
        ani, card = self._cards.get(call, (None, CustomerCard()))
        if ani != call.ani:
            card = CustomerCard()  # another number's: the look-up for this one is under way
        waited = self._clock.seconds() - call.queued_s if call.queued_s is not None else 0.0
        doubt = call.ani_doubt or ("cut" if call.ani_truncated else None)
        perhaps = card.candidates or ((card.customer,) if doubt and card.customer is not None else ())
        return {
            "call": call.id,
            "ani": call.ani,
            "dnis": call.dnis,
            "menu": call.choice,
            "group": call.group,
            "language": call.language,
            "waited_s": round(waited, 1),
            "customer": None if doubt or card.customer is None else _shown(card.customer),
            "candidates": [{**_shown(one), "certain": False} for one in perhaps],
            "confirmed": card.confirmed and not doubt,
            "doubt": doubt,
            "last_calls": [] if doubt else [call_line(row) for row in card.last_calls],
        }


def _shown(customer: Customer) -> dict[str, Any]:
    name, company, note = _cut(customer.name, NAME), _cut(customer.company, NAME), _cut(customer.note, NOTE)
    return {"name": name, "company": company, "note": note}


def _cut(text: str | None, most: int) -> str | None:
    return text if text is None or len(text) <= most else text[: most - 1] + "…"

"""Who sits at which seat, and what they may: agents' words and wishes from desks and telephones (steps 7 and 8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cti.errors import AcdError
from cti.site.trunks import Toll
from cti.switch.calling import CallOut
from cti.switch.errors import WrongState
from cti.switch.seat import Seat
from cti.switch.verbs.asker import Asker

if TYPE_CHECKING:
    from cti.acd.agent import Agent
    from cti.acd.centre import Acd
    from cti.desk.telephone import Telephones
    from cti.site.config import Site
    from cti.switch.on_card import OnCard
    from cti.trunks.routes import Routes


class Seating:
    """The agents of one site at the seats of one switch."""

    def __init__(self, site: Site, acd: Acd, switch: OnCard, routes: Routes, telephones: Telephones) -> None:
        self._acd, self._switch, self._routes, self._telephones = acd, switch, routes, telephones
        self._profiles = {profile.id: profile for profile in site.agents}

    def agent_at(self, extension: str) -> Agent | None:
        """Who is logged in there; whoever has a call there counts, too."""
        return self._acd.at_extension(extension)

    def name_at(self, extension: str) -> str | None:
        """The id of whoever sits there."""
        agent = self.agent_at(extension)
        return agent.id if agent is not None else None

    def at_desk(self, agent: str) -> Asker:
        """A wish from a PC is about the telephone at which its agent is logged in. WrongState: at none of ours."""
        seat = self._switch.seats.get(self._acd.agent(agent).extension or "")
        if seat is None:
            raise WrongState(f"agent {agent} is at no telephone of ours: log in at a seat")
        return Asker(seat, agent, self._profiles[agent].role, "desk")

    def asker(self, seat: Seat) -> Asker:
        """Who types on a telephone: whoever is logged in there."""
        agent = self.agent_at(seat.name)
        if agent is None or agent.declared == "logged_off":
            return Asker(seat, None, "agent", "telephone")
        return Asker(seat, agent.id, self._profiles[agent.id].role, "telephone")

    async def login(self, seat: Seat, agent: str, pin: str) -> bool:
        """By star code, with the PIN; not ready at first, as from a desk, and again so after a restart of the server
        (cti.desk.seated). False: wrong, or somebody sits there."""
        if not await self._telephones.pins.right(agent, pin):
            return False
        try:
            self._acd.login(agent, seat.name)
        except AcdError:
            return False
        self._telephones.seated.sits(agent, seat.name)
        return True

    def said(self, seat: Seat, word: str) -> bool:
        """By star code, at the telephone where the agent is logged in. False: nobody is."""
        agent, acd = self.asker(seat).agent, self._acd
        if agent is None:
            return False
        words: dict[str, Callable[[], object]] = {
            "ready": lambda: acd.ready(agent),
            "not_ready": lambda: acd.not_ready(agent, "telephone"),
            "wrap_up_done": lambda: acd.wrap_up_done(agent),
            "logout": lambda: acd.logout(agent),
        }
        words[word]()
        return True

    def same_group(self, one: str, other: str) -> bool:
        """Have the agents at two seats a group in common?"""
        agents = [self.agent_at(extension) for extension in (one, other)]
        groups = [set(agent.group_names) if agent is not None else set() for agent in agents]
        return bool(groups[0] & groups[1])

    def outside(self, number: str, seat: Seat) -> CallOut:
        """A call out by the right of who sits there; emergency numbers always. CannotCall."""
        return self._routes.call(number, self._right(seat))

    def check_outside(self, number: str, seat: Seat) -> None:
        """Could it be made in this moment? CannotCall."""
        self._routes.check(number, self._right(seat))

    def _right(self, seat: Seat) -> Toll:
        agent = self.asker(seat).agent
        return self._routes.right(self._profiles[agent] if agent is not None else None)

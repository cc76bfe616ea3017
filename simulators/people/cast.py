"""Who plays which part in what is done with a caller's call (step 7).

`agent of 1` is whom caller 1 hears first, `rung of 1` at whose screen caller 1 was announced last; where people do not
speak in code the two are one; `other of 1` is a
colleague who is free for it, `supervisor of 1` a supervisor, `outside of 1` a telephone of the town, each chosen from
the scenario's pools at the first time and kept until the caller is gone. `slot of 1` is where caller 1 was parked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from simulators.truth import Happening

if TYPE_CHECKING:
    from simulators.people.desk import Desk
    from simulators.people.phone import Phone
    from simulators.world.surroundings import Surroundings

CHOSEN = ("other", "supervisor", "outside")
ROLES = ("agent", "rung", *CHOSEN)
FREED_S = 6.0  # after the caller has gone, the others are free for another one


class Cast:
    """Of one world. `slots`: by caller."""

    def __init__(self, world: Surroundings) -> None:
        self._world = world
        self._parts: dict[tuple[str, int], str] = {}
        self.slots: dict[int, str] = {}

    def party(self, name: str) -> str:
        """`caller 1`, `phone 8001` (also of `desk 1001` and of a part that somebody plays), `subscriber 139..`, or a
        sound. ValueError where nobody plays that part (yet, or any more is free to)."""
        role, _, number = name.partition(" of ")
        if number:
            found = self._who_is(role, int(number))
            return f"subscriber {found}" if role == "outside" else f"phone {found}"
        kind, _, number = name.partition(" ")
        if kind == "desk":
            return f"phone {self._world.desks[number].plan.extension}"
        if name.isdigit():
            return f"phone {name}" if name in self._world.phones else f"subscriber {name}"
        return name

    def number(self, to: str) -> str:
        """The digits of an object: a number as it stands, a part's, a slot; or keys with a `{part}` among them."""

        def digits(name: str) -> str:
            if name.startswith("slot of "):
                return self.slots.get(int(name.removeprefix("slot of ")), "0")
            return self.party(name).partition(" ")[2]

        if "{" in to:
            return re.sub(r"\{([^}]+)\}", lambda found: digits(found[1]), to)
        return digits(to) if " of " in to else to

    def phone(self, who: str) -> Phone:
        """Somebody's telephone. KeyError, ValueError: there is none."""
        return self._world.phones[self.party(who).removeprefix("phone ")]

    def desk(self, who: str) -> Desk:
        """The PC beside it."""
        extension = self.phone(who).extension
        return next(desk for desk in self._world.desks.values() if desk.plan.extension == extension)

    def whose(self, happening: Happening) -> int | None:
        """The caller with whose call this has to do: a screen tells the number only."""
        if happening.what != "popup":
            return happening.call
        ani = happening.data.get("ani")
        return next((number for number, call in self._world.truth.calls.items() if call.ani == ani), None)

    def learn(self, happening: Happening) -> None:
        """Who talks, whose telephone is called, whose part is over."""
        caller = self.whose(happening)
        if caller is None:
            return
        if happening.what == "talks":
            heard = str(happening.data.get("hears") or "")
            first = heard.removeprefix("phone ") if heard.startswith("phone ") else None
            if not heard:  # words do not say whose they are: whom the caller was announced to
                first = self._parts.get(("rung", caller))
            if first is not None:
                self._parts.setdefault(("agent", caller), first)
        elif happening.what == "popup":
            desk = self._world.desks[str(happening.data["agent"])]
            self._parts["rung", caller] = desk.plan.extension
        elif happening.what == "caller gone":
            self._world.clock.callLater(FREED_S, self._free, caller)

    def _free(self, caller: int) -> None:
        for role in CHOSEN:
            self._parts.pop((role, caller), None)

    def _who_is(self, role: str, caller: int) -> str:
        found = self._parts.get((role, caller))
        if found is None:
            pool = self._world.scenario.pools.get(role, ())
            taken = {one for (of, _), one in self._parts.items() if of == role}
            found = next((one for one in pool if one not in taken and self._idle(one)), None)
            if found is None:
                raise ValueError(f"nobody is free to be {role} of {caller}")
            self._parts[role, caller] = found
        return found

    def _idle(self, number: str) -> bool:
        telephone = self._world.phones.get(number)
        return telephone.state == "idle" if telephone is not None else number not in self._world.exchange.talking

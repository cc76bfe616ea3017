"""What people do beyond answering and hanging up: an agent holds, consults, transfers; a supervisor listens (step 7).

A deed is done at a second of the run, or so long after something happened (somebody talks, a telephone rings). It is a
button of the PC's screen, or a movement of the telephone: it is lifted, hung up, flashed, typed on. Callers and people
who were called can hang up, too, and a line can be cut. How the server answers a button is part of the log, and of what
a table expects. Somebody may be named by the part they play with a caller: `agent of 1` is whom caller 1 hears first,
`other of 1` a colleague free for it, `supervisor of 1` a supervisor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.python.failure import Failure

from simulators.desk import DeskRefused
from simulators.truth import Happening

if TYPE_CHECKING:
    from simulators.desk import Desk
    from simulators.phone import Phone
    from simulators.surroundings import Surroundings

MOVEMENTS = ("lifts", "hangs up", "flashes", "keys", "is cut")
AFTER = {"talks": "talks", "waits": "chose", "rings": "phone rings", "lifts": "phone lifted", "gone": "caller gone"}
"""What a time can be counted from, and how the world's log calls it."""
OF_CALLERS = ("talks", "waits", "gone")
ROLES = ("agent", "other", "supervisor")
SPAN = r"(?P<from>\d+(?:\.\d+)?)(?:\.\.(?P<to>\d+(?:\.\d+)?))?"
FIXED = re.compile(SPAN)
WHEN = re.compile(rf"(?:(?P<what>[a-z]+) )?(?P<whom>\d+)\+{SPAN}")
SETTLED_S = 1.5  # so long after the last deed of a telephone its owner pays heed to tones again


@dataclass(frozen=True)
class When:
    """`from_s` to `to_s` seconds after `what` befell `whom` (a caller's number, an extension); "": of the run."""

    what: str
    whom: str
    from_s: float
    to_s: float

    @staticmethod
    def read(text: str) -> When:
        """`12.5`, `1+3` (caller 1 and an agent talk), `rings 8002+1`, and each with `..SECONDS` behind. ValueError."""
        found = FIXED.fullmatch(text) or WHEN.fullmatch(text)
        if found is None:
            raise ValueError(f"not a time: {text}; there are 12.5, 12..14, 1+3, {', '.join(f'{w} N+3' for w in AFTER)}")
        parts = found.groupdict()
        begin = float(parts["from"])
        what = parts.get("what") or ("talks" if parts.get("whom") else "")
        if what and what not in AFTER:
            raise ValueError(f"not a time: {text}; {what} is none of {', '.join(AFTER)}")
        return When(what, parts.get("whom") or "", begin, float(parts["to"] or begin))

    def begins(self, happening: Happening) -> bool:
        """Is this what the time is counted from?"""
        if happening.what != AFTER[self.what]:
            return False
        whom = happening.call if self.what in OF_CALLERS else happening.data.get("extension")
        return str(whom) == self.whom


@dataclass(frozen=True)
class Deed:
    """`who` is `desk AGENT`, `phone EXTENSION`, `ROLE of CALLER`, `caller N`, `subscriber NUMBER` or `line N`; `verb` a
    movement or a button, `to` its object (an extension, a number, keys, `ROLE of CALLER`), `refused` the error's name,
    "" where it is to be done."""

    when: When
    who: str
    verb: str
    to: str = ""
    refused: str = ""

    @property
    def of(self) -> int | None:
        """The caller with whose call this has to do, where the row says so."""
        if " of " in self.who:
            return int(self.who.rpartition(" of ")[2])
        if self.who.startswith("caller "):
            return int(self.who.removeprefix("caller "))
        return int(self.when.whom) if self.when.what in OF_CALLERS else None


@dataclass(frozen=True)
class Hears:
    """What an ear hears throughout a time: `words` as in hearing.Moment, with `ROLE of CALLER` allowed; `levels` (dBm0)
    of those whose level matters."""

    when: When
    ear: str
    words: frozenset[str]
    levels: Mapping[str, float]


@dataclass(frozen=True)
class Done:
    """A deed that was done, or a button that was refused. Names are those of parties (`phone 8001`)."""

    at_s: float
    deed: Deed
    by: str
    to: str
    result: str  # "" done, else the error's name
    of: int | None = None  # the caller whose call it is, where the deed says so


@dataclass(frozen=True)
class Listened:
    """A time at which an ear should hear what a row says."""

    row: Hears
    ear: str
    words: frozenset[str]
    levels: Mapping[str, float]
    from_s: float
    to_s: float


class Deeds:
    """Does the scenario's deeds in a world at their times, and notes when what should be heard."""

    def __init__(self, world: Surroundings) -> None:
        self._world = world
        self._cast: dict[tuple[str, int], str] = {}
        self._pending: dict[str, int] = {}  # by extension: deeds of a telephone whose time has come to be counted
        self.done: list[Done] = []
        self.missed: list[str] = []
        self.listened: list[Listened] = []
        scenario = world.scenario
        self._waiting: list[Deed | Hears] = [*scenario.deeds, *scenario.hears]
        world.truth.watch(self._happened)

    def start(self) -> None:
        """Those of fixed times."""
        for row in [row for row in self._waiting if not row.when.what]:
            self._due(row)

    # ---- who ------------------------------------------------------------------------------------

    def party(self, name: str) -> str:
        """`caller 1`, `phone 8001` (also of `desk 1001` and of a part somebody plays), `subscriber 139..`, or a sound.
        ValueError where nobody plays that part yet."""
        role, _, number = name.partition(" of ")
        if number:
            return f"phone {self._who_is(role, int(number))}"
        kind, _, number = name.partition(" ")
        if kind == "desk":
            return f"phone {self._world.desks[number].plan.extension}"
        if name.isdigit():
            return f"phone {name}" if name in self._world.phones else f"subscriber {name}"
        return name

    def _who_is(self, role: str, caller: int) -> str:
        """The extension of who plays this part; the first time a free one is chosen."""
        found = self._cast.get((role, caller))
        if found is None:
            pool = self._world.scenario.pools.get(role, ())
            taken = {extension for (of, _), extension in self._cast.items() if of == role}
            found = next((one for one in pool if one not in taken and self._world.phones[one].state == "idle"), None)
            if found is None:
                raise ValueError(f"nobody is free to be {role} of {caller}")
            self._cast[role, caller] = found
        return found

    def _phone(self, who: str) -> Phone:
        return self._world.phones[self.party(who).removeprefix("phone ")]

    def _desk(self, who: str) -> Desk:
        extension = self._phone(who).extension
        return next(desk for desk in self._world.desks.values() if desk.plan.extension == extension)

    # ---- when -----------------------------------------------------------------------------------

    def _happened(self, happening: Happening) -> None:
        if happening.what == "talks" and happening.call is not None:
            first = str(happening.data.get("hears") or "")
            if first.startswith("phone "):
                self._cast.setdefault(("agent", happening.call), first.removeprefix("phone "))
        elif happening.what == "caller gone":
            for key in [key for key in self._cast if key[1] == happening.call and key[0] != "agent"]:
                self._world.clock.callLater(SETTLED_S * 4, self._cast.pop, key)
        for row in [row for row in self._waiting if row.when.what and row.when.begins(happening)]:
            self._due(row)

    def _due(self, row: Deed | Hears) -> None:
        """What the row's time is counted from has come."""
        self._waiting.remove(row)
        if isinstance(row, Deed) and (row.verb in MOVEMENTS or row.who.startswith(("agent of", "desk"))):
            self._hold_on(row)
        self._world.clock.callLater(row.when.from_s, self._now, row)

    def _hold_on(self, deed: Deed) -> None:
        """The telephone's owner does not hang up for a tone before this deed is done."""
        try:
            telephone = self._phone(deed.who)
        except (KeyError, ValueError):
            return
        if telephone.state == "talking":
            telephone.stay()
        self._pending[telephone.extension] = self._pending.get(telephone.extension, 0) + 1

    def _now(self, row: Deed | Hears) -> None:
        try:
            self._do(row)
        except ValueError as error:
            self.missed.append(f"{row}: {error}")

    def close(self) -> None:
        """The run is over: rows whose time never came are missed."""
        self.missed += map(str, self._waiting)
        self._waiting.clear()

    def _do(self, row: Deed | Hears) -> None:
        if isinstance(row, Hears):
            now = self._world.clock.seconds()
            words = frozenset(map(self.party, row.words))
            levels = {self.party(name): level for name, level in row.levels.items()}
            to_s = now + row.when.to_s - row.when.from_s
            self.listened.append(Listened(row, self.party(row.ear), words, levels, now, to_s))
        elif row.verb in MOVEMENTS:
            self._move(row)
        else:
            self._press(row)

    # ---- what -----------------------------------------------------------------------------------

    def _object(self, to: str) -> str:
        """A number to call, or keys in which `{other of 1}` stands for an extension."""
        if " of " in to and "{" not in to:
            return self.party(to).removeprefix("phone ")
        return re.sub(r"\{([^}]+)\}", lambda found: self.party(found[1]).removeprefix("phone "), to)

    def _far_away(self, deed: Deed) -> bool:
        """What callers, subscribers and lines do. False: it is a telephone's."""
        kind, _, name = deed.who.partition(" ")
        world = self._world
        if kind == "caller":
            for caller in world.callers:
                if caller.plan.number == int(name):
                    caller.hang_up("deed")
        elif kind == "subscriber":
            person = world.exchange.talking.get(name)
            if person is not None:
                person.hang_up()
        elif kind == "line":
            world.cut(int(name) - 1)
        else:
            return False
        self.done.append(Done(round(world.clock.seconds(), 3), deed, deed.who, "", "", deed.of))
        return True

    def _move(self, deed: Deed) -> None:
        if self._far_away(deed):
            return
        telephone = self._phone(deed.who)
        if not telephone.patient and telephone.state == "talking":
            telephone.stay()
        to = self._object(deed.to)
        if deed.verb == "lifts":
            telephone.lift()
        elif deed.verb == "hangs up":
            telephone.hang_up("deed")
        elif deed.verb == "flashes":
            telephone.flash()
        else:
            telephone.key(to)
        self._over(deed, f"phone {telephone.extension}", to, "")

    def _press(self, deed: Deed) -> None:
        desk, to = self._desk(deed.who), self._object(deed.to)
        by = f"phone {desk.plan.extension}"

        def done(result: object) -> None:
            self._over(deed, by, to, "")

        def refused(failure: Failure) -> None:
            if not isinstance(failure.value, DeskRefused):
                failure.raiseException()
            self._over(deed, by, to, failure.value.name)

        desk.verb(deed.verb, to).addCallbacks(done, refused)

    def _over(self, deed: Deed, by: str, to: str, result: str) -> None:
        world = self._world
        told = result or "done"
        number = deed.of
        self.done.append(Done(round(world.clock.seconds(), 3), deed, by, to, result, number))
        world.truth.note(number, by, "deed", verb=deed.verb, to=to, result=told)
        extension = by.removeprefix("phone ")
        if self._pending.get(extension):
            self._pending[extension] -= 1
            if not self._pending[extension]:
                world.clock.callLater(SETTLED_S, self._heed, extension)

    def _heed(self, extension: str) -> None:
        if not self._pending.get(extension):
            self._world.phones[extension].heed_tones()

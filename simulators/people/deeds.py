"""What people do beyond answering and hanging up: an agent holds, consults, transfers; a supervisor listens (step 7).

A deed is done at a second of the run, or so long after something happened (somebody talks, a telephone rings). It is a
button of the PC's screen, or a movement of the telephone: it is lifted, hung up, flashed, typed on. Callers and people
who were called can hang up, too, and a line can be cut. How the server answers a button is part of the log, and of what
a table expects. Somebody may be named by the part they play with a caller (cast.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.python.failure import Failure

from simulators.people.cast import Cast
from simulators.people.desk import DeskRefused
from simulators.truth import Happening

if TYPE_CHECKING:
    from simulators.world.surroundings import Surroundings

MOVEMENTS = ("lifts", "hangs up", "flashes", "keys", "is cut")
AGAIN = "popup again"  # a pop-up of a caller who has talked with somebody before
AFTER = {
    "talks": "talks",
    "waits": "chose",
    "offered": "popup",
    "reoffered": AGAIN,
    "gone": "caller gone",
    "rings": "phone rings",
    "lifts": "phone lifted",
}
"""What a time can be counted from, and how the world's log calls it; the first ones are of callers."""
OF_CALLERS = ("talks", "waits", "offered", "reoffered", "gone")
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

    def begins(self, happening: Happening, caller: int | None, again: bool) -> bool:
        """Is this what the time is counted from? `caller`: with whose call it has to do, and whether that one has
        talked before."""
        what = AGAIN if again and happening.what == "popup" else happening.what
        if what != AFTER[self.what]:
            return False
        return str(caller if self.what in OF_CALLERS else happening.data.get("extension")) == self.whom


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
        return _caller_of(self.who, self.when)


def _caller_of(name: str, when: When) -> int | None:
    """By a party's name, or a part somebody plays, or what the time counts from."""
    kind, _, number = name.rpartition(" ")
    if kind == "caller" or kind.endswith(" of"):
        return int(number)
    return int(when.whom) if when.what in OF_CALLERS else None


@dataclass(frozen=True)
class Hears:
    """What an ear hears throughout a time: `words` as in hearing.Moment, with `ROLE of CALLER` allowed; `levels` (dBm0)
    of those whose level matters."""

    when: When
    ear: str
    words: frozenset[str]
    levels: Mapping[str, float]

    @property
    def of(self) -> int | None:
        """The caller with whose call this has to do, where the row says so."""
        return _caller_of(self.ear, self.when)


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
        self._cast = Cast(world)
        self._pending: dict[str, int] = {}  # by extension: deeds of a telephone whose time has come to be counted
        self.done: list[Done] = []
        self.missed: list[tuple[Deed | Hears, str]] = []
        """What was never done or listened to, and why ("": its time never came)."""
        self.listened: list[Listened] = []
        self._talked: set[int | None] = set()
        scenario = world.scenario
        self._waiting: list[Deed | Hears] = [*scenario.deeds, *scenario.hears]
        world.truth.watch(self._happened)

    def start(self) -> None:
        """Those of fixed times."""
        for row in [row for row in self._waiting if not row.when.what]:
            self._due(row)

    # ---- when -----------------------------------------------------------------------------------

    def _happened(self, happening: Happening) -> None:
        self._cast.learn(happening)
        whose = self._cast.whose(happening)
        again = whose in self._talked
        for row in [row for row in self._waiting if row.when.what and row.when.begins(happening, whose, again)]:
            self._due(row)
        if happening.what == "talks":
            self._talked.add(whose)

    def _due(self, row: Deed | Hears) -> None:
        """What the row's time is counted from has come."""
        self._waiting.remove(row)
        if isinstance(row, Deed) and (row.verb in MOVEMENTS or row.who.startswith(("agent of", "desk"))):
            self._hold_on(row)
        self._world.clock.callLater(row.when.from_s, self._now, row)

    def _hold_on(self, deed: Deed) -> None:
        """The telephone's owner does not hang up for a tone before this deed is done."""
        try:
            telephone = self._cast.phone(deed.who)
        except (KeyError, ValueError):
            return
        if telephone.state == "talking":
            telephone.stay()
        self._pending[telephone.extension] = self._pending.get(telephone.extension, 0) + 1

    def _now(self, row: Deed | Hears) -> None:
        try:
            self._do(row)
        except ValueError as error:
            self.missed.append((row, str(error)))

    def close(self) -> None:
        """The run is over: rows whose time never came are missed."""
        self.missed += [(row, "") for row in self._waiting]
        self._waiting.clear()

    def _do(self, row: Deed | Hears) -> None:
        if isinstance(row, Hears):
            now = self._world.clock.seconds()
            words = frozenset(map(self._cast.party, row.words))
            levels = {self._cast.party(name): level for name, level in row.levels.items()}
            to_s = now + row.when.to_s - row.when.from_s
            self.listened.append(Listened(row, self._cast.party(row.ear), words, levels, now, to_s))
        elif row.verb in MOVEMENTS:
            self._move(row)
        else:
            self._press(row)

    # ---- what -----------------------------------------------------------------------------------

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
        telephone = self._cast.phone(deed.who)
        if not telephone.patient and telephone.state == "talking":
            telephone.stay()
        to = self._cast.number(deed.to)
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
        desk, to = self._cast.desk(deed.who), self._cast.number(deed.to)
        by = f"phone {desk.plan.extension}"

        def done(result: object) -> None:
            if isinstance(result, dict) and deed.of is not None and "slot" in result:
                self._cast.slots[deed.of] = str(result["slot"])
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

"""Calls out: which trunks a number may go over, how it is written there, and who may call it.

The routes with the longest prefix for a number are its routes, and no other: they say how far it is (local, national,
international), they are tried in order (cti.site.trunks.Route) until one is open and has a free channel, and out of
their hours the number cannot be called. (So exchanges have it: digits choose a route list, hours one of its entries. A
shorter prefix is another kind of number, with other digits in front.) A seizure that
fails before the far end took the number (glare, no dial tone, no acknowledgement) is tried again on the next channel,
as long as there are any, TRIES times at most; what the far end says of the called party is final. A route leaves
`keep_free` channels of each trunk to emergency calls; calls that come may take them all the same, unless the trunk's
`directions` keep them out.

Emergency numbers need no right, have no hours, and go over the routes for them first, then over every other trunk; with
or without the digits that a route strips (9 for an outside line). Serves calls out of agents and of the VRU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cti.errors import CannotCall
from cti.site.config import Agent, Site
from cti.site.emergency import emergency_of
from cti.site.trunks import Route, Toll
from cti.trunks.rights import may_call, right_of
from drivers.clock import Clock
from drivers.errors import ArgumentError, PortBusy
from drivers.problems import report
from drivers.signalling.causes import NORMAL, Cause
from drivers.signalling.interface import MAX_DIGITS, Numbers, Trunk, TrunkCall, What

TRIES: Final = 3
ANOTHER_CHANNEL: Final = frozenset({34, 41, 44, 47, 102})
"""Causes that say something of the channel, not of the called party (Q.850): no channel, temporary failure, channel not
available, resource, timer. Only before the far end has said anything else."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One way out: what is sent over which trunk."""

    route: str
    trunk: str
    numbers: Numbers


class Outgoing:
    """A call out, over whichever channel it came to. `call` is the one on the line now: its port may change until the
    far end has said something. Told as of a `TrunkCall`, "cleared" once, when no other channel is tried."""

    def __init__(
        self,
        choices: Iterator[tuple[Choice, Callable[[], TrunkCall]]],
        seized: Callable[[TrunkCall], None] = lambda call: None,
    ) -> None:
        """CannotCall (from the iterator's end) is the maker's; the first choice is seized here. ``seized`` is told each
        call that is tried, before anybody can hear of it."""
        self._choices, self._seized = choices, seized
        self._tries = 0
        self._listeners: list[Callable[[Outgoing, What], None]] = []
        self._given_up = self._heard = False
        first = self._next()
        if first is None:
            raise PortBusy("every channel is busy")
        self.choice, self.call = first

    @property
    def cause(self) -> Cause | None:
        """Why it ended, once it has."""
        return self.call.cause

    def listen(self, fn: Callable[[Outgoing, What], None]) -> Callable[[], None]:
        """Tells each step; returns what ends that."""
        self._listeners.append(fn)
        return lambda: self._listeners.remove(fn) if fn in self._listeners else None

    def clear(self, cause: Cause = NORMAL) -> None:
        """We give up, or hang up."""
        self._given_up = True
        self.call.clear(cause)

    def _next(self) -> tuple[Choice, TrunkCall] | None:
        if self._tries >= TRIES:
            return None
        for choice, seize in self._choices:
            try:
                call = seize()
            except (PortBusy, ArgumentError):
                continue
            self._tries += 1
            self._seized(call)
            call.listen(self._told)
            return choice, call
        return None

    def _told(self, call: TrunkCall, what: What) -> None:
        if call is not self.call:
            return
        again = what == "cleared" and call.cause is not None and call.cause.number in ANOTHER_CHANNEL
        if again and not self._given_up and not self._heard:
            seized = self._next()
            if seized is not None:
                self.choice, self.call = seized
                return
        if what != "cleared":
            self._heard = True
        for fn in list(self._listeners):
            try:
                fn(self, what)
            except Exception:  # noqa: BLE001 - one listener stops no other; logged
                report(f"{self.choice}: listener at {what}")


class Routes:
    """The routes of one site."""

    def __init__(self, clock: Clock, site: Site, trunks: Mapping[str, Trunk]) -> None:
        self._clock, self._trunks = clock, trunks
        self._routes: Sequence[Route] = site.routes
        self._zone = site.zone
        self._groups = site.groups
        self.emergency = frozenset(emergency_of(site))
        self._turn: dict[str, int] = {}  # of routes that try their trunks in turn
        self.waiting = 0
        """Emergency calls that wait for a channel: so many more are kept from all others."""
        self.seized: Callable[[TrunkCall], None] = lambda call: None
        """Told each call out on a trunk, before anybody hears of its steps."""

    # who may

    def right(self, agent: Agent | None) -> Toll:
        """How far an agent may call: his own word, else the farthest of his groups; nobody: not at all."""
        return right_of(agent, self._groups)

    def toll(self, number: str) -> Toll | None:
        """How far the number is; None: no route leads there."""
        found = self._longest(number)
        return found[0].toll if found else None

    # calling

    def call(self, number: str, right: Toll, calling: str = "") -> Outgoing:
        """Calls out; ``calling``: the caller's own number, shown where the route has none. CannotCall says why not;
        then nothing was seized."""
        choices = self.choices(number, right, calling)
        try:
            return Outgoing(self._channels(choices, self.is_emergency(number)), lambda call: self.seized(call))
        except PortBusy as busy:
            names = ", ".join(dict.fromkeys(choice.trunk for choice in choices))
            raise CannotCall("busy", number, f"no channel of {names} is free") from busy

    def check(self, number: str, right: Toll) -> None:
        """Could it be called now? Nothing is seized, no turn is taken. CannotCall; an emergency number always may."""
        if self.is_emergency(number):
            return
        routes = self._open(number, right)
        kept = {(route.keep_free + self.waiting, name) for route in routes for name in route.trunks}
        if all(self._trunks[name].span.free_out() <= reserve for reserve, name in kept):
            names = ", ".join(sorted({name for _, name in kept}))
            raise CannotCall("busy", number, f"no channel of {names} is free")

    def choices(self, number: str, right: Toll, calling: str = "") -> list[Choice]:
        """Every way out for the number, now, the first to be tried first. CannotCall."""
        helped = self._emergency(number)
        if helped is not None:
            return self._for_help(helped, number, calling)
        return [
            Choice(route.name, trunk, self._numbers(route, number, calling))
            for route in self._open(number, right)
            for trunk in self._order(route)
        ]

    def _open(self, number: str, right: Toll) -> list[Route]:
        """The number's routes that may be used now, in their order. CannotCall."""
        found = self._longest(number)
        if not found:
            raise CannotCall("number", number, "no route leads there")
        toll = found[0].toll
        if not may_call(right, toll):
            raise CannotCall("right", number, f"it is {toll}, the caller may call {right}")
        now = self._clock.now().astimezone(self._zone)
        open_now = [
            route
            for route in found
            if route.open(now.weekday(), now.hour * 60 + now.minute) and len(_sent(route, number)) <= MAX_DIGITS
        ]
        if not open_now:
            hours = "; ".join(hours for route in found for hours in route.hours)
            if not hours:
                raise CannotCall("number", number, f"it is too long: {MAX_DIGITS} digits at most are sent")
            raise CannotCall("hours", number, f"its routes are open {hours}")
        return open_now

    def is_emergency(self, number: str) -> bool:
        """Has everybody the right to call it, before all others?"""
        return self._emergency(number) is not None

    def emergency_trunks(self, number: str) -> list[str]:
        """The trunks that may carry it, in the order in which they are tried; none where it is no emergency."""
        helped = self._emergency(number)
        return [] if helped is None else [choice.trunk for choice in self._for_help(helped, number, "")]

    def _matching(self, number: str) -> list[tuple[int, Route]]:
        """(length of the prefix, route), in the order in which they are tried."""
        found = []
        for route in self._routes:
            lengths = [len(prefix) for prefix in route.prefixes if number.startswith(prefix)]
            if lengths:
                found.append((max(lengths), route))
        return sorted(found, key=lambda entry: (-entry[0], entry[1].cost))

    def _longest(self, number: str) -> list[Route]:
        """The number's own routes, in the order in which they are tried."""
        found = self._matching(number)
        return [route for length, route in found if length == found[0][0]]

    def _order(self, route: Route) -> list[str]:
        names = list(route.trunks)
        if route.order == "cyclic":
            turn = self._turn[route.name] = self._turn.get(route.name, -1) + 1
            return names[turn % len(names) :] + names[: turn % len(names)]
        if route.order == "least_used":
            return sorted(names, key=self._part_busy)
        return names

    def _part_busy(self, trunk: str) -> float:
        state = self._trunks[trunk].span.state()
        return (state.channels - state.free) / state.channels

    def _numbers(self, route: Route, number: str, calling: str) -> Numbers:
        shown = route.calling or calling
        return Numbers(called=_sent(route, number), calling=shown, restricted=route.withhold)

    def _emergency(self, number: str) -> str | None:
        """The emergency number that is dialled, with or without what a route strips; None: it is none."""
        bare = [number, *(number[route.strip :] for _, route in self._matching(number) if route.strip)]
        return next((digits for digits in bare if digits in self.emergency), None)

    def _for_help(self, helped: str, number: str, calling: str) -> list[Choice]:
        """Over the routes for it, then over every trunk."""
        routes = [route for _, route in self._matching(number)]
        ways = [(route, trunk) for route in routes for trunk in route.trunks]
        any_route = Route("emergency", ("",), ("any",))
        ways += [(any_route, name) for name in self._trunks if name not in {trunk for _, trunk in ways}]
        return [
            Choice(route.name, trunk, Numbers(called=helped, calling=route.calling or calling)) for route, trunk in ways
        ]

    def _channels(self, choices: Sequence[Choice], urgent: bool) -> Iterator[tuple[Choice, Callable[[], TrunkCall]]]:
        """Each choice as often as it may be tried: a trunk hunts by itself. Channels that a route keeps free, and those
        that emergency calls wait for, are for these alone."""
        kept = {route.name: route.keep_free for route in self._routes}
        for choice in choices:
            trunk = self._trunks[choice.trunk]
            for _ in range(TRIES):
                reserve = 0 if urgent else kept.get(choice.route, 0) + self.waiting
                if reserve and trunk.span.free_out() <= reserve:
                    break
                yield choice, lambda choice=choice, trunk=trunk: trunk.call(choice.numbers)  # type: ignore[misc]


def _sent(route: Route, number: str) -> str:
    return route.add + number[route.strip :]

"""A check that cannot fail is none: a server that is made to do wrong, in one thing each, behind an exact PBX, and the
judge finds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cti.assemble import Assembly
from cti.customers.book import Customer
from cti.sides.pbx_side import PbxSide
from drivers.clock import SteppedClock
from simulators.rig.stepped import run
from simulators.scenario.scenario import mixed
from simulators.truth import Happening
from simulators.world.world import World

Wrong = Callable[[Assembly, World, SteppedClock], None]


def _side(server: Assembly) -> PbxSide:
    side = server.centre.side
    assert isinstance(side, PbxSide)
    return side


def wrong_customer(server: Assembly, world: World, clock: SteppedClock) -> None:
    """Every number is the same customer's."""
    first = world.scenario.callers[0].ani or ""
    book: Any = server.store.customers
    find: Callable[[str], Customer | None] = book.find
    book.find = lambda number: find(first)


def screens_exchanged(server: Assembly, world: World, clock: SteppedClock) -> None:
    """Each pop-up is that of the call before."""
    popups: Any = server.centre.pop_ups
    content, last = popups._content, [None]

    def former(call: Any) -> Any:
        last.append(content(call))
        return last[-2] or last[-1]

    popups._content = former


def freed_early(server: Assembly, world: World, clock: SteppedClock) -> None:
    """An agent is free four seconds into the talk."""

    def see(one: Happening) -> None:
        if one.what == "through" and one.data["kind"] == "agent":
            for agent in world.scenario.sitting_at(str(one.data["extension"]), one.at_s):
                clock.callLater(4.0, server.centre.acd.line, agent, "idle", "smdr", source="smdr")

    world.truth.watch(see)


def record_lost(server: Assembly, world: World, clock: SteppedClock) -> None:
    """One record that came is dropped."""
    talks: Any = _side(server).settled.talks
    match, left = talks.match, ["one"]

    def forgetful(record: Any, alone: bool = True, believed: bool = True) -> Any:
        found = match(record, alone, believed)
        if left and getattr(found, "ends_talk", False):
            left.pop()
            return None
        return found

    talks.match = forgetful


def hung_up_on(server: Assembly, world: World, clock: SteppedClock) -> None:
    """The second caller who chooses is dropped."""
    seen: list[Happening] = []

    def see(one: Happening) -> None:
        if one.what == "chose":
            seen.append(one)
            if len(seen) == 2 and one.call is not None:
                extension = world.truth.calls[one.call].vru_extensions[-1]
                line = next(line for line in _side(server).lines if line.extension == extension)
                line.port.hangup()

    world.truth.watch(see)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (wrong_customer, "as certain, which is not the caller"),
        (screens_exchanged, "the screen shows call"),
        (freed_early, "before the talk was over"),
        (record_lost, "is without its record, which came"),
        (hung_up_on, "the world saw released"),
    ],
)
def test_the_judge_finds(wrong: Wrong, said: str) -> None:
    result = run(mixed(2, 6), change=wrong)
    told = [*map(str, result.findings), *result.strangers, *result.freed.wrongly, *result.freed.stuck]
    assert any(said in one for one in told), told

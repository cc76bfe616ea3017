"""The waiting caller: the place on entry and when it changes, an agent at any moment, a message, going, let go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace
from twisted.internet.defer import CancelledError, Deferred

from cti.errors import LeftQueue
from cti.vru.waiting import Waited, wait_for_agent
from drivers.errors import CallEnded
from drivers.events import DigitEnd
from drivers.items import PlayItem, Silence, Sound
from drivers.playing import Collected

from .conftest import World


class Entry:
    """A queue entry without a queue."""

    def __init__(self, place: int) -> None:
        self.place = place
        self.pending: Deferred[Any] = Deferred()
        self.listeners: list[Callable[[int], object]] = []

    @property
    def assigned(self) -> Deferred[Any]:
        return self.pending

    def on_place(self, listener: Callable[[int], object]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def move(self, place: int) -> None:
        self.place = place
        for listener in tuple(self.listeners):
            listener(place)


def waiting(world: World, entry: Entry, told: list[tuple[float, int]], announce_s: float = 30.0) -> Deferred[Waited]:
    began = world.clock.seconds()
    return Deferred.fromCoroutine(
        wait_for_agent(
            world.clock,
            world.port,
            entry,
            world.flow,
            world.prompts,
            "zh",
            announce_s,
            lambda place: told.append((round(world.clock.seconds() - began, 1), place)),
        )
    )


def test_the_place_on_entry_and_when_it_changes(world: World) -> None:
    entry, told = Entry(12), list[tuple[float, int]]()
    for at_s, place in ((1.0, 11), (15.0, 10), (16.0, 9), (17.0, 8), (40.0, 7)):
        world.clock.callLater(at_s, entry.move, place)
    world.clock.callLater(60.0, lambda: entry.pending.callback("agent 1001"))
    assert world.run(waiting(world, entry, told, 300.0)) == Waited("agent", "agent 1001")
    assert [place for _, place in told] == [12, 11, 9, 8, 7]  # 10 came too soon, and was told together with 9
    times = [at for at, _ in told]
    assert times[0] == 0.0
    assert 8.0 <= times[1] <= 8.1  # said at the earliest announce_least_s after the first
    assert all(later - sooner >= 8.0 for sooner, later in pairwise(times))
    assert entry.listeners == []


@pytest.mark.parametrize("at_s", [0.0, 0.5, 3.0, 8.0, 20.0])
def test_an_agent_at_any_moment_ends_it_at_once(world: World, at_s: float) -> None:
    entry, told = Entry(2), list[tuple[float, int]]()
    world.clock.callLater(at_s, lambda: entry.pending.callback("agent"))
    began = world.clock.seconds()
    assert world.run(waiting(world, entry, told)) == Waited("agent", "agent")
    assert world.clock.seconds() - began <= at_s + 0.05
    assert world.port.operations == []
    assert world.run(entry.pending) == "agent"


def test_an_agent_who_is_there_already(world: World, saying: Callable[[], list[str]]) -> None:
    entry = Entry(0)
    entry.pending.callback("agent")
    assert world.run(waiting(world, entry, [])) == Waited("agent", "agent")
    assert saying() == []


@pytest.mark.parametrize(("key", "why"), [("2", "message"), ("3", "go")])
@pytest.mark.parametrize("at_s", [0.3, 9.0])
def test_keys(world: World, key: str, why: str, at_s: float) -> None:
    entry = Entry(4)
    world.press(at_s, key)
    assert world.run(waiting(world, entry, [])).why == why
    assert entry.pending.called  # given up, so that the next to wait gets one of their own
    assert entry.listeners == []


def test_any_other_key_says_it_all_again(world: World, saying: Callable[[], list[str]]) -> None:
    entry, told = Entry(3), list[tuple[float, int]]()
    world.press(0.5, "7")
    world.press(20.0, "2")
    assert world.run(waiting(world, entry, told)).why == "message"
    assert [place for _, place in told] == [3, 3]
    assert saying().count("place/zh {'ahead': 2}") == 2


def test_news_while_nothing_changes(world: World, saying: Callable[[], list[str]]) -> None:
    entry = Entry(1)
    world.clock.callLater(50.0, lambda: entry.pending.callback("agent"))
    world.run(waiting(world, entry, [], announce_s=10.0))
    asked = saying()
    assert asked[0] == "place_next/zh"
    assert 3 <= asked.count("still_waiting/zh") <= 4


def test_the_queue_lets_the_caller_go(world: World) -> None:
    entry = Entry(1)
    world.clock.callLater(12.0, lambda: entry.pending.errback(LeftQueue("overdue")))
    assert world.run(waiting(world, entry, [])) == Waited("left", left="overdue")


@pytest.mark.parametrize("at_s", [0.0, 1.0, 12.0])
def test_hanging_up(world: World, at_s: float) -> None:
    entry = Entry(5)
    world.hang_up(at_s)
    with pytest.raises(CallEnded):
        world.run(waiting(world, entry, []))
    assert entry.listeners == []


@pytest.mark.parametrize("at_s", [0.0, 1.0, 12.0])
def test_cancelling(world: World, at_s: float) -> None:
    entry = Entry(5)
    running = waiting(world, entry, [])
    world.clock.callLater(at_s, running.cancel)
    with pytest.raises(CancelledError):
        world.run(running)
    assert entry.listeners == []
    assert world.port.operations == []


def test_music_between_announcements_goes_on_where_it_was_cut_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[float, Sequence[PlayItem]]] = []
    collect: Callable[..., Deferred[Collected]] = world.port.collect

    def listened(*args: Any, prompt: Sequence[PlayItem] = (), **rest: Any) -> Deferred[Collected]:
        heard.append((world.clock.seconds(), prompt))
        return collect(*args, prompt=prompt, **rest)

    monkeypatch.setattr(world.port, "collect", listened)
    entry = Entry(3)
    world.clock.callLater(25.0, entry.move, 2)
    world.clock.callLater(40.0, lambda: entry.pending.callback("agent"))
    world.run(waiting(world, entry, [], 300.0))
    (_, (pause, first)), (_, (_, second)) = heard
    assert isinstance(pause, Silence) and isinstance(first, Sound) and isinstance(second, Sound)
    _, length_ms = world.prompts.music()
    played_ms = round((25.0 - (heard[0][0] - 0.5)) * 1000) - 1500
    assert first.repeat and first.start_ms == 0
    assert abs(second.start_ms - played_ms % length_ms) <= 40


def test_a_key_is_heard_once_over_the_music(world: World) -> None:
    keys: list[str] = []
    world.port.listen(lambda event: keys.append(event.digit) if isinstance(event, DigitEnd) else None)
    world.press(22.0, "7")  # says all again
    world.press(40.0, "2")
    assert world.run(waiting(world, Entry(4), [], 300.0)).why == "message"
    assert keys == ["7", "2"]


def test_music_can_be_left_out(world: World) -> None:
    world.flow = replace(world.flow, waiting=replace(world.flow.waiting, music=False))
    sent: list[float] = []
    world.clock.callLater(25.0, lambda: sent.append(world.port.state().playing))
    world.press(30.0, "2")
    assert world.run(waiting(world, Entry(4), [], 300.0)).why == "message"
    assert sent == [0]

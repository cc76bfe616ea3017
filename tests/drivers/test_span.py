"""A span: hunting from both ends, channels out of service, alarms of a slot and of the whole line, what it carries."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.errors import ArgumentError, PortBusy
from drivers.events import Event, PlayDone
from drivers.items import Tone
from drivers.operations import quietly
from drivers.span import E1_SLOTS, Span, SpanState
from drivers.stepped import Stepper


class Line:
    """An E1 between two cards of one engine."""

    def __init__(self, channels: int = 30) -> None:
        self.clock = SteppedClock()
        self.engine = Engine(self.clock)
        self.near_card, self.far_card = (SoftwareCard(None, "b", channels, name=name) for name in ("near", "far"))
        for card in (self.near_card, self.far_card):
            card.add_port("d")
            self.engine.add_card(card)
        for index in range(channels + 1):
            self.near_card.wire(index, self.far_card, index)
        *near, near_d = self.near_card.ports
        *far, far_d = self.far_card.ports
        self.near = Span("near", near, signalling=near_d, directions={5: "in", 6: "out"})
        self.far = Span("far", far, signalling=far_d, hunt="down")
        self.time = Stepper(self.clock, (self.engine,))
        self.engine.startService()
        self.time.run_for(2.0)

    def cut(self, on: bool, *indices: int) -> None:
        for index in indices or range(len(self.near_card.ports)):
            self.near_card.faults(index, cut=int(on))


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.near.close()
    made.far.close()
    made.engine.stopService()


def test_channels_are_timeslots(line: Line) -> None:
    assert tuple(line.near.channels) == E1_SLOTS and 16 not in line.near.channels
    assert line.near.channels[17] is line.near_card.ports[15]
    assert line.near.state() == SpanState(30, 0, 0, 0, 30, ())


def test_both_ends_hunt_from_opposite_sides(line: Line) -> None:
    up, down = line.near.seize(), line.far.seize()
    assert (up.index, down.index) == (0, 29)
    assert line.near.seize().index == 1
    assert line.near.seize(slot=17).index == 15
    with pytest.raises(PortBusy, match="channel 17 is busy"):
        line.near.seize(slot=17)
    assert line.near.state().busy == 3
    for _ in range(26):
        assert line.near.seize().index != 4  # slot 5 is for incoming calls
    with pytest.raises(PortBusy, match="no channel is free"):
        line.near.seize()


def test_freeing_ends_what_goes_on_and_may_be_said_twice(line: Line) -> None:
    port = line.near.seize()
    heard: list[Event] = []
    port.listen(heard.append)
    quietly(port.play(Tone(1000)))
    line.time.run_for(0.5)
    assert port.operations
    line.near.free(port)
    line.near.free(port)
    line.time.run_for(0.1)
    assert not port.operations and not port.state().playing
    assert line.near.state().free == 30
    with pytest.raises(ArgumentError):
        line.near.free(line.far_card.ports[0])
    assert not [event for event in heard if isinstance(event, PlayDone) and event.why == "failed"]


def test_blocked_channels_are_not_seized_and_their_calls_go_on(line: Line) -> None:
    port = line.near.seize()
    epoch = port.epoch
    line.near.block(1, 2)
    assert line.near.state() == SpanState(30, 2, 0, 0, 28, ())
    assert line.near.seize().index == 2 and port.epoch == epoch
    line.near.unblock(1)
    assert line.near.state().busy == 2
    line.near.block()
    with pytest.raises(PortBusy):
        line.near.seize()
    line.near.unblock()
    assert line.near.state().blocked == 0
    with pytest.raises(ArgumentError, match="no channel 16"):
        line.near.block(16)


def test_alarms_of_a_slot_and_of_the_line(line: Line) -> None:
    told: list[tuple[str, ...]] = []
    line.near.listen(told.append)
    line.cut(True, 4)
    line.time.run_for(3.0)
    assert line.near.state() == SpanState(30, 0, 1, 0, 29, ()) and told == []
    line.cut(True)
    line.time.run_for(3.0)
    assert told == [("red", "los")] and line.near.state() == SpanState(30, 0, 30, 0, 0, ("red", "los"))
    with pytest.raises(PortBusy):
        line.near.seize()
    line.cut(False)
    line.time.run_for(3.0)
    assert told == [("red", "los"), ()] and line.near.state().free == 30


def test_what_is_no_span() -> None:
    engine = Engine(SteppedClock())
    card = SoftwareCard(engine, "fxo", 2, name="analog")
    with pytest.raises(ArgumentError):
        Span("x", card.ports)
    with pytest.raises(ArgumentError):
        Span("x", [])
    b = SoftwareCard(engine, "b", 2, name="digital").ports
    with pytest.raises(ArgumentError, match="no D channel"):
        Span("x", b, signalling=card.ports[0])
    with pytest.raises(ArgumentError, match="no channel 3"):
        Span("x", b, directions={3: "in"})


def test_a_cut_signalling_channel_alone_is_no_alarm_of_the_line(line: Line) -> None:
    line.near_card.faults(30, cut=1)
    line.time.run_for(3.0)
    assert line.near.signalling is not None and line.near.signalling.state().alarms == ("red", "los")
    assert line.near.alarms == () and line.near.state().free == 30


def test_the_far_ends_alarm_is_yellow_here(line: Line) -> None:
    told: list[tuple[str, ...]] = []
    line.near.listen(told.append)
    for index in range(31):
        line.near_card.faults(index, alarm="blue")
    line.time.run_for(4.0)
    assert line.far.alarms == ("blue",) and told == [("yellow",)]
    with pytest.raises(PortBusy):
        line.near.seize()


def test_each_end_unblocks_what_it_blocked(line: Line) -> None:
    line.near.block(3)
    line.near.block(3, 4, by="far")
    line.near.unblock(3)
    assert line.near.is_now(3) == "blocked"
    line.near.unblock(by="far")
    assert line.near.is_now(3) == line.near.is_now(4) == "free"


def test_channels_of_one_direction(line: Line) -> None:
    with pytest.raises(PortBusy, match="channel 5 is for incoming calls only"):
        line.near.seize(5)
    with pytest.raises(PortBusy, match="channel 6 is for outgoing calls only"):
        line.near.taken(6)
    assert line.near.taken(5).index == 4 and line.near.seize(6).index == 5
    with pytest.raises(PortBusy, match="channel 5 is busy"):
        line.near.taken(5)
    with pytest.raises(ArgumentError):
        line.near.taken(16)


def test_round_robin_begins_where_it_left_off(line: Line) -> None:
    line.near.hunt = "round_robin"
    seized = []
    for _ in range(31):
        port = line.near.seize()
        line.near.free(port)
        seized.append(port.index)
    assert seized[:6] == [0, 1, 2, 3, 5, 6] and seized[-2:] == [0, 1]


def test_what_a_span_has_carried(line: Line) -> None:
    begun = line.near.statistics()
    assert (begun.seized_out, begun.busy_s) == (0, 0)
    first, second = line.near.seize(), line.near.taken(5)
    line.time.run_for(10)
    line.near.free(first)
    line.near.free(first, "said twice")
    line.time.run_for(10)
    line.near.free(second, "no answer")
    third = line.near.seize(slot=31)
    line.time.run_for(20)
    with pytest.raises(PortBusy):
        line.near.seize(slot=31)
    carried = line.near.statistics()
    assert (carried.seized_out, carried.seized_in, carried.refused) == (2, 1, 1)
    assert carried.failures == {"no answer": 1}
    assert carried.busy_s == pytest.approx(50) and carried.seconds == pytest.approx(begun.seconds + 40)
    assert carried.erlang == pytest.approx(carried.busy_s / carried.seconds)
    line.near.free(third)

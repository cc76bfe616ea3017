"""Messages for one port and rings at another: crossed cables are found, and nothing else is taken for them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cti.arrivals.port_map import NEAR_S, PATIENCE_S, SURE, PortMap
from drivers.clock import SteppedClock


@dataclass(eq=False)
class Line:
    extension: str


class Bench:
    def __init__(self) -> None:
        self.clock = SteppedClock()
        self.told: list[tuple[bool, str]] = []
        self.doubted: list[str] = []
        self.believed = True
        self.map = PortMap(
            self.clock,
            lambda raised, text: self.told.append((raised, text)),
            believed=lambda: self.believed,
            on_doubt=lambda line: self.doubted.append(line.extension),
        )
        self.a, self.b, self.c = Line("2001"), Line("2002"), Line("2003")

    def ring(self, line: Line) -> None:
        self.map.ring(line)  # type: ignore[arg-type]

    def message(self, line: Line) -> None:
        self.map.message(line)  # type: ignore[arg-type]

    def met(self, line: Line) -> None:
        self.map.met(line)  # type: ignore[arg-type]

    @property
    def suspects(self) -> list[str]:
        return [line.extension for line in (self.a, self.b, self.c) if self.map.suspect(line)]  # type: ignore[arg-type]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_crossed_cables(bench: Bench) -> None:
    bench.ring(bench.a)
    bench.clock.advance(0.4)
    bench.message(bench.b)
    bench.clock.advance(PATIENCE_S - 0.1)
    assert bench.told == []
    bench.clock.advance(0.1)
    ((raised, text),) = bench.told
    assert raised and "2001 and 2002" in text and bench.suspects == ["2001", "2002"]


def test_the_ring_after_the_message(bench: Bench) -> None:
    bench.message(bench.b)
    bench.clock.advance(2.0)
    bench.ring(bench.a)
    bench.clock.advance(PATIENCE_S)
    assert bench.suspects == ["2001", "2002"]


def test_a_message_whose_ring_comes(bench: Bench) -> None:
    bench.ring(bench.a)  # of a call of which the PBX says nothing
    bench.message(bench.b)
    bench.clock.advance(2.0)
    bench.met(bench.b)
    bench.clock.advance(60.0)
    assert bench.told == []


def test_a_ring_whose_message_comes_late(bench: Bench) -> None:
    bench.ring(bench.a)
    bench.message(bench.b)
    bench.clock.advance(3.0)
    bench.met(bench.a)
    bench.clock.advance(60.0)
    assert bench.told == [], "the caller whose message that was had gone before the ring"


def test_a_message_alone_and_a_ring_alone_prove_nothing(bench: Bench) -> None:
    bench.ring(bench.a)
    bench.clock.advance(NEAR_S + 1.0)
    bench.message(bench.b)
    bench.clock.advance(60.0)
    assert bench.told == []


def test_the_nearest_ring_is_named(bench: Bench) -> None:
    bench.ring(bench.c)
    bench.clock.advance(3.0)
    bench.ring(bench.a)
    bench.message(bench.b)
    bench.clock.advance(PATIENCE_S)
    assert bench.suspects == ["2001", "2002"]


def test_damaged_messages_prove_nothing(bench: Bench) -> None:
    bench.believed = False
    bench.ring(bench.a)
    bench.message(bench.b)
    bench.clock.advance(60.0)
    assert bench.told == [] and bench.suspects == []


def test_it_clears_when_both_have_met_their_own_messages(bench: Bench) -> None:
    bench.ring(bench.a)
    bench.message(bench.b)
    bench.clock.advance(PATIENCE_S + NEAR_S)
    for _ in range(SURE):
        bench.met(bench.a)
    assert bench.suspects == ["2001", "2002"], "and the other one?"
    bench.met(bench.b)  # the message that waited so long, and a ring of somebody else
    for _ in range(SURE - 1):
        bench.met(bench.b)
    bench.ring(bench.a)
    bench.message(bench.b)
    bench.clock.advance(PATIENCE_S + NEAR_S)  # once more: counted from the beginning
    for _ in range(SURE + 1):
        bench.met(bench.b)
    assert bench.suspects == ["2001", "2002"]
    bench.ring(bench.a)
    for _ in range(SURE):
        bench.met(bench.a)
    assert bench.suspects == [] and [raised for raised, _ in bench.told] == [True, True, False]


def test_two_pairs(bench: Bench) -> None:
    bench.ring(bench.a)
    bench.message(bench.b)
    bench.clock.advance(PATIENCE_S)
    bench.ring(bench.a)
    bench.message(bench.c)
    bench.clock.advance(PATIENCE_S + NEAR_S)
    assert "2001 and 2002; 2001 and 2003" in bench.told[-1][1]
    for line in (bench.a, bench.b):
        for _ in range(SURE + 1):
            bench.met(line)
    assert bench.suspects == ["2001", "2003"] and bench.told[-1][0]


def test_nothing_waits_when_it_is_closed(bench: Bench) -> None:
    bench.message(bench.a)
    bench.message(bench.a)
    bench.message(bench.b)
    bench.map.close()
    assert not bench.clock.getDelayedCalls()


def test_a_late_message_while_another_port_rings(bench: Bench) -> None:
    """The port rang long ago, and its own message was lost: this one may be of the port that rings now."""
    bench.ring(bench.b)
    bench.met(bench.b)
    bench.ring(bench.b)
    bench.clock.advance(PATIENCE_S + 1.0)
    bench.ring(bench.a)
    bench.clock.advance(0.3)
    bench.met(bench.b)
    assert bench.suspects == ["2002"] and bench.doubted == ["2002"] and bench.told == []
    bench.ring(bench.b)
    bench.clock.advance(0.3)
    assert bench.suspects == [], "another call"


def test_two_rings_at_ports_that_have_proved_nothing(bench: Bench) -> None:
    bench.ring(bench.a)
    bench.ring(bench.b)
    bench.clock.advance(0.3)
    bench.met(bench.b)
    assert bench.suspects == ["2002"]
    bench.met(bench.a)
    assert bench.suspects == ["2002"], "the only one left"


def test_two_rings_at_ports_that_have_met_their_own_messages(bench: Bench) -> None:
    for line in (bench.a, bench.b):
        bench.ring(line)
        bench.met(line)
    bench.ring(bench.a)
    bench.ring(bench.b)
    bench.met(bench.b)
    bench.met(bench.a)
    assert bench.suspects == [] and bench.doubted == []


def test_a_late_message_clears_no_suspicion(bench: Bench) -> None:
    bench.ring(bench.a)
    bench.message(bench.b)
    bench.clock.advance(PATIENCE_S)
    for _ in range(SURE + 1):
        for line in (bench.a, bench.b):
            bench.ring(line)
            bench.clock.advance(PATIENCE_S + 5.0)
            bench.met(line)
    assert bench.suspects == ["2001", "2002"]

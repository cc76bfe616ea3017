"""A line signalled by R2 between an office and a server, stepped; and golden traces, read from text."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from twisted.internet.defer import Deferred

from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.errors import ArgumentError
from drivers.items import Tone
from drivers.operations import quietly
from drivers.playing import PlayEnd
from drivers.signalling.interface import Numbers, TrunkCall, What
from drivers.signalling.r2 import R2Call, R2Settings, R2Trunk
from drivers.signalling.r2_steps import Heard, steps_of
from drivers.span import E1_SLOTS, Span
from drivers.stepped import Stepper

GOLDEN = Path(__file__).parent.parent / "golden" / "r2"
LOCAL = R2Settings(called_length=8)


class Told:
    """What a call's listener was told, each with its time."""

    def __init__(self, line: R2Line, call: TrunkCall) -> None:
        self.call = call
        self.steps: list[tuple[float, What]] = []
        call.listen(lambda call, what: self.steps.append((line.clock.seconds(), what)))

    @property
    def words(self) -> list[What]:
        return [what for _, what in self.steps]


class R2Line:
    """`channels` channels; the office's end and ours. Incoming calls wait in `offered`, with what they were told."""

    def __init__(
        self, ours: R2Settings = LOCAL, office: R2Settings | None = None, channels: int = 2, **span: object
    ) -> None:
        self.clock = SteppedClock()
        self.engines = [Engine(self.clock, name=name, max_ports=max(channels, 8)) for name in ("office", "server")]
        self.far_card, self.card = (SoftwareCard(engine, "b", channels) for engine in self.engines)
        for index in range(channels):
            self.card.wire(index, self.far_card, index)
        self.time = Stepper(self.clock, self.engines)
        slots = tuple(range(1, channels + 1)) if channels > len(E1_SLOTS) else E1_SLOTS
        self.span = Span("e1", self.card.ports, slots, **span)  # type: ignore[arg-type]
        self.office_span = Span("office", self.far_card.ports, slots)
        self.office = R2Trunk("office", self.office_span, office or ours)
        self.trunk = R2Trunk("e1", self.span, ours)
        self.offered: list[Told] = []
        self.trunk.offered = lambda call: self.offered.append(Told(self, call))
        self.time.run_for(0.2)

    def serve(self) -> R2Trunk:
        """Our end anew, as after a restart."""
        self.trunk = R2Trunk("e1", self.span, self.trunk.settings)
        self.trunk.offered = lambda call: self.offered.append(Told(self, call))
        return self.trunk

    def call(self, called: str = "62001234", calling: str = "1001", **more: object) -> Told:
        """The office calls us."""
        return Told(self, self.office.call(Numbers(called, calling, **more)))  # type: ignore[arg-type]

    def until_offered(self, count: int = 1, limit_s: float = 60.0) -> R2Call:
        self.time.run(lambda: len(self.offered) >= count, limit_s)
        call = self.offered[-1].call
        assert isinstance(call, R2Call)
        return call

    def until(self, told: Told, what: What, limit_s: float = 90.0) -> None:
        self.time.run(lambda: what in told.words, limit_s)

    def all_free(self) -> bool:
        return all(span.state().free == len(span.channels) for span in (self.span, self.office_span))

    def settle(self, seconds: float = 2.0) -> None:
        """A while later every channel is free at both ends and nothing is left."""
        self.time.run_for(seconds)
        assert self.all_free(), (self.span.state(), self.office_span.state())
        assert not self.trunk.calls and not self.office.calls
        assert not [text for engine in self.engines for text in engine.operations()]

    def cut(self, on: bool, index: int = 0) -> None:
        self.card.faults(index, cut=int(on))


def trace(steps: Iterable[Heard], settings: R2Settings, *, incoming: bool) -> list[str]:
    """The steps as golden lines: who, what. Ends of tones are lines too."""
    lines = []
    for step in steps_of(steps, settings.table, incoming=incoming):
        end = " ends" if step.text == "ends" else ""
        lines.append(f"{'f' if step.sent != incoming else 'b'} {step.code}{end}")
    return lines


def golden(name: str) -> list[str]:
    """A golden file as such lines: a compelled cycle is four of them, forward on, backward on, forward off, backward
    off (ITU-T Q.440)."""
    lines: list[str] = []
    for line in (GOLDEN / f"{name}.txt").read_text("utf-8").splitlines():
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 2:
            raise ArgumentError(f"{name}: {line!r}")
        first, second = words
        if first in ("f", "b"):
            lines.append(f"{first} {second}")
        elif second == "pulse":
            lines += [f"b {first}", f"b {first} ends"]
        else:
            lines += [f"f {first}", f"b {second}", f"f {first} ends", f"b {second} ends"]
    return lines


FORWARD_HZ = (1380, 1500, 1620, 1740, 1860, 1980)
BACKWARD_HZ = (1140, 1020, 900, 780, 660, 540)
PAIRS = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3), (0, 4), (1, 4), (2, 4), (3, 4), (0, 5), (1, 5), (2, 5))
"""Signals 1 to 13, by the places of their frequencies; 14 and 15 follow in the same way (ITU-T Q.441)."""
IDLE, SEIZE, ANSWER, BUSY = 0b1011, 0b0011, 0b0111, 0b1111


class Hand:
    """A far end worked by hand: bits and tones, on one channel; what it hears is in our call's steps."""

    def __init__(self, line: R2Line, index: int = 0) -> None:
        line.office.close()
        line.time.run_for(0.2)
        self.line, self.port = line, line.far_card.ports[index]
        self.port.begin_call()
        self.playing: Deferred[PlayEnd] | None = None
        for port in line.far_card.ports:
            port.bits(IDLE)
        line.time.run_for(0.3)

    def bits(self, abcd: int, wait_s: float = 0.2) -> None:
        self.port.bits(abcd)
        self.line.time.run_for(wait_s)

    def tone(self, code: int, *, forward: bool, level_dbm0: float = -11.5) -> None:
        """A signal until `quiet`."""
        self.quiet(0)
        low, high = (*PAIRS, (3, 5), (4, 5))[code - 1]
        hz = FORWARD_HZ if forward else BACKWARD_HZ
        self.playing = self.port.play(Tone(hz[low], hz[high], level_dbm0=level_dbm0))
        quietly(self.playing)

    def quiet(self, wait_s: float = 0.14) -> None:
        if self.playing is not None:
            self.playing.cancel()
            self.playing = None
        self.line.time.run_for(wait_s)

    def cycle(self, code: int) -> None:
        """One forward signal, long enough to be answered, and silence after it."""
        self.tone(code, forward=True)
        self.line.time.run_for(0.16)
        self.quiet(0.16)

    def answer_cycle(self, code: int) -> None:
        """A backward signal, long enough to be seen, and silence after it."""
        self.tone(code, forward=False)
        self.line.time.run_for(0.16)
        self.quiet(0.16)

"""`tipring bench r2` and `tipring bench pri`: what E1 trunks cost: calls between two ends over software cards, stepped,
both ends and their control halves in one thread. Reference in the same run: the same channels without calls.
"""

from __future__ import annotations

import argparse
import time
from statistics import median
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from drivers.engine import Engine
    from drivers.signalling.interface import Trunk

CALLED, CALLING = "62001234", "13800138000"
TALK_S, REST_S = 20.0, 1.0
SPAN: Final = 30
"""Channels of an E1."""


class TrunkBench:
    """A part of `tipring bench`."""

    def __init__(self, kind: Literal["r2", "pri"]) -> None:
        self.kind = kind
        name = {"r2": "R2", "pri": "PRI"}[kind]
        self.HELP = f"{name} spans: how much faster than real time calls are signalled, how long until one is offered"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """How many spans, for how long."""
        parser.add_argument("--spans", type=int, default=16, help="of 30 channels each (default 16)")
        parser.add_argument("--seconds", type=int, default=40, help="of line time (default 40)")
        parser.add_argument("--rounds", type=int, default=3, help="medians are told (default 3)")

    def measure(self, args: argparse.Namespace) -> dict[str, Any]:
        """All figures."""
        from cti.errors import TipringError

        if not 1 <= args.spans <= 128 or not 1 <= args.seconds <= 3600 or not 1 <= args.rounds <= 100:
            raise TipringError("--spans is 1 to 128, --seconds 1 to 3600, --rounds 1 to 100")
        rounds = [_round(self.kind, args.spans, args.seconds) for _ in range(args.rounds)]
        took = {name: median(row[name] for row in rounds) for name in rounds[0]}
        return {
            "kind": self.kind,
            "channels": args.spans * SPAN,
            "times_real_time": round(args.seconds / took["calls"], 1),
            "times_real_time_idle": round(args.seconds / took["idle"], 1),
            "calls_a_second": round(took["offered"] / args.seconds, 1),
            "offered_s": round(took["offered_s"], 2),
            "ratio": round(median(row["calls"] / row["idle"] for row in rounds), 1),
        }

    def show(self, result: dict[str, Any]) -> None:
        """For people."""
        print(
            f"{result['channels']} {result['kind'].upper()} channels, both ends in one thread: "
            f"{result['times_real_time']} times real time with {result['calls_a_second']} calls a second, "
            f"{result['times_real_time_idle']} times with none ({result['ratio']} times the cost)"
        )
        print(f"a call of {len(CALLED)} + {len(CALLING)} digits is offered {result['offered_s']} s after its seizure")


R2, PRI = TrunkBench("r2"), TrunkBench("pri")


def _ends(kind: str, engines: list[Engine]) -> tuple[Trunk, Trunk]:
    """One span between two ends: the office's, ours."""
    from drivers.card import SoftwareCard
    from drivers.signalling.pri import PriTrunk
    from drivers.signalling.r2 import R2Settings, R2Trunk
    from drivers.span import Span

    cards = [SoftwareCard(None, "b", SPAN) for _ in engines]
    for card, engine in zip(cards, engines, strict=True):
        if kind == "pri":
            card.add_port("d")
        engine.add_card(card)
    far, near = cards
    for index in range(len(near.ports)):
        near.wire(index, far, index)
    if kind == "pri":
        spans = [Span(card.name, card.ports[:SPAN], signalling=card.ports[SPAN]) for card in cards]
        return PriTrunk(spans[0], "network"), PriTrunk(spans[1], "user")
    settings = R2Settings(called_length=len(CALLED))
    r2 = [R2Trunk(card.name, Span(card.name, card.ports), settings) for card in cards]
    return r2[0], r2[1]


def _round(kind: str, spans: int, seconds: int) -> dict[str, float]:
    from drivers.clock import SteppedClock
    from drivers.engine import Engine
    from drivers.signalling.interface import Numbers, TrunkCall, What
    from drivers.stepped import Stepper

    clock = SteppedClock()
    engines = [Engine(clock, name=name, max_ports=spans * (SPAN + 1)) for name in ("office", "server")]
    ends = [_ends(kind, engines) for _ in range(spans)]
    steps = Stepper(clock, engines)
    offered: list[float] = []
    seized: dict[tuple[Trunk, int], float] = {}

    def serve(office: Trunk, call: TrunkCall) -> None:
        offered.append(clock.seconds() - seized[office, call.slot])
        call.answer()

    def again(office: Trunk, slot: int) -> None:
        seized[office, slot] = clock.seconds()
        call = office.call(Numbers(CALLED, CALLING), slot=slot)
        clock.callLater(TALK_S, call.clear)

        def told(call: TrunkCall, what: What) -> None:
            if what == "cleared":
                clock.callLater(REST_S, again, office, slot)

        call.listen(told)

    for office, ours in ends:
        ours.offered = lambda call, office=office: serve(office, call)
    steps.run_for(5)
    began = time.process_time()
    steps.run_for(seconds)
    idle = time.process_time() - began
    channels = [(office, slot) for office, _ in ends for slot in office.span.channels]
    for at, (office, slot) in enumerate(channels):
        clock.callLater(at * TALK_S / len(channels), again, office, slot)
    steps.run_for(TALK_S + 5)
    before = len(offered)
    began = time.process_time()
    steps.run_for(seconds)
    calls = time.process_time() - began
    for trunk in (trunk for both in ends for trunk in both):
        trunk.close()
    for timer in clock.getDelayedCalls():
        timer.cancel()
    return {"idle": idle, "calls": calls, "offered": len(offered) - before, "offered_s": median(offered)}

"""`tipring bench r2`: what trunks signalled by MFC-R2 cost: calls between two ends over software cards, stepped,
both ends and their control halves in one thread. Reference in the same run: the same channels without calls.
"""

from __future__ import annotations

import argparse
import time
from statistics import median
from typing import Any

HELP = "R2 channels: how much faster than real time calls are signalled, and how long one takes to be offered"
CALLED, CALLING = "62001234", "13800138000"
TALK_S, REST_S = 20.0, 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How many channels, for how long."""
    parser.add_argument("--channels", type=int, default=480, help="16 spans of 30 (default 480)")
    parser.add_argument("--seconds", type=int, default=40, help="of line time (default 40)")
    parser.add_argument("--rounds", type=int, default=3, help="medians are told (default 3)")


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    from cti.errors import TipringError

    if not 1 <= args.channels <= 4096 or not 1 <= args.seconds <= 3600 or not 1 <= args.rounds <= 100:
        raise TipringError("--channels is 1 to 4096, --seconds 1 to 3600, --rounds 1 to 100")
    rounds = [_round(args.channels, args.seconds) for _ in range(args.rounds)]
    took = {name: median(row[name] for row in rounds) for name in rounds[0]}
    return {
        "channels": args.channels,
        "times_real_time": round(args.seconds / took["calls"], 1),
        "times_real_time_idle": round(args.seconds / took["idle"], 1),
        "calls_a_second": round(took["offered"] / args.seconds, 1),
        "offered_s": round(took["offered_s"], 2),
        "ratio": round(took["calls"] / took["idle"], 1),
    }


def show(result: dict[str, Any]) -> None:
    """For people."""
    print(
        f"{result['channels']} R2 channels, both ends in one thread: {result['times_real_time']} times real time with "
        f"{result['calls_a_second']} calls a second, {result['times_real_time_idle']} times with none "
        f"({result['ratio']} times the cost)"
    )
    print(f"a call of {len(CALLED)} + {len(CALLING)} digits is offered {result['offered_s']} s after its seizure")


def _round(channels: int, seconds: int) -> dict[str, float]:
    from drivers.card import SoftwareCard
    from drivers.clock import SteppedClock
    from drivers.engine import Engine
    from drivers.signalling.interface import Numbers, TrunkCall, What
    from drivers.signalling.r2 import R2Settings, R2Trunk
    from drivers.span import Span
    from drivers.stepped import Stepper

    clock = SteppedClock()
    engines = [Engine(clock, name=name, max_ports=channels) for name in ("office", "server")]
    far, near = (SoftwareCard(engine, "b", channels) for engine in engines)
    for index in range(channels):
        near.wire(index, far, index)
    slots = tuple(range(1, channels + 1))
    settings = R2Settings(called_length=len(CALLED))
    office, ours = (R2Trunk(card.name, Span(card.name, card.ports, slots), settings) for card in (far, near))
    steps = Stepper(clock, engines)
    offered: list[float] = []
    seized: dict[int, float] = {}

    def serve(call: TrunkCall) -> None:
        offered.append(clock.seconds() - seized[call.slot])
        call.answer()

    def again(slot: int) -> None:
        seized[slot] = clock.seconds()
        call = office.call(Numbers(CALLED, CALLING), slot=slot)
        clock.callLater(TALK_S, call.clear)

        def told(call: TrunkCall, what: What) -> None:
            if what == "cleared":
                clock.callLater(REST_S, again, slot)

        call.listen(told)

    ours.offered = serve
    steps.run_for(1)
    began = time.process_time()
    steps.run_for(seconds)
    idle = time.process_time() - began
    for slot in slots:
        clock.callLater(slot * TALK_S / channels, again, slot)
    steps.run_for(TALK_S + 5)
    before = len(offered)
    began = time.process_time()
    steps.run_for(seconds)
    calls = time.process_time() - began
    return {"idle": idle, "calls": calls, "offered": len(offered) - before, "offered_s": median(offered)}

"""`tipring bench engine --card dahdi`: what a tick costs over real channels, beside the same ports of a software card.

Every port is off-hook (FXO), plays a tone and listens for digits and voice; the far ends are whatever is plugged in.
The cost is the processor time of our own thread, the driver's system calls included, its interrupts not. Both cards run
in turn; the ratio is the median of the rounds'. The channels must be free: no server may hold them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import msgspec

from cti.errors import TipringError
from cti.site.config import DahdiCard
from drivers.card import Card, SoftwareCard
from drivers.clock import SteppedClock
from drivers.dahdi import DahdiCard as EngineDahdiCard
from drivers.dahdi import DahdiPort
from drivers.engine import Engine
from drivers.errors import CardError
from drivers.items import Tone
from drivers.operations import quietly
from drivers.stepped import Stepper

SETTLE_S = 1.0
ROUND_S = 5.0
TICKS_PER_SECOND = 50
LAW = "a"
MAX_PORTS = 1024


def channels_of(text: str | None, kind: str) -> tuple[int, ...]:
    """The numbers of `--channels`. TipringError where it is none, or says no channels."""
    if text is None:
        raise TipringError('--card dahdi needs --channels, free ones of this kind: --channels "1-4,6" --type fxo')
    try:
        row = {"kind": "dahdi", "name": "bench", "type": kind, "channels": text}
        return tuple(msgspec.convert(row, DahdiCard).numbers)
    except msgspec.ValidationError as error:
        wrong = f'--channels {text}: write numbers and ranges, each channel once, from 1: "1-4,6"'
        raise TipringError(wrong) from error


def measure_cards(channels: tuple[int, ...], kind: str, rounds: int) -> dict[str, Any]:
    """Microseconds of processor time a tick on both cards; medians of the rounds."""
    makes: dict[str, Callable[[], Card]] = {
        "software": lambda: SoftwareCard(None, kind, len(channels), law=LAW, name="software"),
        "dahdi": lambda: EngineDahdiCard(None, [DahdiPort(channel, kind, law=LAW) for channel in channels]),
    }
    rows: dict[str, list[float]] = {name: [] for name in makes}
    slips = 0
    for _ in range(rounds):
        for name, make in makes.items():
            try:
                took, lost = _round(make())
            except CardError as error:
                raise TipringError(str(error)) from error
            rows[name].append(took)
            slips += lost
    return {
        "card": "dahdi",
        "ports": len(channels),
        "kind": kind,
        "seconds": ROUND_S,
        "tick_us": {name: round(median(took), 2) for name, took in rows.items()},
        "ratio": round(median(a / b for a, b in zip(rows["dahdi"], rows["software"], strict=True)), 2),
        "slips": slips,
    }


def show_cards(result: dict[str, Any]) -> None:
    """For people."""
    ports = result["ports"]
    print(
        f"{ports} {result['kind']} ports, a tone out, digits and voice listened for; processor time of a tick (20 ms)"
    )
    for name, us in result["tick_us"].items():
        print(f"  {name:8}  {us:10.1f} us a tick  {us / ports:8.2f} us a port  {us / 20e3:8.3%} of a core")
    print(f"dahdi costs {result['ratio']:.2f} times the software card; {result['slips']} blocks slipped")


def _round(card: Card) -> tuple[float, int]:
    """Microseconds a tick, and blocks lost or repeated."""
    clock = SteppedClock()
    engine = Engine(clock, max_ports=MAX_PORTS, name="bench")
    try:
        stepper = Stepper(clock, [engine])
        tones = []
        for port in engine.add_card(card):
            if port.kind == "fxo":
                quietly(port.answer())
            port.detect("dtmf", "voice")
            tones.append(quietly(port.play(Tone(450))))
        stepper.run_for(SETTLE_S)
        slipped = engine.stats().slips
        began = time.thread_time_ns()
        stepper.run_for(ROUND_S)
        took = time.thread_time_ns() - began
        slipped = engine.stats().slips - slipped
        for tone in tones:
            tone.cancel()
        stepper.run_for(1 / TICKS_PER_SECOND)
        return took / 1e3 / (ROUND_S * TICKS_PER_SECOND), slipped
    finally:
        engine.close()

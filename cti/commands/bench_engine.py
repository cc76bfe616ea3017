"""`tipring bench engine`: how many ports one core carries, with the whole chain of a VRU call.

A-law decode, DTMF and voice detectors, gain, player, encode, on the real engine (csrc/bench.c), one thread. The input
is speech, tones and digits mixed, 16 different ones of 20 s; the digits found are compared with those sent in the same
run. References, measured in turn with it: SpanDSP's DTMF receiver against ours on the same sound, and the plain C
kernels against those for this processor's vector instructions. With `--card dahdi` real channels instead
(`bench_card.py`).
"""

from __future__ import annotations

import argparse
import random
from array import array
from statistics import median
from typing import Any

from cti.commands.bench_sound import (
    INPUTS,
    SECONDS,
    OurReceiver,
    SpanDspReceiver,
    a_law,
    channels_per_core,
    from_a_law,
    make_inputs,
)

HELP = "ports per core, cost of a tick, memory per port, digits found of those sent"
KERNELS = ("generic", "avx2", "avx512")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ports, rounds, kernel."""
    parser.add_argument("--ports", type=int, default=300, help="ports of the main measurement (default 300)")
    parser.add_argument("--rounds", type=int, default=5, help="of each measurement; medians are told (default 5)")
    parser.add_argument("--card", choices=["dahdi"], help="measure a tick over real channels, beside a software card's")
    parser.add_argument("--channels", metavar="LIST", help='with --card: free channels, as "1-4,6"')
    parser.add_argument("--type", choices=["fxo", "fxs", "b"], default="fxo", help="with --card: their kind (fxo)")
    parser.add_argument("--simd", choices=KERNELS, help="measure this kernel (default: the best this processor has)")


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """All figures of the engine."""
    from cti.errors import TipringError
    from drivers.listener import simd

    if not 1 <= args.ports <= 20_000 or not 1 <= args.rounds <= 100:
        raise TipringError("--ports is a number from 1 to 20000, --rounds from 1 to 100")
    if args.card is not None:
        from cti.commands.bench_card import channels_of, measure_cards

        return measure_cards(channels_of(args.channels, args.type), args.type, args.rounds)
    before = simd()
    if args.simd and simd(args.simd) is None:
        raise TipringError(f"this processor has no {args.simd}")
    try:
        return _measure(args.ports, args.rounds)
    finally:
        simd(before)


def show(result: dict[str, Any]) -> None:
    """For people."""
    if "card" in result:
        from cti.commands.bench_card import show_cards

        show_cards(result)
        return
    print(f"kernel {result['simd']}, {INPUTS} inputs of {SECONDS} s (speech, tones, digits)")
    for row in result["ticks"]:
        print(
            f"{row['ports']:6} ports  {row['tick_us']:10.1f} us a tick  {row['share']:8.3%} of a core  "
            f"{row['tick_max_us']:10.1f} us the longest"
        )
    print(
        f"ports_per_core    {result['ports_per_core']:8}   with tones too {result['ports_per_core_tones']:8}"
        f"   with echo canceller {result['ports_per_core_echo']:8}"
    )
    for name, row in result["kernels"].items():
        print(f"  {name:8}        {row['ports_per_core']:8}   {row['ratio']:.2f} times generic")
    print(f"bytes_per_port    {result['bytes_per_port']:8}")
    print(f"digits            {result['digits_found']:8} found of {result['digits_sent']} sent")
    print("the DTMF receiver alone, channels of a core:")
    for name, row in result["receivers"].items():
        compared = f"{row['ratio']:6.2f} times {result['reference']}"
        print(f"  {name:8} {row['channels']:8}   {compared}   {row['digits']} digits")


def _measure(ports: int, rounds: int) -> dict[str, Any]:
    from drivers._engine import lib
    from drivers.listener import simd

    inputs, digits = make_inputs(random.Random(1))
    signals = [a_law(samples) for samples in inputs]
    vru = lib.TR_DETECT_DTMF | lib.TR_DETECT_VOICE
    tones = vru | lib.TR_DETECT_TONES
    kernel = str(simd())
    runs: list[dict[str, dict[str, Any]]] = []
    for _ in range(rounds):  # in turn, as the machine may be shared
        row = {"tones": _run(ports, signals, tones), "echo": _run(ports, signals, vru, echo=True)}
        for name in kernels():
            simd(name)
            row[name] = _run(ports, signals, vru)
        simd(kernel)
        runs.append(row)
    found = {one["digits"] for row in runs for name, one in row.items() if name != "echo"}
    per_core = {name: int(20e6 * ports / median(row[name]["tick_ns"] for row in runs)) for name in runs[0]}
    return {
        "simd": kernel,
        "ports_per_core": per_core[kernel],
        "ports_per_core_tones": per_core["tones"],
        "ports_per_core_echo": per_core["echo"],
        "kernels": {
            name: {
                "ports_per_core": per_core[name],
                "ratio": round(median(row["generic"]["tick_ns"] / row[name]["tick_ns"] for row in runs), 2),
            }
            for name in kernels()
        },
        "bytes_per_port": runs[0]["generic"]["memory"] // ports,
        "ticks": [_ticks(count, signals, vru, rounds) for count in (30, 300, 3000)],
        "digits_sent": sum(digits[number % INPUTS] for number in range(ports)),
        "digits_found": found.pop() if len(found) == 1 else sorted(found),
        "receivers": _receivers([from_a_law(signal) for signal in signals], rounds),
        "reference": "spandsp" if SpanDspReceiver.is_here() else KERNELS[0],
        "receiver_digits_sent": sum(digits),
    }


def kernels() -> list[str]:
    """Those that this processor has; leaves the one that runs."""
    from drivers.listener import simd

    before = simd()
    here = [name for name in KERNELS if simd(name) is not None]
    simd(before)
    return here


def _ticks(ports: int, signals: list[bytes], mask: int, rounds: int) -> dict[str, Any]:
    rows = [_run(ports, signals, mask, ticks=100 if ports >= 3000 else 500) for _ in range(rounds)]
    tick_ns = median(row["tick_ns"] for row in rows)
    return {
        "ports": ports,
        "tick_us": round(tick_ns / 1e3, 2),
        "tick_max_us": round(median(row["tick_max_ns"] for row in rows) / 1e3, 2),
        "share": tick_ns / 20e6,
    }


def _receivers(inputs: list[array[int]], rounds: int) -> dict[str, dict[str, Any]]:
    """Each kernel's receiver and SpanDSP's, in turn; ratios to the reference round by round, their medians told."""
    from drivers.listener import simd

    before = simd()
    names = kernels()
    if SpanDspReceiver.is_here():
        names.append("spandsp")
    reference = names[-1] if names[-1] == "spandsp" else names[0]
    rates: dict[str, list[int]] = {name: [] for name in names}
    digits: dict[str, int] = {}
    for _ in range(rounds):
        for name in names:
            if name != "spandsp":
                simd(name)
            kind: type[OurReceiver] | type[SpanDspReceiver] = SpanDspReceiver if name == "spandsp" else OurReceiver
            rate, digits[name] = channels_per_core(kind, inputs)
            rates[name].append(rate)
    simd(before)
    return {
        name: {
            "channels": int(median(rates[name])),
            "ratio": round(median(a / b for a, b in zip(rates[name], rates[reference], strict=True)), 2),
            "digits": digits[name],
        }
        for name in names
    }


def _run(
    ports: int, signals: list[bytes], mask: int, ticks: int = SECONDS * 50, *, echo: bool = False
) -> dict[str, Any]:
    from drivers._engine import ffi, lib
    from drivers.errors import check

    out = ffi.new("struct tr_bench_result *")
    check(lib.tr_bench(ports, ticks, mask, int(echo), b"".join(signals), len(signals[0]), len(signals), out), "bench")
    return {
        "tick_ns": out.ns_tick_mean,
        "tick_max_ns": out.ns_tick_max,
        "digits": int(out.digits_found),
        "memory": int(out.memory_bytes),
    }

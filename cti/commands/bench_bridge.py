"""`tipring bench bridge`: what conversations on the card cost, on the real engine (csrc/bench_bridge.c), one thread.

Two-party calls, at 0 dB (each end's codes passed on), mixed at another gain, and between analog lines whose echo is
cancelled, against a plain copy of the same codes in the same run; recorded in stereo, the writing of the files included
(in the server a thread of its own does that); conferences, and from how many parties on a conference is cheaper than a
gain for each pair. All in processor time; ratios round by round, their medians told.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from statistics import median
from typing import Any

HELP = "two-party calls per core, the cost of conferences, with and without recording"
CALLS = 500
PARTIES = (3, 4, 5, 6, 8)
TICKS = 200
SECONDS = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Rounds and parties."""
    parser.add_argument("--parties", type=int, default=500, help="of the large conference (default 500)")
    parser.add_argument("--rounds", type=int, default=5, help="of each measurement; medians are told (default 5)")
    parser.add_argument("--hours", type=float, metavar="H", help="instead: a soak of so many hours, in stepped time")
    parser.add_argument("--calls", type=int, default=200, help="with --hours: conversations at a time (default 200)")
    parser.add_argument(
        "--recording", action="store_true", help="with --hours: record 200 of them, look through the files"
    )


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """All figures of the bridge."""
    from cti.errors import TipringError

    if args.hours is not None:
        from cti.commands.bench_soak import measure as measure_soak

        return measure_soak(args)
    if not 2 <= args.parties <= 20_000 or args.parties % 2 or not 1 <= args.rounds <= 100:
        raise TipringError("--parties is an even number from 2 to 20000, --rounds from 1 to 100")
    source = random.Random(1)
    sound = source.randbytes(16 * SECONDS * 8000)
    rounds = [_round(sound, args.parties) for _ in range(args.rounds)]  # in turn, as the machine may be shared
    costs = {name: median(row[name] for row in rounds) for name in rounds[0]}

    def ratio(name: str, reference: str) -> float:
        return round(median(row[name] / row[reference] for row in rounds), 2)

    crossover = next((n for n in PARTIES if ratio(f"conference of {n}", f"pairs of {n}") < 1), None)
    return {
        "calls_per_core": int(20e6 * CALLS / costs["pairs"]),
        "calls_per_core_recorded": int(20e6 * CALLS / costs["recorded"]),
        "calls_per_core_mixed": int(20e6 * CALLS / costs["mixed"]),
        "calls_per_core_cancelled": int(20e6 * CALLS / costs["cancelled"]),
        "copy_ratio": ratio("pairs", "copy"),
        "recorded_ratio": ratio("recorded", "pairs"),
        "mixed_ratio": ratio("mixed", "pairs"),
        "cancelled_ratio": ratio("cancelled", "pairs"),
        "parties": args.parties,
        "conference_tick_us": round(costs["conference"] / 1e3, 1),
        "conference_share": costs["conference"] / 20e6,
        "conference_recorded_tick_us": round(costs["conference recorded"] / 1e3, 1),
        "crossover_parties": crossover,
        "conference_to_pairs": {n: ratio(f"conference of {n}", f"pairs of {n}") for n in PARTIES},
    }


def show(result: dict[str, Any]) -> None:
    """For people."""
    if "hours" in result:
        from cti.commands.bench_soak import show as show_soak

        show_soak(result)
        return
    print(f"calls_per_core    {result['calls_per_core']:8}   {result['copy_ratio']:.2f} times a plain copy's cost")
    print(f"  mixed           {result['calls_per_core_mixed']:8}   {result['mixed_ratio']:.2f} times that of copied")
    cancelled = f"{result['cancelled_ratio']:.2f} times, echo cancelled"
    print(f"  analog lines    {result['calls_per_core_cancelled']:8}   {cancelled}")
    print(f"  recorded        {result['calls_per_core_recorded']:8}   {result['recorded_ratio']:.2f} times, written")
    print(
        f"a conference of {result['parties']} costs {result['conference_tick_us']} us a tick "
        f"({result['conference_share']:.1%} of a core), half of the parties recorded "
        f"{result['conference_recorded_tick_us']} us"
    )
    for parties, ratio in result["conference_to_pairs"].items():
        print(f"  of {parties:2} parties: {ratio:.2f} times the cost of a gain for each pair")


def _round(sound: bytes, parties: int) -> dict[str, float]:
    from drivers._engine import lib

    ends = 2 * CALLS
    row = {
        "copy": _run(sound, ends, lib.TR_BENCH_COPY),
        "pairs": _run(sound, ends, lib.TR_BENCH_PAIRS),
        "mixed": _run(sound, ends, lib.TR_BENCH_MIXED),
        "cancelled": _run(sound, ends, lib.TR_BENCH_CANCELLED),
        "conference": _run(sound, parties, lib.TR_BENCH_CONFERENCE, parties),
    }
    with tempfile.TemporaryDirectory(prefix="tipring-bench-") as folder:
        row["recorded"] = _run(sound, ends, lib.TR_BENCH_PAIRS, folder=folder)
    with tempfile.TemporaryDirectory(prefix="tipring-bench-") as folder:
        row["conference recorded"] = _run(sound, parties, lib.TR_BENCH_CONFERENCE, parties, folder=folder)
    for count in PARTIES:
        total = 40 * count
        row[f"conference of {count}"] = _run(sound, total, lib.TR_BENCH_CONFERENCE, count)
        row[f"pairs of {count}"] = _run(sound, total, lib.TR_BENCH_ALL_PAIRS, count)
    return row


def _run(sound: bytes, ports: int, how: int, parties: int = 2, *, folder: str | None = None) -> float:
    """Nanoseconds a tick."""
    from drivers._engine import ffi, lib
    from drivers.errors import check

    plan, out = ffi.new("struct tr_bench_bridge *"), ffi.new("struct tr_bench_result *")
    held = ffi.from_buffer("uint8_t[]", sound)
    path = ffi.new("char[]", folder.encode()) if folder is not None else ffi.NULL
    plan.ports, plan.ticks, plan.how, plan.parties = ports, TICKS, how, parties
    plan.input, plan.samples, plan.distinct, plan.folder = held, len(sound) // 16, 16, path
    check(lib.tr_bench_bridge(plan, out), "bridge bench")
    return float(out.ns_tick_mean)

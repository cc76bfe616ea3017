"""`tipring bench bridge --hours 8`: hours of conversations on the card, and no sample of one in another.

Many conversations at a time, stepped (csrc/bench_soak.c): they begin, are put on hold, heard at a gain, joined by a
third, hung up and begun with others. Each party says a code of its own, a tone of its own frequency, and every sample
that anybody is sent is compared with what it must be. With `--recording` the files of 200 conversations are looked
through as well: left the caller's code and nothing else, right the agent's.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from array import array
from pathlib import Path
from typing import Any

RATE = 8000
TICKS_AN_HOUR = 50 * 3600
BLOCK = 160
CODE_HZ, APART_HZ = 300, 7
"""Of the first party, and from one to the next; a second holds whole periods of each."""
FADED = 4
"""Blocks at a recording's beginning in which the agent's voice is still faded in."""


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """The whole soak."""
    from cti.errors import TipringError

    if not 0 < args.hours <= 1000 or not 4 <= args.calls <= 250:
        raise TipringError("--hours is above 0, up to 1000; --calls from 4 to 250")
    if not args.recording:
        return soak(args.hours, args.calls, None)
    with tempfile.TemporaryDirectory(prefix="tipring-soak-") as folder:
        return soak(args.hours, args.calls, Path(folder))


def soak(hours: float, calls: int, folder: Path | None, seed: int = 1) -> dict[str, Any]:
    """Runs it; recorded in `folder`."""
    from drivers._engine import ffi, lib
    from drivers.errors import check

    codes = [_code(party) for party in range(2 * calls + calls // 4)]
    plan, out = ffi.new("struct tr_bench_soak *"), ffi.new("struct tr_soak_result *")
    held = ffi.from_buffer("uint8_t[]", b"".join(codes))
    path = ffi.new("char[]", str(folder).encode()) if folder is not None else ffi.NULL
    plan.calls, plan.ticks, plan.input, plan.samples = calls, max(1, round(hours * TICKS_AN_HOUR)), held, RATE
    plan.seed, plan.folder = seed, path
    check(lib.tr_bench_soak(plan, out), "bridge soak")
    names = ("samples", "wrong", "in_change", "out_of_bounds", "holds", "thirds", "gains", "recordings", "events_lost")
    result: dict[str, Any] = {
        "hours": hours,
        "calls_at_a_time": calls,
        "conversations": int(out.calls),
        **{name: int(getattr(out, name)) for name in names},
        "io_overruns": int(out.io_overruns),
        "memory_growth_bytes": max(0, int(out.memory_end) - int(out.memory_begin)),
        "tick_us": round(out.ns_total / plan.ticks / 1e3, 1),
        "tick_max_us": round(out.ns_tick_max / 1e3, 1),
    }
    if out.wrong or out.out_of_bounds:
        result["first_wrong"] = {"port": int(out.wrong_port), "tick": int(out.wrong_tick)}
    if folder is not None:
        found = [fault for file in sorted(folder.glob("*.wav")) for fault in faults(file, codes)]
        result["files_with_strangers"] = len(found)
        result["strangers"] = found[:5]
    return result


def show(result: dict[str, Any]) -> None:
    """For people."""
    print(f"{result['hours']:g} hours of {result['calls_at_a_time']} conversations at a time, one engine, stepped")
    with_what = f"{result['holds']:,} holds, {result['thirds']:,} thirds, {result['gains']:,} gains"
    print(f"conversations     {result['conversations']:12,}   with {with_what}")
    print(f"samples compared  {result['samples']:12,}   {result['wrong']} of them wrong")
    print(f"while gains faded {result['in_change']:12,}   {result['out_of_bounds']} of them nobody's who talks there")
    print(f"a tick            {result['tick_us']:12} us   the judge included; the longest {result['tick_max_us']} us")
    print(f"memory grew       {result['memory_growth_bytes']:12} bytes   {result['events_lost']} events lost")
    if "strangers" in result:
        print(
            f"recordings        {result['recordings']:12,}   {result['files_with_strangers']} with a stranger in them"
        )
        for fault in result["strangers"]:
            print(f"  {fault}")


def _code(party: int) -> bytes:
    """A second of a party's tone, A-law."""
    from cti.commands.bench_sound import a_law

    hz = CODE_HZ + APART_HZ * party
    return a_law(array("h", (round(4000 * math.sin(2 * math.pi * hz * n / RATE)) for n in range(RATE))))


def faults(file: Path, codes: list[bytes]) -> list[str]:
    """What is wrong with a recording of CALLER-AGENT.wav; nothing: left is the caller's code, right the agent's."""
    from drivers import wav

    caller, agent = map(int, file.stem.split("-"))
    left, right = wav.read(file).channels
    found = []
    if not _only(left, codes[caller], 0):
        found.append(f"{file.name}: left is not the caller alone")
    if not _only(right, codes[agent], FADED * BLOCK):
        found.append(f"{file.name}: right is not the agent alone")
    return found


def _only(heard: array[int], code: bytes, begin: int) -> bool:
    """Is it, from `begin` on, this code and nothing else, at whatever phase it began?"""
    from cti.commands.bench_sound import from_a_law

    said = from_a_law(code)
    piece = heard[begin : begin + RATE]
    if len(piece) < RATE:
        return len(heard) <= begin + RATE  # too short to tell
    twice = (said + said).tobytes()
    at = next((n for n in range(0, RATE, BLOCK) if twice[2 * n : 2 * (n + RATE)] == piece.tobytes()), None)
    if at is None:
        return False
    whole = said[at:] + said[:at]
    data, period = heard[begin:].tobytes(), whole.tobytes()
    return data == (period * (len(data) // len(period) + 1))[: len(data)]

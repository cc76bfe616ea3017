"""`tipring bench`: measures on this machine, as numbers with their reference in the same run. Never part of a test.

`bench engine`: how many ports one core carries with the whole chain of a VRU call (A-law decode, DTMF and voice detectors,
gain, player, encode), what a tick costs at 30, 300 and 3,000 ports, what a port weighs. The input is speech, tones and digits
mixed; the digits found are compared with those sent in the same run.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import tempfile
from array import array
from pathlib import Path
from typing import Any

NAME = "bench"
HELP = "measure this machine: ports per core, cost of a tick, memory per port"
TEXT = "您好，欢迎致电。请问有什么可以帮您？ Your call is important to us, please hold the line while we look for an agent."
RATE = 8000
INPUTS = 16
SECONDS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sub-command engine."""
    subs = parser.add_subparsers(dest="bench", metavar="engine", required=True)
    engine = subs.add_parser("engine", help="the media engine's ports per core")
    engine.add_argument("--json", action="store_true", help="one JSON object")
    engine.add_argument("--ports", type=int, default=300, help="ports of the main measurement (default 300)")
    engine.add_argument("--simd", choices=("generic", "avx2", "avx512"), help="measure this kernel")


def run(args: argparse.Namespace) -> int:
    """Measures and prints."""
    from cti.errors import TipringError
    from drivers.listener import simd

    if args.simd and simd(args.simd) is None:
        raise TipringError(f"this processor has no {args.simd}")
    result = engine(args.ports)
    if args.json:
        print(json.dumps(result))
        return 0
    print(f"kernel {result['simd']}, {INPUTS} inputs of {SECONDS} s (speech, tones, digits)")
    for row in result["ticks"]:
        print(
            f"{row['ports']:6} ports  {row['tick_us']:10.1f} us a tick  {row['share']:7.2%} of a core  "
            f"{row['tick_max_us']:10.1f} us the longest"
        )
    print(f"ports_per_core    {result['ports_per_core']:8}   with tones too {result['ports_per_core_tones']:8}")
    print(f"bytes_per_port    {result['bytes_per_port']:8}")
    print(f"digits            {result['digits_found']:8} found of {result['digits_sent']} sent")
    return 0


def engine(ports: int) -> dict[str, Any]:
    """All figures of the engine as a dictionary."""
    from drivers.listener import simd

    signals, digits = make_inputs(random.Random(1))
    vru = _measure(ports, signals, tones=False)
    with_tones = _measure(ports, signals, tones=True)
    rows = []
    for count in (30, 300, 3000):
        row = _measure(count, signals, tones=False, ticks=50 if count == 3000 else 200)
        rows.append(
            {
                "ports": count,
                "tick_us": row["tick_ns"] / 1e3,
                "tick_max_us": row["tick_max_ns"] / 1e3,
                "share": row["tick_ns"] / 20e6,
            }
        )
    sent = sum(digits[number % INPUTS] for number in range(ports))
    return {
        "simd": simd(),
        "ports_per_core": int(20e6 * ports / vru["tick_ns"]),
        "ports_per_core_tones": int(20e6 * ports / with_tones["tick_ns"]),
        "bytes_per_port": int(vru["memory"] / ports),
        "ticks": rows,
        "digits_sent": sent,
        "digits_found": vru["digits"],
    }


def make_inputs(source: random.Random) -> tuple[list[bytes], list[int]]:
    """A-law input of INPUTS ports, SECONDS long, and how many digits each holds."""
    from drivers._engine import ffi, lib

    speech = _speech()
    signals, counts = [], []
    for _ in range(INPUTS):
        samples, count = _one_input(source, speech)
        coded = ffi.new("uint8_t[]", len(samples))
        lib.tr_g711_encode(lib.TR_LAW_A, ffi.from_buffer("int16_t[]", samples), coded, len(samples))
        signals.append(bytes(ffi.buffer(coded)))
        counts.append(count)
    return signals, counts


def _one_input(source: random.Random, speech: array[int]) -> tuple[array[int], int]:
    from drivers.items import Digits, Silence, Tone
    from drivers.listener import render

    out, digits = array("h"), 0
    while len(out) < SECONDS * RATE:
        kind = source.choice(("speech", "digits", "tone", "silence"))
        if kind == "speech":
            start = source.randrange(max(1, len(speech) - 2 * RATE))
            out.extend(speech[start : start + 2 * RATE])
        elif kind == "digits" and len(out) < (SECONDS - 2) * RATE:
            text = "".join(source.choice("0123456789*#") for _ in range(4))
            out.extend(render([Silence(100), Digits(text, on_ms=80, off_ms=80, level_dbm0=-12.0), Silence(100)]))
            digits += len(text)
        elif kind == "tone":
            out.extend(render([Tone(450, level_dbm0=-12.0, cadence_ms=(350, 350), ms=1400)]))
        else:
            out.extend(array("h", bytes(2 * RATE)))
    return out[: SECONDS * RATE], digits


def _speech() -> array[int]:
    """Speech of espeak-ng at 8 kHz."""
    from cti.errors import TipringError
    from drivers import wav

    with tempfile.TemporaryDirectory() as folder:
        raw, path = Path(folder, "raw.wav"), Path(folder, "speech.wav")
        try:
            subprocess.run(["espeak-ng", "-v", "en", "-w", str(raw), TEXT], check=True, capture_output=True)
            subprocess.run(["sox", "-G", str(raw), "-r", "8000", "-c", "1", "-b", "16", str(path)], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise TipringError(f"the bench needs espeak-ng and sox for its speech: {error}") from error
        return wav.read(path).channels[0]


def _measure(ports: int, signals: list[bytes], *, tones: bool, ticks: int = SECONDS * 50) -> dict[str, float]:
    from drivers._engine import ffi, lib
    from drivers.errors import check

    mask = lib.TR_DETECT_DTMF | lib.TR_DETECT_VOICE | (lib.TR_DETECT_TONES if tones else 0)
    joined = b"".join(signals)
    out = ffi.new("struct tr_bench_result *")
    check(lib.tr_bench(ports, ticks, mask, joined, len(signals[0]), len(signals), out), "bench")
    return {
        "tick_ns": out.ns_tick_mean,
        "tick_max_ns": out.ns_tick_max,
        "digits": int(out.digits_found),
        "memory": int(out.memory_bytes),
    }

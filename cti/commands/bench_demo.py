"""`tipring bench demo`: how much faster than real time the stepped demo runs, with 30 VRU ports and the world around.

The demo runs as a process of its own, three times; start-up is counted in. The reference is the clock on the wall.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from statistics import median
from typing import Any

HELP = "the stepped demo's speed against real time, 30 ports"
LINE_TIME = re.compile(r"^(\d+) calls, ([\d.]+) s of line time", re.MULTILINE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How many calls and runs."""
    parser.add_argument("--calls", type=int, default=20, help="of a run (default 20)")
    parser.add_argument("--seed", type=int, default=7, help="of the scenario (default 7)")
    parser.add_argument("--rounds", type=int, default=3, help="the median is told (default 3)")


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Seconds simulated, seconds it took, and how many times real time that is."""
    rows = [_once(args.calls, args.seed) for _ in range(max(1, args.rounds))]
    took = median(row[2] for row in rows)
    calls, line_s, _ = rows[0]
    return {"ports": 30, "calls": calls, "line_s": line_s, "took_s": round(took, 2), "speed": round(line_s / took, 1)}


def show(result: dict[str, Any]) -> None:
    """For people."""
    print(f"{result['calls']} calls, {result['line_s']:.0f} s of line time in {result['took_s']:.1f} s")
    print(f"speed    {result['speed']:.0f} times real time, {result['ports']} ports")


def _once(calls: int, seed: int) -> tuple[int, float, float]:
    from cti.errors import TipringError

    command = [sys.executable, "-c", "import sys; from cti.commands import main; sys.exit(main())"]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, "demo", "--stepped", "--calls", str(calls), "--seed", str(seed), "--json", "-"],
        capture_output=True,
        text=True,
    )
    took = time.perf_counter() - began
    told = LINE_TIME.search(done.stderr)
    if told is None or done.returncode or int(told[1]) != calls:
        raise TipringError(f"the demo failed with status {done.returncode}: {done.stderr.strip()[-400:]}")
    return int(told[1]), float(told[2]), took

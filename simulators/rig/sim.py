"""`tipring sim`: the simulated world in a process of its own, in real time, for a server that knows nothing of it."""

from __future__ import annotations

import argparse
from pathlib import Path

NAME = "sim"
HELP = "the simulated world (central office, PBX, callers, telephones, desks) for a running server"
EXAMPLES = """\
The folder is a run as `tipring demo` makes it: site.yaml, and then backplane.sock, smdi, smdr, which this program
makes. tipring sim demo-run --calls 3        and, in another terminal:  tipring run -c demo-run/site.yaml
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run, which scenario."""
    parser.epilog = EXAMPLES
    parser.add_argument("dir", type=Path, help="folder of the run")
    parser.add_argument("--calls", type=int, metavar="N", help="callers (default 3)")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--fault", action="append", default=[], metavar="SPEC")
    parser.add_argument("--keep", action="store_true", help="callers go on coming")


def run(args: argparse.Namespace) -> int:
    """Until the last caller has gone, or for ever."""
    from simulators.rig.world_process import run_world

    return run_world(args.dir, calls=args.calls, seed=args.seed, faults=args.fault, keep=args.keep)

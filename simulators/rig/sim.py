"""`tipring sim`: the simulated world in a process of its own, in real time, for a server that knows nothing of it."""

from __future__ import annotations

import argparse
from pathlib import Path

NAME = "sim"
HELP = "the simulated world (central office, PBX, callers, telephones, desks) for a running server"
EXAMPLES = """\
The folder is a run as `tipring demo` makes it: site.yaml, and then backplane.sock, smdi, smdr, which this program
makes. What happens in the world is printed as JSON lines.

examples:
  tipring demo --keep                          makes the folder demo-run; end it with Ctrl-C
  tipring sim demo-run --calls 3               the world again, and in another terminal:
  tipring run -c demo-run/site.yaml
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run, which scenario."""
    parser.epilog = EXAMPLES
    parser.add_argument("dir", type=Path, help="folder of the run")
    parser.add_argument("--calls", type=int, metavar="N", help="callers (default 3)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of the scenario (default 1)")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="SPEC", help="what is wrong in the world: tipring demo --faults"
    )
    parser.add_argument("--pbx", metavar="MAKE", help="the PBX's make: tipring demo --pbx list")
    parser.add_argument("--keep", action="store_true", help="callers go on coming")


def run(args: argparse.Namespace) -> int:
    """Until the last caller has gone, or for ever."""
    from cti.config import load_site
    from cti.errors import TipringError
    from simulators.faults import FaultError, parse
    from simulators.makes import MAKES, USUAL, listing
    from simulators.rig.world_process import run_world

    if args.pbx is not None and args.pbx not in MAKES:
        raise TipringError(f"--pbx {args.pbx}: no such make. There are:\n{listing()}")
    if args.calls is not None and not 1 <= args.calls <= 10_000:
        raise TipringError("--calls is a number from 1 to 10000")
    try:
        for spec in args.fault:
            parse(spec)
    except FaultError as error:
        raise TipringError(str(error)) from error
    load_site(args.dir / "site.yaml")
    return run_world(
        args.dir, calls=args.calls, seed=args.seed, faults=args.fault, keep=args.keep, make=args.pbx or USUAL
    )

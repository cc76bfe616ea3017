"""`tipring sim`: the simulated world in a process of its own, in real time, for a server that knows nothing of it."""

from __future__ import annotations

import argparse
from pathlib import Path

from simulators.rig.choice import add_options, chosen

NAME = "sim"
HELP = "the simulated world (central office, PBX, callers, telephones, desks) for a running server"
EXAMPLES = """\
The folder is a run as `tipring demo` makes it: site.yaml, and then what this program makes, the sockets of the cards'
wires and the serial lines (backplane.sock, smdi, smdr; with --switch card co.sock and seats.sock). What happens in the
world is printed as JSON lines.

examples:
  tipring demo --keep                          makes the folder demo-run; end it with Ctrl-C
  tipring sim demo-run --calls 3               the world again, and in another terminal:
  tipring run -c demo-run/site.yaml
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run, which scenario."""
    parser.epilog = EXAMPLES
    parser.add_argument("dir", type=Path, help="folder of the run")
    add_options(parser, "default 3")
    parser.add_argument("--keep", action="store_true", help="callers go on coming")


def run(args: argparse.Namespace) -> int:
    """Until the last caller has gone, or for ever."""
    from cti.site.config import load_site
    from simulators.rig.world_process import run_world

    scenario = chosen(args, keep=args.keep)
    load_site(args.dir / "site.yaml")
    return run_world(args.dir, scenario, keep=args.keep)

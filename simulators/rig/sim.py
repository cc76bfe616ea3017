"""`tipring sim`: the simulated world in a process of its own, in real time, for a server that knows nothing of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from simulators.rig.choice import add_options, chosen

if TYPE_CHECKING:
    from simulators.scenario.scenario import Scenario

NAME = "sim"
HELP = "the simulated world (central office, PBX, callers, telephones, desks) for a running server"
EXAMPLES = """\
The folder is a run as `tipring demo` leaves it, or a new one: site.yaml, made where it is not there yet, and what
exists as long as this program runs, the sockets of the cards' wires and the serial lines (backplane.sock, smdi, smdr;
with --switch card co.sock and seats.sock). What happens in the world is printed as JSON lines. With --traffic the PBX
has calls of its own until a server is there, as an installer finds it: callers reach the agents' telephones, records
are printed, and somebody tries the VRU's extensions.
没有服务器时，加 --traffic 交换机自己也有话务，可供 serial watch、pbx learn 演练。

examples:
  tipring sim rehearsal --keep --traffic       and in other terminals, in this order:
  tipring serial watch rehearsal/smdr --save captured.txt
  tipring pbx learn captured.txt -c rehearsal/site.yaml
  tipring run -c rehearsal/site.yaml           the traffic ends, and the callers come to the VRU
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run, which scenario."""
    parser.epilog = EXAMPLES
    parser.add_argument("dir", type=Path, help="folder of the run; made where it is not there")
    add_options(parser, "default 3")
    parser.add_argument("--keep", action="store_true", help="callers go on coming")
    parser.add_argument("--traffic", action="store_true", help="calls of the PBX's own until a server is there")


def run(args: argparse.Namespace) -> int:
    """Until the last caller has gone, or for ever."""
    from cti.errors import TipringError
    from cti.site.config import load_site
    from simulators.rig.world_process import run_world

    scenario = chosen(args, keep=args.keep)
    if args.traffic and scenario.switch == "card":
        raise TipringError("--traffic is a PBX's: with --switch card there is none, and no call without a server")
    folder = args.dir.absolute()
    if not (folder / "site.yaml").exists():
        _make(folder, scenario)
    load_site(folder / "site.yaml")
    return run_world(folder, scenario, keep=args.keep, traffic=args.traffic)


def _make(folder: Path, scenario: Scenario) -> None:
    """A folder for a run: only a new or an empty one, for a site file that is missing elsewhere is a wrong name."""
    import sys

    from cti.errors import TipringError
    from simulators.rig.paced import free_port
    from simulators.rig.site import write_site

    try:
        if folder.exists() and any(folder.iterdir()):
            raise TipringError(f"{folder}: has no site.yaml, and is not empty; name a run's folder, or a new one")
        site = write_site(scenario, folder, desk_port=free_port(), metrics_port=free_port())
    except OSError as error:
        raise TipringError(f"{folder}: cannot be made: {error.strerror}") from error
    print(f"made 已建立: {site}", file=sys.stderr)

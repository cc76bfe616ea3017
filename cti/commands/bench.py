"""`tipring bench`: measures on this machine, as numbers with their reference in the same run.

Which PC does a site need, how often is a voice taken for a key, how fast are records written? docs/performance.md holds
what these commands said and on which machine. They take seconds to minutes of one core and touch no configured site.
"""

from __future__ import annotations

import argparse
import json
from typing import Any, Protocol

from cti.commands import (
    bench_acd,
    bench_bridge,
    bench_demo,
    bench_echo,
    bench_engine,
    bench_journal,
    bench_talkoff,
    bench_trunks,
)

NAME = "bench"
HELP = "measure this machine: ports per core, false digits, records, routing"
EXAMPLES = """\
examples:
  tipring bench engine
  tipring bench talkoff /usr/share/asterisk --speed 0.9,1,1.1
  tipring bench journal --json
"""


class Part(Protocol):
    """A module or an object that measures one thing."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...
    def measure(self, args: argparse.Namespace) -> dict[str, Any]: ...
    def show(self, result: dict[str, Any]) -> None: ...


PARTS: dict[str, Part] = {
    "engine": bench_engine,
    "echo": bench_echo,
    "talkoff": bench_talkoff,
    "journal": bench_journal,
    "acd": bench_acd,
    "bridge": bench_bridge,
    "r2": bench_trunks.R2,
    "pri": bench_trunks.PRI,
    "demo": bench_demo,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One sub-command for each thing that is measured."""
    parser.epilog = EXAMPLES
    subs = parser.add_subparsers(dest="bench", metavar="|".join(PARTS), required=True)
    for name, part in PARTS.items():
        sub = subs.add_parser(name, help=part.HELP, description=part.HELP)
        part.add_arguments(sub)
        sub.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """Measures and prints."""
    part = PARTS[args.bench]
    result = part.measure(args)
    if args.json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        part.show(result)
    return 0

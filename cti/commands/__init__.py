"""The ``tipring`` command: finds its sub-commands by the entry points of the group ``tipring.commands``.

A sub-command is a module with ``NAME``, ``HELP``, ``add_arguments(parser)`` and ``run(args) -> int``; it imports what
is heavy (database, reactor) inside ``run``, so that ``tipring --help`` stays quick.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Protocol, cast

from cti.errors import TipringError


class Command(Protocol):
    """What the module of a sub-command offers."""

    NAME: str
    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


ORDER = ("demo", "run", "sim", "check", "status", "calls", "trace", "agent", "port", "pbx", "audio", "bench")


def commands() -> list[Command]:
    """Every installed sub-command, in the order in which an integrator meets them."""
    found = {point.name: point for point in entry_points(group="tipring.commands")}
    names = [name for name in ORDER if name in found] + sorted(found.keys() - set(ORDER))
    return [cast(Command, found[name].load()) for name in names]


def parser() -> argparse.ArgumentParser:
    """The whole command line with every sub-command's own help."""
    top = argparse.ArgumentParser(
        prog="tipring",
        description="Telephony-card driver and CTI middleware for call centres. 板卡式呼叫中心中间件。",
        epilog="Try: tipring demo    (a whole call centre on simulated cards, three calls, 90 s)",
    )
    subs = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in commands():
        sub = subs.add_parser(
            command.NAME,
            help=command.HELP,
            description=command.HELP,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one sub-command; a fault the user can mend is one clear line and status 2."""
    args = parser().parse_args(argv)
    try:
        return int(args.run(args))
    except TipringError as error:
        print(f"tipring {args.command}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    except KeyboardInterrupt:
        return 130

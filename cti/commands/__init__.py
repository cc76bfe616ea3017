"""The ``tipring`` command: finds its sub-commands by the entry points of the group ``tipring.commands``.

A sub-command is a module with ``NAME``, ``HELP``, ``add_arguments(parser)`` and ``run(args) -> int``; it imports what
is heavy (database, reactor) inside ``run``, so that ``tipring --help`` stays quick. Only the command asked for is
loaded; one that cannot be loaded (a plug-in for another version) says so in the help and harms no other.
"""

from __future__ import annotations

import argparse
import difflib
import errno
import io
import os
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points, version
from typing import Protocol, cast

from cti.errors import TipringError


class Command(Protocol):
    """What the module of a sub-command offers."""

    NAME: str
    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


ORDER = (
    *("demo", "run", "sim", "detect", "check", "card", "status", "calls", "recordings", "messages"),
    *("trace", "agent", "port", "span", "drain"),
    *("site", "line", "serial", "pbx", "audio", "bench"),
)


def installed() -> dict[str, EntryPoint]:
    """Every installed sub-command by name, in the order in which an integrator meets them."""
    found = {point.name: point for point in entry_points(group="tipring.commands")}
    names = [name for name in ORDER if name in found] + sorted(found.keys() - set(ORDER))
    return {name: found[name] for name in names}


def load(point: EntryPoint) -> Command:
    """The module of a sub-command. Raises TipringError where it cannot be imported."""
    try:
        return cast(Command, point.load())
    except (ImportError, AttributeError) as error:
        text = _no_engine(error) if isinstance(error, ImportError) and error.name == "drivers._engine" else str(error)
        raise TipringError(f"this command cannot be loaded: {text}") from error


def parser(name: str | None = None) -> argparse.ArgumentParser:
    """The command line, with every sub-command's own help or only that of one. Raises TipringError as load() does,
    for the one."""
    top = argparse.ArgumentParser(
        prog="tipring",
        description="Telephony-card driver and CTI middleware for call centres. 板卡式呼叫中心中间件。",
        epilog="Try: tipring demo    (a whole call centre on simulated cards, three calls, 90 s)",
    )
    top.add_argument("--version", action="version", version=f"tipring {version('tipring')}")
    subs = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    points = installed()
    for point in points.values() if name is None else (points[name],):
        try:
            command = load(point)
        except TipringError as error:
            if name is not None:
                raise
            subs.add_parser(point.name, help=str(error).replace("%", "%%"))
            continue
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
    """Runs one sub-command; a fault the user can mend is one clear line and status 2. Who reads what we print has
    enough: status 141. The disk to which it goes is full: one line, too."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that knows no Chinese, a file's name that is no text
            stream.reconfigure(errors="backslashreplace")
    if not words:
        parser().print_help(sys.stderr)
        return 2
    name = words[0]
    try:
        try:
            return _run(name, words)
        finally:
            if sys.stdout is not None:  # closed by who started us
                sys.stdout.flush()
    except TipringError as error:
        print(f"tipring {name}: {error}", file=sys.stderr)
        return 2
    except ImportError as error:
        if error.name != "drivers._engine":
            raise
        print(f"tipring {name}: {_no_engine(error)}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        _print_no_more()
        return 141
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        _print_no_more()
        file = f"{error.filename}: " if error.filename else ""
        print(f"tipring {name}: {file}{error.strerror}: what was being written is not whole", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _run(name: str, words: list[str]) -> int:
    """--help, --version and wrong arguments end by SystemExit."""
    if name.startswith("-"):
        parser().parse_args(words)
        return 2
    if name not in installed():
        raise TipringError(_unknown(name))
    args = parser(name).parse_args(words)
    return int(args.run(args))


def _print_no_more() -> None:
    """What is left in the buffer goes nowhere, so that the interpreter's end does not try it again."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, installed(), 1, 0.6)
    return f"there is no such command; {f'did you mean {near[0]}? ' if near else ''}`tipring --help` lists them all"


def _no_engine(error: ImportError) -> str:
    """The engine is not there, or is another program's (drivers/__init__.py)."""
    if isinstance(error, ModuleNotFoundError):
        return "the engine is not compiled: make setup 引擎尚未编译"
    return str(error)

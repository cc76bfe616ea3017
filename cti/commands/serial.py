"""`tipring serial watch`: what a PBX sends over its serial lines, before anything is configured."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cti.install.serial_watch import Watch
    from cti.install.tty import RawTty
    from drivers.clock import Clock, DelayedCall

NAME = "serial"
HELP = "watch a serial line: hex, text, times; speed and parity found by trial"


EXAMPLES = """\
Make a call, and look: a record comes when it ends, an SMDI message when it rings. Speed and parity are tried until what
comes looks like text; each trial needs some lines from the PBX. Two devices: both directions of a line through a Y
cable, or SMDI and SMDR side by side. Nothing is sent. Ctrl-C ends it. FILE.times keeps when each piece came.
接上串口，打一个电话：挂机后应有话单，振铃时应有来话信息。自动试出波特率和校验。

examples:
  tipring serial watch /dev/ttyS1
  tipring serial watch /dev/ttyUSB0 --save captured.txt
  tipring serial watch /dev/ttyS0 /dev/ttyS1 --baud 1200 --seconds 600
  tipring pbx learn captured.txt                        a dialect for what was captured
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-command watch."""
    parser.epilog = EXAMPLES
    subs = parser.add_subparsers(dest="serial", metavar="watch", required=True)
    watch = subs.add_parser("watch", help=HELP, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    watch.add_argument("devices", nargs="+", metavar="DEVICE", help="one or two, such as /dev/ttyS0")
    watch.add_argument("--baud", type=int, metavar="BD", help="this speed; default: found by trial")
    watch.add_argument("--save", metavar="FILE", help="keep the bytes (of the second device in FILE.2)")
    watch.add_argument("--seconds", type=float, metavar="S", help="end after so long (default: Ctrl-C)")


def run(args: argparse.Namespace) -> int:
    """Opens, watches, tells what is believed."""
    from cti.errors import TipringError
    from cti.install.serial_guess import SPEEDS

    if len(args.devices) > 2:
        raise TipringError("one or two devices, not more")
    if args.baud is not None and args.baud not in SPEEDS:
        raise TipringError(f"--baud {args.baud}: one of {', '.join(map(str, sorted(SPEEDS)))}")
    if args.seconds is not None and not 0 < args.seconds <= 86400:
        raise TipringError(f"--seconds {args.seconds:g}: write up to 86400")
    return _watch(args)


def _watch(args: argparse.Namespace) -> int:
    import sys

    ttys = [_open(device, args.baud) for device in args.devices]
    from cti.reactor import install

    reactor: Any = install()
    from drivers.clock import ReactorClock

    clock = ReactorClock(reactor)
    readers = [_Reader(reactor, clock, tty, _watched(args, index, tty, clock)) for index, tty in enumerate(ttys)]
    for reader in readers:
        reactor.addReader(reader)
    if args.seconds is not None:
        clock.callLater(args.seconds, reactor.stop)
    print(f"watching {', '.join(args.devices)}; Ctrl-C ends 按 Ctrl-C 结束", file=sys.stderr, flush=True)
    reactor.run()
    for reader in readers:
        print(reader.watch.close())
        reader.tty.close()
    lost = [reader for reader in readers if reader.why]
    for reader in lost:
        print(f"tipring serial: {reader.tty.path}: {reader.why}", file=sys.stderr)
    return 1 if lost else 0


class _Reader:
    """A device in the reactor's hands; a device that is gone ends the command."""

    def __init__(self, reactor: Any, clock: Clock, tty: RawTty, watch: Watch) -> None:
        from twisted.internet.interfaces import IReadDescriptor
        from zope.interface import directlyProvides  # type: ignore[import-untyped]

        directlyProvides(self, IReadDescriptor)
        self.tty, self.watch, self.why = tty, watch, ""
        self._reactor, self._clock, self._began_s = reactor, clock, clock.seconds()
        self._pause: DelayedCall | None = None

    def fileno(self) -> int:
        return self.tty.fd

    def logPrefix(self) -> str:
        return self.tty.path

    def doRead(self) -> None:
        from cti.install.serial_watch import PAUSE_S

        try:
            data = self.tty.read()
        except OSError as error:
            self.why = error.strerror or str(error)
            self._reactor.removeReader(self)
            self._reactor.stop()
            return
        if not data:
            return
        if self._pause is not None and self._pause.active():
            self._pause.cancel()
        when = f"{self._clock.now().astimezone():%H:%M:%S.%f}"[:12]
        self.watch.received(data, self._clock.seconds() - self._began_s, when)
        self._pause = self._clock.callLater(PAUSE_S, self.watch.paused)

    def connectionLost(self, reason: object) -> None:
        """The reactor ends."""


def _open(device: str, baud: int | None) -> RawTty:
    from cti.errors import TipringError
    from cti.install.serial_guess import SPEEDS
    from cti.install.tty import RawTty

    try:
        return RawTty(device, baud or SPEEDS[0])
    except OSError as error:
        hint = {
            2: "; those there are: ls /dev/ttyS* /dev/ttyUSB* /dev/serial/by-id",
            13: "; be root or in the group dialout",
            16: "; another program has it (the server?)",
        }
        raise TipringError(f"{device}: {error.strerror or error}{hint.get(error.errno or 0, '')}") from error


def _watched(args: argparse.Namespace, index: int, tty: RawTty, clock: Clock) -> Watch:
    import functools
    from pathlib import Path

    from cti.errors import TipringError
    from cti.install.serial_guess import Trial
    from cti.install.serial_watch import Saved, Watch

    saved = None
    try:
        if args.save is not None:
            path = Path(args.save if index == 0 else f"{args.save}.2")
            saved = Saved(path, clock.now().astimezone(), tty.path)
    except FileExistsError as error:
        raise TipringError(f"--save {error.filename}: is there already; name another file") from error
    except OSError as error:
        raise TipringError(f"--save {error.filename}: {error.strerror}") from error
    name = "" if len(args.devices) == 1 else f"{index + 1}"
    show = functools.partial(print, flush=True)
    return Watch(name, Trial(fixed=args.baud, has_speed=tty.has_speed), show, tty.set_speed, saved)

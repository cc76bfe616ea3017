"""`tipring port`: takes a VRU port out of service, brings it back, records what is on it, calls it to try it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cti.site.config import Site

NAME = "port"
HELP = "block, unblock, capture or call a port of the running server"


CALL_S = 40.0
"""Dial tone, digits, the answer, the beginning of the menu, all at their limits."""

EXAMPLES = """\
block takes the port out of service at once when it is idle, else after its call: off-hook, so that the PBX hunts past
it. capture records both directions to a stereo WAV (left received, right sent) for so many seconds, whatever calls
begin and end meanwhile; the server writes the file, as its own user. call dials the port's extension from another port
that is idle, through the PBX, until the VRU there has answered: so each port is reached, whatever port the PBX hunts to
first. No PORT: all of them, one after the other, some eight seconds each; status 1 where one was not reached. The calls
are in the records, from the extension that dialled.
call 从另一个空闲端口经交换机拨打本端口分机，逐个验证每个端口。

examples:
  tipring port block 2001 -c site.yaml
  tipring port unblock 2001 -c site.yaml
  tipring port capture 2001 -c site.yaml --out 2001.wav --seconds 60
  tipring port call -c site.yaml                every port, called from another one
  tipring audio decode 2001.wav                 digits, tones and caller ID on it
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sub-commands block, unblock, capture, call."""
    parser.epilog = EXAMPLES
    subs = parser.add_subparsers(dest="do", metavar="block|unblock|capture|call", required=True)
    for name, text in (
        ("block", "take a port out of service (闭塞)"),
        ("unblock", "bring it back (解闭)"),
        ("capture", "record what a port hears and sends"),
        ("call", "call ports from another one, to try them (逐个试呼)"),
    ):
        sub = subs.add_parser(name, help=text)
        if name == "call":
            sub.add_argument("ports", nargs="*", metavar="PORT", help="extensions (default: all that callers reach)")
        else:
            sub.add_argument("port", help="extension, or number of the card port")
        sub.add_argument(
            "-c", "--config", default="conf/site.yaml", metavar="FILE", help="site file of the server (conf/site.yaml)"
        )
        if name == "capture":
            sub.add_argument("--out", required=True, metavar="FILE.wav")
            sub.add_argument("--seconds", type=float, default=30.0, help="1 to 600 (default 30)")


def run(args: argparse.Namespace) -> int:
    """Asks the server."""
    import sys
    from pathlib import Path

    from cti.errors import TipringError
    from cti.operations.control import ask
    from cti.site.config import load_site

    site = load_site(args.config)
    if args.do == "call":
        return _call(site, args.ports)
    request, takes_s = {"do": f"port.{args.do}", "port": args.port}, 0.0
    if args.do == "capture":
        if not 1 <= args.seconds <= 600:
            raise TipringError(f"--seconds {args.seconds:g}: write 1 to 600")
        takes_s = args.seconds
        ask(site.state, {"do": "status"})  # better told now than after so many seconds
        print(f"port {args.port}: {takes_s:g} s, calls or not ...", file=sys.stderr)
        request |= {"path": str(Path(args.out).absolute()), "seconds": args.seconds}
    answer = ask(Path(site.state_dir), request, takes_s)
    print(answer["text"])
    return 0


def _call(site: Site, wanted: Sequence[str]) -> int:
    """One after the other; status 1 where one was not reached."""
    from cti.operations.control import ControlError, ask

    ask(site.state, {"do": "status"})  # better told once than for each port
    missed = 0
    for extension in wanted or [one.extension for one in site.vru.all_ports() if one.use == "callers"]:
        try:
            print(ask(site.state, {"do": "port.call", "port": extension}, CALL_S)["text"], flush=True)
        except ControlError as error:
            missed += 1
            print(f"NOT REACHED 未通: {error}", flush=True)
    return 1 if missed else 0

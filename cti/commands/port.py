"""`tipring port`: takes a VRU port out of service, brings it back, records what is on it."""

from __future__ import annotations

import argparse

NAME = "port"
HELP = "block, unblock or capture a port of the running server"


EXAMPLES = """\
block takes the port out of service at once when it is idle, else after its call: off-hook, so that the PBX hunts past
it. capture records both directions to a stereo WAV (left received, right sent) for so many seconds, whatever calls
begin and end meanwhile; the server writes the file, as its own user.

examples:
  tipring port block 2001 -c site.yaml
  tipring port unblock 2001 -c site.yaml
  tipring port capture 2001 -c site.yaml --out 2001.wav --seconds 60
  tipring audio decode 2001.wav                 digits, tones and caller ID on it
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sub-commands block, unblock, capture."""
    parser.epilog = EXAMPLES
    subs = parser.add_subparsers(dest="do", metavar="block|unblock|capture", required=True)
    for name, text in (
        ("block", "take a port out of service (闭塞)"),
        ("unblock", "bring it back (解闭)"),
        ("capture", "record what a port hears and sends"),
    ):
        sub = subs.add_parser(name, help=text)
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

    from cti.config import load_site
    from cti.control import ask
    from cti.errors import TipringError

    site = load_site(args.config)
    request, takes_s = {"do": f"port.{args.do}", "port": args.port}, 0.0
    if args.do == "capture":
        if not 1 <= args.seconds <= 600:
            raise TipringError(f"--seconds {args.seconds:g}: write 1 to 600")
        takes_s = args.seconds
        print(f"port {args.port}: {takes_s:g} s, calls or not ...", file=sys.stderr)
        request |= {"path": str(Path(args.out).absolute()), "seconds": args.seconds}
    answer = ask(Path(site.state_dir), request, takes_s)
    print(answer["text"])
    return 0

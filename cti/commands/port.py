"""`tipring port`: takes a VRU port out of service, brings it back, records what is on it."""

from __future__ import annotations

import argparse

NAME = "port"
HELP = "block, unblock or capture a port of the running server"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sub-commands block, unblock, capture."""
    parser.epilog = (
        "block takes the port out of service at once when it is idle, else after its call: off-hook, so that the PBX "
        "hunts past it.\ncapture records both directions to a stereo WAV (left received, right sent)."
    )
    subs = parser.add_subparsers(dest="do", metavar="block|unblock|capture", required=True)
    for name, text in (
        ("block", "take a port out of service (示忙)"),
        ("unblock", "bring it back"),
        ("capture", "record what a port hears and sends"),
    ):
        sub = subs.add_parser(name, help=text)
        sub.add_argument("port", help="extension, or number of the card port")
        sub.add_argument("-c", "--config", default="conf/site.yaml", metavar="FILE")
        if name == "capture":
            sub.add_argument("--out", required=True, metavar="FILE.wav")
            sub.add_argument("--seconds", type=float, default=30.0, help="1 to 600 (default 30)")


def run(args: argparse.Namespace) -> int:
    """Asks the server."""
    from pathlib import Path

    from cti.config import load_site
    from cti.control import ask

    site = load_site(args.config)
    request = {"do": f"port.{args.do}", "port": args.port}
    if args.do == "capture":
        request |= {"path": str(Path(args.out).absolute()), "seconds": args.seconds}
    answer = ask(Path(site.state_dir), request)
    print(answer["text"])
    return 0

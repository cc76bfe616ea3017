"""`tipring span`: the trunks of the running server, what their channels do and carry; channels out of service."""

from __future__ import annotations

import argparse
from typing import Any

NAME = "span"
HELP = "show trunks (E1 spans, analog lines) of the running server; block and unblock channels"


EXAMPLES = """\
show tells of each trunk: channels by what they do, alarms of the line, seizures in and out, calls that we wanted to
make and no channel was free (refused), calls that ended before an answer by cause (Q.850), traffic in erlang since the
start. block takes a channel out of service once its call is over; the far end is told where its signalling can be (R2,
PRI), an analog line is kept off-hook. blocked by far: the far end has taken it out of service.

examples:
  tipring span show -c site.yaml
  tipring span show e1 --channels -c site.yaml
  tipring span block e1 17 -c site.yaml
  tipring span unblock e1 17 -c site.yaml
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sub-commands show, block, unblock."""
    parser.epilog = EXAMPLES
    subs = parser.add_subparsers(dest="do", metavar="show|block|unblock", required=True)
    for name, text in (
        ("show", "what the channels do, and what they have carried"),
        ("block", "take a channel out of service (闭塞)"),
        ("unblock", "bring it back (解闭)"),
    ):
        sub = subs.add_parser(name, help=text)
        if name == "show":
            sub.add_argument("trunk", nargs="?", help="name of one trunk (default: all)")
            sub.add_argument("--channels", action="store_true", help="each channel on a line")
            sub.add_argument("--json", action="store_true", help="one JSON array")
        else:
            sub.add_argument("trunk", help="name of the trunk in the site file")
            sub.add_argument("slot", type=int, help="channel: time slot of an E1, or the line's number from 1")
        sub.add_argument(
            "-c", "--config", default="conf/site.yaml", metavar="FILE", help="site file of the server (conf/site.yaml)"
        )


def run(args: argparse.Namespace) -> int:
    """Asks the server."""
    import json
    from pathlib import Path

    from cti.errors import TipringError
    from cti.operations.control import ask
    from cti.site.config import load_site

    state = Path(load_site(args.config).state_dir)
    if args.do != "show":
        print(ask(state, {"do": f"span.{args.do}", "trunk": args.trunk, "slot": args.slot})["text"])
        return 0
    trunks: list[dict[str, Any]] = ask(state, {"do": "spans"})["trunks"]
    if args.trunk is not None:
        names = ", ".join(trunk["trunk"] for trunk in trunks) or "none"
        trunks = [trunk for trunk in trunks if trunk["trunk"] == args.trunk]
        if not trunks:
            raise TipringError(f"there is no trunk {args.trunk!r}; there are: {names}")
    if args.json:
        print(json.dumps(trunks, ensure_ascii=False))
        return 0
    if not trunks:
        print("this site has no trunks of its own: section trunks: of the site file")
    for line in (line for trunk in trunks for line in lines(trunk, channels=args.channels)):
        print(line)
    return 0


def lines(trunk: dict[str, Any], *, channels: bool) -> list[str]:
    """One trunk, for people."""
    alarms = " ".join(trunk["alarms"]) or "none"
    counts = "  ".join(f"{name} {trunk[name]}" for name in ("free", "busy", "blocked", "alarmed"))
    found = [
        f"{trunk['trunk']}  {trunk['channels']} channels  {counts}  alarms {alarms}",
        f"  seized in {trunk['in']}, out {trunk['out']}, refused {trunk['refused']}; "
        f"{trunk['erlang']:.2f} erlang over {trunk['hours']:.1f} h",
    ]
    found += [f"  failed {count:>6}  {why}" for why, count in trunk["failures"].items()]
    if channels:
        for slot, channel in trunk["slots"].items():
            by = f" by {' and '.join(channel['blocked_by'])}" if channel["blocked_by"] else ""
            way = "" if channel["direction"] == "both" else f", {channel['direction']} only"
            alarm = f", alarm {' '.join(channel['alarms'])}" if channel["alarms"] else ""
            found.append(f"  {slot:>4}  {channel['state']}{by}{way}{alarm}")
    return found

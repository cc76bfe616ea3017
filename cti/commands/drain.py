"""`tipring drain`: takes the server out of traffic, call by call, before an update or a restart."""

from __future__ import annotations

import argparse
from typing import Any

SAY_S = 15.0
"""Where nobody watches a bar, the state is told so often."""
MANY = 3
"""Calls that came after the drain began: one or two were on their way."""
STILL = (
    "the server goes on draining: `tipring drain` waits again, `tipring drain --undo` takes calls again\n"
    "已停止等待，服务器仍在排空：tipring drain 继续等待，tipring drain --undo 恢复接听"
)
NAME = "drain"
HELP = "take no new calls and wait until the last one has ended"


EXAMPLES = """\
Idle ports are busied out at once (the PBX hunts past them), the others after their calls. Callers who wait are served;
conversations go on. A PBX that keeps callers waiting rings a port the moment it is on-hook: such a caller is served for
--serve seconds more; who comes later hears that the service is not available, and the port stays off-hook.
Status 0 when no call is left, 1 when --wait is over before. Ctrl-C ends the waiting; the server goes on draining.

examples:
  tipring drain -c site.yaml                       then: systemctl restart tipring
  tipring drain -c site.yaml --wait 600 || echo "calls are still up"
  tipring drain -c site.yaml --wait 0              begin, and do not wait
  tipring drain -c site.yaml --serve 0             whom the PBX still brings is turned away at once
  tipring drain -c site.yaml --undo                take calls again
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Begin, wait, or take back."""
    parser.epilog = EXAMPLES
    parser.add_argument(
        "-c", "--config", default="conf/site.yaml", metavar="FILE", help="site file of the server (conf/site.yaml)"
    )
    parser.add_argument("--wait", type=float, default=3600.0, metavar="SECONDS", help="wait at most so long (3600)")
    parser.add_argument(
        "--serve",
        type=float,
        default=120.0,
        metavar="SECONDS",
        help="serve callers whom the PBX still brings for so long (120), then turn them away",
    )
    parser.add_argument("--undo", action="store_true", help="take calls again")


def run(args: argparse.Namespace) -> int:
    """Asks the server, again and again. Ctrl-C ends the waiting only."""
    import sys
    from pathlib import Path

    from cti.errors import TipringError
    from cti.operations.control import ask
    from cti.site.config import load_site

    if not 0 <= args.wait <= 86400:
        raise TipringError(f"--wait {args.wait:g}: write 0 to 86400 seconds")
    if not 0 <= args.serve <= 86400:
        raise TipringError(f"--serve {args.serve:g}: write 0 to 86400 seconds")
    state = Path(load_site(args.config).state_dir)
    if args.undo:
        print(ask(state, {"do": "drain.undo"})["text"])
        return 0
    left = ask(state, {"do": "drain", "serve_s": args.serve})
    try:
        return _wait(state, left, args.wait)
    except KeyboardInterrupt:
        print(f"\nnot waited for any more; {STILL}", file=sys.stderr)
        return 130


def _wait(state: Any, left: dict[str, Any], wait_s: float) -> int:
    import sys

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from cti.operations.control import ask

    if not sys.stderr.isatty():
        print(_left(left), flush=True)
    first = max(1, left["calls"] + left["ports_busy"])
    said_s = wait_s
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(_left(left), total=first)
        while not left["done"] and wait_s > 0 and left["draining"]:
            step_s = min(wait_s, 1.0)
            left = ask(state, {"do": "drain.wait", "seconds": step_s}, step_s)
            wait_s -= step_s
            now = left["calls"] + left["ports_busy"]
            bar.update(task, description=_left(left), completed=max(0, first - now))
            if not sys.stderr.isatty() and said_s - wait_s >= SAY_S:
                said_s = wait_s
                print(_left(left), flush=True)
    if not left["draining"]:
        print("the drain was taken back: calls are taken again")
        return 1
    print("drained: no call is left" if left["done"] else f"draining: {_left(left)}")
    if not left["done"] and left["came"] > MANY:
        print(
            "the PBX puts callers who wait through as soon as a port is on-hook: turn the hunt group away at the PBX, "
            "set pbx.busy_out: code, or turn them away here: --serve 0\n"
            "交换机仍有排队来话：请在交换机上改送寻线组，或使用示忙代码 busy_out: code，或用 --serve 0 不再受理"
        )
    return 0 if left["done"] else 1


def _left(left: dict[str, Any]) -> str:
    came = f"; {_count(left['came'], 'call')} came meanwhile" if left["came"] else ""
    out = f"{_count(left['ports_out'], 'port')} out of service, {left['ports_busy']} to follow"
    return f"{_count(left['calls'], 'call')} left, {out}{came}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"

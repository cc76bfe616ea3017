"""`tipring demo`: a whole call centre on simulated cards, in real time before your eyes, or stepped and as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulators.rig.choice import add_options, as_arguments, chosen

if TYPE_CHECKING:
    from simulators.rig.on_card import CardRun
    from simulators.rig.stepped import Run

NAME = "demo"
HELP = "a whole call centre on simulated cards: callers, PBX, VRU, agents"
EXAMPLES = """\
examples:
  tipring demo                                      three callers in real time, two processes
  tipring demo --keep                               goes on with callers until Ctrl-C
  tipring demo --stepped --calls 20 --seed 7        simulated time, a table
  tipring demo --stepped --calls 20 --seed 7 --json - --wires wires/
  tipring demo --stepped --pbx hicom150             a PBX of that make, by its own tables; --pbx list shows them
  tipring demo --stepped --seeds 1-6 --pbx all      every make and seed, one table; with faults, see docs/simulation.md
  tipring demo --switch card                        no PBX: the server's own cards are the switch
  tipring demo --stepped --switch card --calls 200 --seed 5 --json -
  tipring demo --stepped --trunk r2 --calls 300 --seed 3 --json -     an E1 by R2, both ways; pri is ISDN
  tipring demo --stepped --trunk pri --switch pbx --json -            the E1 ends on the PBX
  tipring demo --stepped --fault dialtone=none      what is wrong with the world, see --faults
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Real time without options; simulated time with --stepped."""
    parser.epilog = EXAMPLES
    parser.add_argument("--stepped", action="store_true", help="simulated time, one process, the same every time")
    add_options(parser, "default 3, stepped 20")
    parser.add_argument(
        "--every", type=float, default=6.0, metavar="S", help="stepped: seconds between callers, about (default 6)"
    )
    parser.add_argument(
        "--seeds",
        metavar="N-M",
        help="stepped: a run for each of these seeds (1-6 or 2,5) and each make (--pbx MAKE,MAKE or all), one table",
    )
    parser.add_argument(
        "--json",
        metavar="FILE",
        help="stepped: one object a line for each call (with --seeds: for each run); - is standard output",
    )
    parser.add_argument("--wires", type=Path, metavar="DIR", help="stepped: what passed on every wire and serial line")
    parser.add_argument("--faults", action="store_true", help="list the faults there are")
    parser.add_argument("--keep", action="store_true", help="real time: callers go on coming until Ctrl-C")
    parser.add_argument(
        "--dir", type=Path, default=Path("demo-run"), help="real time: folder of the run (default demo-run)"
    )


def run(args: argparse.Namespace) -> int:
    """One of the two."""
    from cti.errors import TipringError
    from simulators.faults import listing
    from simulators.pbx.makes import listing as makes

    if args.pbx == "list":
        print(makes())
        return 0
    if args.faults:
        print(listing())
        return 0
    if not args.stepped and (args.json or args.wires):
        raise TipringError("--json and --wires belong to --stepped")
    if args.seeds is not None and (
        not args.stepped or args.wires or args.json == "-" or args.trunk or args.switch == "card"
    ):
        raise TipringError("--seeds belongs to --stepped behind a PBX: leave out --trunk, --wires and --json -")
    if args.stepped and args.keep:
        raise TipringError("--keep belongs to real time: leave out --stepped")
    if not 0.1 <= args.every <= 3600:
        raise TipringError("--every is a number of seconds from 0.1 to 3600")
    if args.seeds is not None:
        from simulators.rig import sweep

        return sweep.run(args)
    if args.stepped:
        return _stepped(args)
    from simulators.rig.paced import demonstrate

    return demonstrate(args.dir, chosen(args, keep=args.keep), as_arguments(args), keep=args.keep)


def _stepped(args: argparse.Namespace) -> int:
    import time

    from cti.errors import TipringError
    from simulators.rig import verdict
    from simulators.rig.on_card import run as run_on_card
    from simulators.rig.stepped import run as run_behind_pbx

    scenario = chosen(args, keep=False, every_s=args.every)
    count = len(scenario.callers)
    run_stepped: Any = run_on_card if scenario.switch == "card" else run_behind_pbx
    if args.wires is not None:
        if args.wires.exists() and not args.wires.is_dir():
            raise TipringError(f"--wires {args.wires}: is not a folder")
        _try_writing(args.wires / "smdi.jsonl" if scenario.switch == "pbx" else args.wires / "line-1.jsonl")
    if args.json not in (None, "-"):
        _try_writing(Path(args.json), make_folder=False)
    began = time.monotonic()
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(f"{count} calls", total=count)
            result = run_stepped(scenario, wires=args.wires, progress=lambda gone: bar.update(task, completed=gone))
    else:
        result = run_stepped(scenario, wires=args.wires)
    took = time.monotonic() - began
    if args.json:
        _write(args.json, result.calls)
    else:
        table(result.calls)
    _speed(result, took)
    judged: Any = verdict.on_card if scenario.switch == "card" else verdict.behind_pbx
    lines, status = judged(result, strict=not args.fault)
    print(*lines, sep="\n", file=sys.stderr)
    return int(status)


def _try_writing(path: Path, *, make_folder: bool = True) -> None:
    """Better now than after the run."""
    from cti.errors import TipringError

    try:
        if make_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a").close()
    except OSError as error:
        raise TipringError(f"{path}: cannot be written: {error.strerror}") from error


def _write(where: str, calls: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(call, ensure_ascii=False) + "\n" for call in calls)
    if where == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        Path(where).write_text(text, encoding="utf-8")


def table(calls: list[dict[str, Any]]) -> None:
    """The calls for people."""
    from rich.console import Console
    from rich.table import Table

    page = Table(title="calls 话单", title_justify="left")
    for name in ("call", "ANI 主叫", "DNIS 被叫", "outcome", "group", "agent", "port", "wait s", "talk s", "steps"):
        page.add_column(name)
    for call in calls:
        page.add_row(
            call["call"] or "-",
            call["ani"] or "-",
            call["dnis"] or "-",
            call["outcome"] or "-",
            call["group"] or "-",
            call["agent"] or "-",
            "-" if call["port"] is None else str(call["port"]),
            _number(call["wait_s"]),
            _number(call["talk_s"]),
            " ".join(call["steps"]),
        )
    console = Console()
    if not console.is_terminal:
        console = Console(width=130)
    console.print(page)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _speed(result: Run | CardRun, took: float) -> None:
    speed = f"{result.seconds / took:.0f} times real time"
    print(f"{len(result.calls)} calls, {result.seconds:.0f} s of line time in {took:.1f} s, {speed}", file=sys.stderr)

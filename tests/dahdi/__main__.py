"""`make test-dahdi`: boots the machine for each of its runs, two at a time, and says what came of them.

    python -m tests.dahdi                  all runs
    python -m tests.dahdi cards channels   these
    python -m tests.dahdi --list           what there is
    python -m tests.dahdi --spans analog -- COMMAND ...    a command of your own in the machine

Results are kept in `dahdi-run/`, a folder a run: output, /proc/dahdi, the event log, the kernel's words. What a virtual
span cannot show is said at the end, each time.
"""

from __future__ import annotations

import argparse
import compileall
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from simulators.rig.stepped import run as run_stepped
from simulators.scenario.scenario import demo, mixed
from tests.dahdi.build import Image, image, say
from tests.dahdi.debian import MachineError
from tests.dahdi.runs import RUNS, Outcome, Run
from tests.dahdi.vm import PROJECT, Machine

AT_ONCE = 2
NOT_SHOWN = """\
what a virtual span cannot show: ring voltage and trip under load, line current, real hybrids and their echo, polarity
reversal, message lamp, caller-ID levels on copper, a card's own clock and its slips, hardware echo cancellers."""


def perform(run: Run, made: Image, results: Path) -> Outcome:
    """One run; what its machine says is kept, and shown where it failed."""
    folder = results / run.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    began = time.monotonic()
    with (folder / "output.txt").open("w", encoding="utf-8") as output:
        lines: list[str] = []

        def heard(line: str) -> None:
            lines.append(line)
            print(line, file=output, flush=True)

        try:
            wrong = run.perform(made, folder, heard)
        except MachineError as error:
            wrong = str(error)
    outcome = Outcome(run, wrong, time.monotonic() - began, lines)
    say(outcome.line())
    if wrong is not None:
        print("\n".join(f"    {line}" for line in lines[-60:]), flush=True)
    for line in outcome.told():
        print(f"    {line}", flush=True)
    return outcome


def prepare() -> None:
    """What the machine, which only reads, would otherwise do slowly or not at all: all that is said in the runs is
    spoken, and the project's modules are compiled."""
    for scenario in (demo(1), mixed(7, 10)):
        run_stepped(scenario)
    for part in ("cti", "drivers", "simulators", "tests"):
        compileall.compile_dir(PROJECT / part, quiet=2)


def main() -> int:
    """Status 0 when all runs came out as they should, 1 otherwise, 2 where the machine cannot be built."""
    parser = argparse.ArgumentParser(prog="python -m tests.dahdi", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="*", metavar="RUN", help=", ".join(RUNS))
    parser.add_argument("--list", action="store_true", help="the runs there are")
    parser.add_argument("--results", type=Path, default=PROJECT / "dahdi-run", metavar="DIR")
    parser.add_argument("--spans", metavar="NAME", help="boot with tests/dahdi/spans/NAME.conf; the rest is a command")
    args = parser.parse_args()
    if args.list:
        for run in RUNS.values():
            print(f"{run.name:10} {run.what}")
        return 0
    try:
        made = image()
        if args.spans:
            return Machine(made, args.results / "own", args.spans).run(args.runs, limit_s=3600)
    except MachineError as error:
        say(str(error))
        return 2
    unknown = [name for name in args.runs if name not in RUNS]
    if unknown:
        parser.error(f"no such run: {', '.join(unknown)}; there are {', '.join(RUNS)}")
    prepare()
    began = time.monotonic()
    chosen = [RUNS[name] for name in args.runs] or list(RUNS.values())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(lambda run: perform(run, made, args.results), chosen))
    print(NOT_SHOWN)
    failed = [outcome.run.name for outcome in outcomes if outcome.wrong is not None]
    say(
        f"{len(outcomes)} runs in {time.monotonic() - began:.0f} s"
        + (f"; FAILED: {', '.join(failed)}" if failed else "")
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""`tipring demo --stepped --seeds 1-6`: a run for each seed and make of PBX, and one table of what the judge said.

Whether the server is right behind a make with one thing wrong, a single run of `tipring demo` tells by chance only. The
table counts what must never be (a wrong customer shown as certain, an agent freed while talking, one who is stuck) and
what became of the PBX's call records (steps 4, 7, 8 and 9).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from simulators.rig.stepped import Run
    from simulators.scenario.scenario import Scenario

RIGHT: Final = ("reconciled", "doubted", "marked")
"""What may become of a call record (simulators.judge.told.record_of)."""
MOST_SEEDS: Final = 1000
CALLS: Final = 50
"""Of a run, unless asked otherwise."""


@dataclass
class Tally:
    """All runs of one make, or of all. `unaccounted`: calls whose record is another's, damaged and taken for sound, or
    missing without a word. `amiss`: in words, with make and seed."""

    make: str
    prints: bool = True  # does it print call records?
    calls: int = 0
    answered: int = 0
    records: Counter[str] = field(default_factory=Counter)
    unaccounted: int = 0
    strangers: int = 0
    wrongly: int = 0
    stuck: int = 0
    others: int = 0
    amiss: list[str] = field(default_factory=list)

    def take(self, run: Run, seed: int) -> None:
        """One more run."""
        from simulators.rig.verdict import excused

        self.calls += len(run.calls)
        self.answered += sum(call["outcome"] == "answered" for call in run.calls)
        if self.prints:
            self.records += Counter(run.records)
            self.unaccounted += 0 if excused(run) else _unaccounted(run)
        self.strangers += len(run.strangers)
        self.wrongly += len(run.freed.wrongly)
        self.stuck += len(run.freed.stuck)
        findings = [] if excused(run) else run.findings
        self.others += len(findings)
        told = [*run.strangers, *run.freed.wrongly, *run.freed.stuck, *map(str, findings)]
        self.amiss += [f"{self.make}, seed {seed}: {text}" for text in told]

    def add(self, other: Tally) -> None:
        """The runs of another make."""
        self.calls, self.answered = self.calls + other.calls, self.answered + other.answered
        self.records, self.unaccounted = self.records + other.records, self.unaccounted + other.unaccounted
        self.strangers, self.wrongly = self.strangers + other.strangers, self.wrongly + other.wrongly
        self.stuck, self.others = self.stuck + other.stuck, self.others + other.others

    @property
    def row(self) -> list[str]:
        """As the table has it."""
        records = [str(self.records[word]) for word in RIGHT] if self.prints else ["-"] * len(RIGHT)
        unaccounted = str(self.unaccounted) if self.prints else "-"
        counts = (self.strangers, self.wrongly, self.stuck, self.others)
        return [self.make, str(self.calls), str(self.answered), *records, unaccounted, *map(str, counts)]


def run(args: argparse.Namespace) -> int:
    """Options as of `tipring demo`. Status 1: something differs."""
    from rich.console import Console
    from rich.table import Table

    from simulators.pbx.makes import MAKES
    from simulators.rig.stepped import run as run_stepped

    makes, seeds = _makes(args.pbx, args.fault), _seeds(args.seeds)
    plan = {make: [_scenario(args, make, seed) for seed in seeds] for make in makes}
    if args.json is not None:
        _write(args.json, [], "w")
    tallies = []
    for make, scenarios in plan.items():
        tally = Tally(make, prints=MAKES[make].records is not None)
        for scenario in scenarios:
            done = run_stepped(scenario)
            tally.take(done, scenario.seed)
            if args.json is not None:
                _write(args.json, [_about(done, make)], "a")
        tallies.append(tally)
        print(*tally.amiss, sep="\n", end="\n" if tally.amiss else "", file=sys.stderr, flush=True)
    page = Table(title=f"{sum(map(len, plan.values()))} runs {' '.join(args.fault)}".rstrip(), title_justify="left")
    heads = ("make", "calls", "answered", *RIGHT, "unaccounted", "wrong customer", "freed wrongly", "stuck", "differs")
    rows = [tally.row for tally in (*tallies, total(tallies))]
    for head, *cells in zip(heads, *rows, strict=True):  # heads are folded where it is narrow; makes and counts never
        side: Literal["left", "right"] = "left" if head == "make" else "right"
        widest = max(map(len, cells))
        page.add_column(head, justify=side, no_wrap=head == "make", overflow="fold", min_width=widest)
    for row in rows:
        page.add_row(*row)
    console = Console()
    (console if console.is_terminal else Console(width=140)).print(page)
    return int(any(tally.amiss or tally.unaccounted for tally in tallies))


def _scenario(args: argparse.Namespace, make: str, seed: int) -> Scenario:
    from simulators.rig.choice import chosen

    one = argparse.Namespace(
        **{**vars(args), "pbx": make, "seed": seed, "calls": CALLS if args.calls is None else args.calls}
    )
    return chosen(one, keep=False, every_s=args.every)


def total(tallies: Iterable[Tally]) -> Tally:
    """Of all makes; of call records, those that print any."""
    whole = Tally("all")
    for tally in tallies:
        whole.add(tally)
    return whole


def _write(file: str, rows: list[dict[str, Any]], mode: Literal["w", "a"]) -> None:
    from cti.errors import TipringError

    try:
        with Path(file).open(mode, encoding="utf-8") as out:
            out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    except OSError as error:
        raise TipringError(f"{file}: cannot be written: {error.strerror}") from error


def _unaccounted(run: Run) -> int:
    answered = sum(count for word, count in run.records.items() if word not in RIGHT)
    others = (call for call in run.calls if call["outcome"] != "answered" and "4" in call["steps"])
    return answered + sum(call["recorded"] is None for call in others)


def _about(run: Run, make: str) -> dict[str, Any]:
    from simulators.rig.verdict import excused

    return {
        "make": make,
        "seed": run.scenario.seed,
        "calls": len(run.calls),
        "seconds": run.seconds,
        "records": run.records,
        "unaccounted": _unaccounted(run),
        "wrong_customers": run.strangers,
        "freed_wrongly": run.freed.wrongly,
        "stuck": run.freed.stuck,
        "freed": str(run.freed),
        "excused": excused(run),
        "differs": [str(finding) for finding in run.findings],
    }


def _makes(names: str | None, faults: Iterable[str] = ()) -> list[str]:
    """Of all, not the one that the PBX was before (`was=MAKE`): it would be no exchange."""
    from cti.errors import TipringError
    from simulators.pbx.makes import MAKES, listing

    wanted = ["all"] if names is None else [name.strip() for name in names.split(",")]
    unknown = [name for name in wanted if name not in (*MAKES, "all")]
    if unknown:
        raise TipringError(f"--pbx {unknown[0]}: no such make. There are:\n{listing()}")
    if "all" in wanted:
        return [make for make in MAKES if f"was={make}" not in faults]
    return list(dict.fromkeys(wanted))


def _seeds(text: str) -> list[int]:
    from cti.errors import TipringError

    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", part.strip())
        if match is None or int(match[2] or match[1]) - int(match[1]) not in range(MOST_SEEDS):
            raise TipringError(f"--seeds {text}: is not like 1-6 or 2,5 (at most {MOST_SEEDS})")
        seeds += range(int(match[1]), int(match[2] or match[1]) + 1)
    return list(dict.fromkeys(seeds))

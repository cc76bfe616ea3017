"""`tipring site walk`: the checklist of an installation, and its report to sign."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cti.records.row import CallRow
    from cti.site.config import Site

NAME = "site"
HELP = "walk through the checklist of an installation; a report to sign"
EXAMPLES = """\
Site file, ports, tones, cards, serial lines, a call through each port, transfer, pop-up, call record, hang-up, clock:
one step after the other, each judged by what the server and its records say, or by your word. Where the cards are the
switch: site file, cards, trunks, a call in over each, transfer, pop-up, recording, hang-up, each telephone, a call out,
emergency numbers. It can be broken off (q) and goes on where it was; failed steps come again. Status 0: all passed or
left out with a reason.
逐项完成安装验收，可随时中断（q）后继续；结果写成中英文报告供签字。

examples:
  tipring site walk -c site.yaml --by 王工
  tipring site walk -c site.yaml --report acceptance.md        writes the report, however far the walk is
  tipring site walk -c site.yaml --again ports                 does a step once more
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-command walk."""
    parser.epilog = EXAMPLES
    subs = parser.add_subparsers(dest="site", metavar="walk", required=True)
    walk = subs.add_parser("walk", help=HELP, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    walk.add_argument("-c", "--config", default="conf/site.yaml", metavar="FILE", help="site file (conf/site.yaml)")
    walk.add_argument("--state", metavar="FILE", help="where it is kept (default: site-walk.json beside the site file)")
    walk.add_argument("--report", metavar="FILE.md", help="write the report there (default: site-walk.md beside it)")
    walk.add_argument("--by", metavar="NAME", help="who does it (default: the user's name)")
    walk.add_argument("--again", metavar="STEP", action="append", default=[], help="forget what came of this step")


def run(args: argparse.Namespace) -> int:
    """Walks, then writes the report."""
    import getpass
    import time
    from datetime import UTC
    from importlib.metadata import version

    from cti.errors import TipringError
    from cti.install.walk import open_walk, report, save_walk
    from cti.install.walk_guide import Guide
    from cti.site.config import load_site

    site = load_site(args.config)
    path = Path(args.state) if args.state else Path(args.config).with_name("site-walk.json")
    walk = open_walk(path, site, datetime.now(UTC))
    for key in args.again:
        if key not in {step.key for step in walk.steps}:
            raise TipringError(f"--again {key}: there are {', '.join(step.key for step in walk.steps)}")
        walk.done.pop(key, None)
    save_walk(path, walk)
    guide = Guide(
        path,
        walk,
        site,
        args.by or getpass.getuser(),
        now=lambda: datetime.now(UTC),
        ask=_ask,
        say=lambda text: print(text, flush=True),
        status=lambda: _status(site),
        rows=lambda since: _rows(site, since),
        check=lambda: _check(Path(args.config)),
        wait=time.sleep,
        command=lambda words: _command([*words, "-c", args.config]),
    )
    through = guide.run()
    out = Path(args.report) if args.report else path.with_suffix(".md")
    try:
        out.write_text(report(walk, site, version("tipring"), datetime.now(UTC)), encoding="utf-8")
    except OSError as error:
        raise TipringError(f"{out}: {error.strerror}") from error
    print(f"\nreport 报告: {out}")
    return 0 if through else 1


def _ask(question: str) -> str | None:
    try:
        return input(question)
    except EOFError:
        return None


def _status(site: Site) -> dict[str, Any] | None:
    from cti.operations.control import ControlError, ask

    try:
        return {**ask(site.state, {"do": "status"}), **ask(site.state, {"do": "spans"})}
    except ControlError as error:
        print(f"      {error}")
        return None


def _rows(site: Site, since: datetime) -> Sequence[CallRow]:
    from cti.customers.numbering import NumberPlan
    from cti.errors import StoreError
    from cti.records.store import existing_store

    try:
        store = existing_store(site.database_url, NumberPlan(site.site.country, site.site.area_code))
    except StoreError as error:
        print(f"      {error}")
        return []
    try:
        return store.calls(since=since, kind=None, limit=100_000)
    finally:
        store.close()


def _check(path: Path) -> list[str]:
    from cti.commands.check import find_faults

    return [str(fault) for fault in find_faults(path)[0]]


def _command(words: Sequence[str]) -> int:
    import subprocess
    import sys

    code = "import sys; from cti.commands import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.run([sys.executable, "-c", code, *words]).returncode

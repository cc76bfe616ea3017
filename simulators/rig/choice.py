"""Which world a command wants: options that `tipring demo` and `tipring sim` share, and the scenario that they name."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulators.scenario.scenario import Scenario

SWITCHES = ("pbx", "card")
DIGITAL = ("r2", "pri")
"""Trunks that say calling and called number."""


def add_options(parser: argparse.ArgumentParser, calls: str) -> None:
    """``calls`` is how many callers there are without the option, for its help."""
    parser.add_argument("--calls", type=int, metavar="N", help=f"callers ({calls})")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of the scenario (default 1)")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="SPEC", help="what is wrong in the world; may be given again"
    )
    parser.add_argument("--pbx", metavar="MAKE", help="the PBX's make; list prints those there are")
    parser.add_argument(
        "--ports", type=int, metavar="N", help="the PBX's VRU extensions, 2 to 30 (default 30): few make callers wait"
    )
    parser.add_argument(
        "--switch",
        choices=SWITCHES,
        help="who switches: a PBX (default), or the server's cards (default with --trunk)",
    )
    parser.add_argument(
        "--trunk",
        metavar="KIND",
        help="the office's lines, to the cards or the PBX: fxo (default), or an E1 by r2 or pri",
    )
    parser.add_argument(
        "--callers", type=Path, metavar="FILE", help="with an E1: the numbers, ANI,DNIS a line, no ANI: withheld"
    )


def chosen(args: argparse.Namespace, *, keep: bool, every_s: float | None = None) -> Scenario:
    """The scenario with its faults; ``every_s``: stepped, seconds between callers. Raises TipringError for what there
    is not, and for options that do not go together."""
    from cti.errors import TipringError
    from simulators.faults import FaultError, parse
    from simulators.office.offices import OFFICES
    from simulators.pbx.makes import MAKES, USUAL
    from simulators.pbx.makes import listing as makes
    from simulators.scenario.card_scenario import scenario_for as on_card
    from simulators.scenario.scenario import mixed
    from simulators.scenario.scenario import scenario_for as behind_pbx

    if args.pbx is not None and args.trunk is not None and args.switch is None:
        raise TipringError(
            f"--trunk {args.trunk} alone means --switch card, without a PBX: add --switch pbx, or leave out --pbx"
        )
    args.switch = args.switch or ("pbx" if args.trunk is None else "card")
    if args.calls is not None and not 1 <= args.calls <= 10_000:
        raise TipringError("--calls is a number from 1 to 10000")
    if args.ports is not None and not 2 <= args.ports <= 30:
        raise TipringError("--ports is a number from 2 to 30")
    if args.switch == "card" and args.ports is not None:
        raise TipringError("--ports belongs to --switch pbx: with --switch card the trunks are the ports")
    if args.switch == "card" and args.pbx is not None:
        raise TipringError("--pbx belongs to --switch pbx: with --switch card there is no PBX")
    if args.pbx is not None and (args.pbx == "all" or "," in args.pbx):
        raise TipringError(
            f"--pbx {args.pbx}: several makes go with demo --stepped --seeds alone; give one, or --seeds 1"
        )
    if args.pbx is not None and args.pbx not in MAKES:
        raise TipringError(f"--pbx {args.pbx}: no such make. There are:\n{makes()}")
    trunk = args.trunk or "fxo"
    if trunk not in OFFICES:
        raise TipringError(f"--trunk {trunk}: no such kind. There are: {', '.join(OFFICES)}")
    if args.callers is not None and trunk not in DIGITAL:
        raise TipringError(f"--callers belongs to --trunk {' or '.join(DIGITAL)}: other lines do not say both numbers")
    if trunk in DIGITAL:
        wanted = _over_e1(args, keep, every_s, trunk)
    elif args.switch == "card":
        wanted = on_card(args.calls, args.seed, keep=keep, every_s=every_s, trunk=trunk)
    elif every_s is None:
        wanted = behind_pbx(args.calls, args.seed, keep=keep, make=args.pbx or USUAL)
    else:
        wanted = mixed(args.seed, args.calls or 20, every_s=every_s).with_make(args.pbx or USUAL)
    if args.ports is not None:
        wanted = replace(wanted, vru_extensions=wanted.vru_extensions[: args.ports])
    try:
        for spec in args.fault:
            wanted = wanted.with_fault(parse(spec))
    except FaultError as error:
        raise TipringError(str(error)) from error
    return wanted


def _over_e1(args: argparse.Namespace, keep: bool, every_s: float | None, trunk: str) -> Scenario:
    from cti.errors import TipringError
    from simulators.pbx.makes import USUAL
    from simulators.scenario import scenario, trunk_scenario

    try:
        numbers = trunk_scenario.read_numbers(args.callers) if args.callers is not None else []
    except trunk_scenario.NumbersError as error:
        raise TipringError(f"--callers {error}") from error
    usual = scenario.MANY if keep else len(numbers) or (3 if every_s is None else 20)
    if args.switch == "pbx":
        make = args.pbx or USUAL
        if every_s is None and not (keep or args.calls or numbers):
            return trunk_scenario.shown_behind_pbx(args.seed, make, trunk)
        calls = args.calls or usual
        return trunk_scenario.behind_pbx(args.seed, calls, make, every_s=every_s or 6.0, trunk=trunk, numbers=numbers)
    if every_s is None and not numbers:
        numbers = list(trunk_scenario.FEW)
    return trunk_scenario.mixed(args.seed, args.calls or usual, every_s=every_s or 6.0, trunk=trunk, numbers=numbers)


def as_arguments(args: argparse.Namespace) -> list[str]:
    """The same choice for another command."""
    out = ["--seed", str(args.seed), "--switch", args.switch, *(f"--fault={spec}" for spec in args.fault)]
    for name in ("calls", "pbx", "ports", "trunk", "callers"):
        value = getattr(args, name)
        out += [f"--{name}", str(value)] if value is not None else []
    return out

"""`tipring line learn`: this PBX's tones and hook flash, measured on one of its lines."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cti.site.config import Site, VruPort

NAME = "line"
HELP = "measure a PBX's tones and find its hook flash, for the site file"
EXAMPLES = """\
With the server stopped. The port makes the PBX send dial tone, busy tone (it calls itself), ringback (it calls the next
VRU port) and, with --vacant and --congested, the tones of a number that there is not and of one whose lines are all
taken; each is measured. Then the next port is called, answers and hangs up: what is heard is how a caller's hang-up
will be told. Then each length of hook flash is tried on a call to it: does the PBX hold it, ignore it, or hang up?
Printed are the tones: and pbx: of the site file, and what is not sure (status 1); --write puts them there. Learn the
ports first: tipring pbx learn-ports.
服务停止后使用：测量拨号音、回铃音、忙音、空号音、拥塞音和保持时的拨号音（频率、断续、电平），看对方挂机如何通知，试出拍叉簧时长，
给出（--write 直接写入）站点文件的 tones 和 pbx。

examples:
  tipring line learn 2001 -c site.yaml --vacant 7777
  tipring line learn 2001 -c site.yaml --busy 8009 --flashes 100,300,600
  tipring line learn 2001 -c site.yaml --vacant 7777 --write
"""


NO_SIGN = (
    "disconnect: nothing told that the other end had hung up; ask for a loop drop (disconnect supervision, "
    "calling party control) at the PBX, or write silence among the signs"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-command learn."""
    parser.epilog = EXAMPLES
    subs = parser.add_subparsers(dest="line", metavar="learn", required=True)
    learn = subs.add_parser("learn", help=HELP, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    learn.add_argument("port", metavar="PORT", help="extension of a VRU port, or CARD:PORT")
    learn.add_argument("-c", "--config", default="conf/site.yaml", metavar="FILE", help="site file (conf/site.yaml)")
    learn.add_argument("--busy", metavar="NUMBER", help="a number that is busy (default: the port's own extension)")
    learn.add_argument("--vacant", metavar="NUMBER", help="a number that there is not (default: not tried)")
    learn.add_argument("--congested", metavar="NUMBER", help="a number that gives congestion (default: not tried)")
    learn.add_argument("--beside", metavar="EXT", help="the VRU extension that answers (default: the next one)")
    learn.add_argument("--flashes", metavar="LIST", help="lengths to try, in ms (default 80 to 1200)")
    learn.add_argument("--write", action="store_true", help="put what was learned into the site file (FILE.before)")


def run(args: argparse.Namespace) -> int:
    """Measures and prints."""
    from pathlib import Path

    from cti.install.alone import Bench, check_dialled, run_alone
    from cti.install.flash import LENGTHS_MS, FlashTried, choose
    from cti.install.line import HungUp, LineLearner
    from cti.install.site_edit import edit_site, tones_and_line
    from cti.install.tone_plan import SiteTones
    from cti.site.config import load_site
    from cti.site.pbx_dialect import site_dialect

    for option in ("busy", "vacant", "congested"):
        check_dialled(f"--{option}", getattr(args, option))
    site = load_site(args.config)
    rules = site_dialect(site).line
    here, beside = _ports(site, args.port, args.beside)
    lengths = _lengths(args.flashes) if args.flashes is not None else LENGTHS_MS
    country = site.site.country

    async def work(bench: Bench) -> tuple[SiteTones, HungUp, list[FlashTried]]:
        found = {(one.card, one.index): one for one in bench.ports}
        learner = LineLearner(
            bench.clock,
            found[here.card, here.port],
            found[beside.card, beside.port],
            beside.extension,
            bench.dialect.line,
            lambda text: print(text, flush=True),
        )
        tones = await learner.tones(
            country, busy=args.busy or here.extension, vacant=args.vacant, congested=args.congested
        )
        gone = await learner.hung_up(tones.plan)
        print(f"hang-up at the other end: {gone}", flush=True)
        tried = await learner.flashes(tones.plan, lengths)
        return learner.plan(country), gone, tried

    tones, gone, tried = run_alone(site, work)
    flash, why = choose(tried, rules.flash_ms)
    signs = tuple(dict.fromkeys([*gone.signs, *rules.disconnect]))
    new_signs = set(signs) != set(rules.disconnect)
    print(f"\n{tones.yaml()}\npbx:")
    print(f"  flash_ms: {flash}    # {why}" if flash is not None else f"  # flash_ms: {why}")
    print(f"  {'' if new_signs else '# '}disconnect: [{', '.join(signs)}]    # between extensions: {gone}")
    unsure = [*tones.unsure, *([] if gone.why or gone.signs else [NO_SIGN])]
    for text in unsure:
        print(f"unsure 不确定: {text}")
    if args.write:
        line = {**({"flash_ms": flash} if flash is not None else {}), **({"disconnect": signs} if new_signs else {})}
        before = edit_site(Path(args.config), tones_and_line(tones.changes, line))
        print(f"written 已写入: {args.config} (before 原文件: {before})")
    return 1 if unsure or gone.why or flash is None else 0


def _ports(site: Site, wanted: str, beside: str | None) -> tuple[VruPort, VruPort]:
    """The port that measures, and the one that answers: the next one, or the first after the last."""
    from cti.errors import TipringError

    ports = site.vru.all_ports()
    at = next((at for at, one in enumerate(ports) if wanted in (one.extension, f"{one.card}:{one.port}")), None)
    if at is None:
        raise TipringError(f"{wanted}: no VRU port of the site file; name its extension, or CARD:PORT")
    others = [*ports[at + 1 :], *ports[:at]]
    found = next((one for one in others if beside in (None, one.extension)), None)
    if found is None:
        raise TipringError(f"--beside {beside}: another VRU extension of the site file is needed to call")
    return ports[at], found


def _lengths(text: str) -> list[int]:
    from cti.errors import TipringError

    try:
        found = sorted({int(part) for part in text.split(",")})
    except ValueError as error:
        raise TipringError(f"--flashes {text}: write lengths in ms: 100,300,600") from error
    if not found or not all(20 <= ms <= 3000 for ms in found):
        raise TipringError(f"--flashes {text}: 20 to 3000 ms each")
    return found

"""`tipring line learn`: this PBX's tones and hook flash, measured on one of its lines."""

from __future__ import annotations

import argparse

NAME = "line"
HELP = "measure a PBX's tones and find its hook flash, for the site file"
EXAMPLES = """\
With the server stopped. The port makes the PBX send dial tone, busy tone (it calls itself), ringback (it calls the next
VRU port) and, with --vacant, the tone of a number that there is not; each is measured. Then each length of hook flash
is tried on a call to the next port: does the PBX hold it, ignore it, or hang up? Printed are the tones: and the
pbx.flash_ms of the site file, and what is not sure (status 1). Learn the ports first: tipring pbx learn-ports.
服务停止后使用：测量拨号音、回铃音、忙音、空号音的频率、断续和电平，试出拍叉时长，给出站点文件的 tones 和 flash_ms。

examples:
  tipring line learn 2001 -c site.yaml --vacant 7777
  tipring line learn 2001 -c site.yaml --busy 8009 --flashes 100,300,600
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-command learn."""
    subs = parser.add_subparsers(dest="line", metavar="learn", required=True)
    learn = subs.add_parser("learn", help=HELP, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    learn.add_argument("port", metavar="PORT", help="extension of a VRU port, or CARD:PORT")
    learn.add_argument("-c", "--config", default="conf/site.yaml", metavar="FILE", help="site file (conf/site.yaml)")
    learn.add_argument("--busy", metavar="NUMBER", help="a number that is busy (default: the port's own extension)")
    learn.add_argument("--vacant", metavar="NUMBER", help="a number that there is not (default: not tried)")
    learn.add_argument("--beside", metavar="EXT", help="the VRU extension that answers (default: the next one)")
    learn.add_argument("--flashes", metavar="LIST", help="lengths to try, in ms (default 80 to 1200)")


def run(args: argparse.Namespace) -> int:
    """Measures and prints."""
    from cti.config import load_site
    from cti.errors import TipringError
    from cti.install.alone import Bench, run_alone
    from cti.install.line import LENGTHS_MS, FlashTried, LineLearner, choose
    from cti.install.tone_plan import SiteTones

    site = load_site(args.config)
    ports = site.vru.all_ports()
    here = next((one for one in ports if args.port in (one.extension, f"{one.card}:{one.port}")), None)
    if here is None:
        raise TipringError(f"{args.port}: no VRU port of the site file; name its extension, or CARD:PORT")
    others = [one for one in ports if one is not here]
    beside = next((one for one in others if args.beside in (None, one.extension)), None)
    if beside is None:
        raise TipringError(f"--beside {args.beside}: another VRU extension of the site file is needed to call")
    lengths = _lengths(args.flashes) if args.flashes is not None else LENGTHS_MS

    async def work(bench: Bench) -> tuple[SiteTones, list[FlashTried]]:
        found = {(one.card, one.index): one for one in bench.ports}
        learner = LineLearner(
            bench.clock,
            found[here.card, here.port],
            found[beside.card, beside.port],
            beside.extension,
            bench.dialect.line,
            lambda text: print(text, flush=True),
        )
        tones = await learner.tones(site.site.country, busy=args.busy or here.extension, vacant=args.vacant)
        return tones, await learner.flashes(tones.plan, lengths)

    from cti.assemble import site_dialect

    tones, tried = run_alone(site, work)
    flash, why = choose(tried, site_dialect(site).line.flash_ms)
    print(f"\n{tones.yaml()}\npbx:")
    print(f"  flash_ms: {flash}    # {why}" if flash is not None else f"  # flash_ms: {why}")
    for text in tones.unsure:
        print(f"unsure 不确定: {text}")
    return 1 if tones.unsure or flash is None else 0


def _lengths(text: str) -> list[int]:
    from cti.errors import TipringError

    try:
        found = sorted({int(part) for part in text.split(",")})
    except ValueError as error:
        raise TipringError(f"--flashes {text}: write lengths in ms: 100,300,600") from error
    if not found or not all(20 <= ms <= 3000 for ms in found):
        raise TipringError(f"--flashes {text}: 20 to 3000 ms each")
    return found

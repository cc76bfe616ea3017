"""`tipring detect`: cards, spans and channels as the driver tells, what is missing, and configuration proposed from it.

It reads only; no channel is opened, so it may be asked while the server runs. Serves the integrator before step 1.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drivers.detect import Found

NAME = "detect"
HELP = "cards, spans, channels, signalling and alarms as the DAHDI driver tells; proposes configuration"

CARDS_FILE = "conf/cards.yaml"
EXAMPLES = f"""\
Without options: a table of what is there, and one line with its remedy for each thing that is missing. Status 0 where
a card can be used, 1 where something is in the way.

--write proposes the site file's section `cards` for the channels that are configured. A file that is there already is
never overwritten: the difference is printed, and the proposal goes to FILE.new.
--describe makes a whole /etc/dahdi/system.conf out of a few words, in the order of the cards in the PC: N FXO (ports
towards lines, 外线), N FXS (ports towards telephones, 内线), N E1 PRI, N E1 R2 (China No.1, 一号信令), the country,
and an echo canceller (mg2 unless named).

examples:
  tipring detect
  tipring detect --write                                       proposes {CARDS_FILE}
  tipring detect --describe "4 FXO, 1 E1 PRI, China"
  tipring detect --describe "8路外线, 中国" --write /etc/dahdi/system.conf && dahdi_cfg -vv
  tipring detect --describe "2 E1 R2, China, hwec"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to propose, and where."""
    parser.epilog = EXAMPLES
    parser.add_argument("--describe", metavar="TEXT", help="a system.conf for these lines: '4 FXO, 1 E1 PRI, China'")
    parser.add_argument("--write", metavar="FILE", nargs="?", const="", help=f"write the proposal ({CARDS_FILE})")
    parser.add_argument("--json", action="store_true", help="everything found, as one JSON object")
    parser.add_argument("--root", type=Path, default=Path("/"), help=argparse.SUPPRESS)  # a saved tree


def run(args: argparse.Namespace) -> int:
    """0: fine; 1: something is missing."""
    from cti.commands.detect_help import INSTALL_PAGE, obstacles
    from cti.commands.propose import cards_section, write
    from cti.errors import TipringError
    from drivers.dahdi_conf import parse, system_conf
    from drivers.detect import read
    from drivers.errors import ArgumentError

    if args.describe is not None:
        try:
            text = system_conf(parse(args.describe))
        except ArgumentError as error:
            raise TipringError(f"--describe: {error}") from error
        if args.write is None:
            print(text, end="")
        else:
            print(write(Path(args.write or "system.conf"), text))
        return 0
    found = read(args.root)
    faults = obstacles(found)
    if args.json:
        _print_json(found, faults)
    else:
        _show(found)
        for fault in faults:
            print(f"- {fault}")
        if found.version is None:
            print(INSTALL_PAGE)
    if args.write is not None:
        print(write(Path(args.write or CARDS_FILE), cards_section(found)))
    return 1 if faults else 0


def _print_json(found: Found, faults: list[str]) -> None:
    import dataclasses
    import json

    print(json.dumps({**dataclasses.asdict(found), "missing": faults}, ensure_ascii=False))


def _show(found: Found) -> None:
    from rich.table import Table

    from cti.commands.pages import page
    from drivers.detect import ranges

    console = page(140)
    if found.version is not None:
        console.print(f"DAHDI {found.version}", highlight=False)
    if found.pci:
        table = Table("slot 插槽", "card 板卡", "driver 驱动", "loaded 已加载", box=None, pad_edge=False)
        for card in found.pci:
            table.add_row(card.slot, card.name, card.module, card.bound or "no 否")
        console.print(table)
    if not found.spans:
        return
    heads = ("span E1 端口", "name 名称", "type 类型", "channels 通道", "signalling 信令", "port 端口", "echo 回声消除")
    table = Table(*heads, "in use 占用", "alarms 告警", box=None, pad_edge=False)
    for span in found.spans:
        groups: dict[tuple[str, str, tuple[str, ...]], list[int]] = {}
        for channel in span.channels:
            groups.setdefault((channel.signalling, channel.echo, channel.alarms), []).append(channel.number)
        used = {channel.number for channel in span.channels if channel.in_use}
        for row, ((signalling, echo, alarms), numbers) in enumerate(groups.items()):
            lineconfig = f" {span.lineconfig}" if span.lineconfig else ""
            kind = next((c.kind for c in span.channels if c.number == numbers[0]), "")
            table.add_row(
                *((str(span.number), span.name, f"{span.type}{lineconfig}") if row == 0 else ("", "", "")),
                ranges(numbers),
                signalling or "not configured 未配置",
                kind or "-",
                echo or "-",
                ranges(used & set(numbers)) or "-",
                " ".join(alarms or span.alarms) or "-",
            )
    console.print(table)

"""`tipring check`: the site file and all that it names, looked through; every fault at once, with line and remedy."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cti.errors import Fault
    from cti.site.config import Site

NAME = "check"
HELP = "look through a site's configuration: every fault at once, with file, line, field and remedy"

EXAMPLES = """\
examples:
  tipring check -c site.yaml              status 0: right, 1: faults, each with its remedy   逐条报出错误与改法
  tipring check -c site.yaml --json       for a program
  tipring check --password                the hash of a password, for agents: password:      生成口令散列
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which site."""
    parser.epilog = EXAMPLES
    parser.add_argument("-c", "--config", default="conf/site.yaml", metavar="FILE", type=Path)
    parser.add_argument("--json", action="store_true", help="one JSON object a fault")
    parser.add_argument("--no-cards", action="store_true", help="not on the server's computer: look at no real card")
    parser.add_argument("--password", action="store_true", help="instead: ask for a password and print its hash")


def run(args: argparse.Namespace) -> int:
    """0 without a fault, 1 with any; a notice is none."""
    if args.password:
        return _password()
    faults, site = find_faults(args.config, cards=not args.no_cards)
    for fault in faults:
        _print(fault, json=args.json)
    if faults or site is None:
        if not args.json:
            print(f"{len(faults)} fault{'s' if len(faults) != 1 else ''}")
        return 1
    if not args.json:
        print(f"{args.config}: right. {site.site.name}: {_sizes(site)}")
    for notice in _notices(args.config, site):
        _print(notice, json=args.json, severity="notice")
    if not args.json:
        _still_to_learn(args.config)
    return 0


def _sizes(site: Site) -> str:
    """How much of everything there is, to see at a glance that nothing was forgotten."""
    channels: dict[str, int] = {}
    for trunk in site.trunks:
        kind = f"{trunk.__struct_config__.tag} channel"
        channels[kind] = channels.get(kind, 0) + trunk.count
    counts = {"VRU port": len(site.vru.all_ports()), **channels}
    if site.switch == "card":
        counts["telephone"] = sum(len(list(row.ports())) for row in site.seats)
        counts["mobile seat"] = sum(row.card is None for row in site.seats)
        counts["route"] = len(site.routes)
        del counts["VRU port"]
    counts |= {"group": len(site.groups), "agent": len(site.agents)}
    return ", ".join(f"{number} {what}{'' if number == 1 else 's'}" for what, number in counts.items())


def _notices(path: Path, site: Site) -> list[Fault]:
    from cti.site.notices import notices
    from cti.site.pbx_dialect import site_dialect
    from cti.vru.flow import load_flow

    dialect = site_dialect(site) if site.switch == "pbx" else None
    return notices(path, site, load_flow(_named(site.vru.flow)), dialect)


def _named(name: str) -> str | Path:
    from cti.conf import conf_files

    return Path(name) if conf_files.is_path(name) else name


def find_faults(path: Path, *, cards: bool = True) -> tuple[list[Fault], Site | None]:
    """The faults of the site file and of the dialect, the flow and the customer file that it names; the site. Each is
    looked at as far as can be, whatever faults the others have. ``cards``: also at this computer's real cards."""
    from cti.commands.check_cards import card_faults
    from cti.customers.csv_file import read_customers
    from cti.customers.numbering import NumberPlan
    from cti.errors import ConfigFaults, Fault, TipringError
    from cti.site.checks import as_far_as_readable
    from cti.site.config import SiteFacts, load_site
    from cti.vru import speech
    from cti.vru.flow import load_flow

    faults: list[Fault] = []
    site: Site | None = None

    def told(read: Callable[[], object]) -> None:
        try:
            read()
        except ConfigFaults as error:
            faults.extend(fault for fault in error.faults if str(fault) not in map(str, faults))

    try:
        site = load_site(path, machine=True)
    except ConfigFaults as error:
        faults.extend(error.faults)
    try:
        readable = as_far_as_readable(path)
    except ConfigFaults:  # not YAML at all: told above
        return faults, None
    files, facts = readable.files_named(), readable.part(SiteFacts, "site")
    missing = {fault.field for fault in faults}
    if "pbx" in files and "pbx.dialect" not in missing:
        told(lambda: _check_dialect(path, files["pbx"], site))
    if "flows" in files and "vru.flow" not in missing:
        told(lambda: load_flow(files["flows"], readable.group_names))
    if "customers" in files and "customers" not in missing:
        plan = NumberPlan(facts.country, facts.area_code) if facts is not None else NumberPlan()
        faults.extend(read_customers(Path(files["customers"]), plan)[1])
    if cards:
        faults += card_faults(path, {int(at[-1]): card for at, card in readable.cards})
    try:
        speech.recipe("zh")
    except TipringError as error:
        faults.append(Fault(str(path), 0, "", str(error)))
    return faults, site


def _print(fault: Fault, *, json: bool, severity: str = "fault") -> None:
    if json:
        import dataclasses

        import msgspec

        print(msgspec.json.encode({**dataclasses.asdict(fault), "severity": severity}).decode())
        return
    where = f"{fault.file}:{fault.line}" if fault.line else fault.file
    kind = "notice: " if severity == "notice" else ""
    print(f"{where}: {kind}{fault.field + ': ' if fault.field else ''}{fault.message}")
    if fault.remedy:
        print(f"    {fault.remedy}")


def _password() -> int:
    import getpass
    import sys

    from cti.desk.passwords import hash_password

    password = getpass.getpass("password 口令: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not password:
        print("tipring check: an empty password is none", file=sys.stderr)
        return 1
    if sys.stdin.isatty() and getpass.getpass("once more 再输入一次: ") != password:
        print("tipring check: the two are not the same 两次输入不一致", file=sys.stderr)
        return 1
    print(hash_password(password))
    return 0


def _check_dialect(path: Path, name: str | Path, site: Site | None) -> None:
    """The dialect with the site's changes, and what it must know to serve the lines that the site has wired."""
    from cti.conf import checked_yaml
    from cti.errors import ConfigFaults, Fault
    from cti.pbx.dialect import load_dialect
    from cti.site.pbx_dialect import site_dialect

    dialect = load_dialect(name)
    if site is None or site.switch == "card":
        return
    document, faults = checked_yaml.read(path), list[Fault]()
    try:
        site_dialect(site, document)
    except ConfigFaults as error:
        faults += error.faults
    if site.pbx.smdr is not None and (lack := dialect.lack_of_records()):
        remedy = "capture what the PBX prints (tipring serial watch --save FILE), then: tipring pbx learn FILE"
        faults.append(document.fault(("pbx", "smdr"), lack, remedy))
    if faults:
        raise ConfigFaults(faults)


def _still_to_learn(path: Path) -> None:
    """What no published source says of this make: to be seen on site, and written into a dialect of the site's own."""
    from cti.pbx.dialect import load_dialect
    from cti.site.checks import as_far_as_readable

    files = as_far_as_readable(path).files_named()
    if "pbx" not in files:
        return
    dialect = load_dialect(files["pbx"])
    for sentence in dialect.to_learn:
        print(f"dialect {dialect.name}: to be seen on site: {sentence}")

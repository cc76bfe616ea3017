"""`tipring pbx`: for whoever connects a PBX: reads its records, learns its dialect, and which port is which extension.

decode serves step 9: one JSON object a record on standard output; lines that the dialect does not know on standard
error, each with its number and the reason. learn proposes a dialect for such lines. Status 0: every line was
understood; 1: some were not; 2: no such dialect or file. unread lists what the server itself could not read; list, the
dialects there are.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

NAME = "pbx"
HELP = "read a PBX's call records by a dialect, or learn one; learn which port is which extension"


LEARN_PORTS = """\
With the server stopped. Each VRU extension is called from another VRU port: the card port that rings, and the message
line that the PBX names, are its own. Crossed cables and exchanged message lines come out as swapped pairs. Printed are
the list, what differs from the site file (status 1), and the lines for its vru.ports.
服务停止后使用：逐个呼叫 VRU 分机，看哪个卡端口振铃、交换机报哪条线，找出接错的线对，给出站点文件的 vru.ports。

examples:
  tipring pbx learn-ports -c site.yaml
  tipring pbx learn-ports -c site.yaml --extensions 2001-2030,2040
  tipring pbx learn-ports -c site.yaml --write
"""

EXAMPLES = """\
examples:
  tipring pbx list                                           the dialects there are
  tipring pbx decode --dialect panasonic-tda captured.txt
  tipring pbx learn captured.txt -c site.yaml >NAME.yaml     a dialect for what this PBX prints
  tipring pbx learn-ports -c site.yaml                       which port is which extension (server stopped)
  tipring pbx unread -c site.yaml --since today              what the server could not read
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-commands with their options."""
    parser.epilog = EXAMPLES
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser(
        "list",
        help="the dialects there are, for dialect: of the site file",
        description="Prints the name and the PBX of each dialect: what may stand in `pbx: dialect:` of the site file. "
        "Those of /etc/tipring/pbx are among them; one that has faults shows the first, and the status is 1. "
        "列出可用的方言及其对应的交换机，名称写入站点文件 pbx: dialect:。",
    )
    decode = actions.add_parser(
        "decode",
        help="print one JSON object for each call record of FILE",
        description="Prints one JSON object for each call record of FILE; unknown lines go to standard error with "
        "their numbers, and the status is 1.",
    )
    decode.add_argument("--dialect", required=True, metavar="NAME", help="a file of conf/pbx, by name or path")
    decode.add_argument(
        "--date",
        metavar="YYYY-MM-DD",
        help="the date for records without a year (default: the date on which FILE was written)",
    )
    decode.add_argument("file", metavar="FILE", help="what the PBX printed, or - for standard input")
    ports = actions.add_parser(
        "learn-ports",
        help="call each VRU extension: which port rings, which line is told",
        description=LEARN_PORTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    ports.add_argument("-c", "--config", default="conf/site.yaml", metavar="FILE", help="site file (conf/site.yaml)")
    ports.add_argument("--extensions", metavar="LIST", help="2001-2030,2040 (default: those of the site file)")
    ports.add_argument("--write", action="store_true", help="put the ports into the site file (FILE.before is the old)")
    learn = actions.add_parser(
        "learn",
        help="propose a dialect for what the PBX printed in FILE",
        description="Tries all known dialects on FILE, and proposes a new one where none reads every line: a YAML file "
        "on standard output, with comments on what is not sure and with the lines that it does not read. FILE is what "
        "`tipring serial watch --save` wrote, or any text; a day of calls tells more than ten lines. The surest sign "
        "are the site's own extensions: name them, or the site. "
        "先试所有已知方言；都读不全时，按抓取的话单推测一份方言，并注明没有把握之处和读不出的行。",
    )
    learn.add_argument("-c", "--config", metavar="SITE", type=Path, help="a site file, for its extensions")
    learn.add_argument("--extensions", metavar="LIST", help="8001-8030,8040: extensions beside those of the site file")
    learn.add_argument("--date", metavar="YYYY-MM-DD", help="when FILE was captured (default: when it was written)")
    learn.add_argument("--name", default="learned", help="what the dialect shall be called")
    learn.add_argument("--new", action="store_true", help="propose a new one though a known one reads every line")
    learn.add_argument("file", metavar="FILE", help="what the PBX printed, or - for standard input")
    unread = actions.add_parser(
        "unread",
        help="the lines of the PBX that no form of the dialect could read",
        description="Prints the lines that the server received and could not read, oldest first, each with its time "
        "and the reason; --raw prints the lines alone, for `tipring pbx learn -`. "
        "列出服务器收到而读不出的话单行，并说明原因。",
    )
    unread.add_argument("-c", "--config", default="conf/site.yaml", metavar="FILE", help="site file (conf/site.yaml)")
    unread.add_argument("--since", metavar="TIME", help="30m, 2h, 1d, today, 2026-01-05 or 2026-01-05T09:00")
    unread.add_argument("--limit", type=int, default=100, metavar="N", help="at most so many, the last ones (100)")
    unread.add_argument("--raw", action="store_true", help="the lines alone, as they came")


def run(args: argparse.Namespace) -> int:
    """The action that was asked for. Raises TipringError (ConfigFaults) for what cannot be used."""
    actions = {"list": _list, "decode": _decode, "learn": _learn, "learn-ports": _learn_ports, "unread": _unread}
    return actions[args.action](args)


def _list(args: argparse.Namespace) -> int:
    """0: all of them can be used; 1: one that the site wrote has faults."""
    from cti.errors import ConfigFaults
    from cti.pbx.dialect import dialect_names, load_dialect

    known, status = dialect_names(), 0
    width = max(map(len, known), default=0)
    for name in known:
        try:
            what = load_dialect(name).title
        except ConfigFaults as error:
            what, status = f"has faults 有错误: {error.faults[0]}", 1
        print(f"{name:{width}}  {what}")
    return status


def _learn_ports(args: argparse.Namespace) -> int:
    import sys

    from cti.errors import TipringError
    from cti.install.alone import Bench, run_alone
    from cti.install.ports import Learned, differences, learn_site, merged, numbers, proposal
    from cti.install.site_edit import edit_site
    from cti.install.site_edit import ports as ports_of_file
    from cti.site.config import load_site

    site = load_site(args.config)
    present = site.vru.all_ports()
    try:
        extensions = numbers(args.extensions) if args.extensions else [one.extension for one in present]
    except ValueError as error:
        raise TipringError(f"--extensions: {error}") from error

    async def work(bench: Bench) -> list[Learned]:
        print(f"{len(extensions)} extensions, {len(bench.ports)} ports; Ctrl-C ends 按 Ctrl-C 结束", file=sys.stderr)
        return await learn_site(bench, extensions, lambda text: print(text, flush=True))

    found = run_alone(site, work)
    wrong = differences(found, present)
    print()
    for text in wrong:
        print(f"differs 不符: {text}")
    print("the site file is right 与站点文件一致" if not wrong else f"\n{proposal(found, present)}")
    if wrong and args.write:
        before = edit_site(Path(args.config), ports_of_file(merged(found, present)))
        print(f"written 已写入: {args.config} (before 原文件: {before})")
    return 1 if wrong else 0


def _unread(args: argparse.Namespace) -> int:
    """Reads the database; the server need not be running. 0: there are none; 1: there are some."""
    import sys

    from cti.commands.calls import asked_since
    from cti.errors import printable
    from cti.records.store import existing_store
    from cti.site.config import load_site

    site = load_site(args.config)
    since = asked_since(args, site)
    store = existing_store(site.database_url)
    found = store.of_system("smdr_unread", since=since, limit=args.limit)
    store.close()
    for event in found:
        raw = str(event.data.get("raw", ""))
        when = f"{event.t.astimezone(site.zone):%Y-%m-%d %H:%M:%S}"
        print(raw if args.raw else printable(f"{when}  {event.data.get('reason', '')}: {raw}"))
    if not found:
        print("none 没有读不出的话单行", file=sys.stderr)
    return 1 if found else 0


def _date(args: argparse.Namespace) -> datetime | None:
    """Noon of the day that --date names."""
    from datetime import datetime, timedelta

    from cti.errors import TipringError

    try:
        return datetime.fromisoformat(args.date) + timedelta(hours=12) if args.date else None
    except ValueError as error:
        raise TipringError(f"--date {args.date}: not a date; write YYYY-MM-DD") from error


def _learn(args: argparse.Namespace) -> int:
    import os
    import re
    import sys
    from datetime import datetime

    from cti.conf import fields
    from cti.errors import TipringError
    from cti.install.ports import numbers
    from cti.install.serial_watch import saved_times
    from cti.pbx.learn import BYTES, learn
    from cti.site.config import load_site

    try:
        extensions = set(numbers(args.extensions)) if args.extensions else set()
    except ValueError as error:
        raise TipringError(f"--extensions: {error}") from error
    if not re.fullmatch(fields.NAME, args.name):
        raise TipringError(f"--name {args.name}: write a short name in Latin letters; the dialect is saved under it")
    if args.config is not None:
        site = load_site(args.config)
        extensions |= {agent.extension for agent in site.agents if agent.extension}
        extensions |= {port.extension for port in site.vru.all_ports()}
    day = _date(args)
    try:
        with os.fdopen(os.dup(0), "rb") if args.file == "-" else open(args.file, "rb") as source:
            written = datetime.fromtimestamp(os.fstat(source.fileno()).st_mtime)
            data = source.read(BYTES)
    except OSError as error:
        raise TipringError(f"{args.file}: {error.strerror}") from error
    if not data.strip():
        raise TipringError(
            f"{args.file}: nothing was printed; capture the PBX for a while: tipring serial watch --save"
        )
    began, times = saved_times(Path(args.file))
    now = day or began or written
    proposal = learn(data, now, extensions, name=args.name, source=args.file, anew=args.new, times=times)
    sys.stdout.write(proposal.text)
    return 1 if proposal.unread else 0


def _decode(args: argparse.Namespace) -> int:
    """Raises TipringError (ConfigFaults) for a dialect, file or date that cannot be used."""
    import os
    import sys
    from datetime import datetime

    import msgspec

    from cti.errors import TipringError, printable
    from cti.pbx.dialect import load_dialect
    from cti.pbx.smdr import SmdrDecoder, SmdrItem, SmdrUnknown

    dialect = load_dialect(args.dialect)
    today = _date(args)
    unknown = lines = 0

    def show(items: list[SmdrItem]) -> None:
        nonlocal unknown, lines
        for item in items:
            lines += 1
            if isinstance(item, SmdrUnknown):
                unknown += 1
                print(printable(f"{args.file}:{item.line_no}: {item.reason}: {item.raw}"), file=sys.stderr)
            else:
                sys.stdout.write(msgspec.json.encode(item).decode() + "\n")

    try:
        source = os.fdopen(os.dup(0), "rb") if args.file == "-" else open(args.file, "rb")  # noqa: SIM115
        with source:
            on = today or datetime.fromtimestamp(os.fstat(source.fileno()).st_mtime)
            decoder = SmdrDecoder(dialect, lambda: on)
            while data := source.read(1 << 16):
                show(decoder.feed(data))
            show(decoder.flush())
    except BrokenPipeError:  # who reads what we print has enough
        raise
    except OSError as error:
        raise TipringError(f"{args.file}: {error.strerror}") from error
    if not lines:
        print(f"{args.file}: no record in it 没有话单", file=sys.stderr)
    return 1 if unknown else 0

"""`tipring pbx decode`: reads a file of printed call records by a dialect, for whoever connects a PBX. Serves step 9.

One JSON object a record on standard output; lines that the dialect does not know on standard error, each with its
number and the reason. Status 0: every line was understood; 1: some were not; 2: no such dialect or file.
"""

from __future__ import annotations

import argparse

NAME = "pbx"
HELP = "read a PBX's call records by a dialect"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-command decode with its options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
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


def run(args: argparse.Namespace) -> int:
    """Decodes. Raises TipringError (ConfigFaults) for a dialect, file or date that cannot be used."""
    import os
    import sys
    from datetime import datetime, timedelta

    import msgspec

    from cti.errors import TipringError
    from cti.pbx.dialect import load_dialect
    from cti.pbx.smdr import SmdrDecoder, SmdrItem, SmdrUnknown

    dialect = load_dialect(args.dialect)
    try:
        today = datetime.fromisoformat(args.date) + timedelta(hours=12) if args.date else None
    except ValueError as error:
        raise TipringError(f"--date {args.date}: not a date; write YYYY-MM-DD") from error
    unknown = 0

    def show(items: list[SmdrItem]) -> None:
        nonlocal unknown
        for item in items:
            if isinstance(item, SmdrUnknown):
                unknown += 1
                print(f"{args.file}:{item.line_no}: {item.reason}: {item.raw}", file=sys.stderr)
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
    except OSError as error:
        raise TipringError(f"{args.file}: {error.strerror}") from error
    return 1 if unknown else 0

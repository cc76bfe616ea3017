"""`tipring audio`: makes and reads the sounds of telephone lines, with the ports' own generators and detectors.

For installers (what is this noise on my line?), and for strangers' programs to check us by.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import sys
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drivers.items import PlayItem
    from drivers.tones import TonePlan

NAME = "audio"
HELP = "make and decode DTMF, call-progress tones and caller ID in WAV files"
RATE = 8000
EXAMPLES = """\
examples:
  tipring audio make --dtmf 13800138000 --out digits.wav
  tipring audio make --tone busy --country cn --out busy.wav
  tipring audio make --callerid-fsk 02162001234 --name 李明 --snr 20 --out ring.wav
  tipring audio decode capture.wav --json
"""
DECODES = """\
Digits are told when they end, tones with the length for which they were recognised, a caller ID with its checksum (ok).
Other formats: sox IN -r 8000 -c 1 OUT.wav
"""
LONGEST_S = 60
BEFORE = RATE // 10  # samples of silence before a file, so that what begins with it is known to begin there
EXTRAS = ("name", "when", "absence", "redirecting")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sub-commands make and decode."""
    parser.epilog = EXAMPLES
    subs = parser.add_subparsers(dest="audio", metavar="make|decode", required=True)
    make = subs.add_parser("make", help="write a WAV file", description="Writes a WAV file, 8 kHz mono PCM.")
    what = make.add_mutually_exclusive_group(required=True)
    what.add_argument("--dtmf", metavar="DIGITS", help="0-9 * # A-D, and , for half a second")
    what.add_argument("--tone", metavar="NAME", help="a tone of the country's plan: dial, ringback, busy, ...")
    what.add_argument("--callerid-fsk", metavar="NUMBER", help="this number as exchanges send it by FSK (GR-30)")
    what.add_argument("--callerid-dtmf", metavar="NUMBER", help="this number as exchanges send it by DTMF")
    make.add_argument("--out", required=True, metavar="FILE.wav")
    make.add_argument("--sdmf", action="store_true", help="FSK: the single message format (default: multiple)")
    make.add_argument("--name", metavar="TEXT", help="FSK: the caller's name")
    make.add_argument("--when", metavar="MMDDhhmm", help="FSK: date and time (default none; SDMF 01010000)")
    make.add_argument("--level", type=float, default=-10.0, metavar="DBM0", help="of a tone, of DTMF's high group")
    make.add_argument("--twist", type=float, default=0.0, metavar="DB", help="DTMF's high group over the low one")
    make.add_argument("--snr", type=float, metavar="DB", help="add white noise so far under the signal")
    make.add_argument("--on", type=int, default=100, metavar="MS", help="length of a digit (default 100)")
    make.add_argument("--off", type=int, default=100, metavar="MS", help="gap after a digit (default 100)")
    make.add_argument("--seconds", type=float, default=5.0, help="length of a tone (default 5)")
    make.add_argument("--seed", type=int, default=1, help="of the noise")
    what_is = "say what is in a WAV file (8 kHz, mono or stereo, PCM, A-law or u-law)"
    decode = subs.add_parser("decode", help=what_is, description=DECODES)
    decode.add_argument("file", metavar="FILE.wav")
    decode.add_argument(
        "--json", action="store_true", help="one object a line: t_ms, kind, value, ms (channel if stereo)"
    )
    for parser_ in (make, decode):
        parser_.add_argument("--country", default="cn", metavar="cn|us|uk|de|jp", help="tone plan (default cn)")


def run(args: argparse.Namespace) -> int:
    """Makes or decodes."""
    return _make(args) if args.audio == "make" else _decode(args)


def _plan(country: str) -> TonePlan:
    from cti.site.tones import load_plan

    return load_plan(country)


def _items(args: argparse.Namespace) -> list[PlayItem]:
    from cti.errors import TipringError
    from drivers.callerid import encode_dtmf, encode_mdmf, encode_sdmf
    from drivers.errors import ArgumentError, CallerIdError
    from drivers.items import CallerIdBurst, Digits, Silence

    pause = Silence(200)
    digits = {"on_ms": args.on, "off_ms": args.off, "level_dbm0": args.level, "twist_db": args.twist}
    try:
        if args.dtmf is not None:
            return [pause, Digits(args.dtmf, **digits), pause]
        if args.tone is not None:
            return [_plan(args.country).item(args.tone, args.level, round(args.seconds * 1000))]
        number = args.callerid_fsk if args.callerid_fsk is not None else args.callerid_dtmf
        if not re.fullmatch(r"\d{1,20}", number):
            raise ArgumentError(f"{number!r} is not a number of 1 to 20 digits")
        if args.callerid_fsk is not None:
            if args.sdmf and args.name is not None:
                raise ArgumentError("the single message format has no place for a name")
            when = args.when or "01010000"
            message = encode_sdmf(number, when) if args.sdmf else encode_mdmf(number, args.name, args.when)
            return [pause, CallerIdBurst(message, args.level), pause]
        return [pause, Digits(encode_dtmf(number), **digits), pause]
    except (ArgumentError, CallerIdError) as error:
        raise TipringError(str(error)) from error


def _check(args: argparse.Namespace) -> None:
    """Ranges: what no line carries is refused."""
    from cti.errors import TipringError

    for name, value, least, most in (
        ("level", args.level, -70, 3),
        ("twist", args.twist, -40, 40),
        ("snr", args.snr if args.snr is not None else 0.0, -20, 100),
        ("seconds", args.seconds, 0.01, LONGEST_S - 1),
        ("on", args.on, 1, 10_000),
        ("off", args.off, 0, 10_000),
    ):
        if not least <= value <= most:
            raise TipringError(f"--{name} {value:g}: {least:g} to {most:g} can be made")


def _make(args: argparse.Namespace) -> int:
    from cti.errors import TipringError
    from drivers import wav
    from drivers.errors import ArgumentError
    from drivers.listener import render

    _check(args)
    try:
        samples = render(_items(args))
    except ArgumentError as error:
        raise TipringError(str(error)) from error
    if args.snr is not None:
        samples = _noisy(samples, args.snr, args.seed)
    try:
        wav.write(args.out, [samples])
    except OSError as error:
        raise TipringError(f"{args.out}: {error.strerror}") from error
    return 0


def _noisy(samples: array[int], snr_db: float, seed: int) -> array[int]:
    """White Gaussian noise, its power ``snr_db`` under the mean power of the sounding samples."""
    source = random.Random(seed)
    sounding = [value * value for value in samples if value]
    sigma = math.sqrt(sum(sounding) / max(1, len(sounding))) / 10 ** (snr_db / 20)
    return array("h", (max(-32768, min(32767, round(value + source.gauss(0, sigma)))) for value in samples))


def _decode(args: argparse.Namespace) -> int:
    from cti.errors import TipringError
    from drivers import wav
    from drivers.callerid import decode
    from drivers.errors import CallerIdError
    from drivers.listener import Listener

    try:
        sound = wav.read(args.file)
    except OSError as error:
        raise TipringError(f"{args.file}: {error.strerror}") from error
    except wav.WavError as error:
        raise TipringError(str(error)) from error
    plan = _plan(args.country)
    found = []
    for number, samples in enumerate(sound.channels):
        listener = Listener(plan)
        listener.feed(array("h", bytes(2 * BEFORE)))
        for item in (*listener.feed(samples), *listener.end(), *listener.feed(array("h", bytes(2 * RATE)))):
            t_ms = max(0, item.at - BEFORE) / 8
            row: dict[str, object] = {"t_ms": t_ms, "kind": item.kind, "value": item.value, "ms": item.ms}
            if item.kind == "callerid":
                row |= {"form": item.form, "ok": item.ok}
                try:
                    fields = decode(item.raw, item.form)
                except CallerIdError as error:
                    row["fault"] = str(error)
                else:
                    row["value"] = fields.number or ""
                    row |= {name: text for name in EXTRAS if (text := getattr(fields, name)) is not None}
            if len(sound.channels) > 1:
                row["channel"] = ("left", "right")[number]
            found.append(row)
    found.sort(key=lambda row: (float(str(row["t_ms"])), str(row.get("channel", ""))))
    for row in found:
        if args.json:
            print(json.dumps(row))
        else:
            length = f"{row['ms']} ms" if row["ms"] is not None else ""
            at, channel = float(str(row["t_ms"])) / 1000, row.get("channel", "")
            more = " ".join(str(row[name]) for name in (*EXTRAS, "fault") if name in row)
            print(f"{at:9.3f} s  {channel:5} {row['kind']:8} {row['value']:20} {length}{more}".rstrip())
    if not found and not args.json:
        print(f"nothing recognised in {sound.seconds:.1f} s", file=sys.stderr)
    return 0

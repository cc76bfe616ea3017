"""`tipring bench talkoff`: how often is a voice or music taken for a key? (False digits in an hour of sound, step 5.)

Every WAV file below the folders is heard by the ports' DTMF receiver, through A-law as on a line. sox brings files
that are not 8 kHz mono to that form, and makes variants at other speeds (pitch goes along) and levels, which count as
hours of their own. Reference: SpanDSP's receiver on the same sound, where the library is installed.
"""

from __future__ import annotations

import argparse
import itertools
import math
import subprocess
import sys
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cti.commands.bench_sound import RATE, SpanDspReceiver, a_law, from_a_law

HELP = "false digits per hour of speech and music"
FOLDERS = ("/usr/share/asterisk/sounds", "/usr/share/asterisk/moh")
PACKAGES = "apt-get install asterisk-core-sounds-en-wav asterisk-moh-opsound-wav"


@dataclass(frozen=True)
class _Variant:
    path: Path
    speed: float
    gain_db: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Folders and variants."""
    parser.add_argument("folders", nargs="*", type=Path, metavar="DIR", help=f"default {' '.join(FOLDERS)}")
    parser.add_argument("--speed", default="1", metavar="X,X", help="speeds by sox (default 1)")
    parser.add_argument("--gain", default="0", metavar="DB,DB", help="level changes (default 0)")


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Hours, false digits, and each of them with its file and time."""
    from cti.errors import TipringError
    from drivers.listener import simd

    variants = _variants(args)
    samples, energy, unread, foreign = 0, 0.0, 0, 0
    found: list[dict[str, Any]] = []
    spandsp = SpanDspReceiver.is_here()
    for variant in _with_progress(variants):
        try:
            sound = _sound(variant)
        except TipringError as error:
            print(f"tipring bench: {error}", file=sys.stderr)
            unread += 1
            continue
        samples += len(sound)
        energy += math.sumprod(sound, sound) if hasattr(math, "sumprod") else sum(value * value for value in sound)
        found += _ours(sound, variant)
        if spandsp:
            foreign += _spandsp(sound)
    if not samples:
        raise TipringError("none of these files holds sound")
    hours = samples / RATE / 3600
    result: dict[str, Any] = {
        "files": len({variant.path for variant in variants}),
        "variants": len(variants),
        "unread": unread,
        "hours": round(hours, 5),
        "level_dbm0": round(10 * math.log10(max(1.0, energy / samples) / (22826.9**2 / 2)), 1),
        "digits": len(found),
        "digits_per_hour": round(len(found) / hours, 2),
        "simd": simd(),
        "found": found,
    }
    if spandsp:
        result["spandsp"] = {"digits": foreign, "digits_per_hour": round(foreign / hours, 2)}
    return result


def show(result: dict[str, Any]) -> None:
    """For people."""
    for row in result["found"]:
        variant = f"x{row['speed']:g} {row['gain_db']:+g} dB"
        print(f"{row['digit']} {row['ms']:4} ms at {row['t_ms'] / 1000:9.3f} s  {row['file']} {variant}")
    sounds = f"{result['variants']} sounds of {result['files']} files"
    print(f"{result['hours']:.2f} hours, {sounds}, {result['level_dbm0']} dBm0")
    print(f"false digits  {result['digits']:5}   {result['digits_per_hour']:7.2f} an hour")
    if "spandsp" in result:
        print(f"SpanDSP       {result['spandsp']['digits']:5}   {result['spandsp']['digits_per_hour']:7.2f} an hour")


def _variants(args: argparse.Namespace) -> list[_Variant]:
    from cti.errors import TipringError

    folders = args.folders or [Path(name) for name in FOLDERS if Path(name).is_dir()]
    for folder in folders:
        if not folder.exists():
            raise TipringError(f"{folder}: no such folder")
    listed = itertools.chain.from_iterable(
        sorted(folder.rglob("*.[wW][aA][vV]")) if folder.is_dir() else [folder] for folder in folders
    )
    files = list(dict.fromkeys(path.resolve() for path in listed))
    if not files:
        raise TipringError(f"no WAV files; name folders that hold some, or {PACKAGES}")
    try:
        speeds = [float(part) for part in args.speed.split(",")]
        gains = [float(part) for part in args.gain.split(",")]
    except ValueError as error:
        raise TipringError("--speed and --gain are numbers with commas between them") from error
    if not all(0.1 <= speed <= 10 for speed in speeds) or not all(-60 <= gain <= 60 for gain in gains):
        raise TipringError("--speed is 0.1 to 10, --gain -60 to 60")
    return [_Variant(path, speed, gain) for speed in speeds for gain in gains for path in files]


def _with_progress(variants: list[_Variant]) -> Iterator[_Variant]:
    """A bar where somebody watches."""
    if not sys.stderr.isatty():
        yield from variants
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(variants, "listening", console=Console(stderr=True), transient=True)


def _sound(variant: _Variant) -> array[int]:
    """8 kHz, mono, as a port hears it."""
    from drivers import wav

    samples: Iterable[array[int]] = ()
    if variant.speed == 1 and variant.gain_db == 0:
        try:
            samples = wav.read(variant.path).channels
        except (OSError, wav.WavError):
            samples = ()  # sox may know better
    plain = next(iter(samples), None)
    if plain is None or len(tuple(samples)) != 1:
        plain = _by_sox(variant)
    return from_a_law(a_law(plain))


def _by_sox(variant: _Variant) -> array[int]:
    from cti.errors import TipringError

    form = ["-t", "raw", "-r", str(RATE), "-c", "1", "-b", "16", "-e", "signed-integer", "-L", "-"]
    effects = ["speed", str(variant.speed), "rate", str(RATE), "gain", str(variant.gain_db)]
    try:
        done = subprocess.run(["sox", "-V1", "-R", str(variant.path), *form, *effects], check=True, capture_output=True)
    except FileNotFoundError as error:
        raise TipringError("sox is missing: apt-get install sox") from error
    except subprocess.CalledProcessError as error:
        raise TipringError(f"{variant.path}: {error.stderr.decode(errors='replace').strip()}") from error
    samples = array("h")
    samples.frombytes(done.stdout[: len(done.stdout) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _ours(sound: array[int], variant: _Variant) -> list[dict[str, Any]]:
    from drivers.listener import Listener

    listener = Listener(caller_id=False)
    heard = [*listener.feed(sound), *listener.feed(array("h", bytes(RATE)))]
    return [
        {
            "file": str(variant.path),
            "speed": variant.speed,
            "gain_db": variant.gain_db,
            "t_ms": item.at / 8,
            "digit": item.value,
            "ms": item.ms,
        }
        for item in heard
        if item.kind == "dtmf"
    ]


def _spandsp(sound: array[int]) -> int:
    receiver = SpanDspReceiver()
    try:
        return sum(receiver.feed(sound[at : at + RATE]) for at in range(0, len(sound), RATE))
    finally:
        receiver.close()

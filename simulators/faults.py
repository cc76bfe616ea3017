"""Faults that can be asked of the simulated world, each with a name and a unit: `--fault NAME=VALUE`.

`parse` turns a specification into a `Fault` or raises `FaultError`, whose text lists what there is. What passes over a
serial line is spoilt by `Spoiler`, which draws from the run's own random numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

NUMBER = r"(-?\d+(?:\.\d+)?)"
SERIAL = rf"(late):{NUMBER}s|(lost|damaged|reordered|noise):{NUMBER}%"
SERIAL_FORM = "late:SECONDSs | lost:N% | damaged:N% | reordered:N% (messages) | noise:N% (bytes with a wrong bit)"
TARGETS: dict[str, tuple[str, str]] = {
    "dialtone": (
        rf"(none)|{NUMBER}dB|(\d+\+\d+)(?:Hz)?|(\d+)Hz",
        "none | LEVELdB (-60dB) | F+FHz (350+440Hz) | FHz (400Hz)",
    ),
    "noise": (rf"{NUMBER}dBm0", "LEVELdBm0 (-45dBm0): white noise on the VRU's lines"),
    "returnloss": (rf"{NUMBER}dB", "dB (8dB): hybrids of the VRU's lines"),
    "loss": (rf"{NUMBER}dB", "dB (10dB): each way on the VRU's lines"),
    "clip": (rf"{NUMBER}dBm0", "dBm0 (-6dBm0): peak clipping on the VRU's lines"),
    "slips": (rf"{NUMBER}/min", "N/min (6/min): samples lost or repeated on the VRU's lines"),
    "dialdelay": (rf"{NUMBER}s", "SECONDSs (2s): the dial tone after a flash begins so late"),
    "tones": (
        rf"(\d+)Hz|x{NUMBER}|(\d+)Hz,x{NUMBER}",
        "FHz (400Hz) | xFACTOR (x1.4) | FHz,xFACTOR: a tone plan nobody knows, other frequency, longer bursts",
    ),
    "loopdrop": (r"(none)", "none: the PBX gives no disconnect signal but busy tone"),
    "flash": (r"(ignored)|(\d+)-(\d+)ms", "ignored | MIN-MAXms (80-300ms): openings that the PBX takes for a flash"),
    "transfer": (r"(lost)", "lost: the PBX drops the held caller when the VRU hangs up"),
    "recall": (
        r"(another)|(untold)",
        "another | untold: an unanswered transfer comes back to another port, or unannounced",
    ),
    "callerid": (r"(none)|(dtmf)|(fsk)", "none | dtmf | fsk: what the central office sends"),
    "smdi": (SERIAL, SERIAL_FORM),
    "mci": (SERIAL, SERIAL_FORM),
    "smdr": (
        rf"{SERIAL}|(shuffled):{NUMBER}%",
        f"{SERIAL_FORM} | shuffled:N%: records that come after later ones",
    ),
    "numbers": (r"cut:(\d+)", "cut:DIGITS (cut:7): of calling numbers the PBX keeps the last ones"),
    "callers": (
        rf"(alike|withheld):{NUMBER}%",
        "alike:N%: so many call from one of two companies, whose people all show one number | withheld:N%",
    ),
    "records": (
        rf"(whole_call|split_at_flash|per_leg|intercom|other_end)|(stars):{NUMBER}%",
        "whole_call | split_at_flash | per_leg | intercom (consultations, too) | other_end (the time of the call's"
        " beginning in place of its end, and the other way round) | stars:N%: dates **/**/**",
    ),
    "clock": (
        rf"(wrong):{NUMBER}min|(jump):{NUMBER}min@{NUMBER}s?",
        "wrong:MINUTESmin (7min) | jump:MINUTESmin@SECONDS: the PBX's own clock",
    ),
    "swap": (r"(\d+):(\d+)", "EXT:EXT (2001:2002): the message lines of two VRU extensions are exchanged"),
    "port": (r"dead:(\d+)", "dead:EXT (dead:2003): the PBX hunts to it and it never rings"),
    "offline": (
        rf"smdr@{NUMBER}s?:{NUMBER}s",
        "smdr@SECONDS:FORSECONDSs: the printer's cable is out at the PBX; its buffer comes afterwards at once",
    ),
    "was": (
        r"([a-z0-9-]+)",
        "MAKE (hicom150): the PBX was one of that make until yesterday, and the server's site file is still for it",
    ),
    "power": (rf"off@{NUMBER}s?:{NUMBER}s", "off@SECONDS:FORSECONDSs: the PBX has no power"),
    "cut": (rf"(\d+)@{NUMBER}s?", "PORT@SECONDS: the wire of VRU port PORT breaks at that time"),
    "mfc": (
        rf"(damaged|lost):{NUMBER}%",
        "damaged:N% | lost:N%: so many R2 tones (not calls) of set-ups drowned in noise, for 0.05 to 20 s or for 20 s"
        " (--trunk r2)",
    ),
    "frames": (
        rf"(damaged|lost):{NUMBER}%",
        "damaged:N%: messages of the D channel, both ways | lost:N%: set-ups at which it is drowned in noise for 20 s"
        " (--trunk pri)",
    ),
    "spanslips": (rf"{NUMBER}/min", "N/min (6/min): an octet lost or repeated in every channel of an E1 (ITU-T G.822)"),
    "biterrors": (r"1e-([1-9])", "1e-N (1e-4): of all channels of an E1"),
    "alarm": (
        rf"(los|blue|yellow)@{NUMBER}s?:{NUMBER}s",
        "los|blue|yellow@SECONDS:FORSECONDSs: what the office's end of an E1 sends: nothing, all ones, remote alarm",
    ),
    "unplug": (
        rf"(smdi|mci|smdr)@{NUMBER}s?(?::{NUMBER}s)?",
        "smdi|mci|smdr@SECONDS[:FORSECONDSs]: the cable is pulled at the server",
    ),
}
# What the numbers of a fault may be, where its form does not say so already.
RANGES: dict[str, tuple[float, float]] = {
    "noise": (-100, -1),
    "returnloss": (6, 100),
    "loss": (0, 100),
    "clip": (-60, 3),
    "slips": (0, 6000),
    "spanslips": (0, 120),
    "flash": (20, 5000),
    "cut": (0, 1_000_000),
    "unplug": (0, 1_000_000),
    "dialdelay": (0, 60),
    "numbers": (1, 20),
    "clock": (-1_000_000, 1_000_000),
    "offline": (0, 1_000_000),
    "power": (0, 1_000_000),
    "records": (0, 100),
    "callers": (0, 100),
    "mfc": (0, 100),
    "frames": (0, 100),
    "alarm": (0, 1_000_000),
}


class FaultError(ValueError):
    """A fault that does not exist or is not written as it should be."""


@dataclass(frozen=True)
class Fault:
    """`name` as in TARGETS; `words` are the parts of its value."""

    name: str
    words: tuple[str, ...]
    text: str

    @property
    def number(self) -> float:
        """The first number among the words."""
        for word in self.words:
            if re.fullmatch(NUMBER, word):
                return float(word)
        raise FaultError(f"{self.text}: holds no number")


def parse(spec: str) -> Fault:
    """Reads one `NAME=VALUE`. Raises FaultError."""
    name, equals, value = spec.partition("=")
    if name not in TARGETS:
        raise FaultError(f"no such fault: {spec!r}. There are:\n{listing()}")
    pattern, form = TARGETS[name]
    match = re.fullmatch(pattern, value) if equals else None
    if match is None:
        raise FaultError(f"{spec!r}: {name} wants {name}=VALUE: {form}")
    words = tuple(group for group in match.groups() if group is not None)
    numbers = [float(word) for word in words if re.fullmatch(NUMBER, word)]
    low, high = _range(name, words, value)
    if not all(low <= number <= high for number in numbers):
        raise FaultError(f"{spec!r}: {name} wants numbers from {low:g} to {high:g}, as in {form}")
    if name == "flash" and numbers and numbers[0] >= numbers[1]:
        raise FaultError(f"{spec!r}: {name} wants {form}, the shorter first")
    return Fault(name, words, spec)


def _range(name: str, words: tuple[str, ...], value: str) -> tuple[float, float]:
    if name == "dialtone":
        return (-90, -1) if value.endswith("dB") else (50, 3900)
    if name == "tones":
        return (0.2, 5) if value.startswith("x") else (50, 3900) if value.endswith("Hz") else (0.2, 3900)
    if name in ("smdi", "mci", "smdr"):
        return (0, 3600) if words[0] == "late" else (0, 100)
    return RANGES.get(name, (float("-inf"), float("inf")))


def listing() -> str:
    """Every fault with the form of its value, one a line."""
    return "\n".join(f"  {name}={form}" for name, (_, form) in TARGETS.items())


@dataclass(frozen=True)
class SerialFault:
    """What happens to the messages of one serial line: delay in seconds, the others are shares from 0 to 1. `noise` is
    of bytes and is done by the line itself."""

    late_s: float = 0.0
    lost: float = 0.0
    damaged: float = 0.0
    reordered: float = 0.0
    shuffled: float = 0.0
    noise: float = 0.0


class Spoiler:
    """Applies a SerialFault to messages; the same random numbers give the same faults."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def spoil(self, message: bytes, fault: SerialFault) -> tuple[float, bytes, str]:
        """Returns the delay in seconds, the bytes to send (empty: lost) and what was done: "" nothing."""
        draws = [self._random.random() for _ in range(3)]  # always three: one fault does not shift another's draws
        if draws[0] < fault.lost:
            return fault.late_s, b"", "lost"
        done = "late" if fault.late_s else ""
        if draws[1] < fault.damaged:
            message, done = self._damage(message), "damaged"
        if draws[2] < fault.reordered:
            message, done = self._reorder(message), "reordered"
        return fault.late_s, message, done

    def _damage(self, message: bytes) -> bytes:
        """Three characters in the message's second half come out wrong."""
        out = bytearray(message)
        first = len(out) // 2
        for _ in range(3):
            out[self._random.randrange(first, len(out))] = self._random.randrange(0x20, 0x7F)
        return bytes(out)

    def _reorder(self, message: bytes) -> bytes:
        out = bytearray(message)
        at = self._random.randrange(len(out) - 1)
        out[at], out[at + 1] = out[at + 1], out[at]
        return bytes(out)

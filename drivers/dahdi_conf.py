"""/etc/dahdi/system.conf from a short description: "4 FXO, 1 E1 PRI, China".

Spans and channels are numbered in the order in which the parts are named, as DAHDI numbers them in the order of its
cards. Keywords and forms are dahdi_cfg's (system.conf.sample of dahdi-tools). An FXO port is signalled fxsks, an FXS
port fxoks: both take a loop drop for the end of a call. An E1 is coded HDB3, framed CCS with CRC4 for PRI, CAS for R2,
whose idle bits 1101 tell the exchange that the line is blocked (ITU-T Q.421) until a server speaks. The law is A-law
but in North America and Japan (ITU-T G.711). Serves steps 1 and 3 on real cards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from drivers.detect import ranges
from drivers.errors import ArgumentError

Form = Literal["fxo", "fxs", "pri", "r2"]
E1_CHANNELS, D_CHANNEL = 31, 16
R2_IDLE = "1101"
ZONES = {
    **dict.fromkeys(("china", "中国", "cn"), "cn"),
    **dict.fromkeys(("hong kong", "hongkong", "香港", "hk"), "hk"),
    **dict.fromkeys(("taiwan", "台湾", "tw"), "tw"),
    **dict.fromkeys(("usa", "us", "美国"), "us"),
    **dict.fromkeys(("japan", "jp", "日本"), "jp"),
    **dict.fromkeys(("uk", "gb", "united kingdom", "英国"), "uk"),
}
MU_LAW = ("us", "jp", "ca", "tw")
CANCELLERS = ("mg2", "oslec", "kb1", "sec2", "hwec", "none")
MOST_CHANNELS = 1024

_ANALOG = re.compile(r"^(\d+)\s*[x×路口条个]?\s*(fxo|fxs|外线|内线)$")
_E1 = re.compile(r"^(\d+)\s*[x×路口条个]?\s*e1\s*(pri|r2|cas|mfc|一号信令)?(\s+(?:(?:no|without)\s+)?crc4)?$")
EXAMPLE = '"4 FXO, 1 E1 PRI, China"'


@dataclass(frozen=True, slots=True)
class Part:
    """So many analog ports of a form, or one E1."""

    form: Form
    count: int
    crc4: bool = False


@dataclass(frozen=True, slots=True)
class Lines:
    """What a description says: parts in the order of the cards, the tone zone, the echo canceller."""

    parts: tuple[Part, ...]
    zone: str
    canceller: str

    @property
    def law(self) -> str:
        """Of analog ports; an E1 is always A-law."""
        return "mulaw" if self.zone in MU_LAW else "alaw"


def parse(text: str) -> Lines:
    """Reads a description; ArgumentError says in one line what is not understood, and what would be."""
    parts: list[Part] = []
    zone, canceller = "", "mg2"
    for word in filter(None, (re.sub(r"\s+", " ", piece).strip() for piece in re.split(r"[,;，；、+]", text.lower()))):
        if analog := _ANALOG.match(word):
            form: Form = "fxo" if analog[2] in ("fxo", "外线") else "fxs"
            parts.append(Part(form, int(analog[1])))
        elif e1 := _E1.match(word):
            if e1[2] is None:
                raise ArgumentError(f'{word!r} does not say how the E1 is signalled; write "{word} PRI" or "{word} R2"')
            pri, crc4 = e1[2] == "pri", (e1[3] or "").strip()
            wants = crc4 == "crc4" or (pri and not crc4)
            parts += [Part("pri" if pri else "r2", E1_CHANNELS, wants)] * int(e1[1])
        elif word in ZONES or re.fullmatch(r"[a-z]{2}", word):
            zone = ZONES.get(word, word)
        elif word in CANCELLERS:
            canceller = word
        else:
            raise ArgumentError(
                f"{word!r} is not understood; parts are N FXO, N FXS, N E1 PRI, N E1 R2, a country, "
                f"an echo canceller ({', '.join(CANCELLERS)}), as in {EXAMPLE}"
            )
    total = sum(part.count for part in parts)
    if not 0 < total <= MOST_CHANNELS or any(part.count == 0 for part in parts):
        raise ArgumentError(f"{text!r} has {total} channels; write 1 to {MOST_CHANNELS}, as in {EXAMPLE}")
    if not zone:
        raise ArgumentError(f"{text!r} does not name the country, whose tones and law apply, as in {EXAMPLE}")
    return Lines(tuple(parts), zone, canceller)


def system_conf(lines: Lines) -> str:
    """The whole file, for dahdi_cfg."""
    out = [
        "# Written by `tipring detect --describe`. Spans and channels are counted in the order of the cards:",
        "# `tipring detect` shows whether DAHDI counts them so. After a change: dahdi_cfg -vv",
    ]
    first, sources = 1, 0
    voice: dict[str, list[int]] = {"alaw": [], "mulaw": []}
    for span, group in enumerate(_spans(lines.parts), 1):
        if group[0].form in ("pri", "r2"):
            sources += 1
            out += ["", f"# span {span}: E1, timing source {sources}", *_e1(group[0], span, sources, first)]
            voice["alaw"] += _bearers(first)
            first += E1_CHANNELS
            continue
        out += ["", f"# span {span}: analog"]
        for part in group:
            numbers = range(first, first + part.count)
            word, what = ("fxsks", "FXO, lines") if part.form == "fxo" else ("fxoks", "FXS, telephones")
            out += [f"# {what}", f"{word}={ranges(numbers)}"]
            voice[lines.law] += numbers
            first += part.count
    out.append("")
    if lines.canceller != "none":
        out.append(f"echocanceller={lines.canceller},{ranges(voice['alaw'] + voice['mulaw'])}")
    out += [f"{law}={ranges(numbers)}" for law, numbers in voice.items() if numbers]
    out += [f"loadzone={lines.zone}", f"defaultzone={lines.zone}", ""]
    return "\n".join(out)


def _spans(parts: tuple[Part, ...]) -> Iterator[list[Part]]:
    """Analog parts that are named one after the other are ports of one card, hence of one span."""
    group = [parts[0]]
    for before, part in pairwise(parts):
        if {before.form, part.form} & {"pri", "r2"}:
            yield group
            group = []
        group.append(part)
    yield group


def _e1(part: Part, span: int, source: int, first: int) -> list[str]:
    framing = "ccs" if part.form == "pri" else "cas"
    crc4 = ",crc4" if part.crc4 else ""
    channels = ranges(_bearers(first))
    signalling = [f"bchan={channels}", f"dchan={first + D_CHANNEL - 1}"]
    if part.form == "r2":
        signalling = [f"cas={channels}:{R2_IDLE}"]
    return [f"span={span},{source},0,{framing},hdb3{crc4}", *signalling]


def _bearers(first: int) -> list[int]:
    return [n for n in range(first, first + E1_CHANNELS) if n != first + D_CHANNEL - 1]

"""What a dialect says, in words, for whoever connects the PBX: the tables in docs/pbx (steps 2 to 4, 7 and 9).

A page has a pair of lines `<!-- dialect NAME -->` and `<!-- end -->` for each of its dialects; `python -m cti.pbx.page
docs/pbx` writes the table between them anew, and a test fails where one is stale. So a page cannot say another cable
speed, code or form than the server uses. What is only assumed is said below it, with what is to be learned on site.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from cti.pbx.dialect import Dialect, SerialLines, SerialSettings, load_dialect
from cti.pbx.services import Services
from cti.pbx.smdr_rules import FRAMES

MARKED: Final = re.compile(r"(<!-- dialect ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
SOURCES: Final = {
    "smdi": "SMDI",
    "dtmf_after_answer": "digits after the answer",
    "callerid_on_port": "caller ID on the port",
    "smdr_at_ring": "records at the ring",
    "mci": "MCI",
}
ENDS: Final = {
    "crlf": "CR LF",
    "cr": "CR",
    "lf": "LF",
    "nul": "NUL",
    "ff": "FF",
    "stx_etx": "frames STX ... ETX",
    "stx_etx_bcc": "frames STX ... ETX and a check character",
}
SIGNS: Final = {
    "voice": "a voice",
    "ringback_overdue": "no more ringback",
    "polarity": "polarity reversal",
    "status_digit": "a status digit",
    "record": "a record",
    "desk": "the agent's PC",
    "loop_drop": "a loop drop",
    "busy_tone": "busy tone",
    "dial_tone": "dial tone",
    "silence": "silence",
}
BACK: Final = {
    "flash": "a second flash",
    "flash_code": "a flash and `{code}`",
    "code": "`{code}`",
    "none": "on-hook: the PBX rings the port again",
    "onhook": "on-hook",
    "listen": "nothing: the PBX gives the caller back",
}
AT: Final = {"answer": "at the answer", "ringback": "at ringback", "blind": "after the last digit"}
LEGS: Final = {
    "per_leg": "one for each leg",
    "whole_call": "one for the whole call",
    "split_at_flash": "cut at a flash",
}

PARTS: Final = {"m": "month", "d": "day", "y": "year"}


def settings(line: SerialSettings) -> str:
    """9600 8N1, as printed in manuals."""
    flow = ", RTS/CTS" if line.rtscts else ""
    return f"{line.baud} {line.bits}{line.parity[0].upper()}{line.stop}{flow}"


def table(dialect: Dialect) -> str:
    """The rows of one dialect as Markdown, with its name and title on top."""
    rows = [f"**`dialect: {dialect.name}`**: {dialect.title}", "", "| what the server expects | |", "|---|---|"]
    rows += [f"| {name} | {_cell(text)} |" for name, text in _rows(dialect)]
    if dialect.to_learn:
        rows += ["", "To be learned on site:", "", *(f"- {' '.join(one.split())}" for one in dialect.to_learn)]
    return "\n".join(rows) + "\n"


def _rows(dialect: Dialect) -> Iterator[tuple[str, str]]:
    yield from _lines(dialect)
    yield "who calls, by order of trust", ", ".join(SOURCES[source] for source in dialect.calls.sources)
    if dialect.calls.number_max is not None:
        yield "calling numbers", f"may be cut at {dialect.calls.number_max} digits: then nobody's for certain"
    yield from _in_band(dialect)
    yield from _transfer(dialect)
    yield from _records(dialect)
    codes = _codes(dialect.services)
    if codes:
        yield "agents dial", codes


def _lines(dialect: Dialect) -> Iterator[tuple[str, str]]:
    serial, sources = dialect.serial, dialect.calls.sources
    if dialect.smdr.records:
        framed = dialect.smdr.terminators[0] in FRAMES
        ends = _or([ENDS[end] for end in dialect.smdr.terminators])
        yield "SMDR line", f"{settings(serial.smdr)}; {ends if framed else f'lines end with {ends}'}"
    if "smdi" in sources:
        lamps = "takes lamp orders" if dialect.smdi.lamp else "takes no lamp orders"
        yield "SMDI line, where there is one", f"{settings(serial.smdi)}; {lamps}"
    if "mci" in sources or serial.mci != SerialLines().mci:
        yield "MCI line", settings(serial.mci)


def _in_band(dialect: Dialect) -> Iterator[tuple[str, str]]:
    rules = dialect.in_band
    if "dtmf_after_answer" in dialect.calls.sources:
        forms = ", ".join(f"`{one.pattern}`" for one in rules.patterns) or "none yet"
        yield "digits after the answer", f"waited for {rules.wait_s:g} s, gaps up to {rules.gap_ms} ms; forms: {forms}"
    if rules.gone:
        yield "digits: the caller has gone", ", ".join(f"`{one}`" for one in rules.gone)


def _transfer(dialect: Dialect) -> Iterator[tuple[str, str]]:
    line = dialect.line
    around = line.transfer_prefix + line.transfer_suffix
    dialled = f"`{line.transfer_prefix}EXT{line.transfer_suffix}`" if around else "the extension"
    yield "hook flash", f"{line.flash_ms} ms, then dial tone within {line.dial_tone_s:g} s"
    yield "transfer", f"{dialled} is dialled; the VRU hangs up {AT[line.complete]}"
    yield "answered, when there is", _or([SIGNS[sign] for sign in line.answer])
    digits = ", ".join(f"`{code}` {name}" for code, name in line.status_digits.codes())
    if digits:
        yield "status digits in place of tones", digits
    back = BACK[line.retrieve].format(code=line.retrieve_code)
    yield "not answered", f"given up after {line.no_answer_s:g} s; the caller is taken back by {back}"
    yield "the caller's hang-up", _or([SIGNS[sign] for sign in line.disconnect])
    if line.lamp is not None:
        yield "lamp", f"on `{line.lamp.on}`, off `{line.lamp.off}`, confirmed by {line.lamp.confirm}"


def _records(dialect: Dialect) -> Iterator[tuple[str, str]]:
    rules = dialect.smdr
    if not rules.records:
        yield "records", "none are known"
        return
    names = ", ".join(form.name for form in rules.records)
    stamps = sorted({form.stamp for form in rules.records if form.event == "end"})
    time = f"the printed time is the {' or '.join(stamps)} of the call, " if stamps else ""
    yield "records", f"{LEGS[rules.legs]}; forms: {names}"
    order = "/".join(PARTS[part] for part in rules.date_order)
    yield "dates and times", f"{order}; {time}exact to {rules.resolution_s} s where no seconds are printed"


def _codes(services: Services) -> str:
    known = {name: code for name, code in msgspec.structs.asdict(services).items() if code is not None}
    return ", ".join(f"{name.replace('_', ' ')} `{code}`" for name, code in known.items())


def _or(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def renewed(page: str) -> str:
    """A page with all its tables written anew. Raises ConfigFaults for a dialect that there is not."""
    return MARKED.sub(lambda found: f"{found[1]}{table(load_dialect(found[2]))}{found[3]}", page)


def dialects_of(page: str) -> list[str]:
    """Those of which a page has a table."""
    return [found[2] for found in MARKED.finditer(page)]


def main(arguments: list[str]) -> int:
    """`python -m cti.pbx.page docs/pbx`."""
    if len(arguments) != 1:
        print("usage: python -m cti.pbx.page docs/pbx", file=sys.stderr)
        return 2
    for path in sorted(Path(arguments[0]).glob("*.md")):
        page = path.read_text("utf-8")
        if (new := renewed(page)) != page:
            path.write_text(new, "utf-8")
            print(f"written: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

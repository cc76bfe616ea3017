"""What the office says of its trunks, as a file of its own (office.jsonl): which numbers it sent, how each call ended.

Written by the world alone, as things happen, one JSON object a line; the server never sees it. `calls` reads it again,
to be held against the server's records (`ani_sent`, `dnis_sent`). Serves step 1, and outside calls.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.truth import Happening, Truth

EVENTS = frozenset({"rings", "trunk called", "trunk answered", "answered", "trunk cleared", "caller gone"})
NEAR_S = 60.0
"""A call is offered at most so long after its seizure: 40 digits of 240 ms, and time-outs."""


def office_file(folder: Path) -> Path:
    """Where the office writes: beside the wires' files, where they are wanted, or in the run's own folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "office.jsonl"


class OfficeLog:
    """Writes while a run lasts."""

    def __init__(self, truth: Truth, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", buffering=1)
        truth.watch(self._told)

    def _told(self, happening: Happening) -> None:
        if happening.what in EVENTS and happening.who.startswith("line ") and not self._file.closed:
            line = int(happening.who.removeprefix("line "))
            said = {"at_s": happening.at_s, "line": line, "what": happening.what, "caller": happening.call}
            self._file.write(json.dumps({**said, **happening.data}, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """No more is written."""
        self._file.close()


@dataclass
class Sent:
    """One call that the office sent to the server. `cause` (Q.850, 0 not known) and `text` once it was cleared."""

    line: int
    at_s: float
    caller: int
    ani: str
    dnis: str
    withheld: bool
    answered: bool = False
    told_end: bool = False  # the line's signalling says when it is over
    cleared_s: float | None = None
    cause: int = 0
    text: str = ""


def calls(path: Path) -> list[Sent]:
    """Every call to the server in the file, in order."""
    found: list[Sent] = []
    on_line: dict[int, Sent] = {}
    for text in path.read_text(encoding="utf-8").splitlines():
        said = json.loads(text)
        line = said["line"]
        if said["what"] == "rings":
            shown = said["form"] != "none" and said["ani"] is not None
            ani = said["ani"] if shown else ""
            on_line[line] = Sent(line, said["at_s"], said["caller"], ani, said["dnis"], said["ani"] is None)
            on_line[line].told_end = said["digital"]
            found.append(on_line[line])
        elif line in on_line and said["caller"] == on_line[line].caller:
            if said["what"] == "trunk answered":
                on_line[line].answered = True
            elif said["what"] == "trunk cleared":
                ended = on_line.pop(line)
                ended.cleared_s, ended.cause, ended.text = said["at_s"], said["cause"], said["text"]
    return found


def matched(sent: Iterable[Sent], rows: Iterable[dict[str, Any]]) -> list[tuple[Sent, dict[str, Any] | None]]:
    """The server's row for each of the office's calls: the next one on the same channel (`extension` TRUNK/SLOT), begun
    before the office cleared it; None: the server has none."""
    left = [(float((row.get("steps") or {}).get("1", 0.0)), row) for row in rows]
    left.sort(key=lambda entry: entry[0])
    pairs: list[tuple[Sent, dict[str, Any] | None]] = []
    for one in sent:
        until = min(one.at_s + NEAR_S, (one.cleared_s if one.cleared_s is not None else float("inf")) + 0.5)
        at = next((i for i, (s, row) in enumerate(left) if _slot(row) == one.line and one.at_s <= s <= until), None)
        pairs.append((one, left.pop(at)[1] if at is not None else None))
    return pairs


def _slot(row: Mapping[str, Any]) -> int | None:
    number = str(row.get("extension") or "").rpartition("/")[2]
    return int(number) if number.isdigit() else None

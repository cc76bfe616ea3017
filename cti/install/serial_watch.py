"""What comes over a serial line, as hex and text with times, and into a file for `tipring pbx learn` (steps 4, 9).

A file of `--save` holds the bytes as they came (without parity bits). Beside it FILE.times says when: a comment with
date and settings, then a line for each piece, its offset in FILE in bytes and the seconds since the watch began. No I/O
but the file's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, TextIO

from cti.install.serial_guess import Guess, Trial, characters, unmark

WIDTH = 16
PAUSE_S = 0.3
"""So long without a byte: a burst is over. At 300 Bd a character takes 33 ms."""


def rows(data: bytes) -> Iterator[str]:
    """Sixteen bytes a row, and a new one after each line end."""
    row = bytearray()
    for index, byte in enumerate(data):
        row.append(byte)
        ends = byte in (0x0A, 0x0C, 0x03, 0x19) or (byte == 0x0D and data[index + 1 : index + 2] != b"\n")
        if ends or len(row) == WIDTH:
            yield _row(bytes(row))
            row.clear()
    if row:
        yield _row(bytes(row))


def _row(row: bytes) -> str:
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in row)
    return f"{row.hex(' '):<{3 * WIDTH - 1}}  {text}"


class Saved:
    """The file of `--save` with its times."""

    def __init__(self, path: Path, when: datetime, device: str) -> None:
        """Raises OSError; an existing file is not overwritten (FileExistsError)."""
        self.bytes = 0
        self._data: BinaryIO = path.open("xb", buffering=0)
        self._times: TextIO = path.with_name(path.name + ".times").open("w", encoding="utf-8", buffering=1)
        self._times.write(f"# tipring serial watch {device} {when.isoformat(timespec='seconds')}\n")

    def add(self, data: bytes, seconds: float) -> None:
        """A piece that came so many seconds after the beginning."""
        self._times.write(f"{self.bytes} {seconds:.3f}\n")
        self._data.write(data)
        self.bytes += len(data)

    def note(self, text: str) -> None:
        """Something that a reader of the times should know."""
        self._times.write(f"# {text}\n")

    def close(self) -> None:
        """Everything is on the disk's way."""
        self._data.close()
        self._times.close()


def saved_times(path: Path) -> tuple[datetime | None, list[tuple[int, float]]]:
    """When the bytes of a saved file came: the beginning, and (offset, seconds since then) of each piece; None and an
    empty list where there is no FILE.times, or it was cut or changed by hand beyond reading."""
    try:
        rows = path.with_name(path.name + ".times").read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None, []
    began, pieces = None, []
    for row in rows:
        words = row.split()
        try:
            if row.startswith("# tipring serial watch "):
                began = datetime.fromisoformat(words[-1]).replace(tzinfo=None)
            elif words and not row.startswith("#"):
                pieces.append((int(words[0]), float(words[1])))
        except (ValueError, IndexError):
            continue
    return began, pieces


class Watch:
    """One line. ``set_speed`` sets the device anew, ``out`` takes what is shown."""

    def __init__(
        self,
        name: str,
        trial: Trial,
        out: Callable[[str], object],
        set_speed: Callable[[int], object],
        saved: Saved | None = None,
    ) -> None:
        self.name = name
        self.trial = trial
        self._mark_of = f"{name}  " if name else ""
        self._out, self._set_speed, self._saved = out, set_speed, saved
        self._raw = self._mark = b""
        self._errors = 0
        self._said: Guess | None = None

    def received(self, raw: bytes, seconds: float, clock: str) -> None:
        """Bytes as the kernel marks them; ``clock`` is the time to be shown."""
        data, errors, self._mark = unmark(self._mark + raw)
        if not data:
            return
        self._raw += data
        self._errors += errors
        text = characters(self._raw, self.trial.seen)[-len(data) :]
        for at, row in enumerate(rows(text)):
            self._out(f"{clock if at == 0 else ' ' * len(clock)}  {self._mark_of}{row}")
        if errors:
            self._out(f"{' ' * len(clock)}  {self._mark_of}{errors} characters with parity or framing errors")
        if self._saved is not None:
            self._saved.add(text, seconds)

    def paused(self) -> None:
        """PAUSE_S without a byte: the burst is judged, and another speed may be tried."""
        raw, errors, self._raw, self._errors = self._raw, self._errors, b"", 0
        if not raw:
            return
        was = self.trial.baud
        if self.trial.burst(raw, errors):
            self._tell(f"{was} Bd does not fit; trying {self.trial.baud} Bd")
            self._set_speed(self.trial.baud)
            self._said = None
            return
        guess = self.trial.guess()
        if (
            self._said is None
            or (guess.baud, guess.parity) != (self._said.baud, self._said.parity)
            or (guess.sure >= 0.9 > self._said.sure)
        ):
            self._said = guess
            self._tell(f"{guess}, {guess.sure:.0%} sure: {guess.why}")

    def close(self) -> str:
        """The last word on this line."""
        self.paused()
        if self._saved is not None:
            self._saved.close()
        guess = self.trial.guess()
        return f"{self._heading}{guess}, {guess.sure:.0%} sure ({guess.why})"

    @property
    def _heading(self) -> str:
        return f"{self.name}: " if self.name else ""

    def _tell(self, text: str) -> None:
        self._out(f"-- {self._heading}{text}")
        if self._saved is not None:
            self._saved.note(text)

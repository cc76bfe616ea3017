"""The files of recordings: their names, the repair of those that were open at a crash, their removal by age.

One WAV a conversation: 8 kHz, 16-bit PCM, two channels. While it is written it lies in `open/` of the folder; closed,
it is moved to the folder of its day. So whatever is in `open/` when the server starts was open when it stopped: the
header's lengths are set by the bytes that are there (the engine writes samples every 250 ms), half a frame at the end
is cut off. A name holds day, time and call, no person's number; the index (cti.recordings.index) knows the rest.
Serves step 9.
"""

from __future__ import annotations

import math
import os
import re
import struct
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

from cti.recordings import holds

OPEN: Final = "open"
HEADER: Final = 44
RATE: Final = 8000
_OPEN_NAME = re.compile(r"(\d{4}-\d\d-\d\d)_(\d{6}-(?:(\d+-\d{6})|[\w.-]+?)(?:\.\d+)?\.wav)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def open_name(at: datetime, call: str, part: int) -> str:
    """The file's name while it is written: `at` in the site's zone, `part` from 1 of one call in the same second."""
    more = f".{part}" if part > 1 else ""
    return f"{at:%Y-%m-%d}_{at:%H%M%S}-{call}{more}.wav"


def kept_name(name: str) -> str:
    """Where in the folder a closed file lies: day, then name."""
    return name.replace("_", "/", 1)


@dataclass(frozen=True, slots=True)
class Repaired:
    """A file that was open at a crash. ``seconds`` 0: nothing had been written, and it was removed."""

    name: str  # as the index knows it
    call: str | None
    seconds: float


def repair(folder: Path, under_way: Collection[str] = (), quiet_since: float = math.inf) -> Iterator[Repaired]:
    """Mends and puts away each file in `open/`, but those under way, and those written to later than this (seconds
    since the epoch). OSError where one cannot be."""
    try:
        names = sorted(os.listdir(folder / OPEN))
    except FileNotFoundError:
        return
    for name in names:
        found = _OPEN_NAME.fullmatch(name)
        path = folder / OPEN / name
        if found is None or name in under_way or path.stat().st_mtime > quiet_since:
            continue
        frames = _mend(path)
        if frames:
            put_away(folder, name)
        else:
            path.unlink()
        yield Repaired(kept_name(name), found[3], frames / RATE)


def put_away(folder: Path, name: str) -> Path:
    """Moves a closed file to its day; returns where it is."""
    kept = folder / kept_name(name)
    kept.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    os.rename(folder / OPEN / name, kept)
    return kept


def _mend(path: Path) -> int:
    """Sets the header by the size; returns the frames that there are."""
    with path.open("r+b") as file:
        head = file.read(HEADER)
        if len(head) < HEADER or head[:4] != b"RIFF" or head[36:40] != b"data":
            return 0
        frame = struct.unpack_from("<H", head, 32)[0] or 4
        frames = (os.fstat(file.fileno()).st_size - HEADER) // frame
        size = int(frames) * int(frame)
        file.truncate(HEADER + size)
        file.seek(4)
        file.write(struct.pack("<I", HEADER - 8 + size))
        file.seek(40)
        file.write(struct.pack("<I", size))
        file.flush()
        os.fsync(file.fileno())
        return int(frames)


def remove_before(folder: Path, day: date, most: int) -> tuple[list[str], bool]:
    """Removes files of days before this one, `most` at a time, but none that is held or in use; their names as the
    index knows them, and whether none are left."""
    removed: list[str] = []
    with suppress(FileNotFoundError):
        for name in sorted(os.listdir(folder)):
            if not _DAY.fullmatch(name) or name >= day.isoformat():
                continue
            with os.scandir(folder / name) as entries:
                for entry in entries:
                    if entry.name.endswith(holds.MARK) or not holds.remove(folder / name / entry.name):
                        continue
                    removed.append(f"{name}/{entry.name}")
                    if len(removed) == most:
                        return removed, False
            with suppress(OSError):  # what is held stays, and its day
                os.rmdir(folder / name)
    return removed, True


def day_of(name: str) -> date:
    """The day of a file, by its name as the index knows it."""
    return date.fromisoformat(name[:10])


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes of a disk."""

    free: int
    size: int


def room_of(folder: Path) -> Room:
    """What is left for us on the folder's disk. OSError."""
    found = os.statvfs(folder)
    return Room(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)

"""Reading the journal: from the start, from a serial number on, or following it while it is being written.

Files are named by the first serial number in them and read in that order. Damage is reported with file and offset, and
reading goes on at the next whole record. Serves step 9.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from cti.records.events import BOOT_SPAN, MAX_PAYLOAD, Entry
from cti.records.frames import Damage, resync, take

WINDOW = 2 * MAX_PAYLOAD
"""Bytes read at once: an unfinished record at the end of a window always leaves room for progress."""
OnDamage = Callable[[Damage], None]


def name(first: int) -> str:
    """The file name of the journal file that begins with this serial number."""
    return f"journal-{first:019d}.log"


def files(path: Path) -> list[Path]:
    """The journal's files, oldest first."""
    return sorted(path.glob("journal-*.log"))


def first_serial(file: Path) -> int:
    """The serial number in a file's name."""
    return int(file.name[8:-4])


def last_boot(path: Path) -> int | None:
    """The boot number of the journal in this folder; None where the folder does not say."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        return int((path / "boot").read_text("ascii"))
    return None


def read(path: Path, after: int = 0, on_damage: OnDamage | None = None) -> Iterator[Entry]:
    """Every record behind the serial number ``after``, in order. path: the journal's folder, or one file of it.

    Damaged places are given to on_damage and passed over; without on_damage reading stops at the first one.
    """
    stop: list[Damage] = []
    tail = Tail(path, after, on_damage or stop.append, whole=True)
    while not stop:
        batch = tail.poll()
        if not batch:
            return
        if not stop:
            yield from batch
            continue
        yield from (entry for entry in batch if entry.serial <= tail.good)


class Tail:
    """Follows a journal: each poll returns the records that came since. Reads files only, holds no lock.

    whole: nobody is writing, so an unfinished record at the end of the last file is damage and not patience.
    """

    def __init__(self, path: Path, after: int = 0, on_damage: OnDamage | None = None, *, whole: bool = False) -> None:
        self._path = path
        self._on_damage = on_damage or (lambda damage: None)
        self._whole = whole
        self._file: Path | None = None
        self._offset = 0
        self.serial = after
        self.good = after
        """The last serial number before the first damage."""
        self.damaged = 0

    def poll(self, limit: int = 1000) -> list[Entry]:
        """Up to limit records, in order; empty when there is nothing new."""
        found: list[Entry] = []
        while len(found) < limit:
            # The listing comes before the reading: what is then read up to the end of a file that has a successor in
            # the listing is all that the file will ever hold.
            listing = [self._path] if self._path.is_file() else files(self._path)
            if not listing:
                break
            if self._file is None:
                self._file = self._choose(listing)
            later = [file for file in listing if file > self._file]
            ended = self._read(found, limit, whole=self._whole or bool(later))
            if not ended:
                break
            if not later:
                break
            self._file, self._offset = later[0], 0
        return found

    def _choose(self, listing: list[Path]) -> Path:
        if listing == [self._path]:
            return self._path
        chosen = listing[0]
        for file in listing:
            if first_serial(file) <= self.serial + 1:
                chosen = file
        return chosen

    def _read(self, found: list[Entry], limit: int, *, whole: bool) -> bool:
        """Takes records of the present file; True when it has been read to its end."""
        assert self._file is not None
        try:
            stream = self._file.open("rb")
        except FileNotFoundError:  # deleted as old while we were not looking: the next file says what is missing
            return True
        with stream:
            while len(found) < limit:
                stream.seek(self._offset)
                data = stream.read(WINDOW)
                last = len(data) < WINDOW
                used = self._scan(data, found, limit, whole=whole and last)
                self._offset += used
                if last:
                    return used == len(data)
        return False

    def _scan(self, data: bytes, found: list[Entry], limit: int, *, whole: bool) -> int:
        at = 0
        while at < len(data) and len(found) < limit:
            result = take(data, at)
            if result:
                entry, end = result
                self._entry(entry, at, found)
                at = end
                continue
            unfinished = result is None and not whole
            nxt = resync(data, at + 1, whole=whole or unfinished)
            if unfinished and nxt is None:
                break  # the rest of it may be on its way; behind a torn one there are others
            end = len(data) if nxt is None else nxt
            self._damage(at, end - at, "cut" if nxt is None and whole else "garbage")
            at = end
        return at

    def _entry(self, entry: Entry, at: int, found: list[Entry]) -> None:
        if entry.serial <= self.serial:
            return
        missing = entry.serial - self.serial - 1
        if self.serial and self.serial // BOOT_SPAN == entry.boot and missing:
            self._damage(at, missing, "gap")
        self.serial = entry.serial
        if not self.damaged:
            self.good = entry.serial
        found.append(entry)

    def _damage(self, at: int, length: int, why: str) -> None:
        assert self._file is not None
        self.damaged += 1
        self._on_damage(Damage(self._file, self._offset + at, length, why))  # type: ignore[arg-type]

"""The journal: every event is written here before anyone learns of it, and moves to the database later.

Promises
    append returns after the write system call: killing the process loses nothing. The file is on the disk at most 50 ms
    later (cti/records/sync.py): a power cut loses at most that; ``durable(serial)`` fires when the event is safe.
    Order is the serial number; the wall clock may jump as it likes. Serial numbers are never given twice: each opening
    raises the boot number, kept in the file ``boot``, and serials begin with it.
    A file cut anywhere is repaired at opening: whole records stay, the rest is set aside as ``*.cut-OFFSET``. Damage in
    the middle stays where it is, is reported as an alarm, and readers find the records behind it.

When the disk is full
    The alarm ``journal_full`` is raised; events are held in memory, in order, and tried again each second. Calls go on.
    Alarms are told when the event that met the trouble has its place: whoever hears one may write events of its own.
    At ``held_bytes`` (32 MiB, some 100,000 events) further events are lost: counted, alarmed (``journal_lost``), their
    ``durable`` fails with JournalFull, and once there is room an event ``journal_lost`` {count, first, last} is written
    so that the records themselves say so.

Serves step 9, and by its times all the others.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from twisted.internet.defer import Deferred, fail, succeed

from cti.errors import JournalBusy, JournalError, JournalFull
from cti.outside import Cancellable
from cti.records.events import BOOT_SPAN, Entry, Event, encode
from cti.records.frames import Damage, frame, resync, take
from cti.records.journal_read import Tail, files, last_boot, name, read
from cti.records.sync import SyncCall, SyncThread

__all__ = ["Damage", "Entry", "Event", "Journal", "Tail", "read"]

FILE_BYTES = 16 << 20
HELD_BYTES = 32 << 20
RETRY_S = 1.0

Alarm = Callable[[str, bool, str], None]
"""(name, raised or cleared, text): journal_full, journal_lost, journal_sync, journal_damaged. May append."""


class Clock(Protocol):
    """The part of drivers.clock.Clock that is needed here."""

    def callLater(self, delay: float, f: Callable[..., object], /) -> Cancellable: ...

    def seconds(self) -> float: ...

    def now(self) -> datetime: ...


class Journal:
    """One process writes it, from one thread; any number of others may read it (cti/records/journal_read.py)."""

    def __init__(
        self,
        clock: Clock,
        path: Path,
        fsync: Literal["thread", "inline", "none"] = "thread",
        *,
        from_thread: Callable[..., object] | None = None,
        on_alarm: Alarm | None = None,
        boot_after: int = 0,
        file_bytes: int = FILE_BYTES,
        held_bytes: int = HELD_BYTES,
    ) -> None:
        """Opens or makes the journal in the folder ``path`` and repairs it.

        fsync: thread (production; needs from_thread = reactor.callFromThread), inline (in a timer of the clock), none
        (stepped runs: the same timer, the disk left out). boot_after: the boot number will be higher than this (the
        store's last one, should the folder have been lost). Raises JournalBusy when another process writes it, and
        JournalError when the folder cannot be used.
        """
        self.path = path
        self.repaired: list[Damage] = []
        self.lost = 0
        self._clock = clock
        self._on_alarm = on_alarm or (lambda alarm, raised, text: None)
        self._news: deque[tuple[str, bool, str]] = deque()  # alarms that are still to be told
        self._telling = False
        self._stands: set[str] = set()  # what is the matter: "held" events, no new "file", "sync"
        self._file_bytes = file_bytes
        self._held_bytes = held_bytes
        self._held: deque[tuple[int, bytes]] = deque()
        self._held_size = 0
        self._lost_span: tuple[int, int, int] | None = None  # count, first, last
        self._retry: Cancellable | None = None
        self._errno = 0
        self._size, self._rotate_at = 0, file_bytes
        self._waiting: list[tuple[int, Deferred[None]]] = []
        self._lock = threading.Lock()  # guards _fd, _retired against the sync thread
        self._retired: list[int] = []
        self._fd = self._guard = -1
        self._real = fsync != "none"
        self.closed = False
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._guard = _guard(path)
            self.boot = self._open(boot_after)
        except OSError as error:
            self._close_files()
            raise JournalError(f"journal {path}: {error.strerror}") from error
        except JournalError:
            self._close_files()
            raise
        self.serial = self.boot * BOOT_SPAN
        self.written = self.safe = self.serial
        if fsync == "thread":
            if from_thread is None:
                raise ValueError("fsync='thread' needs from_thread")
            self._sync: SyncThread | SyncCall = SyncThread(self, from_thread)
        else:
            self._sync = SyncCall(self, clock.callLater, real=fsync == "inline")
        self._news.extend(("journal_damaged", True, str(damage)) for damage in self.repaired)
        self._tell()

    # Writing

    def append(self, event: Event) -> int:
        """Writes the event and returns its serial number. Never fails for want of disk (see above)."""
        self.serial = serial = self.serial + 1
        data = frame(encode(serial, self._clock.seconds(), event))
        if self._held or not self._write(serial, data):
            self._hold(serial, data)
        self._tell()
        return serial

    @property
    def held(self) -> int:
        """Events that wait in memory because the disk refuses them."""
        return len(self._held)

    def durable(self, serial: int) -> Deferred[None]:
        """Fires when the event with this serial number is on the disk; fails with JournalFull when it was lost."""
        if serial <= self.safe:
            return succeed(None)
        if self._lost_span is not None and self._lost_span[1] <= serial <= self._lost_span[2]:
            return fail(JournalFull(f"event {serial} could not be written"))
        if self.closed:
            return fail(JournalError("the journal is closed"))
        waiter: Deferred[None] = Deferred(self._forget)
        self._waiting.append((serial, waiter))
        return waiter

    def close(self) -> None:
        """Writes what is held, syncs, lets go of the folder. Raises JournalFull when something could not be written,
        and JournalError when the disk did not say that it keeps all."""
        if self.closed:
            return
        self._flush()
        self._tell()
        self.closed = True
        self._sync.close()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        refused: OSError | None = None
        for fd in (*self._retired, self._fd):
            try:
                if self._real:
                    os.fsync(fd)
            except OSError as error:
                refused = error
        if refused is None:
            self.safe = self.written
        self._close_files()
        waiting, self._waiting = self._waiting, []
        for serial, waiter in waiting:
            if serial <= self.safe:
                waiter.callback(None)
            else:
                waiter.errback(JournalError(f"the journal was closed before event {serial} was safe"))
        if self._held or self._lost_span is not None:
            raise JournalFull(f"{len(self._held) + self.lost} events could not be written: the disk is full")
        if refused is not None:
            raise JournalError(f"at closing the disk refused to keep the journal: {refused.strerror}")

    def _write(self, serial: int, data: bytes) -> bool:
        if self._size >= self._rotate_at:
            self._rotate(serial)
        count = 0
        try:
            count = os.write(self._fd, data)
            while count < len(data):  # a short write: the next one says why, or goes through
                count += os.write(self._fd, data[count:])
        except OSError as error:
            if count:
                try:
                    os.ftruncate(self._fd, self._size)
                except OSError:  # readers pass over the fragment
                    self._size += count
            self._refused(error)
            return False
        self._size += count
        self.written = serial
        self._sync.changed()
        return True

    def _rotate(self, serial: int) -> bool:
        try:
            fd = os.open(self.path / name(serial), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o640)
            folder = os.open(self.path, os.O_RDONLY)
        except OSError as error:  # go on in the old file, and try again a sixteenth later
            self._is_full("file", f"no new journal file: {error.strerror}")
            self._rotate_at = self._size + max(1, self._file_bytes // 16)
            return False
        with self._lock:
            self._retired += (self._fd, folder)
            self._fd = fd
        self._size, self._rotate_at = 0, self._file_bytes
        self._has_room("file")
        return True

    # The disk is full

    def _is_full(self, what: str, text: str) -> None:
        if not self._stands & {"held", "file"}:
            self._news.append(("journal_full", True, text))
        self._stands.add(what)

    def _has_room(self, what: str) -> None:
        if what in self._stands:
            self._stands.discard(what)
            if not self._stands & {"held", "file"}:
                self._news.append(("journal_full", False, "the disk takes events again"))

    def _tell(self) -> None:
        """Tells what alarms there are, now that every event has its place."""
        if self._telling:
            return
        self._telling = True
        try:
            while self._news:
                self._on_alarm(*self._news.popleft())
        finally:
            self._telling = False

    def _refused(self, error: OSError) -> None:
        if self.closed:
            raise JournalError("the journal is closed")
        self._errno = error.errno or 0
        if self._retry is None:
            self._retry = self._clock.callLater(RETRY_S, self._try_again)
        self._is_full("held", f"{error.strerror}; events are held in memory")

    def _hold(self, serial: int, data: bytes) -> None:
        if self._lost_span is None and self._held_size + len(data) <= self._held_bytes:
            self._held.append((serial, data))
            self._held_size += len(data)
            return
        self.lost += 1
        if self._lost_span is None:
            self._lost_span = (1, serial, serial)
            text = f"memory for held events is full; events are lost from {serial} on"
            self._news.append(("journal_lost", True, text))
        else:
            self._lost_span = (self._lost_span[0] + 1, self._lost_span[1], serial)

    def _try_again(self) -> None:
        self._retry = None
        self._flush()
        self._tell()

    def _flush(self) -> None:
        """Writes what is held, as far as the disk takes it."""
        if not self._held:
            return
        while self._held:
            serial, data = self._held[0]
            if not self._write(serial, data):
                # A new file helps against a limit on one file's size or a bad spot, not against a full disk.
                if self._errno in (errno.ENOSPC, errno.EDQUOT) or not self._rotate(serial):
                    return
                if not self._write(serial, data):
                    return
            self._held.popleft()
            self._held_size -= len(data)
        if self._lost_span is not None:
            count, first, last = self._lost_span
            self._lost_span = None
            told = {"count": count, "first": first, "last": last}
            self.append(Event(None, "journal_lost", self._clock.now(), "server", data=told))
            self._news.append(("journal_lost", False, f"{count} events were lost"))
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._has_room("held")

    # The sync thread's side (cti/records/sync.py: Target)

    def snapshot(self) -> tuple[int, int, list[int]]:
        """What is to be synced now; see sync.Target."""
        with self._lock:
            retired, self._retired = self._retired, []
            return self.written, self._fd, retired

    def synced(self, serial: int, error: OSError | None) -> None:
        """The disk has everything up to serial; see sync.Target.

        After an error nobody can say what the disk holds: the alarm says so, the waiting promises fail, and writing
        goes on in a new file.
        """
        if self.closed:
            return
        if error is not None:
            if "sync" not in self._stands:
                self._stands.add("sync")
                self._news.append(("journal_sync", True, f"the disk refused to keep the journal: {error.strerror}"))
                self._rotate_at = 0  # one new file: one for each refusal would fill the folder
        else:
            self.safe = max(self.safe, serial)
            if "sync" in self._stands:
                self._stands.discard("sync")
                self._news.append(("journal_sync", False, "the disk keeps the journal again"))
        due = [waiter for of, waiter in self._waiting if of <= serial]
        self._waiting = [pair for pair in self._waiting if pair[0] > serial]
        for waiter in due:
            if error is not None:
                waiter.errback(JournalError(f"the journal is not on the disk: {error.strerror}"))
            else:
                waiter.callback(None)
        self._tell()

    def _forget(self, waiter: Deferred[None]) -> None:
        self._waiting = [pair for pair in self._waiting if pair[1] is not waiter]

    # Opening

    def _open(self, boot_after: int) -> int:
        """Repairs and opens the last file, raises the boot number; returns it."""
        found = files(self.path)
        before = boot_after
        if found:
            before = max(before, self._repair(found[-1]) // BOOT_SPAN)
        boot_file = self.path / "boot"
        boot = max(before, last_boot(self.path) or 0) + 1
        fresh = self.path / "boot.new"
        with fresh.open("w") as stream:
            stream.write(f"{boot}\n")
            stream.flush()
            if self._real:
                os.fsync(stream.fileno())
        fresh.rename(boot_file)
        current = found[-1] if found else self.path / name(boot * BOOT_SPAN + 1)
        self._fd = os.open(current, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        self._size, self._rotate_at = os.fstat(self._fd).st_size, self._file_bytes
        if self._real:
            folder = os.open(self.path, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return boot

    def _repair(self, file: Path) -> int:
        """Cuts off what follows the last whole record; returns the last serial number in the file (or in its name)."""
        data = file.read_bytes()
        at, serial = 0, int(file.name[8:-4]) - 1
        while at < len(data):
            found = take(data, at)
            if found:
                entry, at = found
                serial = max(serial, entry.serial)
                continue
            nxt = resync(data, at + 1, whole=True)
            if nxt is None:
                self.repaired.append(Damage(file, at, len(data) - at, "cut"))
                file.with_name(f"{file.name}.cut-{at}").write_bytes(data[at:])
                os.truncate(file, at)
                break
            self.repaired.append(Damage(file, at, nxt - at, "garbage"))
            at = nxt
        return serial

    def _close_files(self) -> None:
        for fd in (*self._retired, self._fd, self._guard):
            if fd >= 0:
                os.close(fd)
        self._retired, self._fd, self._guard = [], -1, -1


def _guard(path: Path) -> int:
    """The lock that keeps a second writer out; held while the descriptor is open."""
    fd = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o640)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise JournalBusy(f"journal {path} is being written by another process") from error
    return fd

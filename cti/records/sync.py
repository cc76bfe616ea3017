"""Gets the journal from the page cache onto the disk, at most 50 ms after it was written.

``SyncThread`` is the real one: a thread that spends its life in fdatasync (which releases the GIL) and is woken once a
group of records. ``SyncCall`` does the same through the clock, for stepped runs and tools. A record is reported as safe
only after the fdatasync that began after it was written. Serves step 9.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Protocol

from cti.outside import Cancellable

GATHER_S = 0.02
"""How long records are gathered for one fdatasync; leaves 30 of the promised 50 ms to the disk."""


class Target(Protocol):
    """What is to be brought onto the disk."""

    def snapshot(self) -> tuple[int, int, list[int]]:
        """(last serial written, descriptor now in use, descriptors to sync and close). Called from any thread."""

    def synced(self, serial: int, error: OSError | None) -> None:
        """Everything up to serial is on the disk, or the disk refused."""


def sync(target: Target) -> tuple[int, OSError | None]:
    """One round: all retired descriptors, then the one in use. The first error is returned, the round goes on."""
    serial, fd, retired = target.snapshot()
    error: OSError | None = None
    for old in retired:
        try:
            os.fsync(old)
        except OSError as failed:
            error = failed
        finally:
            os.close(old)
    try:
        os.fdatasync(fd)
    except OSError as failed:
        error = failed
    return serial, error


class SyncThread:
    """from_thread(f, *args) must run f in the thread that owns the journal (reactor.callFromThread)."""

    def __init__(self, target: Target, from_thread: Callable[..., object]) -> None:
        self._target = target
        self._from_thread = from_thread
        self._wake = threading.Semaphore(0)
        self._hurry = threading.Event()
        self._stop = False
        self.dirty = False
        self._thread = threading.Thread(target=self._run, name="journal-sync", daemon=True)
        self._thread.start()

    def changed(self) -> None:
        """Something was written."""
        if not self.dirty:
            self.dirty = True
            self._wake.release()

    def close(self) -> None:
        """Waits for the round under way; the last sync is the caller's."""
        self._stop = True
        self._hurry.set()
        self._wake.release()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._wake.acquire()
            if self._stop:
                return
            self._hurry.wait(GATHER_S)
            self.dirty = False  # before the snapshot: what is written from here on asks for another round
            serial, error = sync(self._target)
            if not self._stop:
                self._from_thread(self._target.synced, serial, error)


class SyncCall:
    """The same by the clock: GATHER_S after the first record of a group. real=False leaves the disk out of it."""

    def __init__(self, target: Target, call_later: Callable[..., Cancellable], *, real: bool) -> None:
        self._target = target
        self._call_later = call_later
        self._real = real
        self._call: Cancellable | None = None

    def changed(self) -> None:
        """Something was written."""
        if self._call is None:
            self._call = self._call_later(GATHER_S, self._round)

    def close(self) -> None:
        """Leaves no timer behind."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _round(self) -> None:
        self._call = None
        if self._real:
            self._target.synced(*sync(self._target))
            return
        serial, _, retired = self._target.snapshot()
        for old in retired:
            os.close(old)
        self._target.synced(serial, None)

"""A recording or message that must not be removed: under hold (保全), or being played or copied (step 9).

A hold is a file beside the sound, NAME.wav.hold, which says in JSON since when, by whom and why; it is there as long as
nobody releases it, also without a server. Who plays or copies holds a lock (flock) on the sound as long as it lasts.
Removal takes the lock first, alone, and looks for the hold under it: so what is held in the same moment either stays or
was gone before.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

MARK: Final = ".hold"


class Hold(msgspec.Struct, frozen=True):
    """Why a file is kept."""

    at: datetime
    who: str
    why: str


def mark_of(path: Path) -> Path:
    """The hold of this file."""
    return path.with_name(path.name + MARK)


def hold(path: Path, said: Hold) -> None:
    """Puts it under hold; a later one takes the place of the former. FileNotFoundError: there is no such file (any
    more); OSError."""
    with in_use([path]):
        aside = path.with_name(path.name + ".new")
        aside.write_bytes(msgspec.json.encode(said) + b"\n")
        os.replace(aside, mark_of(path))


def release(path: Path) -> bool:
    """Its age counts again. False: it was not under hold. OSError."""
    try:
        mark_of(path).unlink()
    except FileNotFoundError:
        return False
    return True


def held(path: Path) -> Hold | None:
    """Why it is under hold; None: it is not. What cannot be read holds all the same."""
    try:
        return msgspec.json.decode(mark_of(path).read_bytes(), type=Hold)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        return Hold(datetime.fromtimestamp(0).astimezone(), "?", f"{mark_of(path).name} cannot be read: {error}")


@contextmanager
def in_use(paths: Iterable[Path]) -> Iterator[None]:
    """None of these is removed meanwhile. OSError where one cannot be opened."""
    fds: list[int] = []
    try:
        for path in paths:
            fds.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
            fcntl.flock(fds[-1], fcntl.LOCK_SH)
            path.stat()  # it was removed while we waited
        yield
    finally:
        for fd in fds:
            os.close(fd)


def remove(path: Path) -> bool:
    """Removes it, unless it is held or in use: False. OSError where it cannot be."""
    with suppress(FileNotFoundError):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if mark_of(path).exists():
                return False
            path.unlink()
        except BlockingIOError:
            return False
        finally:
            os.close(fd)
    return True

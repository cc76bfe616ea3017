"""Whether the disks keep up, and how full they are: told before anything is lost. Serves steps 5, 6 and 9.

Every LOOK_S the engine is asked how long its disk work lasts: gaps in prompts are the alarm `prompts_late`, recordings
that lose sound `recording_slow`; each stands until CALM_S without. Every ROOM_S the free space of each folder is asked
for, in a thread of its own: less than a folder needs is the alarm `disk_low`, no answer `disk_silent`.

What a folder needs is said in gigabytes, but never more than a tenth of its disk, as a small disk is not always full;
where recordings end at some free space (recording.min_free_gb), twice that, so that it is told before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from twisted.python.failure import Failure

from cti.errors import OutsideError
from cti.outside import Outside
from cti.recordings.files import Room, room_of
from drivers.clock import Clock, DelayedCall

LOOK_S: Final = 5.0
ROOM_S: Final = 60.0
CALM_S: Final = 60.0
LATE_MS: Final = 1000
"""The ring of a recording holds so much; a disk that is later loses sound."""
HOUR_S: Final = 3600.0
GB: Final = 1e9

Set = Callable[[str, bool, str], None]
"""An alarm: name, raised, text."""


class DiskWork(Protocol):
    """What the engine tells of it (drivers.state.EngineStats)."""

    @property
    def io_underruns(self) -> int: ...
    @property
    def io_overruns(self) -> int: ...
    @property
    def player_io_ms(self) -> int: ...
    @property
    def recorder_io_ms(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """Free on a disk, in gigabytes: so much, or a tenth of a small disk, but ``least`` on any."""

    gb: float
    least: float = 0.0

    def of(self, room: Room) -> float:
        """In bytes, on this disk."""
        return max(min(self.gb * GB, room.size / 10), self.least * GB)


class Disks:
    """``folders``: those that are filled, and what is wanted free there. ``outside`` is ours alone: a disk that hangs
    holds up nothing else."""

    def __init__(
        self,
        clock: Clock,
        work: Callable[[], DiskWork],
        folders: Mapping[Path, Wanted],
        outside: Outside,
        on_alarm: Set,
    ) -> None:
        self._clock, self._work, self._outside, self._on_alarm = clock, work, outside, on_alarm
        self._folders = dict(folders)
        self._timers: dict[str, DelayedCall] = {}
        self._bad_until_s: dict[str, float] = {}
        self._standing: set[str] = set()
        self._counted = (0, 0)
        self._rooms: dict[Path, Room] = {}
        self._an_hour_ago: dict[Path, tuple[float, int]] = {}
        self._asked = False

    def start(self) -> None:
        """The engine runs."""
        work = self._work()
        self._counted = (work.io_underruns, work.io_overruns)
        self._look()
        self._ask()

    def stop(self) -> None:
        """No more looks."""
        for timer in self._timers.values():
            if timer.active():
                timer.cancel()
        self._timers.clear()

    def free(self) -> dict[str, float]:
        """Bytes, by folder, as far as they are known; for /metrics."""
        return {str(folder): float(room.free) for folder, room in self._rooms.items()}

    # the work under way

    def _look(self) -> None:
        self._timers["look"] = self._clock.callLater(LOOK_S, self._look)
        work = self._work()
        gaps, losses = work.io_underruns - self._counted[0], work.io_overruns - self._counted[1]
        self._counted = (work.io_underruns, work.io_overruns)
        self._judge(
            "prompts_late",
            gaps > 0 or work.player_io_ms > LATE_MS,
            _says(work.player_io_ms, f"{gaps * 20} ms of silence in prompts within {LOOK_S:g} s"),
            "prompts are played without gaps again",
        )
        self._judge(
            "recording_slow",
            losses > 0 or work.recorder_io_ms > LATE_MS,
            _says(work.recorder_io_ms, f"{losses * 20} ms lost in recordings within {LOOK_S:g} s"),
            "recordings are written in time again",
        )

    def _judge(self, name: str, bad: bool, text: str, calm: str) -> None:
        now = self._clock.seconds()
        if bad:
            self._bad_until_s[name] = now + CALM_S
        self._alarm(name, now < self._bad_until_s.get(name, 0.0), text if bad else calm)

    # the room

    def _ask(self) -> None:
        self._timers["ask"] = self._clock.callLater(ROOM_S, self._ask)
        if self._asked:
            return  # the answer of a disk that hangs is still awaited
        self._asked = True
        asked = self._outside.ask(lambda: {folder: room_of(folder) for folder in self._folders if folder.is_dir()})
        asked.addCallbacks(self._answered, self._silent)

    def _answered(self, rooms: dict[Path, Room]) -> None:
        self._asked = False
        self._alarm("disk_silent", False, "the disks answer again")
        self._rooms = rooms
        low = [text for folder, room in rooms.items() if (text := self._low(folder, room))]
        self._alarm("disk_low", bool(low), "; ".join(low) or "there is room on the disks again")

    def _silent(self, failure: Failure) -> None:
        self._asked = False
        if not isinstance(failure.value, OutsideError | OSError):
            failure.raiseException()
        names = ", ".join(str(folder) for folder in self._folders)
        self._alarm("disk_silent", True, f"the disk of {names} does not answer: {failure.getErrorMessage()}")

    def _low(self, folder: Path, room: Room) -> str:
        """In words; empty: there is enough."""
        now = self._clock.seconds()
        since_s, before = self._an_hour_ago.setdefault(folder, (now, room.free))
        if now - since_s >= HOUR_S:
            self._an_hour_ago[folder] = (now, room.free)
        wanted = self._folders[folder].of(room)
        if room.free >= wanted:
            return ""
        text = f"{folder}: {room.free / GB:.1f} GB are free, {wanted / GB:.1f} are wanted"
        rate = (before - room.free) / (now - since_s) if now > since_s else 0.0
        return text + (f"; full in {_long(room.free / rate)} at the present rate" if rate > 0 else "")

    def _alarm(self, name: str, raised: bool, text: str) -> None:
        if raised != (name in self._standing):
            (self._standing.add if raised else self._standing.discard)(name)
            self._on_alarm(name, raised, text)


def _long(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 2 * HOUR_S else f"{seconds / HOUR_S:.0f} h"


def _says(ms: int, text: str) -> str:
    return f"the disk has not answered for {ms / 1000:.1f} s" if ms > LATE_MS else text

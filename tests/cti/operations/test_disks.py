"""A disk that comes late, hangs, or fills up is told, and told to be over."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cti.errors import OutsideError
from cti.operations import disks
from cti.operations.disks import CALM_S, LOOK_S, ROOM_S, Disks, Wanted
from cti.outside import SteppedOutside
from cti.recordings.files import Room
from drivers.clock import SteppedClock
from drivers.stepped import Stepper


@dataclass
class Work:
    """What an engine would tell."""

    io_underruns: int = 0
    io_overruns: int = 0
    player_io_ms: int = 0
    recorder_io_ms: int = 0


class World:
    """Disks of two folders, as full as the test says."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock, self.work = SteppedClock(), Work(io_underruns=7)
        self.stepper = Stepper(self.clock)
        self.alarms: list[tuple[str, bool, str]] = []
        self.state, self.record = tmp_path / "state", tmp_path / "rec"
        self.rooms: dict[Path, Room | Exception] = {}
        for folder in (self.state, self.record):
            folder.mkdir()
            self.rooms[folder] = Room(100 * 10**9, 500 * 10**9)
        self.disks = Disks(
            self.clock,
            lambda: self.work,
            {self.state: Wanted(5.0), self.record: Wanted(5.0, 20.0)},
            SteppedOutside(self.clock),
            lambda *alarm: self.alarms.append(alarm),
        )
        monkeypatch.setattr(disks, "room_of", self._room)
        self.disks.start()
        self.run(1)

    def _room(self, folder: Path) -> Room:
        room = self.rooms[folder]
        if isinstance(room, Exception):
            raise room
        return room

    def run(self, seconds: float) -> list[tuple[str, bool]]:
        """What is told in that time."""
        before = len(self.alarms)
        self.stepper.run_for(seconds)
        return [alarm[:2] for alarm in self.alarms[before:]]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    one = World(tmp_path, monkeypatch)
    yield one
    one.disks.stop()
    one.stepper.run_for(1)


def test_gaps_in_prompts_are_told_until_there_are_none_for_a_minute(world: World) -> None:
    assert world.run(3 * LOOK_S) == []  # what was counted before we looked is not news
    world.work.io_underruns += 4
    assert world.run(LOOK_S) == [("prompts_late", True)]
    assert world.alarms[-1][2] == "80 ms of silence in prompts within 5 s"
    world.work.io_underruns += 1
    assert world.run(CALM_S) == []
    assert world.run(LOOK_S) == [("prompts_late", False)]


def test_a_disk_that_hangs_is_told_before_a_recording_ends(world: World) -> None:
    world.work.recorder_io_ms = 3400
    assert world.run(LOOK_S) == [("recording_slow", True)]
    assert world.alarms[-1][2] == "the disk has not answered for 3.4 s"
    world.work.recorder_io_ms = 0
    assert world.run(CALM_S + LOOK_S) == [("recording_slow", False)]
    world.work.io_overruns += 50
    assert world.run(LOOK_S) == [("recording_slow", True)]
    assert "1000 ms lost" in world.alarms[-1][2]
    world.work.recorder_io_ms = 700  # late, and in time
    assert world.run(CALM_S + LOOK_S) == [("recording_slow", False)]


def test_a_disk_that_fills_is_told_with_the_time_that_is_left(world: World) -> None:
    assert world.disks.free() == {str(world.state): 1e11, str(world.record): 1e11}
    for gigabytes in (60, 40, 18):
        world.rooms[world.record] = Room(gigabytes * 10**9, 500 * 10**9)
        told = world.run(ROOM_S)
    assert told == [("disk_low", True)]
    text = world.alarms[-1][2]
    assert text.startswith(f"{world.record}: 18.0 GB are free, 20.0 are wanted; full in 1 min")
    world.rooms[world.record] = Room(21 * 10**9, 500 * 10**9)
    assert world.run(ROOM_S) == [("disk_low", False)]


def test_a_small_disk_is_not_always_too_full(world: World) -> None:
    world.rooms[world.state] = Room(2 * 10**9, 8 * 10**9)
    assert world.run(ROOM_S) == []
    world.rooms[world.state] = Room(7 * 10**8, 8 * 10**9)
    assert world.run(ROOM_S) == [("disk_low", True)]
    assert "0.7 GB are free, 0.8 are wanted" in world.alarms[-1][2]
    world.rooms[world.state] = Room(7 * 10**9, 8 * 10**9)
    assert world.run(ROOM_S) == [("disk_low", False)]
    world.rooms[world.record] = Room(6 * 10**9, 8 * 10**9)  # but recordings end at 10
    assert world.run(ROOM_S) == [("disk_low", True)]


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), OutsideError("no answer within 10 s")])
def test_a_disk_that_does_not_answer(world: World, error: Exception) -> None:
    world.rooms[world.state] = error
    world.rooms[world.record] = error
    assert world.run(ROOM_S) == [("disk_silent", True)]
    assert str(world.state) in world.alarms[-1][2]
    world.rooms[world.state] = world.rooms[world.record] = Room(10**11, 10**12)
    assert world.run(ROOM_S) == [("disk_silent", False)]


def test_a_folder_that_is_not_there_yet_is_not_asked_for(world: World) -> None:
    world.record.rmdir()
    assert world.run(ROOM_S) == []
    assert list(world.disks.free()) == [str(world.state)]

"""What is too old goes by night and in small steps; what is held, or being played, stays."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from cti.errors import OutsideError
from cti.outside import SteppedOutside
from cti.recordings import files, holds, messages
from cti.recordings.aging import FIRST_S, LOOK_S, NIGHT, OVERDUE_DAYS, REMOVE, SETTLES_S, STEP_S, Aging, goes_on
from drivers.clock import SteppedClock
from drivers.stepped import Stepper

SAID = holds.Hold(datetime(2026, 1, 5, tzinfo=UTC), "user root", "complaint 17")


class Shelf:
    """So many old files; counts the steps."""

    def __init__(self, keep_days: int | None, old: int = 0) -> None:
        self.clock = SteppedClock()
        self.stepper = Stepper(self.clock)
        self.old, self.asked = old, list[date]()
        self.gone, self.trouble = list[str](), list[str]()
        self.error: Exception | None = None
        self.aging = Aging(
            self.clock, SteppedOutside(self.clock), UTC, keep_days, self._remove, self._removed, self.trouble.append
        )

    def at(self, hour: int) -> None:
        now = self.clock.now()
        self.clock.shift_wall((now.replace(hour=hour, minute=0, second=0) - now).total_seconds())

    def begin(self) -> None:
        """Started so long ago that the clock is believed."""
        self.aging.start()
        self.stepper.run_for(FIRST_S)

    def _remove(self, before: date, most: int) -> tuple[list[str], bool]:
        self.asked.append(before)
        if self.error is not None:
            raise self.error
        now = min(self.old, most)
        self.old -= now
        return [str(n) for n in range(now)], self.old == 0

    def _removed(self, names: Sequence[str], before: date) -> None:
        self.gone += names


def test_by_night_in_small_steps() -> None:
    shelf = Shelf(30, old=5 * REMOVE + 1)
    shelf.at(NIGHT[0])
    today = shelf.clock.now().date()
    shelf.begin()
    shelf.stepper.run_for(4.5 * STEP_S)
    assert len(shelf.gone) == 5 * REMOVE
    shelf.stepper.run_for(STEP_S)
    assert len(shelf.gone) == 5 * REMOVE + 1 and len(shelf.asked) == 6
    shelf.stepper.run_for(LOOK_S)
    assert len(shelf.asked) == 7 and set(shelf.asked) == {today - timedelta(days=30)}
    assert goes_on(today - timedelta(days=31), 30) == today  # as the command tells it
    shelf.aging.stop()
    assert not shelf.clock.getDelayedCalls()


def test_by_day_only_what_is_overdue() -> None:
    shelf = Shelf(30)
    shelf.at(NIGHT[-1] + 1)
    shelf.begin()
    shelf.stepper.run_for(1)
    assert shelf.asked == [shelf.clock.now().date() - timedelta(days=30 + OVERDUE_DAYS)]
    shelf.aging.stop()


def test_for_ever_is_never_looked_at() -> None:
    shelf = Shelf(None)
    shelf.aging.start()
    assert not shelf.clock.getDelayedCalls()


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OutsideError("no answer within 5 s")])
def test_a_disk_that_refuses_is_told_and_tried_again(error: Exception) -> None:
    shelf = Shelf(30, old=1)
    shelf.error = error
    shelf.begin()
    shelf.stepper.run_for(1)
    assert str(error) in shelf.trouble[-1]
    shelf.error = None
    shelf.stepper.run_for(LOOK_S)
    assert shelf.trouble[-1] == "" and shelf.gone
    shelf.aging.stop()


def test_a_clock_that_is_years_ahead_removes_nothing() -> None:
    shelf = Shelf(30, old=1)
    shelf.begin()
    shelf.stepper.run_for(1)
    assert shelf.gone == ["0"]
    shelf.old = 1
    shelf.clock.shift_wall(10 * 365 * 86400)  # somebody's typing error, or a time server's
    shelf.stepper.run_for(3 * LOOK_S)
    assert shelf.old == 1 and "set forward from 2026-01-05 to 2036-01-03" in shelf.trouble[-1]
    shelf.clock.shift_wall(-10 * 365 * 86400)
    shelf.stepper.run_for(LOOK_S)
    assert shelf.trouble[-1] == "" and shelf.old == 1
    shelf.stepper.run_for(FIRST_S)
    assert shelf.old == 0
    shelf.aging.stop()


def test_a_clock_that_was_set_right_is_believed_a_day_later() -> None:
    shelf = Shelf(30, old=1)
    shelf.aging.start()
    shelf.stepper.run_for(60)
    shelf.clock.shift_wall(40 * 86400)  # the time server is reached
    shelf.stepper.run_for(SETTLES_S)
    assert shelf.old == 1 and shelf.trouble[-1]
    shelf.stepper.run_for(LOOK_S)
    assert shelf.old == 0 and shelf.trouble[-1] == ""
    shelf.aging.stop()


def old_message(folder: Path, call: str, days: int) -> Path:
    path = folder / f"{call}.wav"
    path.write_bytes(b"RIFF")
    then = (datetime(2026, 1, 31, 12, tzinfo=UTC) - timedelta(days=days)).timestamp()
    os.utime(path, (then, then))
    return path


def test_messages_go_by_the_day_of_their_file(tmp_path: Path) -> None:
    for n in range(5):
        old_message(tmp_path, f"1-00000{n}", days=n)
    (tmp_path / "access.jsonl").write_text("")
    gone, done = messages.remove_before(tmp_path, date(2026, 1, 29), 1, UTC)
    assert len(gone) == 1 and not done
    more, done = messages.remove_before(tmp_path, date(2026, 1, 29), 9, UTC)
    assert done and sorted(gone + more) == ["1-000003.wav", "1-000004.wav"]
    assert messages.day_of(tmp_path / "1-000002.wav", UTC) == date(2026, 1, 29)


def test_what_is_held_stays_until_it_is_released(tmp_path: Path) -> None:
    path = old_message(tmp_path, "1-000001", days=300)
    holds.hold(path, SAID)
    assert holds.held(path) == SAID
    assert messages.remove_before(tmp_path, date(2026, 1, 1), 9, UTC) == ([], True)
    holds.mark_of(path).write_text("what is this?")  # a damaged one holds, too
    assert "cannot be read" in getattr(holds.held(path), "why", "")
    assert not holds.remove(path)
    assert holds.release(path) and not holds.release(path) and holds.held(path) is None
    assert messages.remove_before(tmp_path, date(2026, 1, 1), 9, UTC) == (["1-000001.wav"], True)
    with pytest.raises(FileNotFoundError):
        holds.hold(path, SAID)
    assert holds.remove(path)  # gone already


def test_a_held_recording_keeps_its_day(tmp_path: Path) -> None:
    for name in ("1.wav", "2.wav"):
        (tmp_path / "2026-01-01").mkdir(exist_ok=True)
        (tmp_path / "2026-01-01" / name).write_bytes(b"RIFF")
    holds.hold(tmp_path / "2026-01-01" / "1.wav", SAID)
    assert files.remove_before(tmp_path, date(2026, 1, 2), 9) == (["2026-01-01/2.wav"], True)
    assert files.remove_before(tmp_path, date(2026, 1, 2), 9) == ([], True)
    assert files.day_of("2026-01-01/1.wav") == date(2026, 1, 1)
    holds.release(tmp_path / "2026-01-01" / "1.wav")
    assert files.remove_before(tmp_path, date(2026, 1, 2), 9) == (["2026-01-01/1.wav"], True)
    assert not (tmp_path / "2026-01-01").exists()


def test_what_another_process_plays_is_not_removed(tmp_path: Path) -> None:
    path = old_message(tmp_path, "1-000001", days=300)
    program = (
        "import sys, pathlib; from cti.recordings.holds import in_use\n"
        "with in_use([pathlib.Path(sys.argv[1])]): print(flush=True); sys.stdin.read()"
    )
    player = subprocess.Popen([sys.executable, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert player.stdin is not None and player.stdout is not None
    player.stdout.readline()
    assert not holds.remove(path)
    with holds.in_use([path]):  # two may hear it
        pass
    player.communicate()
    assert holds.remove(path) and not path.exists()

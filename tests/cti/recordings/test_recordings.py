"""Recordings beside the switch: what a restart finds, what is removed by age, what the index makes of it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cti.errors import OutsideError, TipringError
from cti.outside import SteppedOutside
from cti.recordings import files
from cti.recordings.aging import FIRST_S, OVERDUE_DAYS
from cti.recordings.recordings import MEND_S, ROOM_S, Recordings
from cti.records.forwarder import Forwarder
from cti.records.journal import Journal
from cti.records.records import Records
from cti.records.store import Store, open_store
from cti.site.recording import RecordingRules
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.items import Tone
from drivers.recording import CLOSES_S, Record
from drivers.stepped import Stepper
from tests.cti.recordings.test_files import open_file


class Desk:
    """A port that can be recorded, with real records and a real database."""

    def __init__(self, folder: Path, *, days: float = 0.0, **rules: object) -> None:
        """days: so much later than the first one."""
        self.folder = folder
        self.clock = SteppedClock(SteppedClock().now() + timedelta(days=days))
        self.engine = Engine(self.clock)
        [self.port] = SoftwareCard(self.engine, "b", 1).ports
        self.stepper = Stepper(self.clock, [self.engine])
        self.store: Store = open_store(f"sqlite:///{folder / 'tipring.db'}")
        self.journal = Journal(self.clock, folder / "journal", "none", boot_after=self.store.last_boot())
        self.alarms: list[tuple[str, bool, str]] = []
        self.recordings = Recordings(
            self.clock,
            Records(self.clock, self.journal, self.store, SteppedOutside(self.clock)),
            RecordingRules(**rules),  # type: ignore[arg-type]
            folder / "recordings",
            self.clock.now().tzinfo,  # type: ignore[arg-type]
            lambda *alarm: self.alarms.append(alarm),
        )

    def forward(self) -> None:
        Forwarder(self.store, self.folder / "journal").forward_once()

    def close(self) -> None:
        self.recordings.stop()
        self.stepper.run_for(0.5)
        self.journal.close()
        self.store.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    one = Desk(tmp_path)
    yield one
    one.close()


def test_one_after_the_other_on_a_port(desk: Desk) -> None:
    desk.recordings.start()
    desk.port.begin_call()
    first = desk.recordings.begin(desk.port, "1-000001", "v1", agents=["1001"], ani="13800138000", group="sales")
    assert first is not None and desk.recordings.under_way == [first]
    assert desk.recordings.begin(desk.port, "1-000002", "v2") is None  # one at a time
    assert desk.alarms[-1][:2] == ("recording_failed", True) and "already recording" in desk.alarms[-1][2]
    desk.port.play(Tone(1000, ms=500))
    desk.stepper.run_for(1.0)
    first.joined(["1001", "1002"])
    first.end()
    second = desk.recordings.begin(desk.port, None, "v3")
    first.end()
    assert second is not None and second.name != first.name
    desk.stepper.run_for(0.5)
    assert str(first.why) == "stopped" and first.seconds == pytest.approx(1.0, abs=0.05)
    assert desk.alarms[-1][:2] == ("recording_failed", False)
    desk.port.hangup()  # the end of the call is that of the recording
    desk.stepper.run_for(0.5)
    assert str(second.why) == "stopped" and not desk.recordings.under_way
    desk.forward()
    last, one = desk.store.recordings()
    assert (one.call, one.agents, one.ani, one.group_name, one.file) == (
        "1-000001", ("1001", "1002"), "13800138000", "sales", first.file,
    )  # fmt: skip
    assert (last.call, last.conversation, last.agents, last.seconds) == (None, "v3", (), second.seconds)
    assert desk.store.recordings(file=one.file) == desk.store.recordings(call="1-000001") == [one]


def test_a_crash_leaves_nothing_open(tmp_path: Path) -> None:
    before = Desk(tmp_path)
    before.recordings.start()
    before.port.begin_call()
    talk = before.recordings.begin(before.port, "1-000001", "v1", agents=["1001"])
    assert talk is not None
    before.stepper.run_for(1.0)
    crashed = (tmp_path / "recordings" / "open" / talk.name).read_bytes()
    before.close()
    (tmp_path / "recordings" / talk.file).unlink()
    (tmp_path / "recordings" / "open" / talk.name).write_bytes(crashed[:-6])  # as if it had stopped here
    after = Desk(tmp_path)
    after.recordings.start()
    after.forward()
    (row,) = after.store.recordings()
    assert (row.call, row.why, row.agents) == ("1-000001", "repaired", ("1001",))
    assert row.seconds == pytest.approx((len(crashed) - 50) / 4 / 8000, abs=0.01)
    assert (tmp_path / "recordings" / row.file).is_file()
    after.close()


def test_old_ones_are_removed_and_the_index_says_so(tmp_path: Path) -> None:
    desk = Desk(tmp_path, keep_days=30)
    desk.recordings.start()
    desk.port.begin_call()
    talk = desk.recordings.begin(desk.port, "1-000001", "v1")
    assert talk is not None
    desk.stepper.run_for(0.2)
    talk.end()
    desk.stepper.run_for(0.2)
    desk.close()
    for days in (30 + OVERDUE_DAYS, 31 + OVERDUE_DAYS):  # by day nothing goes before it is overdue
        assert (desk.folder / "recordings" / talk.file).is_file()
        desk = Desk(tmp_path, keep_days=30, days=days + 0.3)
        desk.recordings.start()
        desk.stepper.run_for(FIRST_S + 1)
        desk.forward()
        (row,) = desk.store.recordings()
        desk.close()
    assert not (desk.folder / "recordings" / talk.file).parent.exists()
    assert row.removed and row.seconds == talk.seconds


def test_a_folder_that_cannot_be_used_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "recordings").write_text("a file")
    desk = Desk(tmp_path)
    with pytest.raises(TipringError, match="let the server's user write there"):
        desk.recordings.start()
    desk.close()


def test_none_wanted_needs_no_folder(tmp_path: Path) -> None:
    desk = Desk(tmp_path, calls="none")
    desk.recordings.start()
    desk.port.begin_call()
    assert desk.recordings.begin(desk.port, "1-000001", "v1") is None
    assert not (tmp_path / "recordings").exists()
    desk.close()


def test_what_a_crash_left_of_nobody(desk: Desk) -> None:
    open_file(desk.folder / "recordings", "1-v9", 8000)
    desk.recordings.start()
    desk.forward()
    (row,) = desk.store.recordings()
    assert (row.call, row.why, row.seconds) == (None, "repaired", 1.0)


def test_a_disk_that_hung_leaves_a_file_that_is_mended_an_hour_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.recordings.start()
    desk.port.begin_call()
    talk = desk.recordings.begin(desk.port, "1-000001", "v1")
    assert talk is not None
    desk.stepper.run_for(1.0)
    engine_says: list[tuple[Any, ...]] = []
    monkeypatch.setattr(Record, "file_closed", lambda *closed: engine_says.append(closed))
    talk.end()
    desk.stepper.run_for(CLOSES_S + 1)
    assert talk.why == "late" and not desk.recordings.under_way
    assert desk.alarms[-1][:2] == ("recording_failed", True) and "does not answer" in desk.alarms[-1][2]
    monkeypatch.undo()
    record, *how = engine_says[0]
    record.file_closed(*how)  # the disk is back
    left = desk.folder / "recordings" / "open" / talk.name
    assert left.is_file()
    os.utime(left, (0, 0))
    desk.stepper.run_for(MEND_S)
    assert not left.exists() and (desk.folder / "recordings" / talk.file).is_file()
    desk.forward()
    (row,) = desk.store.recordings()
    assert row.why == "repaired" and row.seconds == pytest.approx(1.0, abs=0.1)


def test_what_cannot_be_mended_is_told_until_a_recording_is_written_well(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It said that old recordings were not removed, and that for ever, where none ever are."""
    desk.recordings.start()
    desk.port.begin_call()

    def refuses(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as broken:
        broken.setattr(files, "repair", refuses)
        desk.stepper.run_for(MEND_S + 1)
    name, raised, text = desk.alarms[-1]
    assert (name, raised) == ("recording_failed", True) and "is not mended: Input/output error" in text
    talk = desk.recordings.begin(desk.port, "1-000001", "v1")
    assert talk is not None
    desk.stepper.run_for(1.0)
    talk.end()
    desk.stepper.run_for(1.0)
    assert [alarm[:2] for alarm in desk.alarms] == [("recording_failed", True), ("recording_failed", False)]


def test_a_disk_that_does_not_answer_takes_no_more_recordings_until_it_does(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.recordings.start()
    desk.port.begin_call()

    def hangs(folder: Path) -> files.Room:
        raise OutsideError("no answer within 10 s")

    monkeypatch.setattr(files, "room_of", hangs)
    desk.stepper.run_for(ROOM_S + 1)
    assert desk.alarms[-1][:2] == ("recording_disk", True) and "no answer within 10 s" in desk.alarms[-1][2]
    assert desk.recordings.begin(desk.port, "1-000001", "v1") is None
    monkeypatch.undo()
    desk.stepper.run_for(ROOM_S + 1)
    assert desk.alarms[-1][:2] == ("recording_disk", False)
    assert desk.recordings.begin(desk.port, "1-000001", "v1") is not None

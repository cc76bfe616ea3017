"""The journal: what is appended is there, in order, whatever is cut, damaged, full or slow."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from cti.errors import JournalBusy, JournalError, JournalFull
from cti.records.events import BOOT_SPAN, Event, decode, encode
from cti.records.frames import Damage, frame
from cti.records.journal import Journal, Tail, read
from cti.records.journal_read import files
from cti.records.sync import GATHER_S
from drivers.clock import SteppedClock
from tests.cti.records.conftest import START, event

Open = Callable[..., Journal]


def result(deferred: Deferred[None]) -> list[Any]:
    """What it has fired with; empty while it has not."""
    found: list[Any] = []
    deferred.addBoth(found.append)
    return found


def numbers(path: Path, **options: Any) -> list[int]:
    return [entry.serial % BOOT_SPAN for entry in read(path, **options)]


def test_written_before_append_returns(open_journal: Open) -> None:
    journal = open_journal()
    assert journal.append(event(n=1)) == BOOT_SPAN + 1
    (entry,) = read(journal.path)
    assert entry.event == event(n=1) and entry.serial == BOOT_SPAN + 1 and entry.boot == 1


def test_durable_at_most_50_ms_later(open_journal: Open, clock: SteppedClock) -> None:
    journal = open_journal(fsync="inline")
    first = result(journal.durable(journal.append(event())))
    assert first == []
    clock.advance(0.05)
    assert first == [None]
    assert result(journal.durable(journal.serial)) == [None]
    assert clock.getDelayedCalls() == []  # nothing to sync, nothing planned


def test_durable_can_be_cancelled(open_journal: Open, clock: SteppedClock) -> None:
    journal = open_journal()
    deferred = journal.durable(journal.append(event()))
    found = result(deferred)
    deferred.cancel()
    assert len(found) == 1
    clock.advance(0.1)
    assert len(found) == 1


def test_closing_fires_what_waits(open_journal: Open) -> None:
    journal = open_journal()
    found = result(journal.durable(journal.append(event())))
    journal.close()
    assert found == [None]
    with pytest.raises(JournalError):
        journal.append(event())


def test_the_sync_thread_reports_to_the_owner(open_journal: Open) -> None:
    """A real thread and a real disk; the queue stands for reactor.callFromThread."""
    arrived = threading.Event()
    posted: list[tuple[Any, ...]] = []

    def from_thread(*call: Any) -> None:
        posted.append(call)
        arrived.set()

    journal = open_journal(fsync="thread", from_thread=from_thread, file_bytes=500)
    for n in range(10):  # over several files: all of them get synced
        journal.append(event(n=n))
    found = result(journal.durable(journal.serial))
    assert len(files(journal.path)) > 1
    while journal.safe < journal.serial:
        assert arrived.wait(5)
        arrived.clear()
        while posted:
            function, *arguments = posted.pop(0)
            function(*arguments)
    assert found == [None]
    assert journal._retired == []


def test_a_disk_that_refuses_to_sync_fails_the_promise(
    open_journal: Open, clock: SteppedClock, alarms: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal(fsync="inline")
    found = result(journal.durable(journal.append(event())))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", _refuse)
        clock.advance(0.05)
        assert isinstance(found[0].value, JournalError)
        journal.append(event())
        clock.advance(0.05)
    assert alarms == [("journal_sync", True)]  # one, however often it refuses
    journal.append(event())
    assert len(files(journal.path)) == 2  # what the old file holds nobody knows
    clock.advance(0.05)
    assert alarms[1:] == [("journal_sync", False)]


def test_closing_on_a_disk_that_refuses_to_sync(open_journal: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = open_journal(fsync="inline")
    found = result(journal.durable(journal.append(event())))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", _refuse)
        with pytest.raises(JournalError, match="at closing"):
            journal.close()
    assert isinstance(found[0].value, JournalError)


def _refuse(fd: int) -> None:
    raise OSError(errno.EIO, "Input/output error")


def test_order_is_the_serial_when_the_wall_clock_jumps(open_journal: Open, clock: SteppedClock) -> None:
    journal = open_journal()
    for shift in (0, 3600, -7200, 3600):
        clock.shift_wall(shift)
        journal.append(Event("1-000001", "step", clock.now(), "port"))
        clock.advance(1)
    entries = list(read(journal.path))
    assert [entry.serial - BOOT_SPAN for entry in entries] == [1, 2, 3, 4]
    assert [entry.seconds for entry in entries] == [0, 1, 2, 3]
    assert entries[2].event.t < entries[0].event.t


def test_readable_after_truncation_at_any_byte(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal()
    ends = [0]
    for n in range(4):
        journal.append(event(n=n, text="弹屏"))
        ends.append(files(journal.path)[0].stat().st_size)
    journal.close()
    (file,) = files(journal.path)
    whole = file.read_bytes()
    for size in range(len(whole) + 1):
        folder = tmp_path / f"cut{size}"
        folder.mkdir()
        cut = folder / file.name
        cut.write_bytes(whole[:size])
        count = sum(end <= size for end in ends[1:])
        damaged: list[Damage] = []
        assert numbers(folder, on_damage=damaged.append) == list(range(1, count + 1))
        assert [(d.why, d.offset, d.length) for d in damaged] == (
            [("cut", ends[count], size - ends[count])] if size > ends[count] else []
        )
        # Opening repairs it, keeps what was cut off aside, and goes on behind the last whole record.
        again = Journal(SteppedClock(START), folder, "none")
        assert again.boot == 2  # told by the name of the file, should nothing else be left
        again.append(event(n=99))
        again.close()
        assert cut.read_bytes()[: ends[count]] == whole[: ends[count]]
        assert numbers(folder) == [*range(1, count + 1), 1]
        assert [path.read_bytes() for path in folder.glob("*.cut-*")] == (
            [whole[ends[count] : size]] if size > ends[count] else []
        )


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_damage_anywhere_costs_only_the_records_it_hits(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("damage")
    journal = Journal(SteppedClock(START), folder, "none")
    ends = [0]
    for n in range(6):
        journal.append(event(n=n, text="x" * data.draw(st.integers(0, 40))))
        ends.append(files(folder)[0].stat().st_size)
    journal.close()
    (file,) = files(folder)
    raw = bytearray(file.read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    length = data.draw(st.integers(1, 60))
    rubbish = data.draw(st.binary(min_size=length, max_size=length))
    hit = {n for n in range(6) if ends[n] < at + length and at < ends[n + 1]}
    changed = bytes(raw[:at]) + rubbish[: len(raw) - at] + bytes(raw[at + length :])
    file.write_bytes(changed)
    damaged: list[Damage] = []
    found = numbers(folder, on_damage=damaged.append)
    assert set(range(1, 7)) - {n + 1 for n in hit} <= set(found)
    assert found == sorted(found)
    if changed != bytes(raw):
        assert damaged
        broken = min(n for n in range(6) if changed[ends[n] : ends[n + 1]] != bytes(raw[ends[n] : ends[n + 1]]))
        first = damaged[0]
        assert first.offset == ends[broken]
        assert numbers(folder) == list(range(1, broken + 1))  # without on_damage: up to the first damage
        with_alarm: list[str] = []
        again = Journal(
            SteppedClock(START), folder, "none", on_alarm=lambda name, raised, text: with_alarm.append(name)
        )
        assert "journal_damaged" in with_alarm
        again.close()


def test_garbage_in_the_middle_is_reported_with_its_offset(open_journal: Open) -> None:
    journal = open_journal()
    journal.append(event(n=1))
    (file,) = files(journal.path)
    at = file.stat().st_size
    with file.open("ab") as stream:
        stream.write(b"garbage \xffTR1 and more")
    journal.append(event(n=2))
    damaged: list[Damage] = []
    assert numbers(journal.path, on_damage=damaged.append) == [1, 2]
    assert damaged == [Damage(file, at, 21, "garbage")]
    assert str(damaged[0]) == f"{file.name}: garbage at offset {at}, 21 bytes unreadable"


def test_text_cannot_forge_a_record(open_journal: Open) -> None:
    """What a caller or a PBX makes us write can never be taken for a record of its own."""
    journal = open_journal()
    journal.append(event(raw="\xffTR1 ÿTR1"))
    (file,) = files(journal.path)
    raw = file.read_bytes()
    assert raw.count(b"\xffTR1") == 1
    file.write_bytes(b"?" + raw[1:])  # the only mark is gone: nothing inside may be found instead
    damaged: list[Damage] = []
    assert numbers(journal.path, on_damage=damaged.append) == []


def test_an_event_of_a_newer_version_is_kept(open_journal: Open) -> None:
    """After a downgrade: sources and fields that we have no word for are no damage."""
    journal = open_journal()
    journal.append(event(n=1))
    newer = (BOOT_SPAN + 2, 0.5, "1-000001", "hologram", START.isoformat(), "telepathy", None, 3, {"n": 2}, "more")
    journal.close()
    with files(journal.path)[0].open("ab") as stream:
        stream.write(frame(msgspec.json.encode(newer)))
    again = open_journal()
    assert again.repaired == []
    again.append(event(n=3))
    entries = list(read(journal.path))
    assert [entry.event.kind for entry in entries] == ["step", "hologram", "step"]
    assert str(entries[1].event.source) == "telepathy"
    assert entries[1].event.data == {"n": 2}


def test_a_torn_record_does_not_hold_back_those_behind_it(open_journal: Open) -> None:
    """A head whose payload a power cut took, in a file that is written on: nobody waits for the rest."""
    journal = open_journal()
    journal.append(event(n=1))
    journal.close()
    with files(journal.path)[0].open("ab") as stream:
        stream.write(frame(b"x" * 5000)[:20])
    journal = open_journal()
    assert len(journal.repaired) == 1
    os.write(journal._fd, frame(b"x" * 5000)[:20])
    journal.append(event(n=2))
    found: list[Damage] = []
    tail = Tail(journal.path, 0, found.append)
    assert [entry.event.data["n"] for entry in tail.poll()] == [1, 2]
    assert [damage.why for damage in found] == ["garbage"]


def test_files_rotate_and_are_read_as_one(open_journal: Open) -> None:
    journal = open_journal(file_bytes=600)
    for n in range(30):
        journal.append(event(n=n))
    assert len(files(journal.path)) > 3
    assert numbers(journal.path) == list(range(1, 31))
    assert numbers(journal.path, after=BOOT_SPAN + 17) == list(range(18, 31))
    files(journal.path)[1].unlink()
    damaged: list[Damage] = []
    found = numbers(journal.path, on_damage=damaged.append)
    assert [d.why for d in damaged] == ["gap"] and damaged[0].length == 30 - len(found)


def test_tail_follows_over_files_and_waits_for_the_rest_of_a_record(open_journal: Open) -> None:
    journal = open_journal(file_bytes=400)
    tail = Tail(journal.path)
    assert tail.poll() == []
    seen: list[int] = []
    for n in range(12):
        journal.append(event(n=n))
        seen += [entry.event.data["n"] for entry in tail.poll()]
    assert seen == list(range(12)) and tail.damaged == 0
    late = Tail(journal.path, limit_free := BOOT_SPAN + 5)
    assert [entry.serial for entry in late.poll(3)] == [limit_free + 1, limit_free + 2, limit_free + 3]
    last = files(journal.path)[-1]
    whole = last.read_bytes()
    slow = Tail(journal.path, journal.serial - 1)
    for size in (len(whole) - 30, len(whole) - 1):
        last.write_bytes(whole[:size])
        assert slow.poll() == [] and slow.damaged == 0
    last.write_bytes(whole)
    assert [entry.serial for entry in slow.poll()] == [journal.serial]


def test_boot_number_rises_and_serials_are_never_given_twice(open_journal: Open) -> None:
    journal = open_journal()
    journal.append(event())
    journal.close()
    for file in files(journal.path):  # a power cut takes what was not on the disk
        os.truncate(file, 0)
    journal = open_journal()
    assert journal.boot == 2
    assert journal.append(event()) == 2 * BOOT_SPAN + 1
    journal.close()
    for path in journal.path.iterdir():  # the folder is lost, the database knows the last boot
        path.unlink()
    assert open_journal(boot_after=41).boot == 42


def test_one_writer_only(open_journal: Open) -> None:
    open_journal()
    with pytest.raises(JournalBusy, match="another process"):
        open_journal()


def test_a_folder_that_cannot_be_used_is_a_clear_error(clock: SteppedClock, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="Not a directory"):
        Journal(clock, tmp_path / "file" / "journal", "none")


class FullDisk:
    """os.write as on a full disk: takes `room` bytes more, then refuses."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.room: int | None = None
        self._write = os.write
        patch.setattr(os, "write", self)

    def __call__(self, fd: int, data: bytes) -> int:
        if self.room is None:
            return self._write(fd, data)
        if self.room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        count = self._write(fd, data[: self.room])
        self.room -= count
        return count


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FullDisk:
    return FullDisk(monkeypatch)


@pytest.mark.parametrize("room", [0, 1, 11, 12, 50])
def test_disk_full(
    open_journal: Open, clock: SteppedClock, alarms: list[tuple[str, bool]], disk: FullDisk, room: int
) -> None:
    journal = open_journal()
    journal.append(event(n=1))
    size = files(journal.path)[0].stat().st_size
    disk.room = room
    promise = result(journal.durable(journal.append(event(n=2))))
    journal.append(event(n=3))
    clock.advance(5)
    assert alarms == [("journal_full", True)]
    assert journal.held == 2 and promise == []
    assert numbers(journal.path) == [1]
    assert files(journal.path)[0].stat().st_size == size  # no fragment is left
    disk.room = None
    clock.advance(1)
    assert alarms[-1] == ("journal_full", False)
    journal.append(event(n=4))
    assert journal.held == 0 and numbers(journal.path) == [1, 2, 3, 4]
    clock.advance(0.05)
    assert promise == [None]


def test_disk_full_for_too_long_loses_in_the_open(
    open_journal: Open, clock: SteppedClock, alarms: list[tuple[str, bool]], disk: FullDisk
) -> None:
    journal = open_journal(held_bytes=300)
    disk.room = 0
    for n in range(10):
        journal.append(event(n=n))
    kept, lost = journal.held, journal.lost
    assert kept > 0 and lost == 10 - kept
    assert alarms == [("journal_full", True), ("journal_lost", True)]
    assert isinstance(result(journal.durable(journal.serial))[0].value, JournalFull)
    disk.room = None
    clock.advance(1)
    entries = list(read(journal.path, on_damage=lambda damage: None))
    assert [entry.event.kind for entry in entries] == ["step"] * kept + ["journal_lost"]
    first = BOOT_SPAN + kept + 1
    assert entries[-1].event.data == {"count": lost, "first": first, "last": BOOT_SPAN + 10}
    assert alarms[2:] == [("journal_lost", False), ("journal_full", False)]
    clock.advance(0.05)


def written_down(clock: SteppedClock, path: Path, **options: Any) -> tuple[Journal, list[tuple[str, bool]]]:
    """A journal whose alarms become events of it, as the server has it."""
    told: list[tuple[str, bool]] = []

    def alarm(name: str, raised: bool, text: str) -> None:
        told.append((name, raised))
        journal.append(Event(None, "alarm", clock.now(), "server", data={"what": name, "raised": raised}))

    journal = Journal(clock, path / "journal", "none", on_alarm=alarm, **options)
    return journal, told


@pytest.mark.parametrize("room", [0, 1, 11, 12, 50])
def test_a_full_disk_whose_alarm_is_an_event_too(
    clock: SteppedClock, tmp_path: Path, disk: FullDisk, room: int
) -> None:
    journal, told = written_down(clock, tmp_path)
    journal.append(event(n=1))
    disk.room = room
    journal.append(event(n=2))
    journal.append(event(n=3))
    assert told == [("journal_full", True)] and journal.held == 3
    disk.room = None
    clock.advance(1.1)
    assert told[1:] == [("journal_full", False)]
    assert [entry.event.kind for entry in read(journal.path)] == ["step", "step", "alarm", "step", "alarm"]
    assert numbers(journal.path) == [1, 2, 3, 4, 5]
    journal.close()


def test_events_lost_with_an_alarm_that_is_an_event_too(clock: SteppedClock, tmp_path: Path, disk: FullDisk) -> None:
    journal, told = written_down(clock, tmp_path, held_bytes=300)
    disk.room = 0
    for n in range(10):
        journal.append(event(n=n))
    assert told == [("journal_full", True), ("journal_lost", True)]
    disk.room = None
    clock.advance(1.1)
    assert told[2:] == [("journal_lost", False), ("journal_full", False)]
    entries = list(read(journal.path, on_damage=lambda damage: None))
    lost = next(entry.event.data for entry in entries if entry.event.kind == "journal_lost")
    assert lost["count"] == journal.lost == 12 - lost["first"] % BOOT_SPAN + 1
    assert [entry.serial for entry in entries] == sorted(entry.serial for entry in entries)
    journal.close()


def test_no_new_file_is_one_alarm_and_is_over_when_there_is_one(
    clock: SteppedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, told = written_down(clock, tmp_path, file_bytes=1000)
    really, refuse = os.open, True

    def open_(path: Any, flags: int, *mode: int) -> int:
        if flags & os.O_EXCL and refuse:
            raise OSError(errno.EMFILE, "Too many open files")
        return really(path, flags, *mode)

    monkeypatch.setattr(os, "open", open_)
    for n in range(30):
        journal.append(event(n=n))
    assert told == [("journal_full", True)] and len(files(journal.path)) == 1
    refuse = False
    for n in range(30):
        journal.append(event(n=n))
    assert told[1:] == [("journal_full", False)] and len(files(journal.path)) > 1
    assert numbers(journal.path) == list(range(1, 63))
    journal.close()


def test_closing_with_a_full_disk_says_what_is_lost(open_journal: Open, disk: FullDisk) -> None:
    journal = open_journal()
    disk.room = 0
    promise = result(journal.durable(journal.append(event())))
    with pytest.raises(JournalFull, match="1 events"):
        journal.close()
    assert isinstance(promise[0].value, JournalError)


def test_a_real_limit_on_the_file_size(open_journal: Open, clock: SteppedClock, alarms: list[tuple[str, bool]]) -> None:
    """The kernel's own refusal: RLIMIT_FSIZE gives a short write, then EFBIG. A new file helps."""
    journal = open_journal()
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, old[1]))
        for n in range(12):
            journal.append(event(n=n))
        assert alarms == [("journal_full", True)] and journal.held > 0
        clock.advance(3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, ignored)
    clock.advance(1)
    assert numbers(journal.path) == list(range(1, 13))
    assert len(files(journal.path)) > 1 and journal.lost == 0
    clock.advance(0.05)


def test_killed_process_loses_nothing(tmp_path: Path) -> None:
    """Each serial that the process told us after append is in the file, though it was killed without any closing."""
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from cti.records.journal import Journal, Event\n"
        "from drivers.clock import SteppedClock\n"
        "clock = SteppedClock()\n"
        "journal = Journal(clock, Path(sys.argv[1]), 'none')\n"
        "while True:\n"
        "    serial = journal.append(Event('1-000001', 'step', clock.now(), 'port', data={'n': 1}))\n"
        "    os.write(1, b'%d\\n' % serial)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    told = [int(process.stdout.readline()) for _ in range(200)]
    process.kill()
    told += [int(line) for line in process.stdout.read().split(b"\n")[:-1]]
    process.stdout.close()
    process.wait()
    serials = [entry.serial for entry in read(tmp_path)]
    assert set(told) <= set(serials) and len(serials) - len(told) <= 1


@pytest.mark.parametrize("value", [b"bytes", object(), "\ud800", {"deep": {1, 2}}, float("nan"), 1 << 70, {(1, 2): 3}])
def test_what_json_cannot_hold_is_kept_all_the_same(value: Any) -> None:
    entry = decode(encode(1, 0.5, event(value=value)))
    assert entry.event.kind == "step" and entry.event.data


def test_an_endless_event_is_kept_by_its_beginning() -> None:
    entry = decode(encode(1, 0.5, event(text="x" * (1 << 21))))
    assert entry.event.data["length"] > 1 << 21 and entry.event.data["too_long"].startswith("{'text': 'xxx")


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        encode(1, 0.0, Event(None, "boot", START.replace(tzinfo=None), "server"))
    assert decode(encode(1, 0.0, Event(None, "boot", START + timedelta(hours=8), "server"))).event.t.tzinfo is not None


def test_the_promise_leaves_time_for_the_disk() -> None:
    assert GATHER_S <= 0.02

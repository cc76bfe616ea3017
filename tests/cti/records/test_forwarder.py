"""The forwarder: exactly once, whenever it is killed, whatever the journal or the database does."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from cti.errors import StoreError
from cti.records.events import BOOT_SPAN, Entry
from cti.records.forwarder import Forwarder, follow
from cti.records.frames import Damage
from cti.records.journal import Journal, read
from cti.records.journal_read import Tail, files
from cti.records.row import reduce
from cti.records.store import Store, open_store
from cti.service import boot_after
from drivers.clock import SteppedClock
from tests.cti.records.calls import ANSWERED, several
from tests.cti.records.conftest import event
from tests.cti.site.test_config import GOOD

Open = Callable[..., Journal]


def fill(journal: Journal, calls: int) -> None:
    for entry in several(calls):
        journal.append(entry.event)


def until(process: subprocess.Popen[bytes], true: Callable[[], bool]) -> None:
    """A process on its way, on a busy machine too; fails when it ends or never gets there."""
    for _ in range(6000):
        if true():
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise AssertionError(f"it ended with {process.wait(0.01)}")
    raise AssertionError("it never got there")


def test_forward_once_brings_all_and_only_what_is_new(open_journal: Open, sqlite_store: Store) -> None:
    journal = open_journal()
    forwarder = Forwarder(sqlite_store, journal.path)
    assert forwarder.forward_once() == 0
    fill(journal, 3)
    assert forwarder.forward_once() == 3 * len(ANSWERED)
    assert forwarder.forward_once() == 0
    assert sqlite_store.count() == 3 and sqlite_store.position() == journal.serial
    fill(journal, 1)
    assert Forwarder(sqlite_store, journal.path).forward_once() == len(ANSWERED)  # another one goes on there


def test_damage_is_told_and_passed_over(open_journal: Open, sqlite_store: Store) -> None:
    journal = open_journal()
    fill(journal, 1)
    with files(journal.path)[0].open("r+b") as stream:
        stream.seek(30)
        stream.write(b"\0\0\0")
    damaged: list[Damage] = []
    assert Forwarder(sqlite_store, journal.path, on_damage=damaged.append).forward_once() == len(ANSWERED) - 1
    assert [damage.why for damage in damaged] == ["garbage"]


def test_a_failing_database_loses_nothing(
    open_journal: Open, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal()
    forwarder = Forwarder(sqlite_store, journal.path)
    fill(journal, 1)
    said: list[tuple[str, str, str]] = []
    waited: list[float] = []

    def down(entries: object) -> int:
        raise StoreError("down")

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        if len(waited) == 8:
            monkeypatch.undo()
        return len(waited) == 9

    monkeypatch.setattr(sqlite_store, "forward", down)
    follow(forwarder, wait, lambda *words: said.append(words))
    assert waited == [1, 2, 4, 8, 16, 30, 30, 30, 0.2]
    assert said[0] == ("error", "down; tried again in 1 s", "away")
    assert said[-1] == ("info", "the database is back", "back")
    assert sqlite_store.position() == journal.serial


def test_a_disk_that_does_not_give_the_journal_is_tried_again(
    open_journal: Open, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal()
    forwarder = Forwarder(sqlite_store, journal.path)
    fill(journal, 1)
    said: list[tuple[str, str, str]] = []
    waited: list[float] = []

    def bad(tail: Tail, limit: int = 0) -> list[Entry]:
        raise OSError(errno.EIO, "Input/output error")

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        if len(waited) == 2:
            monkeypatch.undo()
        return len(waited) == 3

    monkeypatch.setattr(Tail, "poll", bad)
    follow(forwarder, wait, lambda *words: said.append(words))
    assert waited == [1, 2, 0.2]
    assert [(level, event) for level, _, event in said] == [("error", ""), ("error", "")]  # the database is not away
    assert sqlite_store.position() == journal.serial


def test_a_new_journal_goes_on_above_a_database_that_was_away_at_the_start(
    clock: SteppedClock, tmp_path: Path, sqlite_store: Store
) -> None:
    """The folder was lost, and the database came later than the server: no event is taken for one of long ago."""
    first = Journal(clock, tmp_path / "first", "none")
    fill(first, 2)
    Forwarder(sqlite_store, first.path).forward_once()
    assert boot_after(sqlite_store, tmp_path / "second", clock.now()) == 1
    away = Store("postgresql://tipring@127.0.0.1:1/tipring")
    after = boot_after(away, tmp_path / "second", clock.now())
    second = Journal(clock, tmp_path / "second", "none", boot_after=after)
    second.append(event(call="of the second"))
    assert Forwarder(sqlite_store, second.path).forward_once() == 1
    assert boot_after(away, tmp_path / "second", clock.now()) == 0  # the folder says it itself
    first.close()
    second.close()


def test_two_servers_on_one_database_are_told_apart(clock: SteppedClock, tmp_path: Path, sqlite_store: Store) -> None:
    """The second one's numbers are the higher: the first one's events would be taken for known ones, without a word."""
    first, second = (Journal(clock, tmp_path / name, "none", boot_after=boot) for name, boot in (("a", 0), ("b", 1)))
    running = Forwarder(sqlite_store, first.path)
    first.append(event(call="of the first"))
    assert running.forward_once() == 1
    second.append(event(call="of the second"))
    assert Forwarder(sqlite_store, second.path).forward_once() == 1
    first.append(event(call="of the first again"))
    for forwarder in (running, Forwarder(sqlite_store, first.path)):  # going on, and started again
        with pytest.raises(StoreError, match="a database of its own"):
            forwarder.forward_once()
    first.close()
    second.close()


def test_old_files_go_when_they_are_in_the_database(open_journal: Open, sqlite_store: Store) -> None:
    journal = open_journal(file_bytes=2000)
    fill(journal, 3)
    names = [file.name for file in files(journal.path)]
    assert len(names) > 3
    Forwarder(sqlite_store, journal.path, keep_files=2).forward_once()
    assert [file.name for file in files(journal.path)] == names[-2:]
    assert sqlite_store.count() == 3
    fill(journal, 1)
    assert Forwarder(sqlite_store, journal.path, keep_files=2).forward_once() == len(ANSWERED)


@pytest.mark.paced
def test_killed_at_any_moment_it_is_exactly_once(open_journal: Open, tmp_path: Path) -> None:
    """A real process, killed again and again while it forwards; small batches give it many moments."""
    journal = open_journal(file_bytes=20_000)
    url = f"sqlite:///{tmp_path}/killed.db"
    open_store(url).close()
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from cti.records import forwarder\n"
        "from cti.records.store import open_store\n"
        "forwarder.BATCH = 7\n"
        "one = forwarder.Forwarder(open_store(sys.argv[1]), Path(sys.argv[2]))\n"
        "while True:\n"
        "    one.forward_once()\n"
        "    print(flush=True)\n"
    )
    chance = random.Random(7)
    for _ in range(3):
        fill(journal, 10)
        process = subprocess.Popen(
            [sys.executable, "-c", program, url, str(journal.path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        before = open_store(url)
        start = before.position()
        # Kill once it has begun, somewhere on its way.
        until(process, lambda before=before, start=start: before.position() > start + chance.randrange(150))  # type: ignore[misc]
        before.close()
        process.send_signal(signal.SIGKILL)
        process.communicate()
    store = open_store(url)
    Forwarder(store, journal.path).forward_once()
    told = list(read(journal.path))
    assert store.position() == journal.serial and len(told) == 30 * len(ANSWERED)
    for row in store.calls(limit=100):
        mine = [entry for entry in told if entry.event.call == row.id]
        assert row == reduce(None, mine) and store.events(row.id) == mine
    store.close()


@pytest.mark.paced
def test_the_process_follows_imports_and_ends_on_sigterm(open_journal: Open, tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "my.yaml").write_text("")
    (tmp_path / "my.yaml").write_text("")
    (tmp_path / "customers.csv").write_text("号码,姓名\n13800138000,王先生\n,nobody\n", encoding="gbk")
    site = tmp_path / "site.yaml"
    site.write_text(GOOD.replace("state_dir: state", "state_dir: .\ncustomers: customers.csv"), encoding="utf-8")
    journal = open_journal()
    fill(journal, 2)
    command = [sys.executable, "-m", "cti.records.forwarder", "--site", str(site)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    store = open_store(f"sqlite:///{tmp_path}/tipring.db")
    try:
        with contextlib.closing(store):
            until(process, lambda: store.position() == journal.serial)
            fill(journal, 1)
            process.terminate()
            _, said = process.communicate(timeout=60)
            assert process.returncode == 0, said
            assert store.position() == journal.serial  # also what came last
            customer = store.customer("13800138000")
            assert customer is not None and customer.name == "王先生"
        lines = [msgspec.json.decode(line, type=dict[str, str]) for line in said.splitlines()]
        assert [line["level"] for line in lines] == ["info", "warning"] and lines[0]["event"] == "back"
        assert "customers.csv:3: number" in lines[1]["text"]
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.mark.paced
def test_a_wrong_site_file_ends_it_with_the_faults(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("site: 5\n")
    command = [sys.executable, "-m", "cti.records.forwarder", "--site", str(site)]
    done = subprocess.run(command, capture_output=True, timeout=60, env={**os.environ, "LC_ALL": "C"}, check=False)
    assert done.returncode == 2 and b"site.yaml:1: site" in done.stderr


def test_serials_say_the_boot() -> None:
    assert (17 * BOOT_SPAN + 42) // BOOT_SPAN == 17

"""Shared by the tests of the records: a clock moved by hand, journals in a temporary folder, both kinds of database."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cti.records.events import Event
from cti.records.journal import Journal
from cti.records.store import Store, open_store
from drivers.clock import SteppedClock

START = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)


def event(kind: str = "step", call: str | None = "1-000001", **data: Any) -> Event:
    """An event at START."""
    return Event(call, kind, START, "port", None, 3, data)


@pytest.fixture
def clock() -> Iterator[SteppedClock]:
    """No timer may be left at the end."""
    clock = SteppedClock(START)
    yield clock
    assert clock.getDelayedCalls() == []


@pytest.fixture
def alarms() -> list[tuple[str, bool]]:
    return []


@pytest.fixture
def open_journal(
    clock: SteppedClock, tmp_path: Path, alarms: list[tuple[str, bool]]
) -> Iterator[Callable[..., Journal]]:
    """Opens the journal in tmp_path/journal; what is still open at the end is closed."""
    opened: list[Journal] = []

    def make(**options: Any) -> Journal:
        note = lambda name, raised, text: alarms.append((name, raised))  # noqa: E731
        journal = Journal(clock, tmp_path / "journal", options.pop("fsync", "none"), on_alarm=note, **options)
        opened.append(journal)
        return journal

    yield make
    for journal in opened:
        journal.close()


def _postgres_bin() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [Path(shutil.which("initdb") or "/missing")]
    assert found[-1].exists(), "PostgreSQL is missing: it is in conf/debian-packages.txt, `make setup` installs it"
    return found[-1].parent


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL on a Unix socket in a temporary folder, as an unprivileged user, for the whole session."""
    folder = Path("/tmp") / f"tipring-pg-{os.getpid()}"  # a socket's path must be short
    folder.mkdir(mode=0o700)
    prefix: list[str] = []
    if os.getuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    run = _postgres_bin()
    data = folder / "data"
    # en_US-like collation rules are not at hand everywhere; C.UTF-8 is.
    make = [str(run / "initdb"), "-D", str(data), "-U", "tipring", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run([*prefix, *make, "--locale=C.UTF-8"], check=True, stdout=subprocess.DEVNULL, cwd="/tmp")
    options = f"-k {folder} -h '' -F -c max_connections=20 -c shared_buffers=16MB -c timezone=Asia/Shanghai"
    control = [*prefix, str(run / "pg_ctl"), "-D", str(data), "-w", "-s", "-l", str(folder / "log")]
    try:
        subprocess.run([*control, "-o", options, "start"], check=True, cwd="/tmp")
        yield f"postgresql://tipring@/postgres?host={folder}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, cwd="/tmp")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """An empty store in SQLite."""
    store = open_store(f"sqlite:///{tmp_path}/tipring.db")
    yield store
    store.close()


@pytest.fixture
def postgres_store(postgres_url: str) -> Iterator[Store]:
    """An empty store in PostgreSQL."""
    store = open_store(postgres_url)
    yield store
    empty(store)
    store.close()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    """An empty store of either kind."""
    made: Store = request.getfixturevalue(f"{request.param}_store")
    return made


def empty(store: Store) -> None:
    """Takes everything out of the database."""
    from cti.database.models import metadata
    from cti.database.opening import writing

    with writing(store._engine) as connection:
        for table in metadata.sorted_tables:
            connection.execute(table.delete())

"""The store, in SQLite and in a real PostgreSQL: one row a call, however the events come."""

from __future__ import annotations

import hashlib
import os
import threading
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, func, inspect, select, text

from cti.database.models import agent_event, call_event, customer, metadata, system_event
from cti.database.opening import HEAD, open_database, reading, version, writing
from cti.errors import StoreError
from cti.records.events import BOOT_SPAN, Entry, Event
from cti.records.row import reduce
from cti.records.store import Store, existing_store, open_store
from tests.cti.records.calls import ANSWERED, entries, several
from tests.cti.records.conftest import START, empty


def test_a_call_comes_back_as_it_went_in(store: Store) -> None:
    assert store.forward(entries()) == len(ANSWERED)
    made = store.call("1-000001")
    assert made == reduce(None, entries())
    assert store.events("1-000001") == entries()
    assert store.position() == BOOT_SPAN + len(ANSWERED) and store.last_boot() == 1
    assert store.call("nobody") is None and store.events("nobody") == []


def test_the_same_event_twice_is_one_row(store: Store) -> None:
    assert store.forward(entries() + entries()) == len(ANSWERED)
    assert store.forward(entries()) == 0
    assert len(store.events("1-000001")) == len(ANSWERED) and store.count() == 1


BATCHES = given(data=st.data(), order=st.permutations(range(12)))
FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


# Two tests instead of a parametrised one: pytest-twisted and hypothesis do not go together in those.
@BATCHES
@FEW
def test_rows_made_incrementally_equal_rows_rebuilt_sqlite(
    data: st.DataObject, order: list[int], sqlite_store: Store
) -> None:
    incrementally_equals_rebuilt(data, order, sqlite_store)


@BATCHES
@FEW
def test_rows_made_incrementally_equal_rows_rebuilt_postgresql(
    data: st.DataObject, order: list[int], postgres_store: Store
) -> None:
    incrementally_equals_rebuilt(data, order, postgres_store)


def incrementally_equals_rebuilt(data: st.DataObject, order: list[int], store: Store) -> None:
    """Any batches, any order of them, any duplication, any prefix."""
    empty(store)
    every = list(several(3))
    batches = [every[start : start + 6] for start in range(0, len(every), 6)]
    kept = order[: data.draw(st.integers(0, 12))]
    if data.draw(st.booleans()):
        kept = sorted(kept)
    told: dict[int, Entry] = {}
    for n in kept:
        batch = batches[n % len(batches)] + data.draw(st.sampled_from([[], every[:5], batches[0]]))
        told.update({entry.serial: entry for entry in batch})
        store.forward(batch)
    incremental = {row.id: row for row in store.calls()}
    for id in incremental:
        mine = [told[serial] for serial in sorted(told) if told[serial].event.call == id]
        assert incremental[id] == reduce(None, mine)
    assert sum(len(store.events(id)) for id in incremental) == len(told)
    assert store.rebuild() == len(incremental)
    assert {row.id: row for row in store.calls()} == incremental


def test_events_of_agents_and_of_the_system_are_kept(store: Store) -> None:
    store.forward(
        [
            Entry(BOOT_SPAN + 1, 0, Event(None, "boot", START, "server")),
            Entry(BOOT_SPAN + 2, 1, Event(None, "ready", START, "desk", "1001")),
            Entry(BOOT_SPAN + 3, 2, Event("1-000001", "offered", START, "acd", "1001")),
        ]
    )
    with reading(store._engine) as connection:
        for table, kind in ((system_event, "boot"), (agent_event, "ready"), (call_event, "offered")):
            assert connection.scalars(text(f"SELECT kind FROM {table.name}")).all() == [kind]


def test_poison_cannot_stop_the_records(store: Store) -> None:
    """NULs, numbers beyond any column, odd types: kept, not refused."""
    strange = Event("1-\0", "x\0", START, "smdr", "a\0", 1 << 70, {"raw": "\0\U0001f600", "n": 1 << 62})
    store.forward(
        [
            Entry(BOOT_SPAN + 1, 0, strange),
            Entry(
                BOOT_SPAN + 2,
                0,
                Event("1-\0", "smdr", START, "smdr", None, None, {"raw": "a\0b", "fields": {"x": "\0"}}),
            ),
        ]
    )
    begun = {"what": "begun", "file": "f\0", "port": 1 << 40, "ani": "\0", "dnis": 1, "group": 2}
    store.forward([Entry(BOOT_SPAN + 3, 0, Event("1-\0", "recording", START, "switch", "a\0", None, begun))])
    endless = "".join(hashlib.sha256(bytes([n])).hexdigest() for n in range(200))
    for n, (call, agent) in enumerate([(None, endless), (None, None), ("1-\0", endless)], 4):
        told = {"ani": "1" + endless.translate(str.maketrans("abcdef", "123456")), "group": endless}
        store.forward([Entry(BOOT_SPAN + n, 0, Event(call, "ani", START, "smdi", agent, None, told))])
    (row,) = store.calls()
    assert row.id == "1-␀" and row.smdr_raw == "a␀b"
    (recorded,) = store.recordings()
    assert recorded.file == "f␀" and recorded.port is None
    assert store.rebuild() == 1


def test_times_come_back_in_utc(store: Store) -> None:
    east = START.astimezone(timezone(timedelta(hours=8)))
    store.forward([Entry(BOOT_SPAN + 1, 0, Event("1-1", "step", east, "port", data={"n": 1}))])
    made = store.call("1-1")
    assert made is not None
    assert made.started_at == START and made.started_at.utcoffset() == timedelta(0)
    assert made.steps[1].at == START


def test_calls_by_filter(store: Store) -> None:
    store.forward(entries())
    later = START + timedelta(hours=1)
    gone = [(0.0, "ani", "smdi", {"ani": "021-34567890"}), (9.0, "ended", "port", {})]
    store.forward(entries(gone, call="1-000002", first=BOOT_SPAN + 100, start=later))  # type: ignore[arg-type]

    def ids(**options: object) -> list[str]:
        return [row.id for row in store.calls(**options)]  # type: ignore[arg-type]

    assert ids() == ["1-000002", "1-000001"]
    assert ids(limit=1) == ["1-000002"]
    assert ids(since=later) == ["1-000002"] and ids(until=later) == ["1-000001"]
    assert ids(outcome="answered") == ["1-000001"]
    assert ids(agent="1002") == ["1-000001"]
    assert ids(ani="+86 138 0013 8000") == ["1-000001"]
    assert ids(ani="8000") == ["1-000001"]
    assert ids(ani="%") == []


def test_last_calls_by_number_however_written(store: Store) -> None:
    forms = ["13800138000", "013800138000", "+8613800138000", "13900139000", "8000"]
    for n, ani in enumerate(forms):
        line = [(float(n), "ani", "smdi", {"ani": ani, "truncated": ani == "8000"})]
        store.forward(entries(line, call=f"1-{n}", first=BOOT_SPAN + 1 + n))  # type: ignore[arg-type]
    assert [row.id for row in store.last_calls("13800138000", 5)] == ["1-2", "1-1", "1-0"]
    assert [row.id for row in store.last_calls("13800138000", 2)] == ["1-2", "1-1"]
    assert [row.id for row in store.last_calls("8000", truncated=True)] == ["1-4"]  # a cut number is nobody's
    assert store.last_calls("8000") == [] and store.last_calls("") == []


def test_a_doubted_number_is_nobodys_history(store: Store) -> None:
    for n, why in enumerate((None, "serial_damaged")):
        said = [(0.0, "ani", "smdi", {"ani": "13800138000", "doubt": why})]
        store.forward(entries(said, call=f"1-{n + 1}", first=BOOT_SPAN + 1 + n))  # type: ignore[arg-type]
    assert [row.id for row in store.last_calls("13800138000")] == ["1-1"]
    assert store.calls(ani="13800138000")[0].ani_doubt == "serial_damaged", "who looks for it finds it"


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("SELECT * FROM call WHERE ani_key = 'x' ORDER BY first_serial DESC LIMIT 5", "ix_call_ani_key_first_serial"),
        ("SELECT * FROM call_event WHERE call IN ('x') ORDER BY serial", "ix_call_event_call_serial"),
        (
            "SELECT customer FROM customer_number WHERE reversed >= '1' AND reversed < '1a'",
            "ix_customer_number_reversed",
        ),
        ("SELECT customer FROM customer_number WHERE number = '1'", "sqlite_autoindex_customer_number_1"),
    ],
)
def test_look_ups_use_an_index(tmp_path: Path, query: str, index: str) -> None:
    store = open_store(f"sqlite:///{tmp_path}/x.db")
    with reading(store._engine) as connection:
        plan = " ".join(str(row) for row in connection.execute(text(f"EXPLAIN QUERY PLAN {query}")))
    assert index in plan and "SCAN" not in plan and "TEMP B-TREE" not in plan
    store.close()


def test_two_forwarders_at_once_make_each_event_one_row(store: Store) -> None:
    every = list(several(20))
    errors: list[StoreError] = []

    def work(size: int) -> None:
        for start in range(0, len(every), size):
            try:
                store.forward(every[start : start + size])
            except StoreError as error:
                errors.append(error)

    store.forward(every[:1])
    threads = [threading.Thread(target=work, args=(size,)) for size in (40, 55)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert store.count() == 20
    before = store.calls(limit=100)
    assert all(len(store.events(row.id)) == len(ANSWERED) for row in before)
    store.rebuild()
    assert store.calls(limit=100) == before


def test_a_failure_half_way_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from cti.records import store as module

    def fails(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(module, "reduce", fails)
        store.forward(entries())
    assert store.position() == 0 and store.events("1-000001") == []
    assert store.forward(entries()) == len(ANSWERED)


def test_open_calls_of_earlier_boots(store: Store) -> None:
    store.forward(entries(ANSWERED[:5]))
    store.forward(entries(call="1-000002", first=BOOT_SPAN + 100))
    store.forward(entries(ANSWERED[:5], call="2-000001", first=2 * BOOT_SPAN + 1))
    assert store.open_calls(2) == ["1-000001"]
    assert store.open_calls(1) == []


def test_the_migrated_database_is_the_models(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    assert version(store._engine) == HEAD
    store.migrate()  # again: nothing to do


def test_a_database_of_a_newer_tipring_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    open_store(url).close()
    with writing(open_database(url)) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer"):
        open_store(url)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "not a database URL"),
        ("mysql://x/y", "'mysql' is not known"),
        ("postgresql://tipring:secret@/x?host=/nowhere", "nowhere"),
        ("sqlite:////proc/nowhere/x.db", "proc"),
    ],
)
def test_a_database_out_of_reach_is_a_clear_error(url: str, message: str) -> None:
    with pytest.raises(StoreError, match=message) as caught:
        open_store(url)
    assert "secret" not in str(caught.value)


def test_a_postgresql_that_vanished_is_given_up(postgres_url: str) -> None:
    """Its computer is switched off in the middle of a batch: no answer comes, and no end of the connection."""
    engine = open_database(postgres_url)
    with reading(engine) as connection:
        handle: Any = connection.connection.driver_connection
        given = handle.info.get_parameters()
    assert float(given["tcp_user_timeout"]) <= 30_000
    waits = int(given["keepalives_idle"]) + int(given["keepalives_interval"]) * int(given["keepalives_count"])
    assert 0 < waits <= 30


def test_sqlite_is_in_wal_mode(tmp_path: Path) -> None:
    """So that readers and the forwarder do not wait for each other."""
    open_store(f"sqlite:///{tmp_path}/x.db").close()
    with create_engine(f"sqlite:///{tmp_path}/x.db").connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_database_of_the_first_version_keeps_its_calls_and_lists_messages_by_index(store: Store) -> None:
    store.forward(entries())
    with writing(store._engine) as connection:
        connection.execute(text("DROP INDEX ix_call_outcome_started_at"))
        connection.execute(text("DROP INDEX ix_system_event_kind_serial"))
        connection.execute(text("ALTER TABLE call DROP COLUMN recorded"))
        connection.execute(text("ALTER TABLE call DROP COLUMN recorded_why"))
        connection.execute(text("ALTER TABLE call DROP COLUMN ani_doubt"))
        connection.execute(text("ALTER TABLE call DROP COLUMN kind"))
        connection.execute(text("DROP TABLE recording"))
        connection.execute(text("DROP TABLE recording_agent"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    store.migrate()
    assert version(store._engine) == HEAD and store.count() == 1
    with reading(store._engine) as connection:
        found = {index["name"]: index["column_names"] for index in inspect(connection).get_indexes("call")}
    assert found["ix_call_outcome_started_at"] == ["outcome", "started_at"]


def test_a_database_that_somebody_else_may_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not `unable to open database file`: who may read it."""

    def refused(path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refused)
    with pytest.raises(StoreError, match=r"tipring.db: only the server's user and root may read"):
        existing_store(f"sqlite:///{tmp_path}/tipring.db")


def test_a_file_that_cannot_be_opened_for_want_of_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tipring.db").write_bytes(b"not a database, whatever it is" * 100)
    with pytest.raises(StoreError) as own:
        existing_store(f"sqlite:///{tmp_path}/tipring.db")
    assert "only the server's user" not in str(own.value)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(StoreError, match=r"tipring.db: only the server's user and root may read"):
        existing_store(f"sqlite:///{tmp_path}/tipring.db")


def test_a_reader_sees_one_state_though_another_writes(store: Store) -> None:
    """Customers are looked up while their file is read anew: between the number and its customer nothing changes."""
    count = select(func.count()).select_from(customer)
    row = {"id": 1, "origin": "x", "name": "王", "company": None, "note": None, "fields": "{}"}
    with reading(store._engine) as connection:
        before = connection.scalar(count)
        with writing(store._engine) as other:
            other.execute(customer.insert(), [row])
        assert connection.scalar(count) == before == 0
    with reading(store._engine) as connection:
        assert connection.scalar(count) == 1

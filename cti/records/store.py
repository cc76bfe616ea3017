"""The records in a database: every call one row, every event one row, whatever happens and however often it is told.

``forward`` takes journal entries in any batches; each serial number counts once. The rows of the calls concerned are
carried on by the pure reducer (cti/records/row.py), or made anew from all of a call's events when an entry comes late.
Position, events and rows change in one transaction. Serves step 9; its look-ups serve step 8.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from cti.customers.book import Customer, CustomerBook, Imported
from cti.customers.numbering import NumberPlan, backwards
from cti.database import opening as database
from cti.database.models import agent_event, call, call_event, call_step, position, system_event
from cti.database.values import name
from cti.errors import StoreError
from cti.records import recorded
from cti.records.events import BOOT_SPAN, Entry, Event
from cti.records.recorded import RecordingRow
from cti.records.row import CallRow, StepAt, reduce

NOT_YOURS = "only the server's user and root may read the records"
MAX_IDS = 500
"""Ids in one IN (...) of a query."""
_FIELDS = [field for field in CallRow.__struct_fields__ if field != "steps"]
_COLUMNS = [call.c[field] for field in _FIELDS]
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Store:
    """The records database. Safe to use from several threads; every method is one transaction."""

    def __init__(self, url: str, plan: NumberPlan | None = None) -> None:
        """Connects to nothing yet. plan: how the site's numbers are written (China's, unless given)."""
        self._engine = database.open_database(url)
        self._plan = plan or NumberPlan()
        self.customers = CustomerBook(self._engine, self._plan)

    def migrate(self) -> None:
        """Brings the database to this version's form; needed once before anything else. StoreError if it cannot."""
        database.migrate(self._engine)

    def close(self) -> None:
        """Closes the connections."""
        self._engine.dispose()

    # Journal to database

    def position(self) -> int:
        """The highest serial number that is in the database; 0 when there is none."""
        with database.reading(self._engine) as connection:
            return connection.scalar(select(position.c.serial)) or 0

    def last_boot(self) -> int:
        """The boot number of the newest event; a new journal must go on above it."""
        return self.position() // BOOT_SPAN

    def forward(self, entries: Iterable[Entry]) -> int:
        """Takes entries over; returns how many were new. All of them or, with StoreError, none.

        A journal whose boot lies before that of the newest event is not this database's: its numbers would be taken for
        events that are known. Refused, as `belongs` says."""
        batch = {entry.serial: entry for entry in sorted(entries, key=lambda entry: entry.serial)}
        if not batch:
            return 0
        with database.writing(self._engine) as connection:
            at = self._lock_position(connection)
            self._refuse_stranger(max(batch) // BOOT_SPAN, at)
            if next(iter(batch)) <= at:
                self._drop_known(connection, batch, at)
            if not batch:
                return 0
            calls = self._insert(connection, batch.values())
            recorded.index(connection, batch.values(), self._plan_key)
            self._carry_on(connection, calls)
            if (last := max(batch)) > at:
                connection.execute(update(position).values(serial=last))
        return len(batch)

    def belongs(self, boot: int) -> None:
        """StoreError where a journal of this boot is none that this database goes on with."""
        self._refuse_stranger(boot, self.position())

    @staticmethod
    def _refuse_stranger(boot: int, at: int) -> None:
        if boot < at // BOOT_SPAN:
            raise StoreError(
                f"the database has events of boot {at // BOOT_SPAN}, the journal is at boot {boot}: another server "
                "writes into it, or it was away when this one started. Give each server a database of its own, and "
                "restart this one; its records stay in the journal"
            )

    def rebuild(self, ids: Sequence[str] | None = None) -> int:
        """Makes the rows of these calls (of all) anew from their events; returns how many."""
        with database.writing(self._engine) as connection:
            self._lock_position(connection)
            if ids is None:
                ids = connection.scalars(select(call_event.c.call).distinct()).all()
            for start in range(0, len(ids), MAX_IDS):
                some = ids[start : start + MAX_IDS]
                self._anew(connection, some)
                for events in self._events(connection, some).values():
                    recorded.index(connection, events, self._plan_key)
        return len(ids)

    @staticmethod
    def _lock_position(connection: Connection) -> int:
        """Holds other writers off until the end of the transaction."""
        found = connection.scalar(select(position.c.serial).with_for_update())
        if found is None:
            connection.execute(insert(position).values(id=1, serial=0))
        return found or 0

    @staticmethod
    def _drop_known(connection: Connection, batch: dict[int, Entry], at: int) -> None:
        """Takes those out of the batch that the database has."""
        old = [serial for serial in batch if serial <= at]
        for start in range(0, len(old), MAX_IDS):
            some = old[start : start + MAX_IDS]
            for table in (call_event, agent_event, system_event):
                for serial in connection.scalars(select(table.c.serial).where(table.c.serial.in_(some))):
                    batch.pop(serial)

    def _insert(self, connection: Connection, entries: Iterable[Entry]) -> dict[str, list[Entry]]:
        """Writes the events; returns those of calls, by call."""
        rows: dict[Table, list[dict[str, Any]]] = {call_event: [], agent_event: [], system_event: []}
        calls: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            event = entry.event
            row = {
                "serial": entry.serial,
                "kind": name(event.kind),
                "at": event.t,
                "seconds": entry.seconds,
                "source": event.source,
                "port": event.port if abs(event.port or 0) < 1 << 63 else None,
                "data": _encode(event.data).decode(),
            }
            if event.call is not None:
                agent = None if event.agent is None else name(event.agent)
                rows[call_event].append({**row, "call": name(event.call), "agent": agent})
                calls[name(event.call)].append(entry)
            elif event.agent is not None:
                rows[agent_event].append({**row, "agent": name(event.agent)})
            else:
                rows[system_event].append(row)
        for table, some in rows.items():
            if some:
                connection.execute(insert(table), some)
        return calls

    def _carry_on(self, connection: Connection, calls: dict[str, list[Entry]]) -> None:
        ids = list(calls)
        for start in range(0, len(ids), MAX_IDS):
            some = ids[start : start + MAX_IDS]
            known = {row.id: row for row in self._rows(connection, select(*_COLUMNS).where(call.c.id.in_(some)))}
            late = {one for one in some if one in known and calls[one][0].serial <= known[one].last_serial}
            self._save(connection, [reduce(known.get(one), calls[one]) for one in some if one not in late], known)
            self._anew(connection, sorted(late))

    def _anew(self, connection: Connection, ids: Sequence[str]) -> None:
        events = self._events(connection, ids)
        connection.execute(delete(call_step).where(call_step.c.call.in_(ids)))
        self._save(connection, [reduce(None, events[one]) for one in ids], {})

    def _save(self, connection: Connection, rows: Iterable[CallRow | None], known: dict[str, CallRow]) -> None:
        values, steps = [], []
        for row in rows:
            if row is None:
                continue
            fields = {field: getattr(row, field) for field in _FIELDS}
            values.append({**fields, "ani_key": self._ani_key(row.ani, row.ani_truncated, row.ani_doubt)})
            old = known[row.id].steps if row.id in known else {}
            new = [(n, step) for n, step in row.steps.items() if n not in old]
            steps += [{"call": row.id, "step": n, "at": step.at, "source": step.source} for n, step in new]
        if values:
            into: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            upsert = into(call)
            changed = {column.name: upsert.excluded[column.name] for column in call.c if column.name != "id"}
            connection.execute(upsert.on_conflict_do_update(index_elements=["id"], set_=changed), values)
            if steps:
                connection.execute(into(call_step).on_conflict_do_nothing(), steps)

    def _ani_key(self, ani: str | None, truncated: bool, doubt: str | None = None) -> str | None:
        """By what calls of the same caller are found. A cut number is its own kind: it may be many people's; one that
        is doubted is nobody's."""
        if not ani or doubt:
            return None
        if truncated:
            return name("?" + backwards(ani)[::-1])
        return self._plan_key(ani)

    def _plan_key(self, ani: str) -> str:
        return name(self._plan.full(ani) or ani)

    # Reading

    def calls(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        outcome: str | None = None,
        ani: str | None = None,
        agent: str | None = None,
        kind: str | None = "inward",
        recorded: str | None = None,
        limit: int = 100,
    ) -> list[CallRow]:
        """Calls that began in [since, until), newest first. ani: in any way of writing, or the end of a number; of
        calls that agents made, the number called. kind: inward, outward, internal; None: all. recorded: as in the
        row."""
        query = select(*_COLUMNS).order_by(call.c.started_at.desc(), call.c.first_serial.desc()).limit(limit)
        if since is not None:
            query = query.where(call.c.started_at >= since)
        if until is not None:
            query = query.where(call.c.started_at < until)
        if outcome is not None:
            query = query.where(call.c.outcome == outcome)
        if agent is not None:
            query = query.where(call.c.agent == agent)
        if recorded is not None:
            query = query.where(call.c.recorded == recorded)
        if kind is not None:
            query = query.where(call.c.kind == kind)
        if ani is not None:
            own = (call.c.kind != "inward") & call.c.dnis.endswith(ani, autoescape=True)
            query = query.where(self._of_caller(ani) | own)
        with database.reading(self._engine) as connection:
            return self._rows(connection, query)

    def messages(
        self,
        *,
        since: datetime | None = None,
        calls: Sequence[str] | None = None,
        ani: str | None = None,
        groups: Collection[str] | None = None,
        limit: int | None = 100,
    ) -> list[CallRow]:
        """Calls that left a message, newest first. calls: of these alone; groups: left for one of these."""
        query = select(*_COLUMNS).where(call.c.outcome == "message", call.c.message_path.is_not(None))
        query = query.order_by(call.c.started_at.desc(), call.c.first_serial.desc()).limit(limit)
        if since is not None:
            query = query.where(call.c.started_at >= since)
        if calls is not None:
            query = query.where(call.c.id.in_(calls[:MAX_IDS]))
        if groups is not None:
            query = query.where(call.c.group_name.in_(groups))
        if ani is not None:
            query = query.where(self._of_caller(ani))
        with database.reading(self._engine) as connection:
            return self._rows(connection, query)

    def _of_caller(self, ani: str) -> Any:
        """A call of this number, in any way of writing, or of numbers that end so."""
        return (call.c.ani_key == self._ani_key(ani, False)) | call.c.ani.endswith(ani, autoescape=True)

    def recordings(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        call: str | None = None,
        file: str | None = None,
        ani: str | None = None,
        agents: Sequence[str] | None = None,
        limit: int | None = 100,
    ) -> list[RecordingRow]:
        """Recorded conversations, newest first; see recorded.find. ani: in any way of writing, or the end of one."""
        key = None if ani is None else self._plan_key(ani)
        with database.reading(self._engine) as connection:
            return recorded.find(
                connection,
                since=since, until=until, call=call, file=file, ani=ani, ani_key=key, agents=agents, limit=limit,
            )  # fmt: skip

    def call(self, id: str) -> CallRow | None:
        """One call's row."""
        with database.reading(self._engine) as connection:
            return next(iter(self._rows(connection, select(*_COLUMNS).where(call.c.id == id))), None)

    def events(self, id: str) -> list[Entry]:
        """One call's events in order."""
        with database.reading(self._engine) as connection:
            return self._events(connection, [id])[id]

    def of_system(self, kind: str, *, since: datetime | None = None, limit: int = 100) -> list[Event]:
        """Events of the system of this kind (alarm, smdr_unread ...), the last ``limit`` of them, oldest first."""
        query = select(system_event).where(system_event.c.kind == kind).order_by(system_event.c.serial.desc())
        if since is not None:
            query = query.where(system_event.c.at >= since)
        with database.reading(self._engine) as connection:
            rows = connection.execute(query.limit(limit)).all()
        return [Event(None, row.kind, row.at, row.source, None, row.port, _decode(row.data)) for row in reversed(rows)]

    def last_calls(self, ani: str, n: int = 5, *, truncated: bool = False) -> list[CallRow]:
        """The last n calls of this caller, newest first, by index; without steps. The forwarder's delay aside."""
        key = self._ani_key(ani, truncated)
        query = select(*_COLUMNS).where(call.c.ani_key == key).limit(n)
        query = query.order_by(call.c.first_serial.desc())
        with database.reading(self._engine) as connection:
            return [_row(row) for row in connection.execute(query)] if key else []

    def open_calls(self, before_boot: int) -> list[str]:
        """Calls of earlier boots that never ended, oldest first."""
        query = select(call.c.id).where(call.c.ended_at.is_(None), call.c.first_serial < before_boot * BOOT_SPAN)
        with database.reading(self._engine) as connection:
            return list(connection.scalars(query.order_by(call.c.first_serial)))

    def count(self) -> int:
        """How many calls there are."""
        with database.reading(self._engine) as connection:
            return connection.scalar(select(func.count()).select_from(call)) or 0

    def import_customers(self, path: Path) -> Imported:
        """See CustomerBook.import_file."""
        return self.customers.import_file(path)

    def customer(self, number: str) -> Customer | None:
        """See CustomerBook.find."""
        return self.customers.find(number)

    @staticmethod
    def _rows(connection: Connection, query: Any) -> list[CallRow]:
        rows = {row.id: _row(row) for row in connection.execute(query)}
        ids = list(rows)
        for start in range(0, len(ids), MAX_IDS):
            some = (
                select(call_step).where(call_step.c.call.in_(ids[start : start + MAX_IDS])).order_by(call_step.c.step)
            )
            for step in connection.execute(some):
                rows[step.call].steps[step.step] = StepAt(step.at, step.source)
        return list(rows.values())

    @staticmethod
    def _events(connection: Connection, ids: Sequence[str]) -> dict[str, list[Entry]]:
        found: dict[str, list[Entry]] = {id: [] for id in ids}
        query = select(call_event).where(call_event.c.call.in_(ids)).order_by(call_event.c.serial)
        for row in connection.execute(query):
            event = Event(row.call, row.kind, row.at, row.source, row.agent, row.port, _decode(row.data))
            found[row.call].append(Entry(row.serial, row.seconds, event))
        return found


def _row(row: Any) -> CallRow:
    return CallRow(*row)  # steps: an empty dict of its own


def existing_store(url: str, plan: NumberPlan | None = None) -> Store:
    """A store for whoever only reads: makes no SQLite file (as root it would be one that the server cannot write).
    Raises StoreError where there is none."""
    if not url.startswith("sqlite:///"):
        return open_store(url, plan)
    path = Path(url.removeprefix("sqlite:///"))
    try:
        if not path.is_file():
            raise StoreError(f"no records yet: there is no {path}; has the server run here?")
        return open_store(url, plan)
    except PermissionError as error:
        raise StoreError(f"{path}: {NOT_YOURS}") from error
    except StoreError as error:
        if path.is_file() and not (os.access(path, os.R_OK | os.W_OK) and os.access(path.parent, os.W_OK)):
            raise StoreError(f"{path}: {NOT_YOURS}") from error
        raise


def open_store(url: str, plan: NumberPlan | None = None) -> Store:
    """A store that is ready: migrated. Raises StoreError."""
    store = Store(url, plan)
    try:
        store.migrate()
    except StoreError:
        store.close()
        raise
    return store

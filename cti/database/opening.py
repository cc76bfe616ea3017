"""Opening the records database and bringing it to this version's form. Serves step 9.

SQLite in WAL mode with synchronous=NORMAL: a power cut may take the last transactions, never the database's sense; what
is missing comes again from the journal, because its position lies in the same transactions. Write transactions begin
with BEGIN IMMEDIATE, so two writers wait for each other (5 s) instead of failing half-way. PostgreSQL through psycopg.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from cti.errors import StoreError

HEAD = "0007"
"""The version of the database that this program reads and writes (the last one in cti/database/migrations/versions)."""
BUSY_S = 5.0
# A PostgreSQL whose computer went off without a word is given up after some 25 s; libpq alone would wait for two hours.
ALIVE = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
UNANSWERED_MS = 25_000


def open_database(url: str) -> Engine:
    """The engine for a URL. Connects to nothing yet; makes the folder of an SQLite file."""
    try:
        target = make_url(url)
    except ArgumentError as error:
        raise StoreError(f"{url!r} is not a database URL") from error
    if target.get_backend_name() == "sqlite":
        if target.database and target.database != ":memory:":
            try:
                Path(target.database).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"database {target.database}: its folder cannot be made: {error.strerror}") from error
        engine = create_engine(target, connect_args={"timeout": BUSY_S})
        event.listen(engine, "connect", _sqlite_connected)
        event.listen(engine, "begin", _sqlite_begin)
        return engine
    if target.get_backend_name() == "postgresql":
        if target.drivername == "postgresql":
            target = target.set(drivername="postgresql+psycopg")
        return create_engine(target, pool_pre_ping=True, connect_args={**ALIVE, "tcp_user_timeout": UNANSWERED_MS})
    raise StoreError(
        f"database {target.get_backend_name()!r} is not known; write sqlite:///FILE or postgresql://HOST/NAME"
    )


def _sqlite_connected(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver's guess
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={int(BUSY_S * 1000)}"):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A write transaction; all of it or nothing. Raises StoreError when the database does not take it."""
    with reading(engine.execution_options(writes=True)) as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state of the database, also where another one changes it between two statements."""
    if engine.dialect.name == "postgresql" and not engine.get_execution_options().get("writes"):
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise StoreError(f"database {engine.url.render_as_string()}: {_reason(error)}") from error


def _reason(error: SQLAlchemyError) -> str:
    origin = getattr(error, "orig", None) or error
    return str(origin).strip().splitlines()[0] if str(origin).strip() else type(origin).__name__


def version(engine: Engine) -> str | None:
    """The database's version; None when it is empty."""
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: Any = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return None if found is None else str(found)


def migrate(engine: Engine) -> None:
    """Brings the database to HEAD. Raises StoreError when it belongs to a newer Tipring."""
    found = version(engine)
    if found == HEAD:
        return
    if found is not None and found > HEAD:
        raise StoreError(
            f"the database is of version {found}, this Tipring knows up to {HEAD}: install the newer Tipring"
        )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":  # two programs may start at once
            connection.execute(text("SELECT pg_advisory_xact_lock(7446)"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

"""The tables of the records database, in SQLAlchemy Core. Migrations are in cti/database/migrations. Serves step 9.

Times are stored in UTC. Texts that came from outside have been cleaned (cti/records/row.py: clean). Event data are JSON
text, written and read by msgspec.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

NAMING = {"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"}
metadata = MetaData(naming_convention=NAMING)


class Utc(TypeDecorator[datetime]):
    """An aware time, kept in UTC: timestamptz in PostgreSQL, text without zone in SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        stored: datetime = value
        return stored.replace(tzinfo=UTC) if stored.tzinfo is None else stored.astimezone(UTC)


call = Table(
    "call",
    metadata,
    Column("id", Text, primary_key=True),
    Column("first_serial", BigInteger, nullable=False),
    Column("last_serial", BigInteger, nullable=False),
    Column("started_at", Utc, nullable=False),
    Column("kind", Text, nullable=False, server_default="inward"),
    *(Column(f"{name}_at", Utc) for name in ("answered", "queued", "connected", "talk_ended", "ended")),
    Column("ani", Text),
    Column("ani_key", Text),  # the ANI in full, as customers' numbers are kept (cti/customers/numbering.py)
    Column("ani_source", Text),
    Column("ani_form", Text),
    Column("ani_truncated", Boolean, nullable=False),
    Column("ani_late", Boolean, nullable=False),
    Column("ani_doubt", Text),
    Column("dnis", Text),
    Column("port", Integer),
    Column("extension", Text),
    Column("desk", Integer),
    Column("line", Integer),
    Column("language", Text),
    Column("menu_choice", Text),
    Column("group_name", Text),
    Column("place", Integer),
    Column("agent", Text),
    Column("agent_extension", Text),
    *(Column(name, Integer, nullable=False) for name in ("offers", "no_answers", "busies")),
    Column("outcome", Text),
    Column("cause", Text),
    Column("wait_s", Float),
    Column("talk_s", Float),
    Column("message_path", Text),
    Column("message_s", Float),
    Column("smdr_raw", Text),
    Column("smdr_fields", Text),
    Column("recorded", Text),
    Column("recorded_why", Text),
    Column("alarms", Integer, nullable=False),
    Column("queue_clock", Float),
    Column("talk_clock", Float),
)
Index(None, call.c.started_at)
Index(None, call.c.ani_key, call.c.first_serial)
Index(None, call.c.agent, call.c.started_at)
Index(None, call.c.outcome, call.c.started_at)
Index(None, call.c.ended_at)

call_step = Table(
    "call_step",
    metadata,
    Column("call", Text, primary_key=True),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("at", Utc, nullable=False),
    Column("source", Text, nullable=False),
)


def _events(name: str, *owner: Column[Any]) -> Table:
    return Table(
        name,
        metadata,
        Column("serial", BigInteger, primary_key=True, autoincrement=False),
        *owner,
        Column("kind", Text, nullable=False),
        Column("at", Utc, nullable=False),
        Column("seconds", Float, nullable=False),  # monotonic, of the serial's boot
        Column("source", Text, nullable=False),
        Column("port", BigInteger),
        Column("data", Text, nullable=False),
    )


# Events of calls; of agents outside calls; of the system.
call_event = _events("call_event", Column("call", Text, nullable=False), Column("agent", Text))
Index(None, call_event.c.call, call_event.c.serial)
agent_event = _events("agent_event", Column("agent", Text, nullable=False))
Index(None, agent_event.c.agent, agent_event.c.serial)
system_event = _events("system_event")
Index(None, system_event.c.kind, system_event.c.serial)

# One row: up to which serial number the journal is in the database.
position = Table(
    "position",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("serial", BigInteger, nullable=False),
)

customer = Table(
    "customer",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("company", Text),
    Column("note", Text),
    Column("fields", Text, nullable=False),  # JSON: the file's other columns
    Column("origin", Text, nullable=False),  # the file it came from
)
Index(None, customer.c.origin)

customer_number = Table(
    "customer_number",
    metadata,
    Column("number", Text, primary_key=True),  # in full, +8613800138000; an extension as it is
    Column("customer", Integer, nullable=False),
    Column("reversed", Text, nullable=False),  # its digits from the last to the first: an index for suffixes
)
Index(None, customer_number.c.customer)
Index(None, customer_number.c.reversed)

# The customer files as they were imported last, so that an unchanged one is not read again.
customer_file = Table(
    "customer_file",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("rows", Integer, nullable=False),
)

# Recordings of conversations (cti/recordings): one row a file, and who spoke in it.
recording = Table(
    "recording",
    metadata,
    Column("file", Text, primary_key=True),  # in the recordings' folder
    Column("call", Text),
    Column("conversation", Text),
    Column("port", Integer),
    Column("began_at", Utc, nullable=False),
    Column("seconds", Float),  # null: not closed
    Column("why", Text),
    Column("ani", Text),
    Column("ani_key", Text),
    Column("dnis", Text),
    Column("group_name", Text),
    Column("removed", Boolean, nullable=False),  # by age
)
Index(None, recording.c.began_at)
Index(None, recording.c.call)
Index(None, recording.c.ani_key, recording.c.began_at)

recording_agent = Table(
    "recording_agent",
    metadata,
    Column("file", Text, primary_key=True),
    Column("agent", Text, primary_key=True),
)
Index(None, recording_agent.c.agent)

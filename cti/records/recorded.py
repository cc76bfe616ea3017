"""The index of recordings: made from the journal's events (kind `recording`), asked by those who look for one (step 9).

Idempotent, in any order: the same event twice is one row, a file's end may come before its beginning. What an event
does not say, or says in a wrong type, stays empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from cti.database.models import recording, recording_agent
from cti.database.values import clean, name, whole
from cti.records.events import Entry

MAX_FILES = 500
"""Files in one IN (...) of a query."""


class RecordingRow(msgspec.Struct, frozen=True):
    """One recorded conversation. file: in the recordings' folder; seconds None: it is still written (or its end was
    lost); why: stopped, limit, failed, overrun, repaired (open at a crash), empty; removed: by its age."""

    file: str
    call: str | None
    conversation: str | None
    port: int | None
    began_at: datetime
    seconds: float | None
    why: str | None
    ani: str | None
    dnis: str | None
    group_name: str | None
    removed: bool
    agents: tuple[str, ...] = ()


_FIELDS = [field for field in RecordingRow.__struct_fields__ if field != "agents"]


def index(connection: Connection, entries: Iterable[Entry], key: Callable[[str], str | None]) -> None:
    """Takes over what these events say of recordings. key: of an ANI, as calls of a caller are found."""
    into: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    for entry in entries:
        event, data = entry.event, entry.event.data
        if event.kind == "recordings_removed":
            _removed(connection, data)
            continue
        file = name(_text(data.get("file")) or "")
        if event.kind != "recording" or not file:
            continue
        if event.agent is not None:
            connection.execute(
                into(recording_agent).values(file=file, agent=name(event.agent)).on_conflict_do_nothing()
            )
        row: dict[str, Any] = {"file": file, "call": None if event.call is None else name(event.call)}
        if data.get("what") == "begun":
            ani = _text(data.get("ani"))
            row |= {
                "began_at": event.t,
                "conversation": _text(data.get("conversation")),
                "port": whole(data.get("port")),
                "ani": ani,
                "ani_key": None if ani is None else key(ani),
                "dnis": _text(data.get("dnis")),
                "group_name": _text(data.get("group")),
            }
        elif data.get("what") == "ended":
            told = data.get("seconds")
            seconds = float(told) if isinstance(told, int | float) and 0 <= told < 1e6 else 0.0
            row |= {"began_at": event.t - timedelta(seconds=seconds), "seconds": seconds, "why": _text(data.get("why"))}
        else:
            continue
        new = {column: value for column, value in row.items() if column != "file"}
        if data.get("what") == "ended":
            del new["began_at"]  # the beginning itself is more exact
        upsert = into(recording).values(**row, removed=False)
        connection.execute(upsert.on_conflict_do_update(index_elements=["file"], set_=new))


def _removed(connection: Connection, data: dict[str, Any]) -> None:
    """These files are gone; an older journal names only the day before which all went."""
    files, before = data.get("files"), _text(data.get("before"))
    if isinstance(files, list):
        names = [name(file) for file in files if isinstance(file, str)]
        for start in range(0, len(names), MAX_FILES):
            some = recording.c.file.in_(names[start : start + MAX_FILES])
            connection.execute(update(recording).where(some).values(removed=True))
    elif before is not None:
        gone = recording.c.file < before
        connection.execute(update(recording).where(gone, recording.c.removed.is_(False)).values(removed=True))


def _text(value: Any) -> str | None:
    return clean(value) or None if isinstance(value, str) else None


def find(
    connection: Connection,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    call: str | None = None,
    file: str | None = None,
    ani: str | None = None,
    ani_key: str | None = None,
    agents: Sequence[str] | None = None,
    limit: int | None = 100,
) -> list[RecordingRow]:
    """Recordings that began in [since, until), newest first. ani: the end of a number, or ani_key: the whole one;
    agents: those with any of these."""
    query = select(*(recording.c[field] for field in _FIELDS)).order_by(recording.c.began_at.desc(), recording.c.file)
    if since is not None:
        query = query.where(recording.c.began_at >= since)
    if until is not None:
        query = query.where(recording.c.began_at < until)
    if call is not None:
        query = query.where(recording.c.call == call)
    if file is not None:
        query = query.where(recording.c.file == file)
    if ani is not None:
        query = query.where((recording.c.ani_key == ani_key) | recording.c.ani.endswith(ani, autoescape=True))
    if agents is not None:
        mine = select(recording_agent.c.file).where(recording_agent.c.agent.in_(agents))
        query = query.where(recording.c.file.in_(mine))
    rows = connection.execute(query.limit(limit)).all()
    spoke = _agents(connection, [row.file for row in rows])
    return [RecordingRow(**row._mapping, agents=tuple(spoke.get(row.file, ()))) for row in rows]


def _agents(connection: Connection, files: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for start in range(0, len(files), MAX_FILES):
        some = recording_agent.c.file.in_(files[start : start + MAX_FILES])
        for row in connection.execute(select(recording_agent).where(some).order_by(recording_agent.c.agent)):
            found.setdefault(row.file, []).append(row.agent)
    return found

"""What a column takes: texts and numbers that every database keeps, whatever a PBX printed. Serves step 9."""

from __future__ import annotations

from typing import Any

LONGEST = 4000
"""Characters of a text that a row keeps; the event keeps all."""
LONGEST_NAME = 500
"""Characters of a text by which rows are found: a key in PostgreSQL's index is at most 2704 bytes."""


def clean(text: str) -> str:
    """A text that every database takes: no NUL (some PBXs print them), no lone surrogates, not endless."""
    return text.replace("\0", "␀").encode("utf-8", "replace").decode()[:LONGEST]


def name(text: str) -> str:
    """An id (of a call, an agent, a file, a kind of event, a caller) as a database takes it in an index."""
    return clean(text)[:LONGEST_NAME]


def whole(value: Any) -> int | None:
    """A number that every database's INTEGER takes; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 31 else None

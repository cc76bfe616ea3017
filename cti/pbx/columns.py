"""Fixed columns of a printed line or a text, as makers' manuals count them: from 1, both ends included (steps 4, 9)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from cti.conf.checked_yaml import Document
from cti.errors import Fault

Columns = dict[str, tuple[int, int]]


def column_faults(
    columns: Columns, here: tuple[str | int, ...], document: Document, *, known: Collection[str] | None = None
) -> Iterable[Fault]:
    """Columns count upwards from 1 and do not overlap; their names are names, of ``known`` where that is given."""
    end = 0
    for name, (first, last) in sorted(columns.items(), key=lambda column: column[1]):
        where = (*here, name)
        if known is not None and name not in known:
            yield document.fault(where, "is not a field", "fields are " + ", ".join(sorted(known)))
        elif not name.isidentifier():
            yield document.fault(where, "is not a field name", "use letters, digits and _")
        if first < 1 or last < first:
            yield document.fault(where, f"from {first} to {last}", "columns count from 1: [first, last]")
        elif first <= end:
            remedy = f"begin at {end + 1} or later"
            yield document.fault(where, f"begins at {first}, inside the column before it", remedy)
        end = max(end, last)


def cut(text: str, columns: Columns) -> dict[str, str]:
    """What stands in the columns, without spaces around it; empty where the text is shorter."""
    return {name: text[first - 1 : last].strip() for name, (first, last) in columns.items()}

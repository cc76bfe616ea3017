"""Events of calls as the nine steps write them, for the tests of row, store and commands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from cti.records.events import BOOT_SPAN, Entry, Event, Source
from tests.cti.records.conftest import START

# seconds, kind, source, data
Line = tuple[float, str, Source, dict[str, Any]]

ANSWERED: list[Line] = [
    (0.0, "step", "inferred", {"n": 1}),
    (0.0, "step", "smdi", {"n": 2}),
    (0.0, "ani", "smdi", {"ani": "13800138000", "dnis": "2000", "form": "smdi", "truncated": False}),
    (0.0, "step", "smdi", {"n": 3}),
    (0.0, "port", "port", {"extension": "2001", "desk": 1, "line": 1}),
    (0.1, "step", "smdi", {"n": 4}),
    (0.5, "answered", "vru", {}),
    (0.5, "step", "vru", {"n": 5}),
    (6.0, "menu", "vru", {"choice": "1", "group": "sales", "language": "zh"}),
    (6.0, "step", "acd", {"n": 6}),
    (6.0, "queued", "acd", {"group": "sales", "place": 1}),
    (6.5, "step", "vru", {"n": 7}),
    (6.5, "offered", "acd", {"agent": "1001", "extension": "8001"}),
    (21.5, "no_answer", "vru", {}),
    (22.0, "offered", "acd", {"agent": "1002", "extension": "8002"}),
    (22.1, "step", "desk", {"n": 8}),
    (26.0, "connected", "port", {"agent": "1002"}),
    (86.25, "smdr", "smdr", {"raw": "01/05/26 09:01AM\0 8002", "fields": {"extension": "8002", "duration_s": 60}}),
    (86.25, "step", "smdr", {"n": 9}),
    (86.25, "talk_ended", "smdr", {}),
    (86.25, "outcome", "smdr", {"outcome": "answered"}),
    (86.25, "ended", "smdr", {}),
]


def entries(
    lines: list[Line] = ANSWERED, call: str = "1-000001", first: int = BOOT_SPAN + 1, start: datetime = START
) -> list[Entry]:
    """The lines as journal entries with serial numbers from first on."""
    return [
        Entry(first + i, s, Event(call, kind, start + timedelta(seconds=s), source, None, 3, data))
        for i, (s, kind, source, data) in enumerate(lines)
    ]


def several(count: int, lines: list[Line] = ANSWERED) -> Iterator[Entry]:
    """Calls "1-000001" up to count, whose events come in turn."""
    for i, (s, kind, source, data) in enumerate(lines):
        for n in range(count):
            serial = BOOT_SPAN + 1 + i * count + n
            at = START + timedelta(seconds=s)
            yield Entry(serial, s, Event(f"1-{n + 1:06d}", kind, at, source, None, n, data))

"""The calls of a run as plain objects, from the server's database: what `tipring demo --json` prints."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from cti.records.row import CallRow


def call_object(row: CallRow, began: datetime) -> dict[str, Any]:
    """One call; ``steps`` in seconds since the run began, on the same scale as the wires' files."""
    return {
        "call": row.id,
        "ani": row.ani,
        "ani_truncated": row.ani_truncated,
        "ani_doubt": row.ani_doubt,
        "dnis": row.dnis,
        "outcome": row.outcome,
        "cause": row.cause,
        "steps": {str(number): _seconds(row.steps[number].at, began) for number in sorted(row.steps)},
        "sources": {str(number): row.steps[number].source for number in sorted(row.steps)},
        "group": row.group_name,
        "agent": row.agent if row.connected_at is not None else None,
        "agent_extension": row.agent_extension if row.connected_at is not None else None,
        "port": row.port,
        "extension": row.extension,
        "offers": row.offers,
        "no_answers": row.no_answers,
        "busies": row.busies,
        "wait_s": row.wait_s,
        "talk_s": row.talk_s,
        "message_s": row.message_s,
        "talk_ended": _seconds(row.talk_ended_at, began) if row.talk_ended_at is not None else None,
        "smdr": row.smdr_raw,
        "smdr_fields": json.loads(row.smdr_fields) if row.smdr_fields else None,
        "recorded": row.recorded,
        "recorded_why": row.recorded_why,
    }


def missing_step(calls: Iterable[dict[str, Any]], *, records: bool = True) -> int | None:
    """The first of the nine steps that no answered call of a run has made; None: all were. No calls at all: step 1.
    Without ``records`` there is no step 9."""
    seen: set[int] = set()
    for call in calls:
        seen.update(int(number) for number in call["steps"])
    return next((step for step in range(1, 10 if records else 9) if step not in seen), None)


def _seconds(at: datetime, began: datetime) -> float:
    return round((at - began).total_seconds(), 3)

"""Who took part in a call and what was done with it, for `tipring demo --switch card --json` (steps 7 and 9).

Both come from the server's journal; the world adds by which frequency each party can be found on the wires' files.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from cti.records.events import Entry
from simulators.card_world import CardWorld


def parties_of(call: str, entries: Iterable[Entry], world: CardWorld) -> list[dict[str, Any]]:
    return []


def verbs_of(call: str, entries: Iterable[Entry], began: datetime) -> list[dict[str, Any]]:
    return []

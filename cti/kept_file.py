"""What outlives a restart of the server in a small file of the state folder: lamps, who sits where (steps 6 and 8).

The file is put in its place whole. Losing one harms no call: what cannot be read says nothing, and what cannot be
written (a full disk) is so all the same until the next restart.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")


def read(path: Path | None, kind: type[T]) -> T | None:
    """What was kept last; None: nothing, or nothing that can be read. No path: nothing is ever kept."""
    if path is None:
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None


def write(path: Path | None, value: object) -> None:
    """Whole or not at all."""
    if path is None:
        return
    aside = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(msgspec.json.encode(value, order="sorted"))
        os.replace(aside, path)
    except OSError:
        return

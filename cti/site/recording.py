"""The section `recording:` of the site file, and who may listen (`recordings:` of an agent). Serves step 9."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Text = Annotated[str, Meta(min_length=1)]

Listens = Literal["none", "own", "groups", "all"]
"""Whose conversations somebody may find, play and export: those with himself, those with agents of his groups."""


class RecordingRules(Struct, frozen=True, forbid_unknown_fields=True):
    """Which conversations are recorded, where they are kept, and for how long."""

    calls: Literal["all", "none"] = "all"  # behind a PBX nothing: no port of ours hears caller and agent talk
    notice: bool = False  # callers are told when they are greeted: 本次通话将被录音
    folder: Text | None = None  # null: recordings in the state folder; a minute of stereo is 1.9 MB
    keep_days: Annotated[int, Meta(ge=1, le=36500)] | None = None  # then they are removed; null: never
    min_free_gb: Annotated[float, Meta(ge=0, le=10_000)] = 2.0  # on the disk; below it nothing more is recorded (alarm)

"""The messages that callers left, as files: read for a desk, removed by age (steps 6 and 9).

`messages/` of the state folder: one WAV a message, mono, named by its call. Removed after `limits.messages_keep_days`
(cti.recordings.aging), never one under hold or being played (cti.recordings.holds).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import Final

from cti.outside import Outside
from cti.recordings import holds
from cti.recordings.aging import Aging
from cti.recordings.recordings import Set
from cti.records.records import Records
from drivers.clock import Clock

SUFFIX: Final = ".wav"
ANSWERS_S: Final = 5.0


class MessageFiles:
    """Those of a site."""

    def __init__(
        self, clock: Clock, records: Records, folder: Path, zone: tzinfo, keep_days: int | None, on_alarm: Set
    ) -> None:
        self.folder = folder
        self.disk: Outside = records.outside.apart(ANSWERS_S)
        self._records, self._on_alarm = records, on_alarm
        self._standing = False
        self._aging = Aging(
            clock,
            self.disk,
            zone,
            keep_days,
            lambda before, most: remove_before(folder, before, most, zone),
            self._removed,
            self._trouble,
        )

    def start(self) -> None:
        """Old ones are looked after."""
        self._aging.start()

    def stop(self) -> None:
        """No more."""
        self._aging.stop()

    def _removed(self, names: Sequence[str], before: date) -> None:
        calls = [name.removesuffix(SUFFIX) for name in names]
        self._records.event(None, "messages_removed", "server", before=before.isoformat(), calls=calls)

    def _trouble(self, text: str) -> None:
        if bool(text) != self._standing:
            self._standing = bool(text)
            said = f"old messages are not removed: {text}" if text else "old messages are removed again"
            self._on_alarm("message_removal", self._standing, said)


def day_of(path: Path, zone: tzinfo) -> date:
    """The day of a message, in the site's zone: when its file was closed. OSError."""
    return datetime.fromtimestamp(path.stat().st_mtime, zone).date()


def remove_before(folder: Path, day: date, most: int, zone: tzinfo) -> tuple[list[str], bool]:
    """See cti.recordings.aging.Remove."""
    removed: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.endswith(SUFFIX) or not entry.is_file():
                continue
            path = folder / entry.name
            if datetime.fromtimestamp(entry.stat().st_mtime, zone).date() >= day or not holds.remove(path):
                continue
            removed.append(entry.name)
            if len(removed) == most:
                return removed, False
    return removed, True

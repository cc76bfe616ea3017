"""Recorded conversations and messages are heard: played on this computer, copied out, each noted first (step 9).

A player of the system plays (PLAYERS); nothing is sent to one before its note is written (cti.recordings.rights).
"""

from __future__ import annotations

import shutil
import subprocess
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from cti.errors import TipringError
from cti.recordings import holds
from cti.recordings.rights import Listener, note
from drivers import wav

Now = Callable[[], datetime]
"""The time of day for the notes."""

PLAYERS: Final = (("aplay", "-q"), ("play", "-q"))


def play(folder: Path, now: Now, who: Listener, paths: Iterable[Path]) -> None:
    """One after the other, to its end. TipringError where this computer has no player, or it refuses."""
    player = next((words for words in PLAYERS if shutil.which(words[0])), None)
    if player is None:
        raise TipringError("there is no aplay (package alsa-utils) and no play (sox) here; use export")
    paths = list(paths)
    with _kept(paths):
        _play(folder, now, who, paths, player)


def _play(folder: Path, now: Now, who: Listener, paths: Iterable[Path], player: Sequence[str]) -> None:
    for path in paths:
        note(folder, now(), who, "play", _name(folder, path))
        done = subprocess.run([*player, str(path)], check=False, stderr=subprocess.PIPE)
        if done.returncode != 0:
            why = _said(done.stderr)
            raise TipringError(f"{player[0]} could not play {path}{why}; without a sound card here, use export")


def _said(errors: bytes) -> str:
    """A player's last words; its sound library may have said a dozen lines before."""
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    return f" ({lines[-1].strip()[:120]})" if lines else ""


def export(
    folder: Path, now: Now, who: Listener, files: Iterable[tuple[Path, dict[str, Any]]], to: Path, *, mono: bool = False
) -> None:
    """Copies of files, with what is known of each in index.jsonl. mono: all channels mixed into one. TipringError where
    one cannot be written."""
    try:
        to.mkdir(parents=True, exist_ok=True)
        with (to / "index.jsonl").open("ab") as index:
            for path, about in files:
                name = _name(folder, path)
                copy = to / name.replace("/", "_")
                note(folder, now(), who, "export", name)
                with _kept([path]):
                    if mono:
                        wav.write(copy, [_mixed(wav.read(path).channels)])
                    else:
                        shutil.copyfile(path, copy)
                index.write(msgspec.json.encode({**about, "copy": copy.name}) + b"\n")
    except OSError as error:
        raise TipringError(f"{error.filename or to}: {error.strerror}") from error


@contextmanager
def _kept(paths: Iterable[Path]) -> Iterator[None]:
    """None of them is removed by its age meanwhile."""
    try:
        with holds.in_use(paths):
            yield
    except FileNotFoundError as error:
        raise TipringError(f"{error.filename} is not there any more") from error


def _name(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()


def _mixed(channels: Sequence[Any]) -> array[int]:
    sides = zip(*channels, strict=True)
    return array("h", (max(-32768, min(32767, sum(samples))) for samples in sides))

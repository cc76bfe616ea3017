"""The sound of a caller's message on its way to an agent's PC, piece by piece over the desk link (steps 6 and 8).

An agent may hear what was left for the agent's groups, with `recordings: all` what was left for any. Whoever begins
to hear one is noted in the messages' access.jsonl before the first piece goes out (cti.recordings.rights); later pieces
are of that message alone, so nothing is heard that is not noted. A piece has at most PIECE bytes of the WAV file, and
each is asked for: a slow desk holds nothing in our memory. The limits of a desk's link hold for these requests,
too. The disk is asked in a thread apart; one that does not answer is BUSY.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cti.errors import SoundRefused
from cti.outside import Outside
from cti.recordings.rights import Listener, NotNoted, note
from cti.records.store import Store

if TYPE_CHECKING:
    from drivers.clock import Clock

PIECE: Final = 32 * 1024
"""Two seconds of sound; 43,692 characters in a message."""


class MessageSounds:
    """``groups``: of each agent, None: all. ``disk``: cti.outside.Outside.apart."""

    def __init__(
        self,
        clock: Clock,
        outside: Outside,
        disk: Outside,
        store: Store,
        folder: Path,
        groups: Mapping[str, Collection[str] | None],
    ) -> None:
        self._clock, self._outside, self._disk, self._store = clock, outside, disk, store
        self._folder, self._groups = folder, groups
        self._hears: dict[str, str] = {}  # by agent: the call whose message was begun, and noted

    async def piece(self, agent: str, call: str, begin: int) -> dict[str, Any]:
        """Bytes from `begin` on. SoundRefused: no such message for this agent, not begun, or gone."""
        path = self._folder / f"{call}.wav"
        if begin == 0:
            self._hears.pop(agent, None)
            groups = self._groups.get(agent, ())
            rows = await self._outside.ask(self._store.messages, calls=[call], groups=groups, limit=1)
            if not rows:
                raise SoundRefused(f"call {call} left no message that you may hear")
        elif self._hears.get(agent) != call:
            raise SoundRefused("a message is heard from its beginning: begin 0")
        try:
            data, size = await self._disk.ask(_read, path, begin)
            if begin == 0:
                who = Listener(f"agent {agent}", None)
                await self._disk.ask(note, self._folder, self._clock.now(), who, "desk", path.name)
                self._hears[agent] = call
        except FileNotFoundError as error:
            raise SoundRefused(f"the sound of call {call} is not there any more") from error
        except OSError as error:
            raise SoundRefused(f"the sound of call {call}: {error.strerror}") from error
        except NotNoted as error:
            raise SoundRefused(str(error)) from error
        more = begin + len(data) < size
        return {"call": call, "bytes": size, "begin": begin, "data": base64.b64encode(data).decode(), "more": more}


def _read(path: Path, begin: int) -> tuple[bytes, int]:
    """A piece, and the size of the whole file."""
    with path.open("rb") as file:
        file.seek(begin)
        return file.read(PIECE), os.fstat(file.fileno()).st_size

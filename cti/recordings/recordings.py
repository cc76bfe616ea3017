"""Records conversations: begins and ends files, writes them into the records, keeps the disk in order (step 9).

A conversation is recorded at one port, in stereo: left what that port hears, right what it is sent, so of a caller's
trunk left the caller and right all agents (and the music, while the caller is held). Who has to do with conversations
says `begin`, and `end` of what it returned; the end of the port's call ends the recording, too.

Each file is told in the journal twice, as it begins and as it is closed (kind `recording`), and so gets into the index.
No recording: the rules say none, the disk has less than min_free_gb or does not answer (alarm `recording_disk`, until
there is room; looked at every ROOM_S), or the port records already; a file that cannot be written ends with what it
holds (alarm `recording_failed`). The conversation goes on in each case. What touches the disk runs in a thread apart
(Outside.apart): a file is closed by the engine's, moved to its day by ours.

At the start what a crash left open is repaired, and every MEND_S what a disk left there that hung. Files older than
keep_days are removed (cti.recordings.aging); the index keeps that there was one. What a port records at most: 18 hours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, tzinfo
from pathlib import Path
from typing import Any, Final

from twisted.python.failure import Failure

from cti.errors import OutsideError, TipringError
from cti.recordings import files
from cti.recordings.aging import Aging
from cti.records.records import Records
from cti.site.recording import RecordingRules
from drivers.clock import Clock, DelayedCall
from drivers.port import Port
from drivers.recording import RecordEnd, Recording

MEND_S: Final = 3600.0
ROOM_S: Final = 10.0
ANSWERS_S: Final = 10.0
"""A disk that does not answer for so long takes no more recordings."""

Set = Callable[[str, bool, str], None]
"""An alarm: name, raised, text."""


class Talk:
    """One conversation under way, recorded. `ended` once the file is closed: why, and its seconds."""

    def __init__(self, owner: Recordings, port: Port, name: str, call: str | None, recording: Recording) -> None:
        self.port, self.name, self.call = port, name, call
        self.why: str | None = None
        self.seconds = 0.0
        self._owner = owner
        self._agents: set[str] = set()
        self._recording = recording
        recording.ended.addBoth(self._closed)

    @property
    def file(self) -> str:
        """As the index knows it: day and name."""
        return files.kept_name(self.name)

    def joined(self, agents: Iterable[str]) -> None:
        """These agents speak in it; who did already is not told twice."""
        new = sorted(set(agents) - self._agents)
        self._agents.update(new)
        for agent in new:
            self._owner.tell(self.call, agent, what="joined", file=self.file)

    def end(self) -> None:
        """The conversation is over. More than once is once."""
        if self.why is None:
            self._recording.stop().addErrback(lambda failure: None)  # told by `ended`

    def _closed(self, result: RecordEnd | Failure) -> None:
        if isinstance(result, Failure):
            self.why = "failed"
            self._owner.closed(self, str(result.value))
        else:
            self.why, self.seconds = result.why, result.ms / 1000
            self._owner.closed(self, result.problem)


class Recordings:
    """All recordings of a server. ``zone``: the site's, for the names of days."""

    def __init__(
        self, clock: Clock, records: Records, rules: RecordingRules, folder: Path, zone: tzinfo, on_alarm: Set
    ) -> None:
        self.rules, self.folder = rules, folder
        self._clock, self._records, self._zone, self._on_alarm = clock, records, zone, on_alarm
        self._disk = records.outside.apart(ANSWERS_S)
        self._aging = Aging(
            clock,
            self._disk,
            zone,
            rules.keep_days,
            lambda before, most: files.remove_before(folder, before, most),
            self._removed,
            self._trouble,
        )
        self._has_room = True
        self._room_asked = False
        self._talks: dict[str, Talk] = {}
        self._standing: set[str] = set()
        self._timers: dict[str, DelayedCall] = {}
        self._names: dict[str, int] = {}
        self._second = ""

    # life

    def start(self) -> None:
        """Repairs what a crash left, begins to look after old files. TipringError where the folder cannot be used."""
        if self.rules.calls == "none":
            return
        try:
            (self.folder / files.OPEN).mkdir(mode=0o750, parents=True, exist_ok=True)
            self._mended(files.repair(self.folder))
            self._saw_room(files.room_of(self.folder))
        except OSError as error:
            raise TipringError(
                f"recordings {self.folder}: {error.strerror}; let the server's user write there, "
                "or write recording: {calls: none}"
            ) from error
        self._timers["room"] = self._clock.callLater(ROOM_S, self._ask_room)
        self._timers["mend"] = self._clock.callLater(MEND_S, self._mend)
        self._aging.start()

    def stop(self) -> None:
        """Ends every recording; the files are closed as the engine stops."""
        self._aging.stop()
        for timer in self._timers.values():
            if timer.active():
                timer.cancel()
        for talk in list(self._talks.values()):
            talk.end()

    @property
    def under_way(self) -> list[Talk]:
        """Those being recorded, or on their way to their day."""
        return list(self._talks.values())

    # a conversation

    def begin(
        self,
        port: Port,
        call: str | None,
        conversation: str,
        *,
        agents: Iterable[str] = (),
        ani: str | None = None,
        dnis: str | None = None,
        group: str | None = None,
    ) -> Talk | None:
        """Records what this port hears and is sent, until the talk's `end` or the end of the port's call. call: its id,
        None for a conversation without a caller. None: it is not recorded, see above."""
        if self.rules.calls == "none" or not self._has_room:
            return None
        now = self._clock.now()
        name = self._name(call or f"{self._records.journal.boot}-{conversation}")
        talk = Talk(self, port, name, call, port.record(self.folder / files.OPEN / name, what="stereo"))
        if talk.why is not None:  # refused at once: the port records already
            return None
        self._talks[name] = talk
        about = {"ani": ani, "dnis": dnis, "group": group}
        self.tell(
            call,
            what="begun",
            file=files.kept_name(name),
            began=now.isoformat(),
            conversation=conversation,
            port=port.number,
            **{key: value for key, value in about.items() if value is not None},
        )
        talk.joined(agents)
        return talk

    def tell(self, call: str | None, agent: str | None = None, /, **data: Any) -> None:
        """Into the journal."""
        self._records.event(call, "recording", "switch", agent=agent, **data)

    def closed(self, talk: Talk, problem: str) -> None:
        """The engine has closed its file, or never opened it, or still waits for a disk that does not answer: then it
        stays in `open/`, and is mended when it was not written to for a while."""
        if talk.name not in self._talks:
            self._failed(talk.call, problem)
        elif talk.why == "late":
            self._away(None, talk, problem)
        else:
            self._disk.ask(files.put_away, self.folder, talk.name).addBoth(self._away, talk, problem)

    def _away(self, result: Path | Failure | None, talk: Talk, problem: str) -> None:
        """Where it is kept; or it is not."""
        self._talks.pop(talk.name, None)
        if isinstance(result, Failure):
            if not isinstance(result.value, OSError | OutsideError):
                result.raiseException()
            gone = isinstance(result.value, FileNotFoundError)
            problem = (problem or "its file is gone") if gone else f"it stays in {files.OPEN}: {_said(result)}"
        if problem:
            self._failed(talk.call, f"{talk.file}: {problem}; {talk.seconds:.1f} s were recorded")
        else:
            self._alarm("recording_failed", False, "recordings are written again")
        self.tell(talk.call, what="ended", file=talk.file, seconds=round(talk.seconds, 2), why=talk.why)

    def _name(self, call: str) -> str:
        at = self._clock.now().astimezone(self._zone)
        first = files.open_name(at, call, 1)
        second = first[:17]
        if second != self._second:
            self._second, self._names = second, {}
        part = self._names[call] = self._names.get(call, 0) + 1
        return files.open_name(at, call, part)

    # the disk

    def _ask_room(self) -> None:
        self._timers["room"] = self._clock.callLater(ROOM_S, self._ask_room)
        if not self._room_asked:
            self._room_asked = True
            self._disk.ask(files.room_of, self.folder).addCallbacks(self._saw_room, self._no_room_seen)

    def _saw_room(self, room: files.Room) -> None:
        self._room_asked = False
        self._has_room = room.free >= self.rules.min_free_gb * 1e9
        said = f"{self.folder}: {room.free / 1e9:.1f} GB are free"
        want = f"recording.min_free_gb is {self.rules.min_free_gb:g}"
        text = said if self._has_room else f"{said}, {want}: no conversation is recorded"
        self._alarm("recording_disk", not self._has_room, text)

    def _no_room_seen(self, failure: Failure) -> None:
        self._room_asked = self._has_room = False
        if not isinstance(failure.value, OSError | OutsideError):
            failure.raiseException()
        self._alarm("recording_disk", True, f"{self.folder}: {_said(failure)}: no conversation is recorded")

    def _mend(self) -> None:
        """What a disk that hung has left in `open/`, and nobody writes any more."""
        self._timers["mend"] = self._clock.callLater(MEND_S, self._mend)
        since = self._clock.now().timestamp() - MEND_S
        asked = self._disk.ask(lambda known: list(files.repair(self.folder, known, since)), set(self._talks))
        asked.addCallbacks(self._mended, self._not_mended)

    def _mended(self, found: Iterable[files.Repaired]) -> None:
        for one in found:
            why = "repaired" if one.seconds else "empty"
            self.tell(one.call, what="ended", file=one.name, seconds=round(one.seconds, 2), why=why)

    def _removed(self, names: Sequence[str], before: date) -> None:
        self._records.event(None, "recordings_removed", "server", before=before.isoformat(), files=list(names))

    def _trouble(self, text: str) -> None:
        said = f"old recordings are not removed: {text}" if text else "old recordings are removed again"
        self._alarm("recording_removal", bool(text), said)

    def _not_mended(self, failure: Failure) -> None:
        """An hour later again; the next recording that is written well says that the disk is."""
        if not isinstance(failure.value, OSError | OutsideError):
            failure.raiseException()
        self._failed(
            None, f"{self.folder}: what a disk that hung has left in {files.OPEN} is not mended: {_said(failure)}"
        )

    def _failed(self, call: str | None, text: str) -> None:
        self._alarm("recording_failed", True, f"call {call}: {text}" if call else text)

    def _alarm(self, name: str, raised: bool, text: str) -> None:
        if raised != (name in self._standing):
            (self._standing.add if raised else self._standing.discard)(name)
            self._on_alarm(name, raised, text)


def _said(failure: Failure) -> str:
    error = failure.value
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)

"""Recording a port to a WAV file.

A recording outlives its call by the moment the I/O thread needs to close the file: when the call ends it is stopped,
and `ended` still tells what was recorded, since that is the message a caller left. A disk that does not answer keeps
nobody waiting: CLOSES_S after the end was asked for, or after the limit, `ended` tells so (``why`` late), and the file
is closed whenever the disk comes back. Serves step 6 (messages) and recordings of calls.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from drivers import events as ev
from drivers._engine import lib
from drivers.errors import CallEnded, PortBusy
from drivers.operations import LOOK_AGAIN_S, Operation

if TYPE_CHECKING:
    from drivers.port import Port

What = Literal["rx", "tx", "stereo"]
RecordWhy = ev.RecordWhy | Literal["lost", "late"]
PROBLEMS = {
    "overrun": "the disk was too slow",
    "lost": "the engine refused it",
    "late": "the disk does not answer",
}
CLOSES_S = 10.0
"""A file is closed so long after that at the latest, or told to be late."""
WHAT: dict[What, int] = {"rx": lib.TR_RECORD_RX, "tx": lib.TR_RECORD_TX, "stereo": lib.TR_RECORD_STEREO}


@dataclass(frozen=True, slots=True)
class RecordEnd:
    """`ms` are in the file, which is closed. `why` failed: `errno` says why (disk full, no such folder), and what was
    written before is still there; overrun: the disk was too slow; lost: it was refused, and in an overrun of events
    nobody was told so: nothing was recorded; late: the disk does not answer, what the file will hold is not known."""

    path: str
    why: RecordWhy
    ms: int
    errno: int = 0

    @property
    def problem(self) -> str:
        """What went wrong, in words; empty: nothing."""
        if self.why == "failed":
            return os.strerror(self.errno) if self.errno else "the file could not be written"
        return PROBLEMS.get(self.why, "")


class Record(Operation[RecordEnd]):
    """The operation behind a `Recording`. Unlike others it ends with the call by its result, not by CallEnded."""

    START, STOP = lib.TR_OP_RECORD, lib.TR_OP_RECORD_STOP

    def __init__(self, port: Port, path: str, what: What, limit_ms: int, silence_ms: int) -> None:
        super().__init__(port, "record")
        self.path = path
        self._args = (WHAT[what], limit_ms, silence_ms)
        self.id = 0
        self.stopping = False

    def start(self) -> None:
        self._take()
        self.id = self.send(self.START, *self._args, side=os.fsencode(self.path))
        self.port.files[self.id] = self
        if limit_ms := self._args[1]:
            self.after(limit_ms / 1000 + CLOSES_S, self.stop)  # a file that was never opened has no limit

    def event(self, event: ev.Event) -> None:
        if isinstance(event, ev.RecordDone) and event.id == self.id:
            self.file_closed(event.why, event.ms, event.errno)

    def file_closed(self, why: RecordWhy, ms: int, errno: int) -> None:
        """The engine has closed the file; also when the operation was cancelled before."""
        self.port.files.pop(self.id, None)
        self._free()
        self.finish(RecordEnd(self.path, why, ms, errno))

    def stop(self) -> None:
        """Asks for the end; `RecordDone` brings it."""
        if not self.stopping and self.id in self.port.files:
            self.stopping = True
            self.send(self.STOP)
            self._free()
            if not self.closed:
                self.after(CLOSES_S, self._too_late)

    def _too_late(self) -> None:
        """The engine still has the file, and will close it some day: `file_closed` then tells nobody."""
        self.finish(RecordEnd(self.path, "late", 0))

    def end(self, error: CallEnded) -> None:
        """The call is over: not an error of the recording, which ends with what it holds."""
        self.stop()

    def refused(self, event: ev.CommandFailed) -> None:
        if event.id == self.id:
            self.port.files.pop(self.id, None)
            super().refused(event)

    def reconcile(self, playing: bool, recording: int) -> None:
        """`RecordDone` is never lost, but the word that the engine refused to record may be."""
        if self.id and recording != self.id:
            self.after(LOOK_AGAIN_S, self._look_again)

    def _look_again(self) -> None:
        if self.id not in self.port.files or self.port.engine.ports.get(self.port.number) is not self.port:
            return
        state = self.port.state()
        if state.recording == self.id:
            return
        if state.files:  # one of the port's files is being closed, however slowly
            self.after(LOOK_AGAIN_S, self._look_again)
        else:
            self.file_closed("lost", 0, 0)

    def abort(self) -> None:
        self.stop()
        self._free()

    def _take(self) -> None:
        if self.port.recorder is not None:
            raise PortBusy(f"{self.port.name}: already recording to {self.port.recorder.path}")
        self.port.recorder = self

    def _free(self) -> None:
        if self.port.recorder is self:
            self.port.recorder = None


class Capture(Record):
    """A recording of the port, not of a call: goes on over calls, and beside their recordings."""

    START, STOP = lib.TR_OP_CAPTURE, lib.TR_OP_CAPTURE_STOP

    def stop(self) -> None:
        """In the call that there is now."""
        self.epoch = self.port.epoch
        super().stop()

    def end(self, error: CallEnded) -> None:
        """A call is over; the capture is not."""

    def reconcile(self, playing: bool, recording: int) -> None:
        """The level state does not tell of captures, only of files."""
        self.after(LOOK_AGAIN_S, self._look_again)

    def _take(self) -> None:
        if self.port.capture_under_way is not None:
            raise PortBusy(f"{self.port.name}: already captured to {self.port.capture_under_way.path}")
        self.port.capture_under_way = self

    def _free(self) -> None:
        if self.port.capture_under_way is self:
            self.port.capture_under_way = None


class Recording:
    """A recording under way. `ended` tells its end to one awaiter; cancelling it stops the recording."""

    def __init__(self, operation: Record) -> None:
        self._operation = operation
        self._stops: list[Deferred[RecordEnd]] = []
        self._result: RecordEnd | Failure | None = None
        self.ended: Deferred[RecordEnd] = operation.begin()
        self.ended.addBoth(self._told)

    @property
    def path(self) -> str:
        return self._operation.path

    def stop(self) -> Deferred[RecordEnd]:
        """Ends the recording; fires when the file is closed. May be asked more than once."""
        waiting: Deferred[RecordEnd] = Deferred()
        if isinstance(self._result, Failure):
            waiting.errback(self._result)
        elif self._result is not None:
            waiting.callback(self._result)
        else:
            self._stops.append(waiting)
            self._operation.stop()
        return waiting

    def _told(self, result: RecordEnd | Failure) -> RecordEnd | Failure:
        self._result = result
        stops, self._stops = self._stops, []
        for waiting in stops:
            if waiting.called:
                continue
            if isinstance(result, Failure):
                waiting.errback(result)
            else:
                waiting.callback(result)
        return result

"""The server's log: one JSON object a line, carrying the identity of the call, agent, port or link it is about.

Not the record of calls (that is the journal): what an operator reads when something is odd. A line that the level
filters out costs one comparison; one that is written about 2 µs. Serves all of the nine steps.

    {"t":"2026-01-05T01:00:00.02Z","level":"warning","text":"no dial tone after the flash","call":"3-000017","port":4}

Overload and faults: writing never raises and never waits for a reader that wants none. Lines that could not be written
(disk full) are counted, and the first line that fits again says how many; a line torn by a full disk is ended first.
Text is cut at 64 KiB a line.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from typing import Protocol, cast

import msgspec
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogPublisher
from twisted.python.failure import Failure

DEBUG, INFO, WARNING, ERROR = 10, 20, 30, 40
LEVELS = {"debug": DEBUG, "info": INFO, "warning": WARNING, "error": ERROR}
MAX_LINE = 65536

_NAMES = {number: name for name, number in LEVELS.items()}
_encode = msgspec.json.Encoder(enc_hook=repr).encode


class Now(Protocol):
    """The part of drivers.clock.Clock that a log needs."""

    def now(self) -> datetime: ...


class Sink(Protocol):
    """Where lines go. write() never raises."""

    def write(self, line: bytes) -> None: ...


class Lines:
    """A sink in memory, for tests and for `trace`."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def write(self, line: bytes) -> None:
        """Keep the line."""
        self.lines.append(line)


class FileSink:
    """Lines at the end of a file (reopened after a rotation by `reopen`), or on an open descriptor such as stderr."""

    def __init__(self, path: str | os.PathLike[str] | None = None, *, fd: int = 2) -> None:
        """path: created readable by owner and group, None: write to fd. Raises OSError when it cannot be opened."""
        self._path = path
        self._fd = fd if path is None else self._open(path)
        self._torn = False
        self.lost = 0  # since the last line that was written
        self.lost_ever = 0

    @staticmethod
    def _open(path: str | os.PathLike[str]) -> int:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def write(self, line: bytes) -> None:
        """Write the line; count it as lost where the disk is full, or the reader of a pipe away or behind."""
        if self.lost:
            line = b'{"level":"error","text":"log lines lost","count":%d}\n' % self.lost + line
        if self._torn:
            line = b"\n" + line
        try:
            written = os.write(self._fd, line)
        except OSError:
            written = 0
        if written == len(line):
            self.lost, self._torn = 0, False
            return
        self._torn = self._torn or written > 0
        self.lost += 1
        self.lost_ever += 1

    def reopen(self) -> None:
        """The file was moved away by a rotation: open a new one of the same name. Raises OSError, the old one stays."""
        if self._path is not None:
            new = self._open(self._path)
            os.close(self._fd)
            self._fd = new

    def close(self) -> None:
        """Close the file."""
        if self._path is not None:
            os.close(self._fd)
            self._path, self._fd = None, -1


class _Shared:
    __slots__ = ("clock", "level", "sink")

    def __init__(self, sink: Sink, clock: Now, level: int) -> None:
        self.sink, self.clock, self.level = sink, clock, level


class Log:
    """Writes lines; `bind` gives a log whose lines carry an identity."""

    __slots__ = ("_fields", "_shared")

    def __init__(self, clock: Now, sink: Sink | None = None, level: str = "info") -> None:
        """sink None: stderr. level: debug, info, warning or error (KeyError otherwise)."""
        self._shared = _Shared(sink if sink is not None else FileSink(), clock, LEVELS[level])
        self._fields: dict[str, object] = {}

    def bind(self, **identity: object) -> Log:
        """A log whose lines carry these as well (call=, agent=, port=, link=, ...)."""
        bound = Log.__new__(Log)
        bound._shared = self._shared
        bound._fields = {**self._fields, **identity}
        return bound

    @property
    def level(self) -> str:
        """The lowest level that is written; setting it counts for all logs bound to the same sink."""
        return _NAMES[self._shared.level]

    @level.setter
    def level(self, level: str) -> None:
        self._shared.level = LEVELS[level]

    def debug(self, text: str, **fields: object) -> None:
        """For who looks for a fault."""
        if self._shared.level <= DEBUG:
            self._write("debug", text, fields)

    def info(self, text: str, **fields: object) -> None:
        """In the course of things."""
        if self._shared.level <= INFO:
            self._write("info", text, fields)

    def warning(self, text: str, **fields: object) -> None:
        """A person should look at it some time."""
        if self._shared.level <= WARNING:
            self._write("warning", text, fields)

    def error(self, text: str, **fields: object) -> None:
        """Something does not work."""
        self._write("error", text, fields)

    def failure(self, failure: Failure, text: str, **fields: object) -> None:
        """An exception with its traceback."""
        self._write("error", text, {**fields, "error": repr(failure.value), "traceback": failure.getTraceback()})

    def _write(self, level: str, text: str, fields: dict[str, object]) -> None:
        shared = self._shared
        line = {"t": shared.clock.now(), "level": level, "text": text, **self._fields, **fields}
        try:
            data = _encode(line)
        except (TypeError, ValueError, OverflowError, RecursionError):  # lone surrogates, huge numbers, cycles
            data = _encode({"t": line["t"], "level": level, "text": ascii(text), "fields": _ascii(fields)})
        if len(data) > MAX_LINE:
            short = ascii(text)[: MAX_LINE // 2]
            data = _encode({"t": line["t"], "level": level, "text": short, "cut_from_bytes": len(data)})
        shared.sink.write(data + b"\n")

    def route_twisted(self) -> Callable[[], None]:
        """Write what Twisted and its libraries log here too; failures with tracebacks. Returns the way back.

        Twisted's info ("Starting factory ...") counts as debug.
        """

        def observe(event: LogEvent) -> None:
            level = event.get("log_level")
            failure = event.get("log_failure")
            source = {"source": event.get("log_namespace", "twisted")}
            if isinstance(failure, Failure):
                self.failure(failure, formatEvent(event) or "failure", **source)
            elif level in (LogLevel.critical, LogLevel.error):
                self.error(formatEvent(event), **source)
            elif level is LogLevel.warn:
                self.warning(formatEvent(event), **source)
            elif self._shared.level <= DEBUG:
                self.debug(formatEvent(event), **source)

        observer = cast(ILogObserver, observe)
        globalLogPublisher.addObserver(observer)
        return lambda: globalLogPublisher.removeObserver(observer)


def _ascii(fields: dict[str, object]) -> str:
    try:
        return ascii(fields)[:1000]
    except (RecursionError, ValueError) as error:
        return f"not printable: {type(error).__name__}"

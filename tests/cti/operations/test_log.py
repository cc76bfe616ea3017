"""Log lines: identity, levels, what cannot be encoded, a full disk, rotation, and Twisted's own log."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from cti.operations.log import MAX_LINE, FileSink, Lines, Log
from drivers.clock import SteppedClock
from tests.conftest import LoggedFailures


def logged(level: str = "info") -> tuple[Log, Lines]:
    lines = Lines()
    return Log(SteppedClock(), lines, level), lines


def read(lines: Lines) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.lines]


def test_a_line_carries_identity_time_and_level() -> None:
    log, lines = logged()
    log.bind(call="3-000017", port=4).bind(agent="1001").warning("没有拨号音", waited_s=3.0)
    assert lines.lines[0].endswith(b"\n")
    assert read(lines) == [
        {
            "t": "2026-01-05T01:00:00Z",
            "level": "warning",
            "text": "没有拨号音",
            "call": "3-000017",
            "port": 4,
            "agent": "1001",
            "waited_s": 3.0,
        }
    ]


def test_levels_filter_and_can_change_for_all_bound_logs() -> None:
    log, lines = logged("warning")
    bound = log.bind(link="smdi")
    for each in (bound.debug, bound.info, bound.warning, bound.error):
        each("x")
    assert [line["level"] for line in read(lines)] == ["warning", "error"]
    log.level = "debug"
    assert bound.level == "debug"
    bound.debug("y")
    bound.info("y")
    assert [line["level"] for line in read(lines)[2:]] == ["debug", "info"]
    with pytest.raises(KeyError):
        log.level = "loud"


def test_anything_can_be_logged() -> None:
    log, lines = logged()
    cycle: list[object] = []
    cycle.append(cycle)
    log.info("odd", raw=b"\xff\x00", path=Path("/x"), big=10**40, broken="\ud800", cycle=cycle, nan=float("nan"))
    log.info("\udc80")
    log.info("odd", what=object)
    log.info("x" * 200_000)
    assert len(read(lines)) == 4
    assert all(len(line) <= MAX_LINE + 1 for line in lines.lines)
    assert read(lines)[3]["cut_from_bytes"] > 200_000


def test_a_file_is_appended_to_and_reopened(tmp_path: Path) -> None:
    path = tmp_path / "tipring.log"
    path.write_text("before\n")
    sink = FileSink(path)
    log = Log(SteppedClock(), sink)
    log.info("one")
    path.rename(tmp_path / "tipring.log.1")
    log.info("two")
    sink.reopen()
    log.info("three")
    sink.close()
    assert [line.count("text") for line in (tmp_path / "tipring.log.1").read_text().splitlines()] == [0, 1, 1]
    assert "three" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o640
    log.info("after the end")
    assert sink.lost == 1


def test_a_full_disk_loses_counted_lines_and_tears_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = FileSink(tmp_path / "log")
    log = Log(SteppedClock(), sink)
    room = [30]
    write = os.write

    def scarce(fd: int, data: bytes) -> int:
        if room[0] == 0:
            raise OSError(28, "No space left on device")
        count = write(fd, data[: room[0]])
        room[0] -= count
        return count

    monkeypatch.setattr(os, "write", scarce)
    for _ in range(3):
        log.info("lost")
    assert (sink.lost, sink.lost_ever) == (3, 3)
    room[0] = 10_000
    log.info("back")
    monkeypatch.undo()
    sink.close()
    torn, note, back = (tmp_path / "log").read_text().splitlines()
    assert len(torn) == 30
    assert json.loads(note) == {"level": "error", "text": "log lines lost", "count": 3}
    assert json.loads(back)["text"] == "back"
    assert sink.lost == 0


def test_twisted_is_routed_here() -> None:
    log, lines = logged()
    stop = log.route_twisted()
    try:
        twisted_log = Logger("twisted.test")
        twisted_log.info("Starting factory {factory}", factory="f")
        twisted_log.warn("odd {what}", what="thing")
        twisted_log.error("bad")
    finally:
        stop()
    Logger("twisted.test").error("not any more")
    assert [(line["level"], line["text"], line["source"]) for line in read(lines)] == [
        ("warning", "odd thing", "twisted.test"),
        ("error", "bad", "twisted.test"),
    ]


def test_failures_come_with_tracebacks() -> None:
    log, lines = logged()
    try:
        raise OSError("disk")
    except OSError:
        log.failure(cast(Any, Failure)(), "recording stopped", call="c1")
    line = read(lines)[0]
    assert (line["level"], line["call"]) == ("error", "c1")
    assert "OSError" in line["error"]
    assert "test_failures_come_with_tracebacks" in line["traceback"]


def test_a_filtered_line_is_cheap() -> None:
    log, lines = logged()
    before = sys.getallocatedblocks()
    for _ in range(1000):
        log.debug("nobody reads this", call="c1")
    assert lines.lines == []
    assert sys.getallocatedblocks() - before < 100


def test_failures_logged_by_twisted_reach_the_log(logged_failures: LoggedFailures) -> None:
    log, lines = logged()
    stop = log.route_twisted()
    try:
        deferred: Deferred[None] = Deferred()
        deferred.errback(ValueError("nobody listens"))
        deferred.addErrback(lambda failure: Logger("x").failure("unhandled", failure))
    finally:
        stop()
    assert "nobody listens" in read(lines)[0]["error"]
    assert len(logged_failures.flush(ValueError)) == 1

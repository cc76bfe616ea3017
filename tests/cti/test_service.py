"""The server as a process: what it does when it starts without its database, and how it ends."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.error import ProcessTerminated
from twisted.python.failure import Failure

from cti.operations.control import ControlError, ask
from cti.operations.log import Lines, Log
from cti.service import (
    FORWARDER_AGAIN_S,
    FORWARDER_LIVES_S,
    LAST_TICKS_S,
    LAST_WORDS_S,
    ForwarderProcess,
    last_words,
)
from drivers.clock import SteppedClock
from simulators.people.speech import default_cache
from tests.cti.records.conftest import START
from tests.cti.records.test_records_commands import SITE

LIMIT_S = 60.0  # of a machine that does much else
NOWHERE = "postgresql://tipring:s3cret@127.0.0.1:1/tipring"


def heed_ctrl_c() -> None:
    """As at a terminal: a shell lets what it starts in the background ignore SIGINT, and so do all who come after."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Running:
    """`tipring run` on a site of its own."""

    def __init__(self, folder: Path, database: str | None, *, desk: int = 0, log: bool = True) -> None:
        self.state = folder / "state"
        shutil.copytree(default_cache() / "prompts", self.state / "prompts")
        site = folder / "site.yaml"
        text = SITE.replace("state_dir: .", f"state_dir: {self.state}\ndesk: {{port: {desk}}}\nmetrics: {{port: 0}}")
        site.write_text(text + (f"database: {database}\n" if database else ""), encoding="utf-8")
        self.log_file = folder / "log.jsonl"
        program = "import sys; from cti.commands import main; sys.exit(main())"
        command = [sys.executable, "-c", program, "run", "-c", str(site)]
        command += ["--log", str(self.log_file)] if log else []
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, start_new_session=True, umask=0o022, preexec_fn=heed_ctrl_c
        )

    def status(self) -> dict[str, Any]:
        return ask(self.state, {"do": "status"})

    def until(self, alarm: str) -> dict[str, Any]:
        """The status once this alarm stands (or with "" once there is one)."""
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end and self.process.poll() is None:
            time.sleep(0.1)
            try:
                status = self.status()
            except ControlError:
                continue
            if not alarm or any(one["alarm"] == alarm for one in status["alarms"]):
                return status
        raise AssertionError(f"no {alarm or 'answer'}: {self.process.poll()} {self.log()}")

    def until_said(self, text: str, *before: Path) -> None:
        """Waits for these words in the log, or in what it was before a rotation."""
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end and self.process.poll() is None:
            time.sleep(0.1)
            if any(path.exists() and text.encode() in path.read_bytes() for path in (*before, self.log_file)):
                return
        raise AssertionError(f"nobody said {text!r}: {self.process.poll()} {self.log()}")

    def log(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(line) for line in self.log_file.read_bytes().splitlines()]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Running]]:
    servers: list[Running] = []
    yield servers
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate()


def test_a_server_without_its_database_takes_calls_and_says_what_is_missing(
    started: list[Running], tmp_path: Path
) -> None:
    server = Running(tmp_path, NOWHERE)
    started.append(server)
    status = server.until("database_away")
    assert status["ports"]
    server.process.terminate()
    _, said = server.process.communicate(timeout=LIMIT_S)
    assert (server.process.returncode, said) == (0, b"")
    log = server.log()
    assert not any("traceback" in line for line in log) and "s3cret" not in str(log)
    assert any(line.get("part") == "forwarder" and line["level"] == "error" for line in log)


def test_ctrl_c_reaches_the_forwarder_after_the_last_event_and_nothing_is_readable_for_all(
    started: list[Running], tmp_path: Path
) -> None:
    server = Running(tmp_path, None)
    started.append(server)
    server.until("")
    old = server.log_file.rename(tmp_path / "log.jsonl.1")
    server.process.send_signal(signal.SIGHUP)  # as a rotation of logs does
    server.until_said("records go to the database", old)  # by the forwarder, which is there then
    assert server.log_file.exists() and old.exists()
    os.killpg(server.process.pid, signal.SIGINT)
    _, said = server.process.communicate(timeout=LIMIT_S)
    assert (server.process.returncode, said) == (0, b"")
    assert not any("traceback" in line or "died" in line["text"] for line in server.log())
    made = [path for path in server.state.rglob("*") if path.is_file() and path.parent.name != "prompts"]
    assert {path.name for path in made} >= {"tipring.db", "boot"}
    assert [path for path in made if path.stat().st_mode & 0o007] == []


def test_a_hang_up_without_a_log_file_is_no_end(started: list[Running], tmp_path: Path) -> None:
    """`systemctl reload` sends it, and systemd takes a death by it for a wish: it would not start the server again."""
    server = Running(tmp_path, None, log=False)
    started.append(server)
    server.until("")
    server.process.send_signal(signal.SIGHUP)
    assert all(server.status()["ports"] for _ in range(5)), "answered after it was heeded"
    assert server.process.poll() is None
    server.process.terminate()
    server.process.communicate(timeout=LIMIT_S)
    assert server.process.returncode == 0


def test_a_port_that_another_program_has_is_named_with_its_field(started: list[Running], tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as other:
        server = Running(tmp_path, None, desk=other.getsockname()[1])
        started.append(server)
        _, said = server.process.communicate(timeout=LIMIT_S)
    assert server.process.returncode == 2 and said.count(b"\n") == 1
    assert b"set desk.port to another number" in said and b"Address already in use" in said
    assert not any("traceback" in line for line in server.log())
    assert not (server.state / "control.sock").exists()


class Spawning:
    """A reactor that starts no process, and counts them."""

    def __init__(self, clock: SteppedClock) -> None:
        self.callLater, self.spawned = clock.callLater, 0

    def spawnProcess(self, *arguments: object, **options: object) -> None:
        self.spawned += 1


def test_a_forwarder_that_dies_is_an_alarm_until_one_lives(tmp_path: Path) -> None:
    clock = SteppedClock(START)
    reactor, told = Spawning(clock), list[tuple[str, bool]]()
    forwarder = ForwarderProcess(
        reactor, tmp_path / "site.yaml", Log(clock, Lines()), lambda name, raised, text: told.append((name, raised))
    )
    forwarder.start()
    for _ in range(3):
        forwarder.processEnded(Failure(ProcessTerminated(2)))  # type: ignore[no-untyped-call]
        clock.advance(FORWARDER_AGAIN_S)
    assert reactor.spawned == 4 and told == [("forwarder_down", True)]
    forwarder.errReceived(msgspec.json.encode({"level": "error", "text": "down", "event": "away"}) + b"\n")
    clock.advance(FORWARDER_LIVES_S)
    assert told[1:] == [("database_away", True), ("forwarder_down", False)]
    forwarder.errReceived(msgspec.json.encode({"level": "info", "text": "up", "event": "back"}) + b"\n")
    assert told[3:] == [("database_away", False)]
    forwarder._running = False
    forwarder.stop()
    assert clock.getDelayedCalls() == []


def test_the_engine_says_its_last_words_before_it_stops() -> None:
    clock = SteppedClock(START)
    said: list[float] = []
    last_words(clock, lambda: clock.seconds() < 0.5).addCallback(lambda _: said.append(clock.seconds()))
    last_words(clock, lambda: False).addCallback(lambda _: said.append(clock.seconds()))
    last_words(clock, lambda: True).addCallback(lambda _: said.append(clock.seconds()))
    clock.advance(10.0)
    assert said == pytest.approx([LAST_TICKS_S, 0.5, LAST_WORDS_S], abs=0.11)
    assert said[0] == pytest.approx(LAST_TICKS_S)


HALF = """
import signal, sys
from cti.reactor import install
install()
from cti import service
def broken(self):
    self._ticks = 1 / 0
service.Server.start = broken
from cti.site.config import load_site
sys.exit(service.serve(load_site(sys.argv[1]), sys.argv[1], log_file=sys.argv[2], level="info"))
"""


@pytest.mark.paced
def test_a_start_that_fails_as_nobody_foresaw_is_no_half_server(tmp_path: Path) -> None:
    """It would listen, take no calls, and keep systemd from starting it again."""
    site = tmp_path / "site.yaml"
    site.write_text(SITE.replace("state_dir: .", f"state_dir: {tmp_path}"), encoding="utf-8")
    shutil.copytree(default_cache() / "prompts", tmp_path / "prompts")
    log = tmp_path / "log.jsonl"
    ran = subprocess.run(
        [sys.executable, "-c", HALF, str(site), str(log)], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert ran.returncode == 1, ran.stderr
    assert "ZeroDivisionError" in log.read_text("utf-8")

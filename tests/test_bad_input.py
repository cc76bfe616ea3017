"""Bad input while calls go on: the calls go on too, or end with a stated cause; nothing is lost, nobody is stuck.

What each part does with bad input is tested beside it; here a whole centre has it in the middle of its work.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
from twisted.internet.protocol import Protocol

from cti.assemble import Assembly
from cti.records.journal_read import read
from drivers.clock import SteppedClock
from simulators.lines.serial_line import Line, Speed
from simulators.rig import stage, stepped
from simulators.scenario.scenario import Scenario, mixed
from simulators.scenario.table import read_table
from simulators.world.world import World
from tests.conftest import LoggedFailures
from tests.rig.settled import Seen, look, settled


def callers(count: int = 8) -> Scenario:
    return mixed(7, count, vru_ports=8)


def findings(seen: Seen) -> list[str]:
    return [str(finding) for finding in seen.run.findings]


def every(clock: SteppedClock, seconds: float, until: float, do: Callable[[], object]) -> None:
    """Calls ``do`` again and again until that second of the run."""

    def again() -> None:
        do()
        if clock.seconds() + seconds < until:
            clock.callLater(seconds, again)

    clock.callLater(seconds, again)


# ---- serial lines ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
def test_random_bytes_on_both_serial_lines(seed: int) -> None:
    """Between the PBX's own bytes, ended by a line end so that its next line begins anew."""
    random = Random(seed)

    def noise(server: Assembly, world: World, clock: SteppedClock) -> None:
        def write() -> None:
            for line in (world.smdi, world.smdr):
                line.write(random.randbytes(random.randrange(60)) + b"\r\n")

        every(clock, 0.7, 90.0, write)

    seen = look(callers(), change=noise)
    settled(seen, alarms={"smdi_damaged"})
    assert findings(seen) == []


def test_half_frames_and_messages_cut_in_two() -> None:
    """A message that breaks off, then a whole one; the same one twice; records with a page header in the middle."""
    halves = [
        b"\r\nMD001",
        b"\r\nMD0010003A6688",
        b"\x19\x19\r\n",
        b"\r\nMD9999999A66886688 13800138000 \r\n\x19",
        b"MWI\r\n",
    ]

    def noise(server: Assembly, world: World, clock: SteppedClock) -> None:
        random = Random(5)
        every(clock, 1.3, 90.0, lambda: world.smdi.write(random.choice(halves)))
        every(clock, 2.9, 90.0, lambda: world.smdr.write(b"01/05/26 09:00AM  80\r\n"))

    seen = look(callers(), change=noise)
    settled(seen, alarms={"smdi_damaged"})
    assert findings(seen) == []
    alarms = {data["what"] for _, _, data in seen.kinds("alarm")}
    assert "unknown_line" in alarms, "desk 999, line 9999"


@pytest.mark.parametrize("line", ["smdi", "smdr"])
def test_ten_megabytes_without_a_terminator(line: str) -> None:
    """As fast as a driver could hand them over, in the middle of calls: memory stays bounded, the next line counts."""

    def flood(server: Assembly, world: World, clock: SteppedClock) -> None:
        end = cast(Line, getattr(world, line)).server

        def pour() -> None:
            assert end.protocol is not None
            for _ in range(160):
                end.protocol.dataReceived(b"M" * 65536)
            end.protocol.dataReceived(b"\r\n")

        clock.callLater(30.0, pour)

    seen = look(callers(), change=flood)
    settled(seen, alarms={"smdi_damaged"} if line == "smdi" else ())
    assert findings(seen) == []
    later = [call for call in seen.run.calls if call["steps"]["1"] > 31 and call["ani"]]
    assert later
    if line == "smdr":
        assert any(call["cause"] == "smdr" for call in later)
    else:
        assert any(call["sources"]["4"] == "smdi" for call in later)


# ---- desks -------------------------------------------------------------------------------------------------------


class Intruder(Protocol):
    """A link to the desk server on which anything is sent."""

    def __init__(self) -> None:
        self.data = b""
        self.closed = False

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def connectionLost(self, reason: object = None) -> None:
        self.closed = True

    def send(self, data: bytes) -> None:
        if not self.closed:
            cast(Any, self.transport).write(data)

    @property
    def codes(self) -> list[int]:
        return [json.loads(line)["error"]["code"] for line in self.data.splitlines() if b'"error"' in line]


def intrude(server: Assembly, clock: SteppedClock) -> Intruder:
    line = Line(clock, "intruder", Speed(0), network=True)
    intruder = Intruder()
    line.server.connect(server.centre.desks.factory.buildProtocol(None))
    line.pbx.connect(intruder)
    return intruder


def request(method: str, **params: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n"


MALFORMED = [
    b"\n\n{not json}\n",
    b"\x00\xff\xfe\n" * 5,
    b"[]\n[1,2,3]\n",
    b'{"jsonrpc":"2.0","id":1,"method":"login","params":{"agent":1001}}\n',
    b'{"jsonrpc":"2.0","id":{},"method":7}\n' * 4,
    b'{"a":' * 5000 + b"\n",
    b"x" * 70_000 + b"\n",
    b"x" * 10_000_000,
    request("login", agent="1001", password="p" * 60_000),
    request("no such method"),
]
UNAUTHENTICATED = [
    request("not_ready", reason="mischief"),
    request("logout"),
    request("call_ended"),
    request("calls", limit=10),
    request("resume", token="0" * 64),
]


def test_malformed_oversized_and_unauthenticated_desk_messages() -> None:
    intruders: list[Intruder] = []

    def mischief(server: Assembly, world: World, clock: SteppedClock) -> None:
        def come(number: int, data: bytes) -> None:
            intruders.append(intrude(server, clock))
            intruders[-1].send(data)

        for number, data in enumerate([*MALFORMED, *UNAUTHENTICATED]):
            clock.callLater(8.0 + 3.0 * number, come, number, data)

    seen = look(callers(), change=mischief)
    settled(seen)
    assert findings(seen) == []
    assert len(intruders) == len(MALFORMED) + len(UNAUTHENTICATED)
    for intruder in intruders:
        assert intruder.closed or intruder.codes, "answered by an error, or closed"
    for intruder in intruders[len(MALFORMED) :]:
        assert set(intruder.codes) <= {-32001, -32004} and intruder.codes
    assert b"result" not in b"".join(intruder.data for intruder in intruders)


def test_wrong_passwords_are_delayed_and_lock_nobody_out() -> None:
    """Tries from another address: each answer comes later than the one before, the agent at the desk works on."""
    answers: list[float] = []
    metrics: list[str] = []

    def guess(server: Assembly, world: World, clock: SteppedClock) -> None:
        intruder: list[Intruder] = []
        asked: list[float] = []

        def ask() -> None:
            if not intruder:
                intruder.append(intrude(server, clock))
            asked.append(clock.seconds())
            intruder[0].send(request("login", agent="1001", password=f"guess {len(asked)}"))
            clock.callLater(0.02, wait, len(intruder[0].codes) + 1)

        def wait(count: int) -> None:
            if len(intruder[0].codes) < count:
                clock.callLater(0.02, wait, count)
                return
            answers.append(clock.seconds() - asked[-1])
            if len(answers) < 4:
                ask()
            else:
                metrics.append(server.parts.metrics.exposition().decode())

        clock.callLater(10.0, ask)

    seen = look(callers(), change=guess)
    settled(seen)
    assert findings(seen) == []
    assert len(answers) == 4 and answers == sorted(answers) and answers[0] >= 0.4 and answers[3] >= 3.0
    assert "tipring_desk_wrong_passwords_total 4.0" in metrics[0]


# ---- disks -------------------------------------------------------------------------------------------------------

MESSAGE = """
setup  | agent 1001 | sales 8001 answers after 2 talks 60
4.0    | caller 1   | 13800138000 by fsk: choose 1 after 1.5; talk 40
12.0   | caller 2   | 13900139000 by fsk: choose 1 after 1.5; listen 1.2; press 2; listen 1.2; message 6
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_the_disk_is_full_while_a_caller_leaves_a_message() -> None:
    def full(server: Assembly, world: World, clock: SteppedClock) -> None:
        folder = Path(server.parts.site.state, "messages")
        folder.mkdir(exist_ok=True)
        for number in range(1, 6):
            (folder / f"1-{number:06d}.wav").symlink_to("/dev/full")

    seen = look(read_table(MESSAGE), change=full)
    settled(seen)
    first, second = seen.run.calls
    assert first["outcome"] == "answered"
    assert second["outcome"] == "failed" and "No space left on device" in second["cause"], second
    alarms = [(call, data["text"]) for _, call, data in seen.kinds("alarm", what="message_not_recorded")]
    assert len(alarms) == 1 and alarms[0][0] == second["call"]


class FullDisk:
    """os.write as on a full disk while `full`; the stream of everything else goes on."""

    def __init__(self, patch: pytest.MonkeyPatch, only: Callable[[], int]) -> None:
        self.full = False
        self.refused = 0
        self._only, self._write = only, os.write
        patch.setattr(os, "write", self)

    def __call__(self, fd: int, data: bytes) -> int:
        if self.full and fd == self._only() and threading.current_thread() is threading.main_thread():
            self.refused += 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._write(fd, data)


def test_the_disk_is_full_for_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty seconds without room: the calls go on, an alarm stands meanwhile, and every event is kept."""
    journal: list[Any] = []
    disk = FullDisk(monkeypatch, lambda: journal[0]._fd)
    serials: list[int] = []
    warned: list[tuple[float, bool]] = []

    def fill(server: Assembly, world: World, clock: SteppedClock) -> None:
        journal.append(server.parts.journal)
        alarm = server.parts.journal._on_alarm

        def told(name: str, raised: bool, text: str) -> None:
            if name == "journal_full":
                warned.append((clock.seconds(), raised))
            alarm(name, raised, text)

        server.parts.journal._on_alarm = told
        clock.callLater(30.0, setattr, disk, "full", True)
        clock.callLater(50.0, setattr, disk, "full", False)
        close = server.close

        def closing() -> None:
            serials.extend(record.serial for record in read(server.parts.journal.path))
            close()

        server.close = closing  # type: ignore[method-assign]

    seen = look(callers(), change=fill)
    settled(seen)
    assert findings(seen) == []
    assert disk.refused > 10
    assert [raised for _, raised in warned] == [True, False]
    assert warned[1][0] == pytest.approx(50.0, abs=2.5)
    assert serials == list(range(serials[0], serials[0] + len(serials))) and len(serials) == len(seen.events)


# ---- prompts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["all", "half"])
def test_prompts_vanish_while_the_server_runs(
    which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged_failures: LoggedFailures
) -> None:
    """Somebody clears the cache of prompts: what can be said is said, the calls end with a stated cause."""
    own = tmp_path / "prompts"
    shutil.copytree(stage.prompt_cache(), own)
    monkeypatch.setattr(stepped, "prompt_cache", lambda: own)

    def remove() -> None:
        for number, path in enumerate(sorted(own.rglob("*.wav"))):
            if which == "all" or number % 2:
                path.unlink()

    seen = look(callers(6), change=lambda server, world, clock: cast(None, clock.callLater(1.0, remove)))
    settled(seen)
    for call in seen.run.calls:
        assert call["outcome"] in ("answered", "failed", "no_choice", "abandoned_menu", "abandoned_queue"), call
        assert call["cause"]
    logged_failures.flush()

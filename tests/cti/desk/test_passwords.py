"""Passwords: real argon2id, delays that grow and are forgotten, and the thread that checks, over TCP in real time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cti.desk.passwords import FORGET_S, KEYS, NOBODY, Delays, InlineChecker, hash_password, verify
from drivers.clock import SteppedClock

ROOT = Path(__file__).parents[3]


def test_argon2id_with_the_stated_cost() -> None:
    hashed = hash_password("密码", salt=b"0123456789abcdef")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert hashed == hash_password("密码", salt=b"0123456789abcdef"), "the same salt: the same hash in stepped runs"
    assert hash_password("密码") != hashed
    assert verify(hashed, "密码")
    assert not verify(hashed, "密码 ")
    assert not verify(hashed, "\ud800")
    assert not verify("no hash", "密码")
    assert not verify(NOBODY, "nobody")
    right: list[bool] = []
    InlineChecker().verify(hashed, "密码").addCallback(right.append)
    assert right == [True]


def test_delays_grow_and_are_forgotten() -> None:
    clock = SteppedClock()
    delays = Delays(clock)
    assert delays.left_s("li", "a") == 0
    assert [delays.wrong("li", "a") for _ in range(3)] == [0.5, 1.0, 2.0]
    assert delays.left_s("li", "a") == 2.0
    assert delays.left_s("li", "b") == 0
    clock.advance(FORGET_S + 3)
    assert delays.wrong("li", "a") == 0.5
    delays.right("li", "a")
    assert delays.left_s("li", "a") == 0


def test_delays_take_bounded_memory() -> None:
    delays = Delays(SteppedClock())
    for n in range(KEYS + 50):
        delays.wrong("li", str(n))
    assert len(delays._wrong) == KEYS
    assert delays.left_s("li", "0") == 0
    assert delays.left_s("li", str(KEYS)) > 0


PROGRAM = """
import json, os, sys, time
from cti.reactor import install
reactor = install()
from twisted.internet import protocol
from twisted.protocols.basic import LineOnlyReceiver
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP4ClientEndpoint
from cti.acd.centre import Acd
from cti.desk.passwords import ThreadChecker, hash_password
from cti.desk.server import DeskServer
from drivers.clock import ReactorClock
from tests.cti.acd.acd_site import GroupOf, ProfileOf
clock = ReactorClock(reactor)
N = 12
hashed = hash_password("secret")
people = [ProfileOf(f"a{n}", ["s"], f"80{n}", password=hashed) for n in range(N)]
acd = Acd(clock, [GroupOf("s")], people, lambda *event: None)
checker = ThreadChecker(reactor, queue=8)
checker.start()
server = DeskServer(clock, people, acd, checker, os.urandom)
answers, late = [], []
last = [time.monotonic()]
def tick():
    now = time.monotonic()
    late.append(now - last[0] - 0.005)
    last[0] = now
    reactor.callLater(0.005, tick)
class Client(LineOnlyReceiver):
    delimiter = b"\\n"
    def connectionMade(self):
        self.sendLine(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "login",
            "params": {"agent": self.factory.agent, "password": "secret"}}).encode())
    def lineReceived(self, line):
        message = json.loads(line)
        if message.get("id") == 1:
            answers.append(message.get("error", {}).get("code", "ok"))
            if len(answers) == N:
                finish()
def finish():
    sessions = server.counts()
    server.close()
    acd.close()
    checker.stop()
    late_ms = max(late) * 1000
    print(json.dumps(dict(answers=answers, late_ms=late_ms, sessions=sessions, waiting=checker.waiting)))
    reactor.stop()
def listening(port):
    tick()
    for n in range(N):
        factory = protocol.Factory.forProtocol(Client)
        factory.agent = f"a{n}"
        TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port).connect(factory)
TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(server.factory).addCallback(listening)
reactor.callLater(30, os._exit, 3)
reactor.run()
"""


@pytest.mark.paced
def test_many_log_in_at_once_over_tcp() -> None:
    """One check at a time, eight may wait, the others are told to try again; meanwhile the reactor goes on."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["answers"].count("ok") >= 8
    assert set(found["answers"]) <= {"ok", -32000}
    assert -32000 in found["answers"]
    assert found["sessions"] == {"attached": found["answers"].count("ok"), "adrift": 0}
    assert found["waiting"] == 0


SLOW = """
import json, os, socket, threading
from cti.reactor import install
reactor = install()
from twisted.internet.endpoints import TCP4ServerEndpoint
from cti.acd.centre import Acd
from cti.desk.passwords import InlineChecker, hash_password
from cti.desk.server import DeskServer
from drivers.clock import ReactorClock
from tests.cti.acd.acd_site import GroupOf, ProfileOf
clock = ReactorClock(reactor)
people = [ProfileOf("a", ["s"], "80", password=hash_password("secret"))]
acd = Acd(clock, [GroupOf("s")], people, lambda *event: None)
server = DeskServer(clock, people, acd, InlineChecker(), os.urandom)
sent = [0]
def tell():
    session = server.sessions.get("a")
    if session is not None and session.state == "adrift":
        print(json.dumps({"sent": sent[0], "declared": acd.agents["a"].declared}))
        server.close(); acd.close(); reactor.stop()
        return
    if session is not None:
        for _ in range(20):
            sent[0] += 60000
            server.notify("a", "message", {"text": "x" * 60000})
    reactor.callLater(0.001, tell)
def listening(port):
    reader = socket.create_connection(("127.0.0.1", port.getHost().port))
    params = {"agent": "a", "password": "secret"}
    reader.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "login", "params": params}).encode() + b"\\n")
    server.reader = reader      # and never reads
    tell()
TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(server.factory).addCallback(listening)
reactor.callLater(30, os._exit, 3)
reactor.run()
"""


@pytest.mark.paced
def test_a_desk_on_tcp_that_does_not_read_is_cut_off() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SLOW], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["sent"] < 30_000_000, "the kernel's buffers and 320 KiB of ours"
    assert found["declared"] == "not_ready"

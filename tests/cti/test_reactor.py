"""The reactor, in a process of its own: timers in order by monotonic seconds, TCP, child processes, signals."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROGRAM = """
import sys, time, os, signal, asyncio
from cti.reactor import install, MonotonicReactor
reactor = install()
assert install() is reactor
import uvloop
from twisted.internet import reactor as default, protocol, error
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP4ClientEndpoint
assert default is reactor and isinstance(reactor, MonotonicReactor)
assert isinstance(reactor._asyncioEventloop, uvloop.Loop)
assert sys.getswitchinterval() == 0.0005
assert abs(reactor.seconds() - time.monotonic()) < 0.05
time.time = lambda: 0.0     # the wall clock is of no importance
seen, ended = [], []
reactor.callLater(0.05, seen.append, "late")
reactor.callLater(0.01, seen.append, "soon")
reactor.callLater(0, seen.append, "now")
class Echo(protocol.Protocol):
    def dataReceived(self, data):
        self.transport.write(data)
class Ask(protocol.Protocol):
    def connectionMade(self):
        self.transport.write(b"ping")
    def dataReceived(self, data):
        seen.append(data.decode())
        reactor.spawnProcess(Child(), "/bin/true", ["true"])
class Child(protocol.ProcessProtocol):
    def processEnded(self, reason):
        assert reason.check(error.ProcessDone)
        ended.append(reason)
        if len(ended) < 30:
            reactor.spawnProcess(Child(), "/bin/true", ["true"])
        else:
            seen.append("child")
            reactor.callLater(0.1, os.kill, os.getpid(), signal.SIGTERM)
def listening(port):
    TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port).connect(protocol.Factory.forProtocol(Ask))
TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(protocol.Factory.forProtocol(Echo)).addCallback(listening)
reactor.callLater(20, os._exit, 3)
reactor.addSystemEventTrigger("after", "shutdown", lambda: print(" ".join(seen)))
reactor.run()
"""


@pytest.mark.paced
def test_the_reactor_in_a_process_of_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    words = done.stdout.split()
    assert sorted(words) == ["child", "late", "now", "ping", "soon"]
    assert [word for word in words if word in ("now", "soon", "late")] == ["now", "soon", "late"]


IMPATIENT = """
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)   # whoever started us in the background
from cti.reactor import install
reactor = install()
from twisted.internet.defer import Deferred
from twisted.python import log
errors = []
log.addObserver(lambda event: errors.append(event) if event.get("isError") else None)
def stopping():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        os.kill(os.getpid(), number)
    done = Deferred()
    reactor.callLater(0.2, done.callback, None)
    return done
reactor.addSystemEventTrigger("before", "shutdown", stopping)
reactor.callLater(0, os.kill, os.getpid(), signal.SIGINT)
reactor.run()
print("stopped", len(errors))
"""


@pytest.mark.paced
def test_a_second_ctrl_c_while_it_stops_is_nothing() -> None:
    ran = subprocess.run([sys.executable, "-c", IMPATIENT], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert (ran.stdout.strip(), ran.stderr) == ("stopped 0", "")

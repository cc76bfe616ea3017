"""The serial line as a pseudo-terminal, in real time."""

import contextlib
import os
import termios
import tty

import pytest
from twisted.internet.epollreactor import EPollReactor

from drivers.clock import ReactorClock
from simulators.serial_line import PtyLine, Speed

pytestmark = pytest.mark.paced


def test_pacing_parity_and_who_reads(tmp_path):
    reactor = EPollReactor()
    clock = ReactorClock(reactor)
    line = PtyLine(clock, reactor, tmp_path / "smdi", Speed(2400, 7, "even", 1))
    seen, came, got = [], [], bytearray()
    line.watch(seen.append)
    line.listen(came.append)
    line.write(b"nobody reads this")
    began = clock.seconds()
    opened = []

    def open_it():
        descriptor = os.open(tmp_path / "smdi", os.O_RDWR | os.O_NOCTTY)
        tty.setraw(descriptor)
        termios.tcflush(descriptor, termios.TCIFLUSH)
        os.set_blocking(descriptor, False)
        opened.append(descriptor)
        os.write(descriptor, b"OP:MWI 8001!\x04")

    def read():
        with contextlib.suppress(BlockingIOError):
            got.extend(os.read(opened[0], 4096))
        clock.callLater(0.01, read)

    times = []
    line.watch(lambda is_open: (times.append(clock.seconds()), line.write(b"A" * 48)) if is_open else None)
    clock.callLater(0.1, open_it)
    clock.callLater(0.12, read)
    clock.callLater(0.85, lambda: os.close(opened[0]))
    clock.callLater(0.84, lambda: [call.cancel() for call in reactor.getDelayedCalls() if call.func is read])
    clock.callLater(1.2, reactor.stop)
    reactor.run(installSignalHandlers=False)
    assert clock.seconds() - began < 3
    assert bytes(got) == b"A" * 48
    assert b"".join(came) == b"OP:MWI 8001!\x04"
    assert seen == [True, False]
    assert not line.read
    line.close()
    assert not (tmp_path / "smdi").exists()

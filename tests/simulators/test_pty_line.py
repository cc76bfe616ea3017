"""The serial line as a pseudo-terminal, in real time."""

import contextlib
import os
import termios
import tty
from pathlib import Path
from typing import Any, cast

import pytest
from twisted.internet.epollreactor import EPollReactor

from drivers.clock import ReactorClock
from simulators.serial_line import PtyLine, Speed

pytestmark = pytest.mark.paced


def test_pacing_parity_and_who_reads(tmp_path: Path) -> None:
    reactor: Any = cast(Any, EPollReactor)()
    clock = ReactorClock(reactor)
    line = PtyLine(clock, reactor, tmp_path / "smdi", Speed(2400, 7, "even", 1))
    seen: list[bool] = []
    came: list[bytes] = []
    got = bytearray()
    line.watch(seen.append)
    line.listen(came.append)
    line.write(b"nobody reads this")
    began = clock.seconds()
    opened: list[int] = []
    closing: list[bool] = []

    def open_it() -> None:
        descriptor = os.open(tmp_path / "smdi", os.O_RDWR | os.O_NOCTTY)
        tty.setraw(descriptor)
        termios.tcflush(descriptor, termios.TCIFLUSH)
        os.set_blocking(descriptor, False)
        opened.append(descriptor)
        os.write(descriptor, b"OP:MWI 8001!\x04")

    def read() -> None:
        with contextlib.suppress(BlockingIOError):
            got.extend(os.read(opened[0], 4096))
        if not closing:
            clock.callLater(0.01, read)

    line.watch(lambda is_open: line.write(b"A" * 48) if is_open else None)
    clock.callLater(0.1, open_it)
    clock.callLater(0.12, read)
    clock.callLater(0.8, closing.append, True)
    clock.callLater(0.85, lambda: os.close(opened[0]))
    clock.callLater(1.2, reactor.stop)
    reactor.run(installSignalHandlers=False)
    assert clock.seconds() - began < 3
    assert bytes(got) == b"A" * 48
    assert b"".join(came) == b"OP:MWI 8001!\x04"
    assert seen == [True, False]
    assert not line.read
    line.close()
    assert not (tmp_path / "smdi").exists()

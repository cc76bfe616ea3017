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
from simulators.lines.serial_line import PtyLine, Speed

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


def test_unplugged_and_back_under_the_same_name(tmp_path: Path) -> None:
    reactor: Any = cast(Any, EPollReactor)()
    clock = ReactorClock(reactor)
    line = PtyLine(clock, reactor, tmp_path / "smdr", Speed(9600))
    seen: list[bool] = []
    line.watch(seen.append)
    devices: list[str] = []
    held: list[int] = []

    def open_it() -> None:
        devices.append(os.readlink(tmp_path / "smdr"))
        held.append(os.open(tmp_path / "smdr", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))

    def pulled() -> None:
        line.unplug()
        assert not (tmp_path / "smdr").exists()
        line.write(b"into the void")

    clock.callLater(0.05, open_it)
    clock.callLater(0.4, pulled)
    clock.callLater(0.5, line.plug)
    clock.callLater(0.55, open_it)
    clock.callLater(0.95, reactor.stop)
    reactor.run(installSignalHandlers=False)
    with pytest.raises(OSError, match="Input/output error"):
        os.write(held[0], b"x")
    for descriptor in held:
        os.close(descriptor)
    assert seen[:3] == [True, False, True]
    line.close()

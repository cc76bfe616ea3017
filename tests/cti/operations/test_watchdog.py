"""systemd is told that the server lives as long as the media engine ticks, over a real notification socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cti.operations.watchdog import Watchdog, notifier, period_s
from drivers.clock import SteppedClock
from drivers.stepped import Stepper


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.bind(str(tmp_path / "notify"))
        link.setblocking(False)
        yield link


def told(systemd: socket.socket) -> list[str]:
    states = []
    while True:
        try:
            states.append(systemd.recv(4096).decode())
        except BlockingIOError:
            return states


def test_what_systemd_is_told(systemd: socket.socket) -> None:
    clock, ticks, alarms = SteppedClock(), [0], []
    notify = notifier({"NOTIFY_SOCKET": systemd.getsockname()})
    dog = Watchdog(clock, notify, lambda: ticks[0], lambda: "3 calls", lambda *alarm: alarms.append(alarm), every_s=4.0)
    stepper = Stepper(clock)
    dog.start()
    assert told(systemd) == ["READY=1\nSTATUS=3 calls"]
    ticks[0] += 200
    stepper.run_for(4.0)
    assert told(systemd) == ["WATCHDOG=1\nSTATUS=3 calls"]
    stepper.run_for(8.0)  # no tick: not fed, told once
    assert told(systemd) == []
    assert alarms == [("media_stalled", True, "the media engine made no tick in 4 s")]
    ticks[0] += 1
    stepper.run_for(4.0)
    assert told(systemd) == ["WATCHDOG=1\nSTATUS=3 calls"]
    assert alarms[1:] == [("media_stalled", False, "the media engine ticks again")]
    dog.stop()
    assert told(systemd) == ["STOPPING=1"]
    assert not clock.getDelayedCalls()


def test_without_a_watchdog_asked_for_a_stall_is_an_alarm(systemd: socket.socket) -> None:
    clock, alarms = SteppedClock(), []
    notify = notifier({"NOTIFY_SOCKET": systemd.getsockname()})
    dog = Watchdog(clock, notify, lambda: 7, lambda: "", lambda *alarm: alarms.append(alarm))
    dog.start()
    Stepper(clock).run_for(6.0)
    assert told(systemd) == ["READY=1\nSTATUS="]
    assert [alarm[:2] for alarm in alarms] == [("media_stalled", True)]
    dog.stop()


def test_a_socket_that_is_gone_harms_nobody(tmp_path: Path) -> None:
    notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")})("READY=1")
    notifier({})("READY=1")


def test_an_abstract_socket() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.bind("")  # the kernel chooses a name
        name = link.getsockname()
        notifier({"NOTIFY_SOCKET": "@" + name[1:].decode()})("READY=1")
        link.setblocking(False)
        assert link.recv(100) == b"READY=1"


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "10000000"}, 5.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": str(os.getpid())}, 5.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_how_often(environment: dict[str, str], seconds: float | None) -> None:
    assert period_s(environment) == seconds

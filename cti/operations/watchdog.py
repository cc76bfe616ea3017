"""Tells systemd that the server lives, as long as the media engine ticks (sd_notify(3), systemd.service(5)).

Fed from the reactor by the engine's tick count: neither a stopped media thread nor a stopped control half passes for
life. Where the unit has no WatchdogSec, or there is no systemd, a stall of the media thread is still an alarm. Serves
all nine steps.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping

from drivers.clock import Clock, DelayedCall

# Looked at so often where systemd asks for nothing.
USUAL_S = 5.0

Notify = Callable[[str], None]


def notifier(environment: Mapping[str, str]) -> Notify:
    """Sends a state to systemd's socket; does nothing where there is none. A socket that is gone or full is not worth
    a call: what is lost is said again at the next look."""
    where = environment.get("NOTIFY_SOCKET", "")
    if not where:
        return lambda state: None
    address = "\0" + where[1:] if where.startswith("@") else where

    def notify(state: str) -> None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as link:
                link.setblocking(False)
                link.sendto(state.encode(), address)
        except OSError:
            return

    return notify


def period_s(environment: Mapping[str, str]) -> float | None:
    """How often systemd wants to be fed, in seconds: half of what it allows; None: not at all, or not by us."""
    wanted = environment.get("WATCHDOG_USEC", "")
    if not wanted.isdigit() or int(wanted) == 0:
        return None
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(wanted) / 2e6


class Watchdog:
    """``ticks`` counts what the media engine did; ``state`` is one line for `systemctl status`."""

    def __init__(
        self,
        clock: Clock,
        notify: Notify,
        ticks: Callable[[], int],
        state: Callable[[], str],
        on_alarm: Callable[[str, bool, str], None],
        *,
        every_s: float | None = None,
    ) -> None:
        self._clock, self._notify, self._ticks, self._state, self._on_alarm = clock, notify, ticks, state, on_alarm
        self._every_s = every_s or USUAL_S
        self._feeds = every_s is not None
        self._last = -1
        self._stalled = False
        self._timer: DelayedCall | None = None

    def start(self) -> None:
        """The server takes calls."""
        self._last = self._ticks()
        self._notify(f"READY=1\nSTATUS={self._state()}")
        self._timer = self._clock.callLater(self._every_s, self._look)

    def stop(self) -> None:
        """The server ends by itself."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self._notify("STOPPING=1")

    def _look(self) -> None:
        self._timer = self._clock.callLater(self._every_s, self._look)
        ticks = self._ticks()
        stalled, self._last = ticks == self._last, ticks
        if stalled != self._stalled:
            self._stalled = stalled
            text = (
                f"the media engine made no tick in {self._every_s:g} s" if stalled else "the media engine ticks again"
            )
            self._on_alarm("media_stalled", stalled, text)
        if not stalled:
            self._notify(("WATCHDOG=1\n" if self._feeds else "") + f"STATUS={self._state()}")

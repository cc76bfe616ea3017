"""The reactor of the server: asyncio with uvloop, and seconds that never jump.

Twisted's own default follows the wall clock: set back an hour, every timer stalls for an hour. uvloop costs a third
less per write than asyncio's loop. `install()` is called first of all in a process that runs in real time, before
anything imports `twisted.internet.reactor`; stepped runs need no reactor at all. Serves all of the nine steps.
"""

from __future__ import annotations

import signal
import sys
from time import monotonic
from types import FrameType
from typing import Any, cast

import uvloop
from twisted.internet import process
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.main import installReactor

SWITCH_INTERVAL_S = 0.0005
"""A thread that computes in Python may hold the interpreter so long; the default of 5 ms delays a pop-up by as much."""


class MonotonicReactor(AsyncioSelectorReactor):
    """Twisted's reactor on an asyncio loop, counting by the monotonic clock."""

    def startRunning(self, installSignalHandlers: bool = True) -> None:
        """As Twisted's, and notices when child processes end.

        uvloop takes over the descriptor by which Twisted would be woken at SIGCHLD (in 17 of 100 runs a child's end
        went unnoticed). It does run handlers of the signal module, so there is one.
        """
        cast(Any, super()).startRunning(installSignalHandlers)
        if installSignalHandlers:
            signal.signal(signal.SIGCHLD, self._child_ended)
            signal.siginterrupt(signal.SIGCHLD, False)
            cast(Any, self).callLater(0, process.reapAllProcesses)  # who ended in between

    def stop(self) -> None:
        """As Twisted's; while it stops already (a second Ctrl-C, SIGTERM behind it), nothing more."""
        if not cast(Any, self)._stopped:
            cast(Any, super()).stop()

    def _child_ended(self, number: int, frame: FrameType | None) -> None:
        cast(Any, self).callFromThread(process.reapAllProcesses)

    def seconds(self) -> float:
        """Seconds of the monotonic clock: the one place where the control half reads the machine's own."""
        return monotonic()


def install() -> MonotonicReactor:
    """Install and return the reactor; the second time returns the first one.

    Raises ReactorAlreadyInstalledError where some module imported Twisted's default before.
    """
    present: object = sys.modules.get("twisted.internet.reactor")
    if isinstance(present, MonotonicReactor):
        return present
    reactor = MonotonicReactor(uvloop.new_event_loop())
    cast(Any, installReactor)(reactor)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    return reactor

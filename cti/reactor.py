"""The reactor of the server: asyncio with uvloop, and seconds that never jump.

Twisted's own default follows the wall clock: set back an hour, every timer stalls for an hour. uvloop costs a third
less per write than asyncio's loop. `install()` is called first of all in a process that runs in real time, before
anything imports `twisted.internet.reactor`; stepped runs need no reactor at all. Serves all of the nine steps.
"""

from __future__ import annotations

import sys
from time import monotonic
from typing import Any, cast

import uvloop
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.main import installReactor

SWITCH_INTERVAL_S = 0.0005
"""A thread that computes in Python may hold the interpreter so long; the default of 5 ms delays a pop-up by as much."""


class MonotonicReactor(AsyncioSelectorReactor):
    """Twisted's reactor on an asyncio loop, counting by the monotonic clock."""

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

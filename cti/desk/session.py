"""An agent's session at a desk: it outlives the link (step 8).

A dropped link does not lose the agent. The session stays for grace_s; calls go on, the agent keeps the declared
state, and a desk that comes back with the token finds the pop-up and what it missed. Only when nobody came back in
time is the agent logged out (cause desk_lost), and not even then where the agent went on at a telephone. While the
link is down, messages and alarms are kept, the newest BACKLOG of them; the pop-up is kept as it would be on the
screen; all else is in the state that is told at resume. No I/O.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from cti.machine import Chart, Machine

if TYPE_CHECKING:
    from drivers.clock import Clock, DelayedCall

BACKLOG = 100
"""So many notifications are kept for a desk whose link is down."""
KEPT = frozenset(("message", "alarm"))
"""Which notifications are kept."""

SESSION = Chart(
    "Desk session",
    {
        ("attached", "drop"): ("adrift", ("start_grace",)),
        ("attached", "attach"): ("attached", ()),
        ("attached", "end"): ("ended", ()),
        ("adrift", "attach"): ("attached", ("stop_grace",)),
        ("adrift", "expire"): ("ended", ("give_up",)),
        ("adrift", "end"): ("ended", ("stop_grace",)),
    },
    initial="attached",
    states={
        "attached": "a link is up",
        "adrift": "the link is down; the agent is still logged in",
        "ended": "logged out, or the grace is over",
    },
    limits={"adrift": "grace_s (default 120 s), then the agent is logged out"},
)


class Screen(Protocol):
    """The link to the desk."""

    def tell(self, method: str, params: object) -> None:
        """Send a notification."""


class Session:
    """One agent's session."""

    def __init__(
        self,
        clock: Clock,
        agent: str,
        token: str,
        screen: Screen,
        grace_s: float,
        on_expired: Callable[[Session], object],
    ) -> None:
        self.agent = agent
        self.token = token
        self.screen: Screen | None = screen
        self.popup: dict[str, object] | None = None  # as it is on the screen
        self.missed = 0  # kept notifications that did not fit any more
        self._backlog: deque[tuple[str, object]] = deque()
        self._clock = clock
        self._grace_s = grace_s
        self._on_expired = on_expired
        self.dropped_s = 0.0  # since when the link is down
        self._timer: DelayedCall | None = None
        self._machine = Machine(SESSION, actions=self, name=f"session {agent}")

    @property
    def state(self) -> str:
        """attached, adrift or ended."""
        return self._machine.state

    def tell(self, method: str, params: dict[str, object]) -> bool:
        """Tell the desk, or remember for when it comes back. True: it is on its way."""
        self._note_popup(method, params)
        if self.screen is not None:
            self.screen.tell(method, params)
            return True
        if method in KEPT:
            self._backlog.append((method, params))
            if len(self._backlog) > BACKLOG:
                self._backlog.popleft()
                self.missed += 1
        return False

    def attach(self, screen: Screen) -> Screen | None:
        """A link for this session; returns the one it had, which is to be closed."""
        old, self.screen = self.screen, screen
        self._machine.send("attach")
        return old

    def resend(self) -> None:
        """After attach and the answer: the pop-up, then what was kept."""
        if self.screen is None:
            return
        if self.popup is not None:
            self.screen.tell("popup", self.popup)
        while self._backlog:
            self.screen.tell(*self._backlog.popleft())
        self.missed = 0

    def drop(self, screen: Screen) -> None:
        """This link is down. Of no importance where another one has taken its place."""
        if self.screen is screen:
            self.screen = None
            self._machine.send("drop")

    def end(self) -> None:
        """Logged out."""
        self.screen = None
        self._machine.send("end")

    def start_grace(self) -> None:
        """Action: the desk may come back."""
        self.dropped_s = self._clock.seconds()
        self._timer = self._clock.callLater(self._grace_s, self._expire)

    def stop_grace(self) -> None:
        """Action: it came back, or need not any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def give_up(self) -> None:
        """Action: it did not come back."""
        self._on_expired(self)

    def _expire(self) -> None:
        self._timer = None
        self._machine.send("expire")

    def _note_popup(self, method: str, params: dict[str, object]) -> None:
        if method == "popup":
            self.popup = params
        elif self.popup is not None and params.get("call") == self.popup.get("call"):
            if method == "popup.update":
                self.popup = {**self.popup, **params}
            elif method == "ended":
                self.popup = None

"""One TCP connection of a desk: bytes to calls, answers and notifications to bytes, all of it bounded (step 8).

Limits, and what happens at each: LOGIN_S without a log-in, or TRIES with wrong passwords, closed; three malformed
messages in a row, closed; a reader so slow that more than HELD bytes wait beside the 64 KiB in the transport, cut off
at once (the session stays); PENDING requests unanswered, or more than BURST at once and RATE a second, the next is
refused as busy (and after FLOOD of these the link is closed); a peer that is gone without a word is noticed by its
silence to the heartbeat (TCP gives up after TCP_SILENT_MS). No traceback ever goes to a peer. Works on any Twisted
transport, also one in memory.
"""

from __future__ import annotations

import socket
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol, cast

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from cti.desk import wire

if TYPE_CHECKING:
    from cti.desk.session import Session
    from drivers.clock import Clock, DelayedCall

LOGIN_S = 30.0
HEARTBEAT_S = 15.0
LINGER_S = 5.0
TRIES = 5
HELD = 256 * 1024
PENDING = 32
RATE = 20.0
BURST = 100.0
FLOOD = 1000
MALFORMED_IN_A_ROW = 3
TCP_SILENT_MS = 30_000


class Owner(Protocol):
    """The server, as a link sees it."""

    def link_made(self, link: DeskLink) -> bool:
        """False: too many links, this one is refused."""
        ...

    def link_lost(self, link: DeskLink) -> None: ...

    def received(self, link: DeskLink, call: wire.Call) -> None: ...

    def fault(self, link: DeskLink, reason: str) -> None:
        """Count why a link is refused or closed."""


class DeskLink(TwistedProtocol):
    """See above. session is the agent's, once logged in."""

    def __init__(self, clock: Clock, owner: Owner) -> None:
        self.session: Session | None = None
        self.address = ""
        self.pending = 0  # requests not answered yet
        self.tries = 0  # log-ins with wrong passwords
        self.open = False
        self._clock = clock
        self._owner = owner
        self._decoder = wire.Decoder()
        self._malformed = 0
        self._allowed = BURST  # requests that may come now
        self._allowed_at_s = clock.seconds()
        self._refused = 0
        self._held: deque[bytes] = deque()
        self._held_bytes = 0
        self._paused = False
        self._login_timer: DelayedCall | None = None
        self._heartbeat: DelayedCall | None = None
        self._linger: DelayedCall | None = None

    # Twisted's side

    def connectionMade(self) -> None:
        """A desk connects."""
        self.open = True
        peer = getattr(self.transport, "getPeer", lambda: None)()
        self.address = str(getattr(peer, "host", "") or "")
        self._set_tcp()
        if hasattr(self.transport, "registerProducer"):
            cast(Any, self.transport).registerProducer(cast(IPushProducer, self), True)
        self.await_login()
        self._heartbeat = self._clock.callLater(HEARTBEAT_S, self._beat)
        if not self._owner.link_made(self):
            self._owner.fault(self, "too_many")
            self.refuse(wire.BUSY, "too many desks are connected")

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the desk."""
        for item in self._decoder.feed(data):
            if not self.open:
                return
            if isinstance(item, wire.Call):
                self._malformed = 0
                self._request(item)
                continue
            if item.reply:
                self.send(wire.error(item.id, item.code, item.message))
            if item.malformed:
                self._malformed += 1
                self._owner.fault(self, "oversized" if item.code == wire.TOO_LARGE else "malformed")
                if self._malformed >= MALFORMED_IN_A_ROW:
                    self.close()
            else:
                self._malformed = 0

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The link is down."""
        self.open = False
        for timer in (self._login_timer, self._heartbeat, self._linger):
            if timer is not None and timer.active():
                timer.cancel()
        self._login_timer = self._heartbeat = self._linger = None
        self._held.clear()
        self._held_bytes = 0
        self._owner.link_lost(self)

    def pauseProducing(self) -> None:
        """The transport has enough to send."""
        self._paused = True

    def resumeProducing(self) -> None:
        """The transport has room again."""
        self._paused = False
        while self._held and not self._paused:
            piece = self._held.popleft()
            self._held_bytes -= len(piece)
            self._write(piece)

    def stopProducing(self) -> None:
        """The transport is closing."""
        self._held.clear()
        self._held_bytes = 0

    # The server's side

    def send(self, message: bytes) -> None:
        """An answer or a notification."""
        if not self.open:
            return
        if not self._paused:
            self._write(message)
            return
        self._held.append(message)
        self._held_bytes += len(message)
        if self._held_bytes > HELD:
            self._owner.fault(self, "slow")
            self.cut()

    def tell(self, method: str, params: object) -> None:
        """A notification; cti.desk.session.Screen."""
        self.send(wire.notification(method, params))

    def refuse(self, code: int, message: str) -> None:
        """Say why, and close."""
        self.send(wire.error(None, code, message))
        self.close()

    def await_login(self) -> None:
        """Not logged in: the time for that runs."""
        self.logged_in()
        self._login_timer = self._clock.callLater(LOGIN_S, self._no_login)

    def login_refused(self) -> None:
        """After the answer: try again, but not for ever."""
        if self.tries >= TRIES:
            self._owner.fault(self, "guessing")
            self.close()
        elif self.open:
            self.await_login()

    def logged_in(self) -> None:
        """The time for a log-in does not run (any more)."""
        if self._login_timer is not None:
            self._login_timer.cancel()
            self._login_timer = None

    def close(self) -> None:
        """Send what waits, then close; after LINGER_S without success cut it off."""
        if not self.open:
            return
        self.open = False
        transport = cast(Any, self.transport)
        if self._held:
            self._paused = False
            for piece in self._held:
                transport.write(piece)
            self._held.clear()
            self._held_bytes = 0
        if hasattr(transport, "unregisterProducer"):
            transport.unregisterProducer()
        self._linger = self._clock.callLater(LINGER_S, self._cut)
        transport.loseConnection()

    def cut(self) -> None:
        """Close at once; what waits is lost."""
        if self.open:
            self.open = False
            self._held.clear()
            self._held_bytes = 0
            self._cut()

    # Within

    def _request(self, call: wire.Call) -> None:
        now = self._clock.seconds()
        self._allowed = min(BURST, self._allowed + (now - self._allowed_at_s) * RATE)
        self._allowed_at_s = now
        if self._allowed >= 1 and self.pending < PENDING:
            self._allowed -= 1
            self._owner.received(self, call)
            return
        if call.reply:
            self.send(wire.error(call.id, wire.BUSY, "too many requests at a time", {"retry_after_s": 1.0}))
        self._refused += 1
        if self._refused == FLOOD:
            self._owner.fault(self, "flood")
            self.close()

    def _cut(self) -> None:
        self._linger = None
        transport = cast(Any, self.transport)
        if hasattr(transport, "abortConnection"):
            transport.abortConnection()
        else:
            transport.loseConnection()

    def _write(self, message: bytes) -> None:
        cast(Any, self.transport).write(message)

    def _no_login(self) -> None:
        self._login_timer = None
        self._owner.fault(self, "no_login")
        self.refuse(wire.NOT_LOGGED_IN, f"no log-in within {LOGIN_S:g} s")

    def _beat(self) -> None:
        self._heartbeat = self._clock.callLater(HEARTBEAT_S, self._beat)
        if self.session is not None:
            self.tell("heartbeat", {"every_s": HEARTBEAT_S})

    def _set_tcp(self) -> None:
        handle = getattr(self.transport, "getHandle", lambda: None)()
        if isinstance(handle, socket.socket) and handle.family in (socket.AF_INET, socket.AF_INET6):
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TCP_SILENT_MS)

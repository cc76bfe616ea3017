"""Agents' passwords: argon2id, checked one at a time, and a growing delay after wrong ones (step 8).

argon2id with 19 MiB, t=2, p=1: the library's defaults would need 64 MiB and 174 ms each, and at nine o'clock 2,500
agents log in. One check at a time in one thread (the C code releases the interpreter); at most QUEUE of them wait, then
LoginBusy. Stepped runs check inline.

Wrong passwords are counted by agent and address: the answer to the n-th in a row comes FIRST_S * 2**(n-1) later, at
most LONGEST_S, and until then further tries are refused unread. An address that guesses cannot lock out the agent
elsewhere. FORGET_S without a try, or the right password, ends it. At most KEYS pairs are kept, the oldest are
forgotten.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Protocol

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from twisted.internet.defer import Deferred, fail, succeed

from cti.errors import TipringError

QUEUE = 1000
FIRST_S = 0.5
LONGEST_S = 30.0
FORGET_S = 900.0
KEYS = 10_000

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5aXNoZXJl$bzv1dvBQLEjCtqkFkjVhqQ2vNHIHT3DZSrMEbGTJ2Mk"
"""The password of an unknown agent is checked against this, so that it takes as long as that of a known one."""


class LoginBusy(TipringError):
    """Too many log-ins wait for their check; try again."""


class Seconds(Protocol):
    """The part of drivers.clock.Clock that is needed here."""

    def seconds(self) -> float: ...


class Checker(Protocol):
    """Checks a password against an argon2 hash; False also for a hash that is none."""

    def verify(self, hashed: str, password: str) -> Deferred[bool]:
        """Fails with LoginBusy when too many checks wait."""
        ...


def hash_password(password: str, salt: bytes | None = None) -> str:
    """What belongs into the site file. salt: 16 bytes, None: random."""
    return _HASHER.hash(password, salt=salt)


def verify(hashed: str, password: str) -> bool:
    """Takes about 20 ms of a core."""
    try:
        return _HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False


class InlineChecker:
    """For stepped runs and commands: checks at once."""

    def verify(self, hashed: str, password: str) -> Deferred[bool]:
        """See Checker."""
        return succeed(verify(hashed, password))


class ThreadChecker:
    """Checks in one thread of its own, one after the other."""

    def __init__(self, reactor: Any, queue: int = QUEUE) -> None:
        from twisted.python.threadpool import ThreadPool

        self._reactor = reactor
        self._pool = ThreadPool(0, 1, "passwords")
        self._queue = queue
        self.waiting = 0

    def start(self) -> None:
        """Before the first check."""
        self._pool.start()

    def stop(self) -> None:
        """Waits for the check that runs."""
        self._pool.stop()

    def verify(self, hashed: str, password: str) -> Deferred[bool]:
        """See Checker."""
        from twisted.internet.threads import deferToThreadPool

        if self.waiting >= self._queue:
            return fail(LoginBusy(f"{self.waiting} log-ins wait"))
        self.waiting += 1

        def done(answer: Any) -> Any:
            self.waiting -= 1
            return answer

        checked: Deferred[bool] = deferToThreadPool(self._reactor, self._pool, verify, hashed, password)
        return checked.addBoth(done)


class Delays:
    """Who has to wait after wrong passwords. A key is (agent, address)."""

    def __init__(self, clock: Seconds) -> None:
        self._clock = clock
        self._wrong: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()  # count, not before

    def left_s(self, agent: str, address: str) -> float:
        """Seconds until the next try is read; 0 for now."""
        found = self._wrong.get((agent, address))
        return max(0.0, found[1] - self._clock.seconds()) if found is not None else 0.0

    def wrong(self, agent: str, address: str) -> float:
        """One more wrong password; returns the delay of its answer in seconds."""
        now = self._clock.seconds()
        count, before = self._wrong.pop((agent, address), (0, 0.0))
        if now - before > FORGET_S:
            count = 0
        delay = min(LONGEST_S, FIRST_S * 2.0 ** min(count, 16))
        self._wrong[agent, address] = (count + 1, now + delay)
        if len(self._wrong) > KEYS:
            self._wrong.popitem(last=False)
        return delay

    def right(self, agent: str, address: str) -> None:
        """The right password: nothing is held against this pair any more."""
        self._wrong.pop((agent, address), None)

"""What no test may leave behind: a delayed call on a stepped clock, a reader in the reactor, an operation on a port, a
scope that is still open, or a failure in Twisted's log.

A test that provokes failures takes them from the log by the fixture `logged_failures`."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from typing import Any, Final, cast
from weakref import WeakSet

import pytest
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer  # type: ignore[import-untyped]

for _name in ("line", "digits", "sound", "signals"):
    pytest.register_assert_rewrite(f"tests.drivers.card_{_name}")


@implementer(ILogObserver)
class LoggedFailures:
    """Failures that Twisted's log was told since the test began."""

    def __init__(self) -> None:
        self.events: list[LogEvent] = []

    def __call__(self, event: LogEvent) -> None:
        if event.get("log_failure") is not None or event.get("isError"):
            self.events.append(event)

    def flush(self, *kinds: type[BaseException]) -> list[BaseException]:
        """Takes the failures of these kinds (all, without any) out of the log and returns them."""
        gc.collect()  # a Deferred tells an unhandled failure when it is collected
        taken, kept = [], []
        for event in self.events:
            failure = event.get("log_failure") or event.get("failure")
            value = failure.value if failure is not None else RuntimeError(str(event.get("log_text")))
            if not kinds or isinstance(value, kinds):
                taken.append(value)
            else:
                kept.append(event)
        self.events = kept
        return taken


@pytest.fixture
def logged_failures(_leaves_nothing_behind: LoggedFailures) -> LoggedFailures:
    """The failures logged by this test; `flush` those that it expects."""
    return _leaves_nothing_behind


def _recorded(monkeypatch: pytest.MonkeyPatch, cls: type[Any], made: list[Any] | WeakSet[Any]) -> None:
    original = cls.__init__

    def __init__(self: Any, *args: Any, **kw: Any) -> None:
        original(self, *args, **kw)
        made.append(self) if isinstance(made, list) else made.add(self)

    monkeypatch.setattr(cls, "__init__", __init__)


@pytest.fixture(autouse=True)
def _leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoggedFailures]:
    from drivers.clock import SteppedClock
    from drivers.scope import CallScope

    clocks: list[Any] = []
    scopes: list[Any] = []
    engines: WeakSet[Any] = WeakSet()  # tests may let engines go; what is open keeps them
    _recorded(monkeypatch, SteppedClock, clocks)
    _recorded(monkeypatch, CallScope, scopes)
    try:
        from drivers.engine import Engine
    except ImportError:
        pass  # not compiled: the pure parts can be tested all the same
    else:
        _recorded(monkeypatch, Engine, engines)
    failures = LoggedFailures()
    globalLogPublisher.addObserver(cast(ILogObserver, failures))
    readers = _readers()
    try:
        yield failures
        left = []
        for clock in clocks:
            clock.run_due()  # what was posted to the next turn belongs to the test
            left += [f"delayed call {call}" for call in clock.getDelayedCalls()]
        left += [f"scope {scope}" for scope in scopes if scope.is_open and (scope.children or scope.reason)]
        for engine in sorted(engines, key=lambda engine: str(engine.label)):
            if not engine.paced:
                engine.pump()
            left += [f"operation {operation}" for operation in engine.operations()]
            left += [f"running {engine.label}" for _ in range(1) if engine.paced and engine.running]
        left += [f"reader {reader}" for reader in _readers() - readers]
        left += [f"logged failure {value!r}" for value in failures.flush()]
        assert not left, "left behind: " + "; ".join(map(str, left))
    finally:
        globalLogPublisher.removeObserver(cast(ILogObserver, failures))


def _readers() -> set[Any]:
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    readers = reactor.getReaders() if hasattr(reactor, "getReaders") else ()
    return {reader for reader in readers if "twisted.internet._signals" not in type(reader).__module__}


MMAP_THRESHOLD: Final = -3
"""M_MMAP_THRESHOLD of mallopt(3)."""
TESTS_BETWEEN: Final = 50
_done = 0


def pytest_configure() -> None:
    """Memory of an engine goes back to the system when the engine goes: each test has its own, and the heap would keep
    the holes between them."""
    ctypes.CDLL(None).mallopt(MMAP_THRESHOLD, 128 << 10)


def pytest_collection_finish() -> None:
    """What the imports made stays: the collections between tests need not look at it again."""
    _settle()


def pytest_runtest_logfinish() -> None:
    """Nor at what outlives tests, reports above all: with thousands of them the collections took a third of the time.
    Once in a while all is looked at: what a module made for itself may have gone."""
    global _done
    _done += 1
    if _done % TESTS_BETWEEN == 0:
        _settle()


def _settle() -> None:
    gc.unfreeze()
    gc.collect()
    gc.freeze()

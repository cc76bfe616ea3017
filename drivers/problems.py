"""Failures and messages for Twisted's log, typed: where drivers tell what went wrong but stopped nobody.

Serves all nine steps.
"""

from __future__ import annotations

from typing import Any

from twisted.python import log
from twisted.python.failure import Failure

_failure: Any = Failure
_err: Any = log.err
_msg: Any = log.msg


def failure(error: BaseException) -> Failure:
    """The error as a Deferred carries it."""
    made: Failure = _failure(error)
    return made


def is_a(found: Failure, *kinds: type[BaseException]) -> bool:
    """Is the failure one of these?"""
    return isinstance(found.value, kinds)


def report(why: str, found: Failure | None = None) -> None:
    """Logs a failure; without one, the exception just being handled."""
    _err(found, why)


def note(text: str) -> None:
    """Logs a message."""
    _msg(text)

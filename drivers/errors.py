"""What can go wrong between the control half and the cards: one tree of errors, and `check`, which turns the engine's
result codes into them.

Blame is in the type: `PortStateError`, `Unsupported`, `PortBusy` are our own mistake (asked at the wrong moment or
of the wrong card), `PlayFailed` and `CardError` are the machine's, `CallEnded` is nobody's. Serves all nine steps.
"""

from __future__ import annotations

import os


class EngineError(Exception):
    """Everything that drivers raise on purpose."""


class CallEnded(EngineError):
    """The call for which the operation was made is over: `hangup()` or `begin_call()` came while it ran."""


class PortBusy(EngineError):
    """The port's player, or its recorder, is in use by another operation."""


class Unsupported(EngineError):
    """This card, or this kind of port, cannot do that: see `Port.kind` and `Port.capabilities`."""


class PortStateError(EngineError):
    """Not now: a flash while on-hook, ringing a telephone that is off-hook, a port not allocated."""


class StaleCommand(EngineError):
    """The command was meant for a call that is over; the engine dropped it."""


class EngineFull(EngineError):
    """The command ring had no room, and our own queue behind it is full as well: the engine does not run."""


class ArgumentError(EngineError, ValueError):
    """A value outside what the engine takes: too long, too many, negative, not a name it knows."""


class CardError(EngineError):
    """The system refused: carries the `errno` where there is one."""

    def __init__(self, message: str, errno: int = 0) -> None:
        super().__init__(f"{message}: {os.strerror(errno)}" if errno else message)
        self.errno = errno


class PlayFailed(CardError):
    """A prompt could not be played: not there, not readable, not 8 kHz mono WAV."""


class TimedOut(EngineError):
    """What was waited for did not come in time."""


class CallerIdError(EngineError, ValueError):
    """The bytes or digits are no caller-ID message."""


class Limit(EngineError):
    """A stepped run reached its time limit before what it was run for came true."""


class RunawayError(EngineError):
    """Delayed calls went on scheduling more without time advancing; names the commonest of them."""


# enum tr_result; a test compares it with the engine's own numbers.
E_FULL, E_NO_PORT, E_STALE, E_UNSUPPORTED, E_STATE = -1, -2, -3, -4, -5
E_ARGUMENT, E_SYSTEM, E_NO_MEMORY, E_TOO_LONG = -6, -7, -8, -9


def error_for(result: int, what: str, errno: int = 0) -> EngineError:
    """The error that stands for a negative engine result; `what` was being done."""
    match result:
        case -1:
            return EngineFull(f"{what}: the command ring is full")
        case -2:
            return PortStateError(f"{what}: no such port, or not allocated")
        case -3:
            return StaleCommand(f"{what}: the call it was meant for is over")
        case -4:
            return Unsupported(f"{what}: this port cannot do that")
        case -5:
            return PortStateError(f"{what}: not in the port's present state")
        case -6:
            return ArgumentError(f"{what}: a value out of range")
        case -7:
            return CardError(what, errno)
        case -8:
            return CardError(f"{what}: out of memory", errno)
        case -9:
            return ArgumentError(f"{what}: too long")
        case _:
            return EngineError(f"{what}: unknown result {result}")


def check(result: int, what: str = "engine", errno: int = 0) -> int:
    """Returns a result that is success (0 or positive), raises what stands for a negative one."""
    if result < 0:
        raise error_for(result, what, errno)
    return result

"""Why a call by R2 ended, as a cause of Q.850, and how far it had come.

A far end that releases a call in the middle of its numbers says no word of why. While signals go to and fro a person
has hung up; where the compelled signals stood still for as long as its timers run (ITU-T Q.476: T1, which waits for an
answer to a forward signal, is 15 +- 3 s, T3 8 to 24 s) the exchange has given up: cause 102, as its own log will have
it. Serves the records of steps 1 and 9.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from drivers._engine import ffi, lib
from drivers.signalling.causes import FAILURE, NORMAL, Cause
from drivers.signalling.r2_variants import CAUSES, TIMERS, Variant

STOOD_STILL_S: Final = 8.0
"""The least time after which a register gives up (Q.476 T3)."""
GIVEN_UP: Final = Cause(102, "the far end gave up")
STOPPED: Final = Cause(27, "trunk closed")
LOST: Final = Cause(41, "events lost")
COLLISION: Final = Cause(44, "seized by the far end first")
_ENDS: Final[Mapping[int, Cause]] = {
    lib.TR_R2_END_NORMAL: NORMAL,
    lib.TR_R2_END_FAR: NORMAL,
    lib.TR_R2_END_DOUBLE: Cause(44, "both ends seized"),
    lib.TR_R2_END_ILLEGAL: Cause(41, "released by the far end before an answer"),
    lib.TR_R2_END_ALARM: Cause(38, "alarm"),
    lib.TR_R2_END_STOPPED: STOPPED,
}
_TIMER_CAUSES: Final[Mapping[str, int]] = {"answer": 19, "ack": 44, "reanswer": 16}


@dataclass(frozen=True, slots=True)
class Reached:
    """`stage`: enum tr_r2_stage. Digits that had come, or were sent by us; seconds since the far end's last signal."""

    stage: int
    called: str
    calling: str
    quiet_s: float

    def __str__(self) -> str:
        called = f"{len(self.called)} called digit{'' if len(self.called) == 1 else 's'}"
        both = f"{called} and {len(self.calling)} of the caller's"
        at = {
            lib.TR_R2_AT_SEIZURE: "before the acknowledgement",
            lib.TR_R2_AT_CALLED: f"after {called}" if self.called else "before the first digit",
            lib.TR_R2_AT_CATEGORY: f"after {called}, at the caller's category",
            lib.TR_R2_AT_CALLER: f"after {both}",
            lib.TR_R2_AT_GROUP_B: f"at group B, after {both}",
            lib.TR_R2_AT_DECISION: "before we had decided",
            lib.TR_R2_AT_RINGING: "while it rang",
        }.get(self.stage, "")
        return f"{at}, {self.quiet_s:.1f} s after the far end's last signal" if self.in_registers else at

    @property
    def in_registers(self) -> bool:
        """Were numbers under way?"""
        return self.stage < int(lib.TR_R2_AT_DECISION)


def reached_of(data: bytes) -> Reached | None:
    """struct tr_r2_reached; None where there is none."""
    if len(data) != ffi.sizeof("struct tr_r2_reached"):
        return None
    told: Any = ffi.from_buffer("struct tr_r2_reached *", data)
    called, calling = (ffi.string(field).decode("ascii") for field in (told.called, told.caller))
    return Reached(told.stage, called, calling, told.quiet_ms / 1000)


def cause_of(why: int, value: int, kd: int, table: Variant, reached: Reached | None) -> Cause:
    """Of enum tr_r2_end and its tone, bits or timer."""
    if why == lib.TR_R2_END_GROUP_A:
        ask = next((ask for ask, code in table.asks.items() if code == value), table.also.get(value))
        return Cause(1 if ask == "vacant" else 42, f"A{value}")
    if why == lib.TR_R2_END_GROUP_B:
        word = table.group(kd).says.get(value, "spare")
        return Cause(CAUSES.get(word, 111), f"KD {kd} KB {value}, {word}")
    if why == lib.TR_R2_END_TIMER:
        name = list(TIMERS)[value]
        return Cause(_TIMER_CAUSES.get(name, 102), f"timer {name}")
    if why == lib.TR_R2_END_TONE:
        return Cause(111, f"signal {value} out of turn")
    if why == lib.TR_R2_END_BITS:
        return Cause(41, f"line signal {value:04b}")
    if why == lib.TR_R2_END_FAR and reached is not None and reached.in_registers and reached.quiet_s >= STOOD_STILL_S:
        return GIVEN_UP
    return _ENDS.get(why, FAILURE)

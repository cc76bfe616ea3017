"""What lines, detectors and the engine's own work report, as typed events.

Each carries the port's number, the `epoch` (the call) during which it was raised, `at` (the engine's sample count,
8,000 a second, of the edge itself) and `time_s` (the same on the clock's `seconds()` scale). `inferred` marks an
event which was lost in an overrun and put together again from the port's level state. Serves all nine steps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ToneName = str
PlayWhy = Literal["finished", "stopped", "digit", "failed"]
RecordWhy = Literal["stopped", "limit", "silence", "failed", "overrun"]


@dataclass(frozen=True, slots=True)
class Event:
    """Common to all."""

    port: int
    epoch: int
    at: int
    time_s: float
    inferred: bool = field(default=False, kw_only=True)


# ---- the line ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OffHook(Event):
    """FXS: the telephone was lifted."""


@dataclass(frozen=True, slots=True)
class OnHook(Event):
    """FXS: the telephone was hung up (the loop was open longer than a flash)."""


@dataclass(frozen=True, slots=True)
class Flash(Event):
    """FXS: hook flash. `ms` the loop was open, 0 where the card does not tell."""

    ms: int


@dataclass(frozen=True, slots=True)
class PulseDigit(Event):
    """FXS: a digit dialled by loop pulses."""

    digit: str


@dataclass(frozen=True, slots=True)
class RingBegin(Event):
    """FXO: a ring burst began."""


@dataclass(frozen=True, slots=True)
class RingEnd(Event):
    """FXO: a ring burst ended after `ms` (0 unknown)."""

    ms: int


@dataclass(frozen=True, slots=True)
class LoopDrop(Event):
    """FXO: the exchange took battery away: the far end has hung up."""


@dataclass(frozen=True, slots=True)
class Polarity(Event):
    """FXO: the battery was reversed, or is normal again."""

    reversed: bool


@dataclass(frozen=True, slots=True)
class Bits(Event):
    """B channel: new CAS bits, A is 8."""

    bits: int


@dataclass(frozen=True, slots=True)
class R2(Event):
    """B channel: what its MFC-R2 signalling reports (enum tr_r2_report, with its numbers; `call` is whose), for
    `drivers.signalling.r2`."""

    report: int
    a: tuple[int, int, int]
    call: int
    id: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Frame(Event):
    """D channel: an HDLC frame without its checksum."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Alarm(Event):
    """The line's alarms now; none means that the last one cleared."""

    alarms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lamp(Event):
    """FXO on a card that shows it: message lamp."""

    on: bool


@dataclass(frozen=True, slots=True)
class Fallback(Event):
    """We were silent for 5 s, and the port did this ("busy", "on_hook"); "leave": that is over, the line is as it was
    left, but for a call that was hung up."""

    what: str


@dataclass(frozen=True, slots=True)
class HookDone(Event):
    """A flash or loop opening of ours is over; `id` of the command, `ms` as timed by the card."""

    id: int
    ms: int


@dataclass(frozen=True, slots=True)
class PriTold(Event):
    """D channel that speaks DSS1: a step of a call, or of the channel itself (enum tr_pri_what); the rest by it, see
    csrc/engine.h."""

    what: int
    call: int
    slot: int
    value: int
    flags: int
    data: bytes


@dataclass(frozen=True, slots=True)
class PriFrame(Event):
    """D channel that speaks DSS1: a frame of layer 2 that it sent or received."""

    sent: bool
    data: bytes


# ---- audio -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DigitBegin(Event):
    """A DTMF digit began."""

    digit: str


@dataclass(frozen=True, slots=True)
class DigitEnd(Event):
    """A DTMF digit ended; it lasted `ms`."""

    digit: str
    ms: int


@dataclass(frozen=True, slots=True)
class ToneHeard(Event):
    """A tone of the port's plan is confirmed; `at` is where it began."""

    name: ToneName
    level_dbm0: float


@dataclass(frozen=True, slots=True)
class ToneEnded(Event):
    """The confirmed tone is over."""

    name: ToneName


@dataclass(frozen=True, slots=True)
class ToneOverdue(Event):
    """The next burst of a watched cadence (ringback) did not come in time."""

    name: ToneName


@dataclass(frozen=True, slots=True)
class NotTone(Event):
    """Sound outside the plan: somebody speaks."""


@dataclass(frozen=True, slots=True)
class VoiceBegin(Event):
    """Voice activity began."""


@dataclass(frozen=True, slots=True)
class VoiceEnd(Event):
    """Voice activity ended."""


@dataclass(frozen=True, slots=True)
class CallerId(Event):
    """A caller-ID message came; `drivers.callerid.decode(raw, form)` reads it. `ok`: its checksum is good."""

    form: Literal["fsk", "dtmf"]
    ok: bool
    raw: bytes


# ---- our own work ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlayDone(Event):
    """One item of the player's queue is over."""

    id: int
    why: PlayWhy
    ms: int
    errno: int


@dataclass(frozen=True, slots=True)
class RecordDone(Event):
    """A recording is over and its file closed."""

    id: int
    why: RecordWhy
    ms: int
    errno: int


@dataclass(frozen=True, slots=True)
class CommandFailed(Event):
    """The engine refused a command; `result` is enum tr_result, `op` enum tr_op."""

    id: int
    result: int
    op: int


@dataclass(frozen=True, slots=True)
class Overrun(Event):
    """Engine: `lost` events did not fit the ring. Line states are reconciled right after."""

    lost: int


@dataclass(frozen=True, slots=True)
class Late(Event):
    """Engine, paced: the media thread missed `ticks` ticks."""

    ticks: int

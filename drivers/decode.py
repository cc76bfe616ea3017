"""Turns the engine's fixed-size records into typed events: one small function for each kind of enum tr_event_kind.

Serves all nine steps.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from drivers import events as ev
from drivers._engine import lib
from drivers.state import ALARMS, FALLBACKS, name_of, names

RECORD = struct.Struct("=IIIIQQ5iIQ")
"""kind, port, epoch, id, at, tick, a0..a4, side_len, side_at"""

Head = tuple[int, int, int, float]
"""port, epoch, at, time_s"""
Make = Callable[[Head, int, tuple[int, ...], bytes, Callable[[int], str]], ev.Event]

_PLAY_WHY: dict[int, ev.PlayWhy] = {
    lib.TR_PLAY_FINISHED: "finished",
    lib.TR_PLAY_STOPPED: "stopped",
    lib.TR_PLAY_DIGIT: "digit",
    lib.TR_PLAY_FAILED: "failed",
}
_RECORD_WHY: dict[int, ev.RecordWhy] = {
    lib.TR_RECORD_STOPPED: "stopped",
    lib.TR_RECORD_LIMIT: "limit",
    lib.TR_RECORD_SILENCE: "silence",
    lib.TR_RECORD_FAILED: "failed",
    lib.TR_RECORD_OVERRUN: "overrun",
}

MAKE: dict[int, Make] = {
    lib.TR_EV_OFFHOOK: lambda h, i, a, s, t: ev.OffHook(*h),
    lib.TR_EV_ONHOOK: lambda h, i, a, s, t: ev.OnHook(*h),
    lib.TR_EV_FLASH: lambda h, i, a, s, t: ev.Flash(*h, ms=a[0]),
    lib.TR_EV_PULSE_DIGIT: lambda h, i, a, s, t: ev.PulseDigit(*h, digit=str(a[0] % 10)),
    lib.TR_EV_RING_BEGIN: lambda h, i, a, s, t: ev.RingBegin(*h),
    lib.TR_EV_RING_END: lambda h, i, a, s, t: ev.RingEnd(*h, ms=a[0]),
    lib.TR_EV_LOOP_DROP: lambda h, i, a, s, t: ev.LoopDrop(*h),
    lib.TR_EV_POLARITY: lambda h, i, a, s, t: ev.Polarity(*h, reversed=bool(a[0])),
    lib.TR_EV_BITS: lambda h, i, a, s, t: ev.Bits(*h, bits=a[0]),
    lib.TR_EV_R2: lambda h, i, a, s, t: ev.R2(*h, report=a[0], a=(a[1], a[2], a[3]), call=a[4], id=i, data=s),
    lib.TR_EV_FRAME: lambda h, i, a, s, t: ev.Frame(*h, data=s),
    lib.TR_EV_ALARM: lambda h, i, a, s, t: ev.Alarm(*h, alarms=names(a[0], ALARMS)),
    lib.TR_EV_HOOK_DONE: lambda h, i, a, s, t: ev.HookDone(*h, id=i, ms=a[0]),
    lib.TR_EV_LAMP: lambda h, i, a, s, t: ev.Lamp(*h, on=bool(a[0])),
    lib.TR_EV_FALLBACK: lambda h, i, a, s, t: ev.Fallback(*h, what=name_of(a[0], FALLBACKS)),
    lib.TR_EV_PRI: lambda h, i, a, s, t: ev.PriTold(*h, a[0], a[1], a[2], a[3], a[4], s),
    lib.TR_EV_PRI_FRAME: lambda h, i, a, s, t: ev.PriFrame(*h, sent=bool(a[0]), data=s),
    lib.TR_EV_DTMF_BEGIN: lambda h, i, a, s, t: ev.DigitBegin(*h, digit=chr(a[0] & 0x7F)),
    lib.TR_EV_DTMF_END: lambda h, i, a, s, t: ev.DigitEnd(*h, digit=chr(a[0] & 0x7F), ms=a[1]),
    lib.TR_EV_TONE: lambda h, i, a, s, t: ev.ToneHeard(*h, name=t(a[0]), level_dbm0=a[1] / 100),
    lib.TR_EV_TONE_END: lambda h, i, a, s, t: ev.ToneEnded(*h, name=t(a[0])),
    lib.TR_EV_TONE_OVERDUE: lambda h, i, a, s, t: ev.ToneOverdue(*h, name=t(a[0])),
    lib.TR_EV_NOT_TONE: lambda h, i, a, s, t: ev.NotTone(*h),
    lib.TR_EV_VOICE_BEGIN: lambda h, i, a, s, t: ev.VoiceBegin(*h),
    lib.TR_EV_VOICE_END: lambda h, i, a, s, t: ev.VoiceEnd(*h),
    lib.TR_EV_CALLER_ID: lambda h, i, a, s, t: ev.CallerId(
        *h, form="fsk" if a[0] == lib.TR_CALLERID_FSK else "dtmf", ok=bool(a[1]), raw=s
    ),
    lib.TR_EV_PLAY_DONE: lambda h, i, a, s, t: ev.PlayDone(
        *h, id=i, why=_PLAY_WHY.get(a[0], "failed"), ms=a[1], errno=a[2]
    ),
    lib.TR_EV_RECORD_DONE: lambda h, i, a, s, t: ev.RecordDone(
        *h, id=i, why=_RECORD_WHY.get(a[0], "failed"), ms=a[1], errno=a[2]
    ),
    lib.TR_EV_COMMAND_FAILED: lambda h, i, a, s, t: ev.CommandFailed(*h, id=i, result=a[0], op=a[1]),
    lib.TR_EV_OVERRUN: lambda h, i, a, s, t: ev.Overrun(*h, lost=a[0]),
    lib.TR_EV_LATE: lambda h, i, a, s, t: ev.Late(*h, ticks=a[0]),
}

OF_THE_CALL: tuple[type[ev.Event], ...] = (
    ev.Flash,
    ev.PulseDigit,
    ev.LoopDrop,
    ev.HookDone,
    ev.DigitBegin,
    ev.DigitEnd,
    ev.ToneHeard,
    ev.ToneEnded,
    ev.ToneOverdue,
    ev.NotTone,
    ev.VoiceBegin,
    ev.VoiceEnd,
    ev.CallerId,
    ev.PlayDone,
    ev.RecordDone,
    ev.CommandFailed,
)
"""Events that belong to a call and are stale once the next has begun. All others are levels of the line, which stay
true whichever call saw them change."""


def decode(fields: tuple[int, ...], base_s: float, side: bytes, tone_name: Callable[[int], str]) -> ev.Event | None:
    """The event of one unpacked record; None for a kind this version does not know."""
    make = MAKE.get(fields[0])
    if make is None:
        return None
    at = fields[4]
    head = (fields[1], fields[2], at, base_s + at / 8000)
    return make(head, fields[3], fields[6:11], side, tone_name)

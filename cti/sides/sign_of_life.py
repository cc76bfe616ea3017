"""Who is there after a flash without dial tone? The caller is asked, and listened for (step 7).

A key at any time, or a voice after the question, is the caller: the PBX did not take the flash, and the conversation
goes on. A tone of a dead line, or a loop drop, says that the caller is gone. A dial tone after a flash came late: the
caller is on hold, and the PBX still waits for digits. Nothing at all: on hold perhaps, out of our reach; when we hang
up the PBX brings the caller back.

While we speak the line returns our own voice, so that only keys count; then the ears begin anew, and tones that sound
already are heard also. Limits: SIGN_OF_LIFE_S after the question.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from twisted.internet.defer import Deferred

from cti.pbx.line_rules import LineRules
from cti.switch.interface import LATE, NOT_TAKEN, ON_HOOK, Caller
from cti.vru.signs import Signs
from drivers.clock import Clock
from drivers.port import Port

SIGN_OF_LIFE_S = 6.0


class Found(NamedTuple):
    """Where the caller is: WITH_US, HELD, GONE or RECALLED (to be); and by what evidence."""

    caller: Caller
    how: str


async def sign_of_life(
    clock: Clock, rules: LineRules, port: Port, ask: Callable[[Deferred[None]], Awaitable[None]], *, flashed: bool
) -> Found:
    """``ask(until)`` says the question, to its end or until that fires. ``flashed``: nothing was dialled after our
    flash, so that a dial tone is the one we waited for."""
    heard: Deferred[None] = Deferred()

    def answered() -> None:
        if not heard.called:
            heard.callback(None)

    signs = Signs(clock, rules, port, answered, consulting=False)
    try:
        port.detect("dtmf", duck=True)
        await ask(heard)
        port.detect("dtmf", "tones", "voice", duck=True)
        ends_s = clock.seconds() + SIGN_OF_LIFE_S
        while (sign := await signs.next(ends_s)) is not None:
            if sign.kind in ("key", "voice"):
                return Found(Caller.WITH_US, NOT_TAKEN if flashed else sign.how)
            if sign.kind == "dial_tone" and flashed:
                return Found(Caller.HELD, LATE)
            if sign.kind == "fresh_dial_tone" and flashed:
                return Found(Caller.GONE, ON_HOOK)
            if sign.kind in ("gone", "dial_tone", "fresh_dial_tone", "busy", "refused", "ringing"):
                return Found(Caller.GONE, sign.how)
    finally:
        signs.close()
    return Found(Caller.RECALLED, "nobody was heard")

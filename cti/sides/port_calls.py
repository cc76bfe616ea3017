"""Calls a VRU port from another one, through the PBX, while the server runs: each is tried, whatever port the PBX's
hunting prefers (steps 3 and 4; `tipring port call`, and `tipring site walk`).

An idle port dials the other's extension, as an installer would from a telephone, and stays until the VRU there has
answered and begun its menu; then it hangs up, which the other has to notice. It is a call like any other: it is in the
records, from the extension that dialled.

Limits: GUARD_S for a port to become idle that has just hung up; dial_tone_s of the dialect for the dial tone; ANSWER_S
from the last digit to the menu; a caller who comes to that port in the same moment is served, and the try is told as
none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred

from cti.call import Call
from cti.errors import TipringError
from cti.vru.feature_code import Dialled
from cti.vru.line import VruLine
from drivers.clock import Clock

ANSWER_S = 12.0
GUARD_S = 10.0
LOOK_S = 0.1
# Said in the menu before we hang up, so that what the PBX told late has come.
STAY_S = 1.0


class PortCalls:
    """Over the lines of a PBX; ``call_at`` knows the call on a line."""

    def __init__(
        self, clock: Clock, lines: Callable[[], Sequence[VruLine]], call_at: Callable[[VruLine], Call | None]
    ) -> None:
        self._clock, self._lines, self._call_at = clock, lines, call_at

    def call(self, target: VruLine) -> Deferred[str]:
        """What came of it, in a line. The Deferred fails with TipringError: it was not reached, and why."""
        return Deferred.fromCoroutine(self._try(target))

    async def _try(self, target: VruLine) -> str:
        """A port that has just hung up, as one that called another a moment ago, is waited for."""
        ends_s = self._clock.seconds() + GUARD_S
        caller: VruLine | None = None
        while True:
            others = [line for line in reversed(self._lines()) if line is not target]
            caller = next((line for line in others if line.state == "idle"), None)
            soon = target.state == "guard" or (caller is None and any(line.state == "guard" for line in others))
            if not soon or self._clock.seconds() >= ends_s:
                break
            await self._pause(LOOK_S)
        if target.state != "idle":
            raise TipringError(f"port {target.extension} is {target.state}: try it when it is idle")
        if caller is None:
            raise TipringError(f"port {target.extension}: no other port is idle to call it from")
        return await self._call(caller, target)

    async def _call(self, caller: VruLine, target: VruLine) -> str:
        came: list[Call] = []
        there = {line: self._call_at(line) for line in self._lines()}

        async def until_answered() -> None:
            ends_s = self._clock.seconds() + ANSWER_S
            while self._clock.seconds() < ends_s:
                call = self._call_at(target)
                if call is not None and call.answered_s is not None:
                    came.append(call)
                    await self._pause(STAY_S)
                    return
                await self._pause(LOOK_S)

        result = await caller.dial_code(target.extension, "none", until_answered)
        if came:
            return _told(came[0], caller, target)
        raise TipringError(
            f"port {target.extension}, called from {caller.extension}: {self._missed(result, caller, target, there)}"
        )

    def _missed(self, result: Dialled, caller: VruLine, target: VruLine, there: dict[VruLine, Call | None]) -> str:
        """Why nobody answered there."""
        if not result.done:
            return result.how if result.outcome == "refused" else f"no dial tone ({result.how})"
        for line in self._lines():
            call = self._call_at(line)
            if line is not target and call is not None and call is not there[line] and call.ani == caller.extension:
                return f"rang at port {line.extension}: two cables are crossed; see tipring pbx learn-ports"
        return f"no call was answered there within {ANSWER_S:g} s"

    def _pause(self, seconds: float) -> Deferred[None]:
        over: Deferred[None] = Deferred(lambda _: timer.cancel())
        timer = self._clock.callLater(seconds, over.callback, None)
        return over


def _told(call: Call, caller: VruLine, target: VruLine) -> str:
    if call.ani is not None and call.ani != caller.extension:
        raise TipringError(f"port {target.extension}: somebody else called there just then ({call.ani}); try again")
    who = f"called from {caller.extension}"
    by = ", ".join(sorted(call.announced_by)) or "no source"
    named = f"the caller named by {call.ani_source}" if call.ani is not None else "no caller's number"
    doubt = f", unconfirmed ({call.ani_doubt})" if call.ani_doubt is not None else ""
    return f"port {target.extension}: {who}, answered; told by {by}, {named}{doubt}"

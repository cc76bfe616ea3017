"""Takes the server out of traffic without harming a call: before an update, a restart, work on the cables.

Idle ports are busied out at once, as the dialect says, so that the PBX hunts past them; a port with a call follows when
the call has left it. Callers who wait are served, conversations go on; drained is when no call is left, those at the
agents' telephones included, whose records are still to come. `undo` brings back what the drain took, not what the
operator had blocked before. Serves step 3.

A PBX that keeps callers waiting rings a port as soon as it is on-hook, before we can busy it out. Such callers are
served for SERVE_S (or as long as was asked for); who comes later hears that the service is not available, and the port
stays off-hook after that call, so that the PBX can bring no other one. Then each port takes one more caller at most,
and the drain ends with the conversations that go on. (With busy_out: none a PBX cannot be kept from ringing: the
callers are turned away as long as they come.)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from twisted.internet.defer import Deferred

from cti.sides.side import Line
from drivers.clock import Clock

# Whether the last call has gone is looked at so often.
LOOK_S = 0.2
# Callers whom the PBX still brings are served for so long.
SERVE_S = 120.0
# One request waits at most so long; who wants more asks again.
WAIT_MAX_S = 5.0


class Drain:
    """Over the lines of one centre; ``calls`` are those that have not ended."""

    def __init__(
        self,
        clock: Clock,
        lines: Sequence[Line],
        calls: Callable[[], Collection[object]],
        on_alarm: Callable[[str, bool, str], None],
    ) -> None:
        self._clock, self._lines, self._calls, self._on_alarm = clock, lines, calls, on_alarm
        self._ours: list[Line] = []
        self._known: set[object] = set()  # calls seen since the drain began, and how many were there then
        self._there = 0
        self._serve_until_s = 0.0
        self.draining = False

    def begin(self, serve_s: float = SERVE_S) -> None:
        """No new calls from now on; those that come all the same are served for ``serve_s`` more. Again: only that."""
        self._serve_until_s = self._clock.seconds() + serve_s
        if self.draining:
            return
        self.draining = True
        self._known = set(self._calls())
        self._there = len(self._known)
        self._ours = [line for line in self._lines if not line.block_wanted]
        for line in self._ours:
            line.block()
        self._on_alarm("draining", True, "no new calls are taken; tipring drain --undo takes calls again")

    def undo(self) -> None:
        """Calls are taken again. Not draining: nothing."""
        if not self.draining:
            return
        self.draining = False
        for line in self._ours:
            line.unblock()
        self._ours = []
        self._on_alarm("draining", False, "calls are taken again")

    @property
    def turns_away(self) -> bool:
        """A caller who comes now is not served any more."""
        return self.draining and self._clock.seconds() >= self._serve_until_s

    def progress(self) -> dict[str, int | bool]:
        """draining; calls left, calls that came since it began (as far as was asked), ports out of service and not yet
        so (with a call, or ringing); turning_away: who comes is not served any more."""
        self._known.update(self._calls() if self.draining else ())
        busy = sum(line.state in ("ringing", "busy", "guard", "idle") for line in self._lines)
        return {
            "draining": self.draining,
            "calls": len(self._calls()),
            "came": len(self._known) - self._there if self.draining else 0,
            "ports_out": len(self._lines) - busy,
            "ports_busy": busy,
            "turning_away": self.turns_away,
        }

    @property
    def done(self) -> bool:
        """Nothing is left, and nothing new comes."""
        left = self.progress()
        return self.draining and not left["calls"] and not left["ports_busy"]

    def wait(self, seconds: float) -> Deferred[dict[str, int | bool]]:
        """Fires with the progress when drained, or after ``seconds`` (at most WAIT_MAX_S)."""
        ends = self._clock.seconds() + min(max(seconds, 0.0), WAIT_MAX_S)
        answer: Deferred[dict[str, int | bool]] = Deferred()

        def look() -> None:
            if answer.called:
                return
            left = ends - self._clock.seconds()
            if self.done or left <= 0 or not self.draining:
                answer.callback(self.progress())
            else:
                self._clock.callLater(min(LOOK_S, left), look)

        look()
        return answer

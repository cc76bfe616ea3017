"""Does the PBX mean by a line what the site file means? Messages and rings that do not meet say that it does not.

SMDI names a line by message desk and line, the site file says which card port that is, and somebody plugged the cables.
When two are crossed, the message of a caller comes for a port that does not ring, while another port rings and nothing
is said of it. Such a pair raises `port_map_suspect` with both named; every number that came by message to one of them
is unconfirmed until both have had SURE rings in a row that met their own message. Serves steps 3 and 4.

A message that comes for a port while another one rings of which nothing is said may be that one's: such a meeting
proves nothing. The number is unconfirmed unless the port has met its own message before, without another to choose
from, and the message came within PATIENCE_S of the ring. Two ports that were crossed while the server ran, and then
ring within a second, cannot be told from two that are right: until then they were.
"""

from __future__ import annotations

from collections.abc import Callable

from cti.vru.line import VruLine
from drivers.clock import Clock, DelayedCall

# A message waits so long for its ring before it is asked whether another port rings in its place.
PATIENCE_S = 5.0
# Message and ring of one call are at most so far apart.
NEAR_S = 8.0
# So many rings in a row with their own message, at both ports, clear the suspicion.
SURE = 3


class PortMap:
    """One centre's lines."""

    def __init__(
        self,
        clock: Clock,
        on_change: Callable[[bool, str], object],
        *,
        believed: Callable[[], bool] = lambda: True,
        on_doubt: Callable[[VruLine], object] = lambda line: None,
    ) -> None:
        """``on_change(raised, text)``: the alarm comes, names another pair, or goes. ``believed``: a message line that
        brings damaged bytes names wrong lines by itself, and proves nothing. ``on_doubt(line)``: what has been said of
        the call on this line may be said of another."""
        self._on_doubt = on_doubt
        self._proven: set[VruLine] = set()
        self._mixed: set[VruLine] = set()  # lines whose last message may have been another ringing line's
        self._clock, self._on_change, self._believed = clock, on_change, believed
        self._silent: dict[VruLine, float] = {}  # rang without a message, when
        self._waiting: dict[VruLine, DelayedCall] = {}  # messages without a ring
        self._overdue: set[VruLine] = set()  # had a message whose ring did not come in time
        self._pairs: dict[frozenset[VruLine], dict[VruLine, int]] = {}  # and how often each has met since

    def close(self) -> None:
        """Forgets what waits."""
        for timer in self._waiting.values():
            if timer.active():
                timer.cancel()
        self._waiting.clear()

    def suspect(self, line: VruLine) -> bool:
        """Is it doubtful that the PBX means this line when it names it?"""
        return line in self._mixed or any(line in pair for pair in self._pairs)

    def message(self, line: VruLine) -> None:
        """A message for a line that does not ring (yet)."""
        old = self._waiting.pop(line, None)
        if old is not None and old.active():
            old.cancel()
        self._waiting[line] = self._clock.callLater(PATIENCE_S, self._unmet, line, self._clock.seconds())

    def ring(self, line: VruLine) -> None:
        """A ring of which nothing has been said (yet)."""
        self._mixed.discard(line)
        self._silent[line] = self._clock.seconds()
        self._rang(line)

    def met(self, line: VruLine) -> None:
        """A ring and a message for it; a message that waited too long for it may well be another call's."""
        now = self._clock.seconds()
        late = now - self._silent.pop(line, now) > PATIENCE_S
        others = any(now - rang_s <= NEAR_S for rang_s in self._silent.values())
        self._rang(line)
        self._mixed.discard(line)
        if others and (late or line not in self._proven):
            self._mixed.add(line)
            self._on_doubt(line)
        if line in self._overdue:
            self._overdue.remove(line)
            return
        if others or late:
            return
        if self._believed():
            self._proven.add(line)
        changed = False
        for pair, count in tuple(self._pairs.items()):
            if line in pair:
                count[line] += 1
                if min(count.values()) >= SURE:
                    del self._pairs[pair]
                    changed = True
        if changed:
            self._tell()

    def _rang(self, line: VruLine) -> None:
        timer = self._waiting.pop(line, None)
        if timer is not None and timer.active():
            timer.cancel()

    def _unmet(self, line: VruLine, told_s: float) -> None:
        del self._waiting[line]
        self._overdue.add(line)
        near = [
            (abs(rang_s - told_s), other)
            for other, rang_s in self._silent.items()
            if other is not line and abs(rang_s - told_s) <= NEAR_S
        ]
        if near and self._believed():
            other = min(near, key=lambda found: found[0])[1]
            self._pairs[frozenset((line, other))] = {line: 0, other: 0}
            self._proven -= {line, other}
            self._tell()

    def _tell(self) -> None:
        pairs = sorted(tuple(sorted(line.extension for line in pair)) for pair in self._pairs)
        if not pairs:
            self._on_change(False, "rings and messages meet again: the port map is right")
            return
        named = "; ".join(f"{one} and {other}" for one, other in pairs)
        text = f"the PBX's messages name other ports than those that ring: extensions {named}; are two cables crossed?"
        self._on_change(True, text)

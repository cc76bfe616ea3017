"""Matches the PBX's records to calls (step 9).

Once the VRU has left a call, the server does not hear it any more: it ends by the PBX's record (SMDR) of the agent's
extension. A record that can be of the conversation under way there frees the agent; every other record is history: of a
call that ended on one of our own ports, of one whose agent was freed by the desk's word before, or of a call not ours.
(Where the record is lost, the desk's word or the limit frees the agent: cti.acd.agent.)
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from cti.call import Call
from cti.pbx.smdr import SmdrRecord
from drivers.clock import Clock

# A record may come so long after the end of the call (buffered output at 1200 Bd, page headers, the PBX's own delay).
RECORD_S = 120.0
# So many ended calls are remembered for records to come.
REMEMBERED = 4096
# A record may state so much more than we measured: whole minutes, ringing included.
SLACK_S = 90.0
# A record may come so long before we notice the end of the call ourselves (the PBX sees the trunk, we hear tones).
EARLY_S = 15.0
# A call without a number can only claim a record that comes as soon after its end.
NAMELESS_S = 20.0
# Digits that must agree where both the call and the record have a number (PBXs cut and prefix them).
SUFFIX = 7


@dataclass(frozen=True, slots=True)
class Match:
    """What a record is of: a call, and whether the conversation was still under way."""

    call: Call
    ends_talk: bool
    completes: bool = True  # False: of the VRU's leg only, the agent's is still to come


class Talks:
    """Conversations by the agents' extensions, and calls that still wait for their record."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._talks: dict[str, Call] = {}
        self._owed: deque[tuple[float, str, Call, bool]] = deque(maxlen=REMEMBERED)
        self._early: deque[tuple[float, SmdrRecord]] = deque(maxlen=64)

    def __len__(self) -> int:
        return len(self._talks)

    def begin(self, extension: str, call: Call) -> Call | None:
        """The agent at ``extension`` answered. Returns a call that was there before and cannot be any more."""
        old = self._talks.get(extension)
        self._talks[extension] = call
        return old

    def end(self, extension: str, call: Call) -> bool:
        """The conversation is over, by whatever evidence."""
        if self._talks.get(extension) is not call:
            return False
        del self._talks[extension]
        return True

    def owe(self, extension: str, call: Call, *, completes: bool = True) -> SmdrRecord | None:
        """The call has left this extension: a record of it will come (some PBXs send one for each leg), or is the one
        returned, which came before and was nobody's."""
        now = self._clock.seconds()
        for entry in self._early:
            came_s, record = entry
            if record.extension == extension and now - came_s <= EARLY_S and same_caller(call, record):
                self._early.remove(entry)
                return record
        self._owed.append((now, extension, call, completes))
        return None

    def match(self, record: SmdrRecord) -> Match | None:
        """The call that a record is of; None: none of ours, as far as can be said now."""
        extension = record.extension or ""
        call = self._talks.get(extension)
        if call is not None and self._fits(call, record):
            return Match(call, True)
        now = self._clock.seconds()
        while self._owed and now - self._owed[0][0] > RECORD_S:
            self._owed.popleft()
        for entry in self._owed:
            owed_s, at, call, completes = entry
            if at == extension and same_caller(call, record) and (call.ani or now - owed_s <= NAMELESS_S):
                self._owed.remove(entry)
                return Match(call, False, completes)
        self._early.append((now, record))
        return None

    def _fits(self, call: Call, record: SmdrRecord) -> bool:
        """Can this record be of the conversation under way? It cannot have lasted longer than the call so far."""
        lasted = self._clock.seconds() - call.began_s
        too_long = record.duration_s is not None and record.duration_s > lasted + SLACK_S
        return not too_long and same_caller(call, record)


def same_caller(call: Call, record: SmdrRecord) -> bool:
    """Do call and record agree on who called? Where one of them has no number they may; an outgoing call does not."""
    if record.direction in ("out", "internal"):
        return False
    if not call.ani or not record.number:
        return True
    length = min(len(call.ani), len(record.number), SUFFIX)
    return call.ani[-length:] == record.number[-length:]

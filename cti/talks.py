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

    def owe(self, extension: str, call: Call, *, completes: bool = True) -> None:
        """The PBX will send a record of this call for that extension; some PBXs send one for each leg."""
        self._owed.append((self._clock.seconds(), extension, call, completes))

    def match(self, record: SmdrRecord) -> Match | None:
        """The call that a record is of; None: none of ours."""
        extension = record.extension or ""
        call = self._talks.get(extension)
        if call is not None and self._fits(call, record):
            return Match(call, True)
        now = self._clock.seconds()
        while self._owed and now - self._owed[0][0] > RECORD_S:
            self._owed.popleft()
        for entry in self._owed:
            if entry[1] == extension and same_caller(entry[2], record):
                self._owed.remove(entry)
                return Match(entry[2], False, entry[3])
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

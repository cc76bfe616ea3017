"""Matches the PBX's records to calls (step 9).

Once the VRU has left a call, the server does not hear it any more: it ends by the PBX's record (SMDR) of the agent's
extension. A record that can be of the conversation under way there frees the agent; every other record is history: of a
call that ended on one of our own ports, of one whose agent was freed by the desk's word before, or of a call not ours.
(Where the record is lost, the desk's word or the limit frees the agent: cti.acd.agent.)

Limits: RECORD_S a call waits for its record, NAMELESS_S without a number; the last REMEMBERED calls and the last EARLY
records are kept, older ones are forgotten (their records are history of no call).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from cti.call import Call
from cti.numbers import agree
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
EARLY = 64
# The record of a call on our port has the call's own length, but for ringing and for its way here.
NEAR_S = 10.0
NAMELESS_NEAR_S = 3.0
# A call without a number can only claim a record that comes as soon after its end.
NAMELESS_S = 20.0


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
        self._early: deque[tuple[float, SmdrRecord]] = deque(maxlen=EARLY)

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

    def says_gone(self, record: SmdrRecord, call: Call) -> bool:
        """Is it the record of a call that is still on our port, by its number and its length until now?"""
        if call.answered_s is None or record.transferred or not same_caller(call, record):
            return False
        known = agree(call.ani, record.number)
        if record.duration_s is None:
            return known
        lasted = self._clock.seconds() - call.answered_s
        return abs(record.duration_s - lasted) <= (NEAR_S if known else NAMELESS_NEAR_S)

    def gone_already(self, extension: str, call: Call) -> bool:
        """Has such a record come?"""
        since = self._clock.seconds() - EARLY_S
        return any(
            one.extension == extension and self.says_gone(one, call) for came_s, one in self._early if came_s >= since
        )

    def match(self, record: SmdrRecord) -> Match | None:
        """The call that a record is of; None: none of ours, as far as can be said now."""
        extension, now = record.extension or "", self._clock.seconds()
        talking = self._talks.get(extension)
        if talking is not None and not self._fits(talking, record):
            talking = None
        while self._owed and now - self._owed[0][0] > RECORD_S:
            self._owed.popleft()
        owed = next((entry for entry in self._owed if self._owes(entry, extension, record)), None)
        if owed is not None and (talking is None or not self._nearer(talking, owed, record)):
            self._owed.remove(owed)
            return Match(owed[2], False, owed[3])
        if talking is not None:
            return Match(talking, True)
        self._early.append((now, record))
        return None

    def _owes(self, entry: tuple[float, str, Call, bool], extension: str, record: SmdrRecord) -> bool:
        owed_s, at, call, _ = entry
        if at != extension or not same_caller(call, record):
            return False
        return bool(call.ani) or self._clock.seconds() - owed_s <= NAMELESS_S

    def _nearer(self, talking: Call, owed: tuple[float, str, Call, bool], record: SmdrRecord) -> bool:
        """Both may claim it, the caller being the same or unknown: is the record's length rather that of the talk under
        way? Where it prints none, records come in the order in which calls end."""
        if record.duration_s is None or talking.talk_s is None or owed[2].talk_s is None:
            return False
        under_way = self._clock.seconds() - talking.talk_s
        return abs(record.duration_s - under_way) < abs(record.duration_s - (owed[0] - owed[2].talk_s))

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
    return agree(call.ani, record.number)

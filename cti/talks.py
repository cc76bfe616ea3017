"""Matches the PBX's records to calls (step 9).

Once the VRU has left a call, the server does not hear it any more: it ends by the PBX's record (SMDR) of the agent's
extension. A record that can be of the conversation under way there frees the agent; every other record is history: of a
call that ended on one of our own ports, of one whose agent was freed by other evidence before, or of a call not ours.

A record and a leg of a call belong together when extension, caller and trunk, where both know them, do not contradict
each other, and when the interval that the record states, on the PBX's clock, is that of the leg. Among several the one
wins whose caller is known to be the same, then the one whose beginning is nearest. What ended before the present talk
began never ends it: a PBX that empties its buffer after a reconnection writes history. Records of our own extensions
and of calls between extensions end no talk at all.

Where the interval is not known (the PBX's clock is not known yet, it printed no time, or it was just set) the length
decides, and of a record that came alone the moment at which it came.

Limits: a call waits RECORD_S for its record, then it is marked as without one; one that comes later is matched all the
same, by its interval, for OWED_S. REMEMBERED legs wait; the last EARLY unmatched records are kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from cti.call import Call
from cti.numbers import agree
from cti.pbx.pbx_clock import PbxClock
from cti.pbx.smdr import SmdrRecord
from drivers.clock import Clock, DelayedCall

Legs = Literal["per_leg", "whole_call", "split_at_flash"]

# A record may come so long after the end of the call (buffered output at 1200 Bd, page headers, the PBX's own delay).
RECORD_S: Final = 120.0
# The PBX may have been unplugged so long: its buffer still tells what became of a call.
OWED_S: Final = 6 * 3600.0
# So many legs of ended calls are remembered for records to come.
REMEMBERED: Final = 4096
# Without an interval: a record may state so much more than we measured (whole minutes, ringing included).
SLACK_S: Final = 90.0
# A record may come so long before we notice the end of the call ourselves (the PBX sees the trunk, we hear tones).
EARLY_S: Final = 15.0
EARLY: Final = 64
# The record of a call on our port has the call's own length, but for ringing and for its way here.
NEAR_S: Final = 10.0
NAMELESS_NEAR_S: Final = 3.0
# Of a call without a number on our port, which the PBX may count as answered a little earlier, or not at all.
NAMELESS_LEG_S: Final = 5.0
# A call without a number can only claim a record without an interval that comes as soon after its end.
NAMELESS_S: Final = 20.0
# Our own hearing of a beginning or an end is so exact, the printing of a record so even.
EXACT_S: Final = 10.0
# A leg may be counted from so long before or after the agent's answer as we know it: ringing, a blind transfer.
START_S: Final = 60.0
# A record that came so much later than the end it states has waited somewhere.
STALE_S: Final = 60.0
# A record comes so soon after the end of its call, where nothing is out of order.
PROMPT_S: Final = 15.0
# What we measured of a talk counts, unless the record says that it was shorter by more than this.
LATE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Match:
    """What a record is of: a call, and whether the conversation was still under way. talk_s: how long the agent's talk
    lasted by the record, None where the record does not say or is of another leg."""

    call: Call
    ends_talk: bool
    completes: bool = True  # False: of the VRU's leg only, the agent's is still to come
    talk_s: float | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """When the conversation was, on our clock; each end is right within `within` seconds."""

    start_s: float
    end_s: float
    within: float


@dataclass(slots=True, eq=False)
class Leg:
    """One extension's part in a call of ours. ended_s None: under way; agents: an agent's talk, else our port's."""

    extension: str
    call: Call
    began_s: float
    agents: bool
    completes: bool = True
    ended_s: float | None = None
    guessed: bool = False  # a limit ended it: it may have gone on
    matched: bool = False

    def until(self, now: float) -> float:
        """When it ended; under way: now."""
        return now if self.ended_s is None else self.ended_s


class Talks:
    """Conversations by the agents' extensions, and legs that still wait for their record.

    pbx: the PBX's clock, None where it tells no time. own: our ports' extensions. on_overdue(call): RECORD_S have
    passed without a record of a call that is over. on_port(extension): the call that is on one of our ports now.
    """

    def __init__(
        self,
        clock: Clock,
        legs: Legs = "per_leg",
        pbx: PbxClock | None = None,
        own: Iterable[str] = (),
        on_overdue: Callable[[Call], object] = lambda call: None,
        on_port: Callable[[str], Call | None] = lambda extension: None,
    ) -> None:
        self._clock = clock
        self._legs = legs
        self._pbx = pbx
        self._own = frozenset(own)
        self._on_overdue = on_overdue
        self._on_port = on_port
        self._talks: dict[str, Leg] = {}
        self._owed: dict[str, list[Leg]] = {}
        self._order: deque[Leg] = deque()  # of all that are owed, by their end
        self._waiting: deque[Leg] = deque()  # those not yet overdue
        self._timer: DelayedCall | None = None
        self._early: deque[tuple[float, SmdrRecord]] = deque(maxlen=EARLY)

    def __len__(self) -> int:
        return len(self._talks)

    def begin(self, extension: str, call: Call) -> Call | None:
        """The agent at ``extension`` answered. Returns a call that was there before and cannot be any more."""
        old = self._talks.get(extension)
        began_s = call.talk_s if call.talk_s is not None else self._clock.seconds()
        self._talks[extension] = Leg(extension, call, began_s, agents=True)
        return old.call if old is not None else None

    def at(self, extension: str) -> Call | None:
        """The call under way there."""
        leg = self._talks.get(extension)
        return leg.call if leg is not None else None

    def end(self, extension: str, call: Call) -> bool:
        """The conversation is over, by whatever evidence."""
        leg = self._talks.get(extension)
        if leg is None or leg.call is not call:
            return False
        del self._talks[extension]
        return True

    def owe(
        self, extension: str, call: Call, *, completes: bool = True, agents: bool = False, guessed: bool = False
    ) -> SmdrRecord | None:
        """The call has left this extension: a record of it will come, or is the one returned, which came before and was
        nobody's. agents: it is an agent's, else our port's; guessed: so a limit says, nobody knows."""
        now = self._clock.seconds()
        for entry in self._early:
            came_s, record = entry
            if record.extension == extension and now - came_s <= EARLY_S and self._same(call, record):
                self._early.remove(entry)
                return record
        if not completes and self._legs == "whole_call":
            return None  # the agent's extension will be named
        began_s = call.talk_s if agents else call.answered_s
        leg = Leg(extension, call, call.began_s if began_s is None else began_s, agents, completes, now, guessed)
        self._owed.setdefault(extension, []).append(leg)
        self._order.append(leg)
        if completes:
            self._waiting.append(leg)
            self._watch()
        self._forget(now)
        return None

    def says_gone(self, record: SmdrRecord, call: Call) -> bool:
        """Is it the record of a call that is still on our port, by its number and its length until now?"""
        if self._legs == "split_at_flash" or call.answered_s is None or record.transferred:
            return False
        if not self._same(call, record):
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

    def match(self, record: SmdrRecord, alone: bool = True) -> Match | None:
        """The call that a record is of; None: none of ours, as far as can be said now. alone: it did not come in one
        breath with the record before it."""
        extension, now = record.extension or "", self._clock.seconds()
        self._forget(now)
        when = self.interval(record)
        fits = [leg for leg in self._of(extension) if self._fits(leg, record, when, now, alone)]
        leg = min(fits, key=lambda leg: self._rank(leg, record, when, now), default=None)
        if leg is None or (not agree(leg.call.ani, record.number) and self._of_the_call_there(record)):
            self._early.append((now, record))
            return None
        leg.matched = True
        if leg.ended_s is not None and (leg.completes or self._legs != "split_at_flash"):
            self._drop(leg)
        if record.trunk is not None and leg.call.trunk is None and agree(leg.call.ani, record.number):
            leg.call.trunk = record.trunk
        talked = self._talked(leg, record, now) if leg.agents else None
        return Match(leg.call, leg.ended_s is None, leg.completes, talked)

    def _rank(self, leg: Leg, record: SmdrRecord, when: Interval | None, now: float) -> tuple[int, float]:
        """The lowest wins: the same caller; neither names one; only one of them does."""
        ani, number = leg.call.ani, record.number
        return (0 if agree(ani, number) else 2 if ani or number else 1), self._far(leg, record, when, now)

    def _of_the_call_there(self, record: SmdrRecord) -> bool:
        """Is it rather of the call that is on our port still, whose end the PBX has seen before us?"""
        call = self._on_port(record.extension or "")
        if call is None:
            return False
        if call.answered_s is None:
            return record.answered is False and self._same(call, record)
        return self.says_gone(record, call)

    def interval(self, record: SmdrRecord) -> Interval | None:
        """When the record says it was, on our clock; None where that is not known."""
        if self._pbx is None:
            return None
        lasted = record.duration_s or 0.0
        printed = record.start if record.stamp == "start" else record.end
        at = self._pbx.moment(printed) if printed is not None else None
        if at is None:
            return None
        within = record.resolution_s + record.duration_step_s + EXACT_S
        return Interval(at, at + lasted, within) if record.stamp == "start" else Interval(at - lasted, at, within)

    def close(self) -> list[Call]:
        """The server stops: the calls that still wait for a record."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        left = [leg.call for leg in self._waiting if not leg.matched]
        self._waiting.clear()
        return left

    # which legs can it be?

    def _of(self, extension: str) -> Iterator[Leg]:
        yield from self._owed.get(extension, ())
        talk = self._talks.get(extension)
        if talk is not None and extension not in self._own:
            yield talk

    def _fits(self, leg: Leg, record: SmdrRecord, when: Interval | None, now: float, alone: bool) -> bool:
        if not self._same(leg.call, record):
            return False
        if when is None:
            return self._fits_by_length(leg, record, now)
        if self._in_time(leg, record, when, now):
            return True
        return alone and self._the_clock_aside(leg, record, now)

    def _in_time(self, leg: Leg, record: SmdrRecord, when: Interval, now: float) -> bool:
        within, known = when.within, agree(leg.call.ani, record.number)
        ended_s = leg.until(now)
        if not leg.agents:  # our own ears know its end
            apart = abs((record.duration_s or 0.0) - (ended_s - leg.began_s))
            nameless = not known and record.duration_s is not None and self._legs == "per_leg"
            if nameless and apart > NAMELESS_LEG_S + record.duration_step_s:
                return False
            half = self._legs == "split_at_flash" and when.end_s + within > leg.began_s
            return when.end_s - within - EARLY_S <= ended_s and (half or ended_s <= when.end_s + within + EARLY_S)
        if when.end_s + within < leg.began_s or when.end_s - within > (now if leg.guessed else ended_s) + EARLY_S:
            return False
        if record.duration_s is not None:
            if self._legs != "split_at_flash" and when.start_s > leg.began_s + within + START_S:
                return False
            whole = known or self._legs == "whole_call"
            earliest = leg.call.began_s - EXACT_S if whole else leg.began_s - START_S
            if when.start_s < earliest - within:
                return False
        if when.end_s - within > leg.began_s or record.duration_s is None:
            return True
        # It may have ended before the leg began, too: as printed they are too near each other to tell.
        if not known and self._legs != "split_at_flash":
            return abs(record.duration_s - (ended_s - self._start(leg))) <= PROMPT_S + record.duration_step_s
        return now - when.end_s <= within + STALE_S or abs(when.start_s - leg.began_s) <= within

    def _the_clock_aside(self, leg: Leg, record: SmdrRecord, now: float) -> bool:
        """The PBX's clock was set, and we do not know it yet, but for records that say so already: the same caller for
        the same length just now."""
        if record.duration_s is None or not agree(leg.call.ani, record.number) or now - leg.until(now) > RECORD_S:
            return False
        if self._pbx is None or record.end is None or not self._pbx.doubted_by(record.end, record.resolution_s):
            return False
        near = NEAR_S + record.duration_step_s
        return abs(record.duration_s - (leg.until(now) - self._start(leg))) <= near

    def _fits_by_length(self, leg: Leg, record: SmdrRecord, now: float) -> bool:
        """It cannot have lasted longer than the call so far; what is over must be so since a short while only."""
        if leg.ended_s is not None:
            return now - leg.ended_s <= (RECORD_S if leg.call.ani else NAMELESS_S)
        return record.duration_s is None or record.duration_s <= now - leg.call.began_s + SLACK_S

    def _far(self, leg: Leg, record: SmdrRecord, when: Interval | None, now: float) -> float:
        """How far the record is from the leg, in seconds: by the length, which is exact, and the beginning, which may
        be rounded; else by the end. Without either, records come in the order of the ends."""
        ended_s, started_s = leg.until(now), self._start(leg)
        if record.duration_s is None:
            return abs(when.end_s - ended_s) if when is not None else float(leg.ended_s is None)
        if when is None:
            return abs(record.duration_s - (ended_s - started_s))
        if leg.ended_s is None and now - when.end_s > when.within + STALE_S:
            ended_s = when.end_s
        outside = max(abs(when.start_s - started_s) - when.within / 2, 0.0)  # rounding is no distance
        return abs(record.duration_s - (ended_s - started_s)) + outside

    def _start(self, leg: Leg) -> float:
        """From when the record counts."""
        return leg.call.began_s if self._legs == "whole_call" else leg.began_s

    def _same(self, call: Call, record: SmdrRecord) -> bool:
        """Do they agree on who called, and on which trunk? A call between extensions is none of ours."""
        if record.number is not None and (record.number in self._own or record.number == record.extension):
            return False
        if call.trunk is not None and record.trunk is not None and call.trunk != record.trunk:
            return False
        return same_caller(call, record)

    def _talked(self, leg: Leg, record: SmdrRecord, now: float) -> float | None:
        """How long the agent talked, where the record tells better than we know: not where it counts the whole call, or
        one half of it, or the ringing too."""
        if record.duration_s is None or record.answered is False or self._legs != "per_leg":
            return None
        ended_s = leg.until(now)
        talked = record.duration_s + (record.duration_step_s / 2 if record.duration_step_s > 1 else 0.0)
        return talked if ended_s - leg.began_s - talked > LATE_S else None

    # those that wait

    def _drop(self, leg: Leg) -> None:
        legs = self._owed.get(leg.extension, [])
        if leg in legs:
            legs.remove(leg)
        if not legs:
            self._owed.pop(leg.extension, None)

    def _forget(self, now: float) -> None:
        while self._order and (len(self._order) > REMEMBERED or now - self._order[0].until(now) > OWED_S):
            self._drop(self._order.popleft())

    def _watch(self) -> None:
        if self._timer is None and self._waiting:
            now = self._clock.seconds()
            due = self._waiting[0].until(now) + RECORD_S
            self._timer = self._clock.callLater(max(due - now, 0.0), self._overdue, due)

    def _overdue(self, due: float) -> None:
        self._timer = None
        while self._waiting and (self._waiting[0].matched or self._waiting[0].until(due) + RECORD_S <= due):
            leg = self._waiting.popleft()
            if not leg.matched:
                self._on_overdue(leg.call)
        self._watch()


def same_caller(call: Call, record: SmdrRecord) -> bool:
    """Do call and record agree on who called? Where one of them has no number they may; an outgoing call does not."""
    if record.direction in ("out", "internal"):
        return False
    if not call.ani or not record.number:
        return True
    return agree(call.ani, record.number)

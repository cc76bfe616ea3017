"""Whether one of the PBX's records and a call's part at an extension can belong together, and how surely (step 9).

They do when caller and trunk, where both know them, do not contradict each other, and when the interval that the record
states, on the PBX's clock, is that of the leg. Where the interval is not known (the PBX's clock is not known yet, it
printed no time, or it was just set) the length decides, and of a record that came by itself the moment at which it
came: a record without a number that comes so is of no call that ended longer ago than NAMELESS_S.

What is left to tell apart is told by `far`. Of two calls of unknown callers that are less than SURE_S apart in it none
is the one: such a record is nobody's (cti.talks.talks.Ambiguous), and both calls stay without it. A marked call is
honest, a wrong one is not.

A record that was matched may be doubtful all the same (`doubt`): it was damaged on its way as far as can be seen
(cti.pbx.doubts), or says something else than we know of the number, the trunk or the length.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from cti.arrivals.numbers import agree
from cti.call import Call
from cti.pbx.pbx_clock import PbxClock
from cti.pbx.smdr import SmdrRecord
from drivers.clock import Clock

Legs = Literal["per_leg", "whole_call", "split_at_flash"]

# A record may come so long after the end of the call (buffered output at 1200 Bd, page headers, the PBX's own delay).
RECORD_S: Final = 120.0
# Without an interval: a record may state so much more than we measured (whole minutes, ringing included).
SLACK_S: Final = 90.0
# A record may come so long before we notice the end of the call ourselves (the PBX sees the trunk, we hear tones).
EARLY_S: Final = 15.0
# The record of a call on our port has the call's own length, but for ringing and for its way here.
NEAR_S: Final = 10.0
NAMELESS_NEAR_S: Final = 3.0
# Of a call without a number on our port, which the PBX may count as answered a little earlier, or not at all.
NAMELESS_LEG_S: Final = 5.0
# A record without a number that came by itself is of a call that ended so short a time ago.
NAMELESS_S: Final = 20.0
# Our own hearing of a beginning or an end is so exact, the printing of a record so even.
EXACT_S: Final = 10.0
# A leg may be counted from so long before or after the agent's answer as we know it: ringing, a blind transfer.
START_S: Final = 60.0
# An end that is known to be right within this time is of this moment, and not of one a minute ago.
FRESH_S: Final = 15.0
# A record that came so much later than the end it states has waited somewhere.
STALE_S: Final = 60.0
# A record comes so soon after the end of its call, where nothing is out of order.
PROMPT_S: Final = 15.0
# What we measured of a talk counts, unless the record says that it was shorter by more than this.
LATE_S: Final = 2.0
# A record of our own port that comes so soon after we hung up is of that call.
AT_ONCE_S: Final = 3.0
# Why a record that names nobody is doubtful when it comes out of a buffer.
WAITED: Final = "it waited on its way and names no caller: it may be of a call that is not ours"
# The PBX has noticed that we lift after so long.
TAKEN_S: Final = 1.0
# Where records are late, all alike, one comes so near to its time: how long we take to hear an end differs.
DUE_S: Final = 8.0
# Calls of unknown callers are told apart by so much: our ears and the PBX's rounding.
SURE_S: Final = 3.0


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
    called_s: float | None = None  # our flash before it: the agent's part cannot have begun before
    over_s: float | None = None  # guessed: the telephone had another call then, so this one was over

    def until(self, now: float) -> float:
        """When it ended; under way: now."""
        return now if self.ended_s is None else self.ended_s

    def at_latest(self, now: float) -> float:
        """When it was over for certain; a guess may have come too early."""
        return self.until(now) if not self.guessed else now if self.over_s is None else self.over_s


@dataclass(frozen=True, slots=True)
class Early:
    """A record that came before we noticed the end of its call, or is of none of ours. alone: it did not come in one
    breath with another. believed: its line showed no damage again and again, nor it any."""

    came_s: float
    record: SmdrRecord
    alone: bool
    believed: bool = True


class Fits:
    """legs: how a call with a transfer is printed; pbx: its clock, None where it tells no time; own: our ports'
    extensions."""

    def __init__(self, clock: Clock, legs: Legs, pbx: PbxClock | None, own: frozenset[str]) -> None:
        self.name_callers = False  # have records named callers as we know them?
        self.legs = legs
        self._clock, self._pbx, self._own = clock, pbx, own

    @property
    def late_s(self) -> float:
        """So long after the end of its call a record comes, as a rule; 0: at once, or not known."""
        return self._pbx.late_s if self._pbx is not None else 0.0

    def interval(self, record: SmdrRecord, came_s: float | None = None) -> Interval | None:
        """When the record says it was, on our clock; None where that is not known. came_s: it came by itself then,
        which says when the call ended, too, where it is known how late records are."""
        if self._pbx is None:
            return None
        lasted = record.duration_s or 0.0
        printed = record.start if record.stamp == "start" else record.end
        at = self._pbx.moment(printed) if printed is not None else None
        within = self._pbx.exact_s(record.resolution_s) + record.duration_step_s + EXACT_S
        came = None
        if came_s is not None and self.late_s:
            end_s = came_s - self.late_s
            came = Interval(end_s - lasted, end_s, EXACT_S + record.duration_step_s)
        if at is None or printed is None:
            return came
        stated = Interval(at, at + lasted, within) if record.stamp == "start" else Interval(at - lasted, at, within)
        return came if came is not None and abs(came.end_s - stated.end_s) <= within else stated

    def same(self, call: Call, record: SmdrRecord, *, trusting: bool = True) -> bool:
        """Do they agree on who called, and on which trunk? A call between extensions is none of ours. trusting: a
        number of the call's that is in doubt counts, too."""
        if record.number is not None and (record.number in self._own or record.number == record.extension):
            return False
        if not trusting and call.ani_doubt is not None and record.direction not in ("out", "internal"):
            return self._same_trunk(call, record)
        return self._same_trunk(call, record) and self._same_caller(call, record)

    def fits(self, leg: Leg, record: SmdrRecord, when: Interval | None, alone: bool) -> bool:
        """Can the record be of this leg? alone: it did not come in one breath with the record before it."""
        now = self._clock.seconds()
        if not self.same(leg.call, record) or self._long_over(leg, record, when, alone, now):
            return False
        if self.tells_nothing(record, when, alone) or (alone and self._not_due(leg, record, now)):
            return False
        if when is None:
            return self._by_length(leg, record, now)
        if self._in_time(leg, record, when, alone):
            return True
        return alone and self._the_clock_aside(leg, record, now)

    def fits_early(self, call: Call, began_s: float, agents: bool, early: Early, in_vain: bool) -> bool:
        """Can a record that came before we noticed be of this call, which leaves its extension now? Not one that had
        waited somewhere when it came: what it is of was over before. in_vain: others wait as if all were late."""
        record, when, known = early.record, self.interval(early.record), known_caller(call, early.record)
        if self.late_s or (in_vain and not known):
            return False  # of those that are late none comes before its call is over
        if not self.same(call, record) or self.tells_nothing(record, when, early.alone):
            return False
        if early.came_s < call.began_s or (not known and _over_before(call, when)):
            return False
        if self._waited(early, when, known):
            return False
        if known or (early.alone and (record.duration_s is None or self.legs == "split_at_flash")):
            return True
        if record.duration_s is None or not early.alone:
            return False
        answered = call.answered_s is not None or record.answered is not False
        lasted = (began_s, min(began_s, call.began_s) if self.legs == "whole_call" else began_s)
        off = _outside(record.duration_s, [early.came_s - since if answered else 0.0 for since in lasted])
        return off <= (PROMPT_S if agents else NAMELESS_LEG_S) + record.duration_step_s

    def may_be_late_for(self, leg: Leg, record: SmdrRecord) -> bool:
        """Can a record that came by itself, and names no caller whom we know, be late, and of this leg, which was over
        long before and waits for its record in vain?"""
        now = self._clock.seconds()
        if leg.ended_s is None or leg.matched or now - leg.ended_s > RECORD_S:
            return False
        if not self.same(leg.call, record, trusting=False):
            return False
        if self.late_s and abs(now - self.late_s - leg.ended_s) > EXACT_S:
            return False
        if record.duration_s is None:
            return now - leg.ended_s <= START_S
        since, latest = leg.called_s if leg.called_s is not None else leg.began_s, leg.began_s
        if self.legs == "whole_call":
            since, latest = leg.call.began_s, leg.call.answered_s or leg.began_s
        least = leg.ended_s - latest - (NEAR_S if leg.agents else 0.0)  # a desk's word comes after the end
        return _outside(record.duration_s, [least, leg.ended_s - since]) <= SURE_S + record.duration_step_s

    def overlaps(self, leg: Leg, record: SmdrRecord, when: Interval | None) -> bool:
        """Can the record be of this leg as far as caller, trunk and the printed time tell, though not for certain?"""
        if when is None or leg.matched or not self.same(leg.call, record):
            return False
        ended_s = leg.until(self._clock.seconds())
        return when.start_s - when.within <= ended_s and when.end_s + when.within >= leg.began_s

    def tells_nothing(self, record: SmdrRecord, when: Interval | None, alone: bool) -> bool:
        """It names no caller, nobody knows when it was, and it came among others, as out of a buffer."""
        return not alone and when is None and not record.number

    def waited_on_its_way(self, legs: Iterable[Leg], record: SmdrRecord) -> list[float]:
        """How long after the end of its call a record of one of our ports came, whose legs these are, for each that it
        can be of by caller, trunk and length: our own ears know that end."""
        if self.legs == "split_at_flash":
            return []
        now, near = self._clock.seconds(), SURE_S + record.duration_step_s
        lasted = record.duration_s if record.duration_step_s <= NEAR_S else None
        return [
            now - leg.until(now)
            for leg in legs
            if self.same(leg.call, record)
            and (leg.completes or self.legs == "per_leg")
            and now - leg.until(now) <= RECORD_S
            and (lasted is None or abs(lasted - (leg.until(now) - leg.began_s)) <= near)
        ]

    def rank(self, leg: Leg, record: SmdrRecord, when: Interval | None) -> tuple[int, float]:
        """The lowest wins: the same number, of which many may call, also one that a doubted line has said; neither
        names one; only one of them does."""
        ani, number = self._named(leg.call), record.number
        both = 0 if agree(ani, number) else 1 if not (ani or number) else 2
        return both, self.far(leg, record, when)

    def far(self, leg: Leg, record: SmdrRecord, when: Interval | None, *, at_least: bool = False) -> float:
        """How far the record is from the leg, in seconds: by the length, which is exact, and the beginning, which may
        be rounded; else by the end. Without either the nearest end counts, of the same caller the first. at_least:
        however length and beginning were rounded."""
        now = self._clock.seconds()
        ended_s, started_s = leg.until(now), self.start(leg)
        if record.duration_s is None:
            if when is not None and self.late_s and leg.ended_s is None:
                began_s = leg.began_s if leg.call.talk_s is None else max(leg.began_s, leg.call.talk_s)
                return max(began_s - when.end_s, 0.0)  # any moment since may have been its end
            if when is not None:
                return abs(when.end_s - ended_s)
            return float(leg.ended_s is None) if known_caller(leg.call, record) else now - ended_s
        step_s = record.duration_step_s if at_least else 0.0
        if when is None:
            return _outside(ended_s - started_s, [record.duration_s, record.duration_s + step_s])
        if leg.ended_s is None and (self.late_s or now - when.end_s > when.within + STALE_S):
            ended_s = when.end_s
        rounded = when.within if at_least else when.within / 2  # that is no distance
        longer = _outside(ended_s - started_s, [record.duration_s, record.duration_s + step_s])
        return longer + max(abs(when.start_s - started_s) - rounded, 0.0)

    def start(self, leg: Leg) -> float:
        """From when the record counts."""
        return leg.call.began_s if self.legs == "whole_call" else leg.began_s

    def says_gone(self, early: Early, call: Call, only: bool, in_vain: bool) -> bool:
        """Is it the record of a call that is still on our port? Not one out of a buffer: neither one that names nobody
        and came among others, nor one of a call that was over before. only: no other call waits for a record of this
        port, so that one which says nothing is of this call. in_vain: others wait as if all records were late."""
        if self.late_s:
            return False
        known, when = known_caller(call, early.record), self.interval(early.record)
        fresh = when is not None and abs(early.came_s - when.end_s) <= when.within <= FRESH_S
        if not (early.alone or known or fresh) or self._waited(early, when, known):
            return False
        if not known and (in_vain or not early.believed or _over_before(call, when)):
            return False
        silent = early.record.duration_s is None and not early.record.number and early.came_s > (call.answered_s or 0.0)
        if silent and only and self.legs == "per_leg" and call.answered_s is not None and not early.record.transferred:
            return self.same(call, early.record)
        return self.looks_like(early.record, call, early.came_s)

    def looks_like(self, record: SmdrRecord, call: Call, came_s: float) -> bool:
        """Can it be of a call that is still on our port, by its number and its length until the record came?"""
        if self.legs == "split_at_flash" or call.answered_s is None or record.transferred or self.late_s:
            return False
        if not self.same(call, record):
            return False
        known = known_caller(call, record)
        if record.duration_s is None:
            return agree(call.ani, record.number)  # said twice by a line that is in doubt, it is the number
        lasted = came_s - call.answered_s
        if record.answered is False and lasted > TAKEN_S:
            return False  # one that nobody took is over before we lift, if only by a moment
        step = record.duration_step_s if record.duration_step_s > 1.0 else 0.0
        return abs(record.duration_s - lasted) <= (NEAR_S if known else NAMELESS_NEAR_S) + step

    def of_the_call_there(self, record: SmdrRecord, there: Call, leg: Leg, when: Interval | None) -> bool:
        """Is a record rather of the call that is on our port now, whose end the PBX has seen before us, than of this
        leg of a call that has left it? Of one caller's number both may be: then the nearer one's; and one that was
        answered by nobody is of the caller who rings, not of another whom we had spoken with."""
        if there is leg.call or self.late_s or not self.same(there, record):
            return False
        if known_caller(leg.call, record):
            if there.answered_s is None and _nobody_answered(record):
                return not leg.agents and leg.call.answered_s is not None and self.far(leg, record, None) > SURE_S
            if record.duration_s is None or there.answered_s is None or not agree(there.ani, record.number):
                return False
            lasted = self._clock.seconds() - there.answered_s
            looks_like = self.looks_like(record, there, self._clock.seconds())
            return looks_like and abs(record.duration_s - lasted) < self.far(leg, record, when)
        if record.duration_s is None and record.answered is None:  # nothing is said but that somebody hung up
            return self._clock.seconds() - leg.until(self._clock.seconds()) > AT_ONCE_S
        if there.answered_s is None:
            return record.answered is False
        return self.looks_like(record, there, self._clock.seconds())

    def talked(self, leg: Leg, record: SmdrRecord) -> float | None:
        """How long the agent talked, where the record tells better than we know: not where it counts the whole call, or
        one half of it, or the ringing too."""
        if not leg.agents or record.duration_s is None or record.answered is False or self.legs != "per_leg":
            return None
        ended_s = leg.until(self._clock.seconds())
        talked = record.duration_s + (record.duration_step_s / 2 if record.duration_step_s > 1 else 0.0)
        return talked if ended_s - leg.began_s - talked > LATE_S else None

    def doubt(self, leg: Leg, record: SmdrRecord, when: Interval | None, alone: bool) -> str | None:
        """Why a record that fits the leg may not say what the PBX printed; None: nothing speaks against it."""
        if record.doubt is not None:
            return record.doubt
        call, number, now = leg.call, record.number, self._clock.seconds()
        whole = call.ani is not None and not call.ani_truncated and call.ani_doubt is None
        if whole and number and not (number.endswith(call.ani or "") or (call.ani or "").endswith(number)):
            return f"the number is {number}, the caller's {call.ani}"
        waited = when is not None and now - self.late_s - when.end_s > when.within + STALE_S
        waited = waited or (leg.ended_s is not None and now - self.late_s - leg.at_latest(now) > NAMELESS_S)
        if waited and leg.agents and not number and not (call.trunk and call.trunk == record.trunk):
            return WAITED
        if not leg.agents or leg.guessed or call.blind or record.answered is False or self.legs != "per_leg":
            return None
        if record.duration_s is None or not alone:
            return None
        exact = when is not None and record.resolution_s == 1  # else it may be short because it came late
        ended_s = min(when.end_s, leg.until(now)) if exact and when is not None else leg.until(now - self.late_s)
        short = ended_s - leg.began_s - record.duration_s
        near = NEAR_S + record.duration_step_s
        if (short > near and exact) or short < -near - START_S:
            return f"{record.duration_s:g} s long, and we know of {ended_s - leg.began_s:.0f} s"
        return None

    def as_long(self, leg: Leg, record: SmdrRecord) -> bool:
        """Is a talk under way about as long by now as the record says? A damaged one may have been printed for another
        event, as the ringing of this very telephone."""
        if record.duration_s is None:
            return False
        if self.legs == "split_at_flash":
            return True
        short = leg.until(self._clock.seconds() - self.late_s) - self.start(leg) - record.duration_s
        near = NEAR_S + record.duration_step_s
        return -near - START_S <= short <= near + (START_S if leg.call.blind else 0.0)

    def confirmed(self, leg: Leg, record: SmdrRecord, when: Interval | None) -> bool:
        """Is all that counts in the record known otherwise: the caller, whole, and how long it was? A number that a bad
        line has said in the same way before is so, too; where records name no caller, its time takes that place."""
        call, ani = leg.call, leg.call.ani
        if not leg.agents or leg.guessed or call.blind or record.duration_s is None:
            return False
        whole = not call.ani_truncated and call.ani_doubt in (None, "serial_damaged")
        if not (whole and ani and record.number == ani if self.name_callers else record.number is None and when):
            return False
        since = (call.began_s, call.answered_s or call.began_s) if self.legs == "whole_call" else (leg.began_s,)
        ended_s = leg.until(self._clock.seconds() - self.late_s)
        return _outside(record.duration_s, [ended_s - at for at in since]) <= SURE_S + record.duration_step_s

    # within

    def _waited(self, early: Early, when: Interval | None, known: bool) -> bool:
        """Was it printed long before it came? Or was the PBX's clock set: so it is where the record names the caller
        and came by itself, or others before it say so too."""
        if when is None or early.came_s - when.end_s <= when.within + PROMPT_S:
            return False
        return not (known and (early.alone or self._clock_was_set(early.record)))

    def _clock_was_set(self, record: SmdrRecord) -> bool:
        """Do other records say that the PBX's clock is not what we know yet?"""
        return (
            self._pbx is not None and record.end is not None and self._pbx.doubted_by(record.end, record.resolution_s)
        )

    def _same_caller(self, call: Call, record: SmdrRecord) -> bool:
        """Do they agree on who called? Where one of them has no number they may; an outgoing call does not."""
        if record.direction in ("out", "internal"):
            return False
        ani = self._named(call)
        return not ani or not record.number or agree(ani, record.number)

    def _named(self, call: Call) -> str | None:
        """Who called, as far as that says anything of whose a record is. A number that was given to the call because it
        came when the call was there does not: the record may be of the one whom it meant. Nor does a doubted one that
        these records have said, as long as they may all be late."""
        if call.ani_doubt == "place_guessed":
            return None
        may_be_late = self._pbx is not None and not self._pbx.lateness.at_once
        return None if call.ani_doubt and call.ani_source == "smdr" and may_be_late else call.ani

    @staticmethod
    def _same_trunk(call: Call, record: SmdrRecord) -> bool:
        return call.trunk is None or record.trunk is None or call.trunk == record.trunk

    def _not_due(self, leg: Leg, record: SmdrRecord, now: float) -> bool:
        """It is known how late records are, and this came by itself: did our own port's part end at another time?"""
        if not self.late_s or leg.agents or leg.ended_s is None or known_caller(leg.call, record):
            return False
        return abs(now - self.late_s - leg.ended_s) > DUE_S

    def _long_over(self, leg: Leg, record: SmdrRecord, when: Interval | None, alone: bool, now: float) -> bool:
        """The record came by itself, as its call ended, and this leg ended long before."""
        if leg.ended_s is None or not alone or known_caller(leg.call, record):
            return False
        return now - leg.at_latest(now) > NAMELESS_S and (when is None or abs(now - when.end_s) <= when.within)

    def _in_time(self, leg: Leg, record: SmdrRecord, when: Interval, alone: bool) -> bool:
        now, within, known = self._clock.seconds(), when.within, known_caller(leg.call, record)
        ended_s = leg.until(now)
        if not leg.agents:  # our own ears know its end
            apart = _outside(record.duration_s or 0.0, [ended_s - leg.began_s, ended_s - self.start(leg)])
            nameless = not known and record.duration_s is not None and self.legs != "split_at_flash"
            if nameless and apart > NAMELESS_LEG_S + record.duration_step_s:
                return False
            if known and not self._our_length(leg, record, ended_s):
                return False
            half = self.legs == "split_at_flash" and when.end_s + within > leg.began_s
            later = within + (EARLY_S if known else 0.0)
            return when.end_s - later <= ended_s and (half or ended_s <= when.end_s + within + EARLY_S)
        if when.end_s + within < leg.began_s or when.end_s - within > leg.at_latest(now) + EARLY_S:
            return False
        if record.duration_s is not None:
            if self.legs != "split_at_flash" and when.start_s > leg.began_s + within + START_S:
                return False
            whole = known or self.legs == "whole_call"
            earliest = leg.call.began_s - EXACT_S if whole else leg.began_s - START_S
            if when.start_s < earliest - within:
                return False
            if not known and (self._too_long(leg, record, now) or (alone and self._too_short(leg, record, now))):
                return False
        if when.end_s - within > leg.began_s:
            return True
        if record.duration_s is None:  # out of a buffer, it may be of the telephone's call before, which is not ours
            return leg.ended_s is not None or now - when.end_s <= within + PROMPT_S
        # It may have ended before the leg began, too: as printed they are too near each other to tell.
        if not known and self.legs != "split_at_flash":
            return alone and abs(record.duration_s - (ended_s - self.start(leg))) <= PROMPT_S + record.duration_step_s
        return now - when.end_s <= within + STALE_S or abs(when.start_s - leg.began_s) <= within

    def _our_length(self, leg: Leg, record: SmdrRecord, ended_s: float) -> bool:
        """Is it as long as our port's part, with or without the ringing? Many may call from one number."""
        if record.duration_s is None or self.legs == "split_at_flash":
            return True
        lengths = [ended_s - leg.began_s, ended_s - leg.call.began_s]
        lengths += [0.0] if leg.call.answered_s is None else []
        return _outside(record.duration_s, lengths) <= NEAR_S + record.duration_step_s

    def _too_long(self, leg: Leg, record: SmdrRecord, now: float) -> bool:
        """Does it say more than there was since we called the agent's telephone, or since the call began where it
        counts that; or, where neither is known, than ringing, or a blind transfer, adds to a talk?"""
        if leg.guessed or record.duration_s is None:
            return False
        more = record.duration_s - (leg.until(now) - leg.began_s) - record.duration_step_s
        if self.legs == "whole_call":
            return more > leg.began_s - leg.call.began_s + SURE_S
        if self.legs != "per_leg":
            return False
        if leg.called_s is not None:
            return more > leg.began_s - leg.called_s + SURE_S
        return leg.ended_s is not None and not leg.call.blind and more > START_S + NEAR_S

    def _too_short(self, leg: Leg, record: SmdrRecord, now: float) -> bool:
        """The talk is under way: would the record, which came by itself, end one that has gone on for longer?"""
        if leg.ended_s is not None or leg.call.blind or record.duration_s is None or self.legs == "split_at_flash":
            return False
        since = leg.call.answered_s if self.legs == "whole_call" else leg.began_s
        more = now - self.late_s - (leg.began_s if since is None else since) - record.duration_s
        return more > PROMPT_S + record.duration_step_s

    def _the_clock_aside(self, leg: Leg, record: SmdrRecord, now: float) -> bool:
        """The PBX's clock was set, and we do not know it yet, but for records that say so already; or this record is
        late, of a call that is over: the same caller for the same length just now."""
        if record.duration_s is None or not known_caller(leg.call, record) or now - leg.until(now) > RECORD_S:
            return False
        if not (self._clock_was_set(record) or (leg.ended_s is not None and not leg.matched)):
            return False
        near = NEAR_S + record.duration_step_s
        return abs(record.duration_s - (leg.until(now) - self.start(leg))) <= near

    def nearest(self, legs: list[Leg], record: SmdrRecord, when: Interval | None, alone: bool) -> Leg | None:
        """The leg of the lowest rank, of those which fit. A number alone does not make one that was over at another
        time win over one whose time and length are the record's: of one number many may call."""
        first = min(legs, key=lambda leg: self.rank(leg, record, when), default=None)
        if first is None or when is None or self._in_time(first, record, when, alone):
            return first
        exact = max(SURE_S, record.duration_step_s)
        timely = [
            leg for leg in legs if self._in_time(leg, record, when, alone) and self.far(leg, record, None) <= exact
        ]
        return min(timely, key=lambda leg: self.rank(leg, record, when), default=first)

    def _by_length(self, leg: Leg, record: SmdrRecord, now: float) -> bool:
        """It cannot have lasted longer than the call so far; what is over must be so since a short while only. Without
        a number it must be as long as the leg, too."""
        known = known_caller(leg.call, record)
        if leg.ended_s is not None and now - leg.ended_s > (RECORD_S if known else NAMELESS_S):
            return False
        if not known and self._too_long(leg, record, now):
            return False
        if record.duration_s is None:  # nothing is said but that somebody hung up: our own port just did
            return known or leg.agents or leg.ended_s is None or now - leg.ended_s <= AT_ONCE_S
        if known and not leg.agents and not self._our_length(leg, record, leg.until(now)):
            return False
        if not known and self.legs == "per_leg" and not leg.guessed and not leg.call.blind:
            short = leg.until(now) - leg.began_s - record.duration_s
            near = (NEAR_S if leg.agents else NAMELESS_LEG_S) + record.duration_step_s
            if short > near or (not leg.agents and short < -near):
                return False
        return leg.ended_s is not None or record.duration_s <= now - leg.call.began_s + SLACK_S


def _over_before(call: Call, when: Interval | None) -> bool:
    """Was it over when the call was answered, or began? The PBX's clock is known better than we hear an end."""
    since_s = call.began_s if call.answered_s is None else call.answered_s
    return when is not None and when.end_s + when.within - EXACT_S + SURE_S < since_s


def _nobody_answered(record: SmdrRecord) -> bool:
    """Does the PBX say that the call was only rung for?"""
    return record.answered is False or (record.duration_s == 0.0 and record.duration_step_s <= 1.0)


def _outside(value: float, ends: list[float]) -> float:
    """How far a value is from what lies between the least and the greatest."""
    return max(min(ends) - value, value - max(ends), 0.0)


def known_caller(call: Call, record: SmdrRecord) -> bool:
    """Do both name the same caller, and is nothing doubtful about the call's number?"""
    return call.ani_doubt is None and agree(call.ani, record.number)

"""Whether one of the PBX's records and a call's part at an extension can belong together (step 9).

They do when caller and trunk, where both know them, do not contradict each other, and when the interval that the record
states, on the PBX's clock, is that of the leg. Where the interval is not known (the PBX's clock is not known yet, it
printed no time, or it was just set) the length decides, and of a record that came by itself the moment at which it
came: a record without a number that comes so is of no call that ended longer ago than NAMELESS_S.

What is left to tell apart is told by `far`. Of two calls of unknown callers that are less than SURE_S apart in it none
is the one: such a record is nobody's (cti.talks.talks.Ambiguous), and both calls stay without it. A marked call is
honest, a wrong one is not.
"""

from __future__ import annotations

from collections.abc import Iterable

from cti.call import Call
from cti.pbx.smdr import SmdrRecord
from cti.talks.evidence import Evidence, of_this_stay, others_overdue, over_before
from cti.talks.leg import Early, Interval, Leg, known_caller, names
from cti.talks.margins import (
    AT_ONCE_S,
    DUE_S,
    EARLY_S,
    EXACT_S,
    NAMELESS_LEG_S,
    NAMELESS_S,
    NEAR_S,
    PROMPT_S,
    RECORD_S,
    SLACK_S,
    STALE_S,
    START_S,
    SURE_S,
    outside,
)


class Fits:
    """Can a record be of a part of a call? And of which, where it can be of several?"""

    def __init__(self, evidence: Evidence) -> None:
        self._ev = evidence

    def fits(self, leg: Leg, record: SmdrRecord, when: Interval | None, alone: bool) -> bool:
        """Can the record be of this leg? alone: it did not come in one breath with the record before it."""
        now = self._ev.now()
        if not self._ev.same(leg.call, record) or self._long_over(leg, record, when, alone, now):
            return False
        if self._tells_nothing(leg.call, record, when, alone) or (alone and self._not_due(leg, record, now)):
            return False
        if when is None:
            return self._by_length(leg, record, now)
        if self._in_time(leg, record, when, alone):
            return True
        return alone and self._the_clock_aside(leg, record, now)

    def fits_early(self, call: Call, began_s: float, agents: bool, early: Early, in_vain: bool) -> bool:
        """Can a record that came before we noticed be of this call, which leaves its extension now? Not one that had
        waited somewhere when it came: what it is of was over before. in_vain: others wait as if all were late."""
        record, when, known = early.record, self._ev.interval(early.record), known_caller(call, early.record)
        in_vain = in_vain and (agents or not others_overdue(call, early.came_s))
        if self._ev.late_s or (in_vain and not known):
            return False  # of those that are late none comes before its call is over
        if not self._ev.same(call, record) or self._tells_nothing(call, record, when, early.alone):
            return False
        if early.came_s < call.began_s or (not known and over_before(call, when)):
            return False
        if self._ev.waited(early, when, known):
            return False
        if known:
            return self._as_long_early(call, began_s, agents, early)
        if early.alone and (record.duration_s is None or self._ev.legs == "split_at_flash"):
            return True
        if record.duration_s is None or not (early.alone or (not agents and of_this_stay(call, when))):
            return False
        answered = call.answered_s is not None or record.answered is not False
        lasted = (began_s, min(began_s, call.began_s) if self._ev.legs == "whole_call" else began_s)
        off = outside(record.duration_s, [early.came_s - since if answered else 0.0 for since in lasted])
        return off <= (PROMPT_S if agents else NAMELESS_LEG_S) + record.duration_step_s

    def _as_long_early(self, call: Call, began_s: float, agents: bool, early: Early) -> bool:
        """Can it be as long as it says? Many may call from one number."""
        if agents:
            most = early.came_s - call.began_s + NEAR_S + early.record.duration_step_s
            return early.record.duration_s is None or early.record.duration_s <= most
        return self._our_length(Leg("", call, began_s, agents), early.record, early.came_s)

    def may_be_late_for(self, leg: Leg, record: SmdrRecord) -> bool:
        """Can a record that came by itself, and names no caller whom we know, be late, and of this leg, which was over
        long before and waits for its record in vain?"""
        now = self._ev.now()
        if leg.ended_s is None or leg.matched or now - leg.ended_s > RECORD_S:
            return False
        if not self._ev.same(leg.call, record, trusting=False):
            return False
        if self._ev.late_s and abs(now - self._ev.late_s - leg.ended_s) > EXACT_S:
            return False
        if record.duration_s is None:
            return now - leg.ended_s <= START_S
        since, latest = leg.called_s if leg.called_s is not None else leg.began_s, leg.began_s
        if self._ev.legs == "whole_call":
            since, latest = leg.call.began_s, leg.call.answered_s or leg.began_s
        least = leg.ended_s - latest - (NEAR_S if leg.agents else 0.0)  # a desk's word comes after the end
        return outside(record.duration_s, [least, leg.ended_s - since]) <= SURE_S + record.duration_step_s

    def overlaps(self, leg: Leg, record: SmdrRecord, when: Interval | None) -> bool:
        """Can the record be of this leg as far as caller, trunk and the printed time tell, though not for certain?"""
        if when is None or leg.matched or not self._ev.same(leg.call, record):
            return False
        ended_s = leg.until(self._ev.now())
        return when.start_s - when.within <= ended_s and when.end_s + when.within >= leg.began_s

    def waited_on_its_way(self, legs: Iterable[Leg], record: SmdrRecord) -> list[float]:
        """How long after the end of its call a record of one of our ports came, whose legs these are, for each that it
        can be of by caller, trunk and length: our own ears know that end."""
        if self._ev.legs == "split_at_flash":
            return []
        now, near = self._ev.now(), SURE_S + record.duration_step_s
        lasted = record.duration_s if record.duration_step_s <= NEAR_S else None
        return [
            now - leg.until(now)
            for leg in legs
            if self._ev.same(leg.call, record)
            and (leg.completes or self._ev.legs == "per_leg")
            and now - leg.until(now) <= RECORD_S
            and (lasted is None or abs(lasted - (leg.until(now) - leg.began_s)) <= near)
        ]

    @staticmethod
    def _tells_nothing(call: Call, record: SmdrRecord, when: Interval | None, alone: bool) -> bool:
        """It names no caller, nobody knows when it was, and it came among others, as out of a buffer."""
        return not alone and when is None and not record.number and not names(record, call.ani)

    def _not_due(self, leg: Leg, record: SmdrRecord, now: float) -> bool:
        """It is known how late records are, and this came by itself: did our own port's part end at another time?"""
        if not self._ev.late_s or leg.agents or leg.ended_s is None or known_caller(leg.call, record):
            return False
        return abs(now - self._ev.late_s - leg.ended_s) > DUE_S

    def _long_over(self, leg: Leg, record: SmdrRecord, when: Interval | None, alone: bool, now: float) -> bool:
        """The record came by itself, as its call ended, and this leg ended long before."""
        if leg.ended_s is None or not alone or known_caller(leg.call, record):
            return False
        return now - leg.at_latest(now) > NAMELESS_S and (when is None or abs(now - when.end_s) <= when.within)

    def _in_time(self, leg: Leg, record: SmdrRecord, when: Interval, alone: bool) -> bool:
        now, within, known = self._ev.now(), when.within, known_caller(leg.call, record)
        ended_s = leg.until(now)
        if not leg.agents:  # our own ears know its end
            apart = outside(record.duration_s or 0.0, [ended_s - leg.began_s, ended_s - self._ev.start(leg)])
            nameless = not known and record.duration_s is not None and self._ev.legs != "split_at_flash"
            if nameless and apart > NAMELESS_LEG_S + record.duration_step_s:
                return False
            if known and not self._our_length(leg, record, ended_s):
                return False
            half = self._ev.legs == "split_at_flash" and when.end_s + within > leg.began_s
            later = within + (EARLY_S if known else 0.0)
            return when.end_s - later <= ended_s and (half or ended_s <= when.end_s + within + EARLY_S)
        latest = leg.at_latest(now) + EARLY_S
        if leg.over_s is not None:
            latest = min(latest, leg.over_s)
        if when.end_s + within < leg.began_s or when.end_s - within > latest:
            return False
        if record.duration_s is not None:
            if self._ev.legs != "split_at_flash" and when.start_s > leg.began_s + within + START_S:
                return False
            whole = known or self._ev.legs == "whole_call"
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
        if not known and self._ev.legs != "split_at_flash":
            return (
                alone and abs(record.duration_s - (ended_s - self._ev.start(leg))) <= PROMPT_S + record.duration_step_s
            )
        return now - when.end_s <= within + STALE_S or abs(when.start_s - leg.began_s) <= within

    def _our_length(self, leg: Leg, record: SmdrRecord, ended_s: float) -> bool:
        """Is it as long as our port's part, with or without the ringing? Many may call from one number."""
        if record.duration_s is None or self._ev.legs == "split_at_flash":
            return True
        lengths = [ended_s - leg.began_s, ended_s - leg.call.began_s]
        lengths += [0.0] if leg.call.answered_s is None else []
        return outside(record.duration_s, lengths) <= NEAR_S + record.duration_step_s

    def _too_long(self, leg: Leg, record: SmdrRecord, now: float) -> bool:
        """Does it say more than there was since we called the agent's telephone, or since the call began where it
        counts that; or, where neither is known, than ringing, or a blind transfer, adds to a talk?"""
        if leg.guessed or record.duration_s is None:
            return False
        more = record.duration_s - (leg.until(now) - leg.began_s) - record.duration_step_s
        if self._ev.legs == "whole_call":
            return more > leg.began_s - leg.call.began_s + SURE_S
        if self._ev.legs != "per_leg":
            return False
        if leg.called_s is not None:
            return more > leg.began_s - leg.called_s + SURE_S
        return leg.ended_s is not None and not leg.call.blind and more > START_S + NEAR_S

    def _too_short(self, leg: Leg, record: SmdrRecord, now: float) -> bool:
        """The talk is under way: would the record, which came by itself, end one that has gone on for longer?"""
        if leg.ended_s is not None or leg.call.blind or record.duration_s is None or self._ev.legs == "split_at_flash":
            return False
        since = leg.call.answered_s if self._ev.legs == "whole_call" else leg.began_s
        more = now - self._ev.late_s - (leg.began_s if since is None else since) - record.duration_s
        return more > PROMPT_S + record.duration_step_s

    def _the_clock_aside(self, leg: Leg, record: SmdrRecord, now: float) -> bool:
        """The PBX's clock was set, and we do not know it yet, but for records that say so already; or this record is
        late, of a call that is over: the same caller for the same length just now."""
        if record.duration_s is None or not known_caller(leg.call, record) or now - leg.until(now) > RECORD_S:
            return False
        if not (self._ev.clock_was_set(record) or (leg.ended_s is not None and not leg.matched)):
            return False
        near = NEAR_S + record.duration_step_s
        return abs(record.duration_s - (leg.until(now) - self._ev.start(leg))) <= near

    def nearest(self, legs: list[Leg], record: SmdrRecord, when: Interval | None, alone: bool) -> Leg | None:
        """The leg of the lowest rank, of those which fit. A number alone does not make one that was over at another
        time win over one whose time and length are the record's: of one number many may call."""
        first = min(legs, key=lambda leg: self._ev.rank(leg, record, when), default=None)
        if first is not None and alone and first.guessed:
            first = self._under_way(legs, record) or first
        if first is not None and alone and self._ev.comes_at_once:
            first = self._just_left(first, legs, record, when)
        if first is None or when is None or self._in_time(first, record, when, alone):
            return first
        exact = max(SURE_S, record.duration_step_s)
        timely = [
            leg for leg in legs if self._in_time(leg, record, when, alone) and self._ev.far(leg, record, None) <= exact
        ]
        return min(timely, key=lambda leg: self._ev.rank(leg, record, when), default=first)

    def _under_way(self, legs: list[Leg], record: SmdrRecord) -> Leg | None:
        """This caller's talk that goes on, if it is as long by now as the record says, which came by itself: before one
        whose end nobody knows, so that its length says nothing."""
        near = max(SURE_S, record.duration_step_s)
        there = [leg for leg in legs if leg.ended_s is None and known_caller(leg.call, record)]
        return next((leg for leg in there if self._ev.far(leg, record, None) <= near), None)

    def _just_left(self, first: Leg, legs: list[Leg], record: SmdrRecord, when: Interval | None) -> Leg:
        """Of those of this caller's number that were at our port for as long: the one that has just left it."""
        if first.agents or not known_caller(first.call, record):
            return first
        near = self._ev.far(first, record, when) + max(SURE_S, record.duration_step_s)
        alike = [leg for leg in legs if known_caller(leg.call, record) and self._ev.far(leg, record, when) <= near]
        return min(alike, key=lambda leg: self._ev.now() - leg.until(self._ev.now()))

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
        if not known and self._ev.legs == "per_leg" and not leg.guessed and not leg.call.blind:
            short = leg.until(now) - leg.began_s - record.duration_s
            near = (NEAR_S if leg.agents else NAMELESS_LEG_S) + record.duration_step_s
            if short > near or (not leg.agents and short < -near):
                return False
        return leg.ended_s is not None or record.duration_s <= now - leg.call.began_s + SLACK_S

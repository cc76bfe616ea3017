"""Whether a record says that a call on our port is over already: the PBX sees the trunk, we hear tones (step 9)."""

from __future__ import annotations

from cti.call import Call
from cti.pbx.smdr import SmdrRecord
from cti.talks.evidence import Evidence, of_this_stay, others_overdue, over_before
from cti.talks.leg import Early, Interval, Leg, known_caller, names, nobody_took
from cti.talks.margins import AT_ONCE_S, FRESH_S, NAMELESS_NEAR_S, NEAR_S, SURE_S, TAKEN_S


class Gone:
    """The records that come before we hear the end of their calls."""

    def __init__(self, evidence: Evidence) -> None:
        self._ev = evidence

    def says_gone(self, early: Early, call: Call, only: bool, in_vain: bool) -> bool:
        """Is it the record of a call that is still on our port? Not one out of a buffer: neither one that names nobody
        and came among others, unless its times can be of no call before, nor one of a call that was over before. only:
        no other call waits for a record of this port, so that one which says nothing is of this call. in_vain: others
        wait as if all records were late."""
        if self._ev.late_s:
            return False
        known, when = known_caller(call, early.record), self._ev.interval(early.record)
        fresh = when is not None and abs(early.came_s - when.end_s) <= when.within <= FRESH_S
        if not (early.alone or known or fresh or of_this_stay(call, when)) or self._ev.waited(early, when, known):
            return False
        believed = early.believed or names(early.record, call.ani)
        in_vain = in_vain and not others_overdue(call, early.came_s)
        if not known and (in_vain or not believed or over_before(call, when)):
            return False
        record, whole = early.record, self._ev.legs == "per_leg" and not early.record.transferred
        silent = record.duration_s is None and not record.number and early.came_s > (call.answered_s or 0.0)
        if silent and only and whole and call.answered_s is not None:
            return self._ev.same(call, record)
        return self.looks_like(record, call, early.came_s)

    def looks_like(self, record: SmdrRecord, call: Call, came_s: float) -> bool:
        """Can it be of a call that is still on our port, by its number and its length until the record came?"""
        if self._ev.legs == "split_at_flash" or call.answered_s is None or record.transferred or self._ev.late_s:
            return False
        if not self._ev.same(call, record):
            return False
        known = known_caller(call, record)
        if record.duration_s is None:
            return names(record, call.ani)  # said twice by a line that is in doubt, it is the number
        lasted = came_s - call.answered_s
        if nobody_took(record) and lasted > TAKEN_S:
            return False  # one that nobody took is over before we lift, if only by a moment
        step = record.duration_step_s if record.duration_step_s > 1.0 else 0.0
        return abs(record.duration_s - lasted) <= (NEAR_S if known else NAMELESS_NEAR_S) + step

    def of_the_call_there(self, record: SmdrRecord, there: Call, leg: Leg, when: Interval | None) -> bool:
        """Is a record rather of the call that is on our port now, whose end the PBX has seen before us, than of this
        leg of a call that has left it? Of one caller's number both may be: then the nearer one's; and one that was
        answered by nobody is of the caller who rings, not of another whom we had spoken with."""
        if there is leg.call or self._ev.late_s or not self._ev.same(there, record):
            return False
        if known_caller(leg.call, record):
            if there.answered_s is None and _nobody_answered(record):
                return not leg.agents and leg.call.answered_s is not None and self._ev.far(leg, record, None) > SURE_S
            if record.duration_s is None or there.answered_s is None or not names(record, there.ani):
                return False
            lasted = self._ev.now() - there.answered_s
            looks_like = self.looks_like(record, there, self._ev.now())
            return looks_like and abs(record.duration_s - lasted) < self._ev.far(leg, record, when)
        if record.duration_s is None and record.answered is None:  # nothing is said but that somebody hung up
            return self._ev.now() - leg.until(self._ev.now()) > AT_ONCE_S
        if there.answered_s is None:
            return record.answered is False
        return self.looks_like(record, there, self._ev.now())


def _nobody_answered(record: SmdrRecord) -> bool:
    """Does the PBX say that the call was only rung for?"""
    return record.answered is False or (record.duration_s == 0.0 and record.duration_step_s <= 1.0)

"""What a record and what we know of a call say of each other: who called, on which trunk, when, how long (step 9)."""

from __future__ import annotations

from cti.arrivals.numbers import agree
from cti.call import Call
from cti.pbx.pbx_clock import PbxClock
from cti.pbx.smdr import SmdrRecord
from cti.talks.leg import Early, Interval, Leg, Legs, known_caller, names
from cti.talks.margins import EXACT_S, PROMPT_S, RECORD_S, STALE_S, SURE_S, outside
from drivers.clock import Clock


class Evidence:
    """legs: how a call with a transfer is printed; pbx: its clock, None where it tells no time; own: our ports'
    extensions."""

    def __init__(self, clock: Clock, legs: Legs, pbx: PbxClock | None, own: frozenset[str]) -> None:
        self.name_callers = False  # have records named callers as we know them?
        self.legs = legs
        self._clock, self.pbx, self._own = clock, pbx, own

    def now(self) -> float:
        return self._clock.seconds()

    @property
    def late_s(self) -> float:
        """So long after the end of its call a record comes, as a rule; 0: at once, or not known."""
        return self.pbx.late_s if self.pbx is not None else 0.0

    @property
    def comes_at_once(self) -> bool:
        """Is it known that a record comes as its call ends?"""
        return self.pbx is not None and self.pbx.lateness.at_once

    def interval(self, record: SmdrRecord, came_s: float | None = None) -> Interval | None:
        """When the record says it was, on our clock; None where that is not known. came_s: it came by itself then,
        which says when the call ended, too, where it is known how late records are."""
        if self.pbx is None:
            return None
        lasted = record.duration_s or 0.0
        printed = record.start if record.stamp == "start" else record.end
        at = self.pbx.moment(printed) if printed is not None else None
        within = self.pbx.exact_s(record.resolution_s) + record.duration_step_s + EXACT_S
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

    def start(self, leg: Leg) -> float:
        """From when the record counts."""
        return leg.call.began_s if self.legs == "whole_call" else leg.began_s

    def rank(self, leg: Leg, record: SmdrRecord, when: Interval | None) -> tuple[int, float]:
        """The lowest wins: the same number, of which many may call, also one that a doubted line has said; neither
        names one; only one of them does."""
        ani, number = self._named(leg.call), record.number
        both = 0 if names(record, ani) else 1 if not (ani or number) else 2
        return both, self.far(leg, record, when)

    def far(self, leg: Leg, record: SmdrRecord, when: Interval | None, *, at_least: bool = False) -> float:
        """How far the record is from the leg, in seconds: by the length, which is exact, and the beginning, which may
        be rounded; else by the end. Without either the nearest end counts, of the same caller the first. at_least:
        however length and beginning were rounded."""
        now = self.now()
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
            return outside(ended_s - started_s, [record.duration_s, record.duration_s + step_s])
        if leg.ended_s is None and (self.late_s or now - when.end_s > when.within + STALE_S):
            ended_s = when.end_s
        rounded = when.within if at_least else when.within / 2  # that is no distance
        longer = outside(ended_s - started_s, [record.duration_s, record.duration_s + step_s])
        return longer + max(abs(when.start_s - started_s) - rounded, 0.0)

    def waited(self, early: Early, when: Interval | None, known: bool) -> bool:
        """Was it printed long before it came? Or was the PBX's clock set: so it is where the record names the caller
        and came by itself, or others before it say so too."""
        if when is None or early.came_s - when.end_s <= when.within + PROMPT_S:
            return False
        return not (known and (early.alone or self.clock_was_set(early.record)))

    def clock_was_set(self, record: SmdrRecord) -> bool:
        """Do other records say that the PBX's clock is not what we know yet?"""
        return self.pbx is not None and record.end is not None and self.pbx.doubted_by(record.end, record.resolution_s)

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
        may_be_late = self.pbx is not None and not self.comes_at_once
        return None if call.ani_doubt and call.ani_source == "smdr" and may_be_late else call.ani

    @staticmethod
    def _same_trunk(call: Call, record: SmdrRecord) -> bool:
        return call.trunk is None or record.trunk is None or call.trunk == record.trunk


def over_before(call: Call, when: Interval | None) -> bool:
    """Was it over when the call was answered, or began? The PBX's clock is known better than we hear an end."""
    since_s = call.began_s if call.answered_s is None else call.answered_s
    return when is not None and when.end_s + when.within - EXACT_S + SURE_S < since_s


def of_this_stay(call: Call, when: Interval | None) -> bool:
    """As printed, was it over only when we had answered this call? A port has one call at a time: a record of the port
    where the call is, or which it just left, is then of no call before, even out of a buffer."""
    return when is not None and call.answered_s is not None and when.end_s - when.within > call.answered_s


def others_overdue(call: Call, came_s: float) -> bool:
    """Did a record come so long after we answered this call that none of a call before on its port can still be due?"""
    return call.answered_s is not None and came_s - call.answered_s > RECORD_S

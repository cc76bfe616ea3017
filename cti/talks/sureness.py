"""How surely a record that fits a part of a call says what the PBX printed (step 9).

A record that was matched may be doubtful all the same (`doubt`): it was damaged on its way as far as can be seen
(cti.pbx.doubts), or says something else than we know of the number, the trunk or the length.
"""

from __future__ import annotations

from typing import Final

from cti.pbx.smdr import SmdrRecord
from cti.talks.evidence import Evidence
from cti.talks.leg import Interval, Leg, names
from cti.talks.margins import LATE_S, NAMELESS_S, NEAR_S, STALE_S, START_S, SURE_S, outside

# Why a record that names nobody is doubtful when it comes out of a buffer.
WAITED: Final = "it waited on its way and names no caller: it may be of a call that is not ours"


class Sureness:
    """What speaks against a record that fits, and what for it."""

    def __init__(self, evidence: Evidence) -> None:
        self._ev = evidence

    def talked(self, leg: Leg, record: SmdrRecord) -> float | None:
        """How long the agent talked, where the record tells better than we know: not where it counts the whole call, or
        one half of it, or the ringing too."""
        if not leg.agents or record.duration_s is None or record.answered is False or self._ev.legs != "per_leg":
            return None
        ended_s = leg.until(self._ev.now())
        talked = record.duration_s + (record.duration_step_s / 2 if record.duration_step_s > 1 else 0.0)
        return talked if ended_s - leg.began_s - talked > LATE_S else None

    def doubt(self, leg: Leg, record: SmdrRecord, when: Interval | None, alone: bool) -> str | None:
        """Why a record that fits the leg may not say what the PBX printed; None: nothing speaks against it."""
        if record.doubt is not None:
            return record.doubt
        call, number, now = leg.call, record.number, self._ev.now()
        whole = call.ani is not None and not call.ani_truncated and call.ani_doubt is None
        if whole and number and not (number.endswith(call.ani or "") or (call.ani or "").endswith(number)):
            return f"the number is {number}, the caller's {call.ani}"
        waited = when is not None and now - self._ev.late_s - when.end_s > when.within + STALE_S
        waited = waited or (leg.ended_s is not None and now - self._ev.late_s - leg.at_latest(now) > NAMELESS_S)
        named = number or names(record, call.ani)
        if waited and leg.agents and not named and not (call.trunk and call.trunk == record.trunk):
            return WAITED
        if not leg.agents or leg.guessed or call.blind or record.answered is False or self._ev.legs != "per_leg":
            return None
        if record.duration_s is None or not alone:
            return None
        exact = when is not None and record.resolution_s == 1  # else it may be short because it came late
        ended_s = min(when.end_s, leg.until(now)) if exact and when is not None else leg.until(now - self._ev.late_s)
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
        if self._ev.legs == "split_at_flash":
            return True
        short = leg.until(self._ev.now() - self._ev.late_s) - self._ev.start(leg) - record.duration_s
        near = NEAR_S + record.duration_step_s
        return -near - START_S <= short <= near + (START_S if leg.call.blind else 0.0)

    def confirmed(self, leg: Leg, record: SmdrRecord, when: Interval | None) -> bool:
        """Is all that counts in the record known otherwise: the caller, whole, and how long it was? A number that a bad
        line has said in the same way before is so, too; where records name no caller, its time takes that place."""
        call, ani = leg.call, leg.call.ani
        if not leg.agents or leg.guessed or call.blind or record.duration_s is None:
            return False
        whole = not call.ani_truncated and call.ani_doubt in (None, "serial_damaged")
        if not (whole and ani and record.number == ani if self._ev.name_callers else record.number is None and when):
            return False
        since = (call.began_s, call.answered_s or call.began_s) if self._ev.legs == "whole_call" else (leg.began_s,)
        ended_s = leg.until(self._ev.now() - self._ev.late_s)
        lasted, step_s = [ended_s - at for at in since], record.duration_step_s
        cut = step_s if step_s > 1.0 else 0.0  # of whole steps, as printed: it was longer, not shorter
        return outside(record.duration_s, [min(lasted) - cut, max(lasted)]) <= SURE_S + step_s - cut

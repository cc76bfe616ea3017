"""How far the times of a record and of a call may lie apart, and why so far (step 9)."""

from __future__ import annotations

from typing import Final

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
# The PBX has noticed that we lift after so long.
TAKEN_S: Final = 1.0
# Where records are late, all alike, one comes so near to its time: how long we take to hear an end differs.
DUE_S: Final = 8.0
# Calls of unknown callers are told apart by so much: our ears and the PBX's rounding.
SURE_S: Final = 3.0


def outside(value: float, ends: list[float]) -> float:
    """How far a value is from what lies between the least and the greatest."""
    return max(min(ends) - value, value - max(ends), 0.0)

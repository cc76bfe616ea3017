"""Words that settings of a site and the code which follows them share, free of the engine, so that a site file can be
read without it. Serves steps 1 to 3, and calls out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

E1_SLOTS: Final = (*range(1, 16), *range(17, 32))
"""ITU-T G.704: slot 0 is the frame's, slot 16 the signalling channel's."""
T1_SLOTS: Final = tuple(range(1, 24))
"""A T1 with a D channel in slot 24."""

Hunt = Literal["up", "down", "round_robin", "least_used"]
"""Which free channel is seized: the lowest slot, the highest, the next one after that seized last, or that which
carried least seconds of calls so far (all wear alike)."""
Direction = Literal["both", "in", "out"]
"""Who may seize a channel: both ends, only the far end, only we."""
Blocker = Literal["us", "far"]
"""Who keeps a channel out of service."""
Answer = Literal["polarity", "ringback_stops", "voice", "voice_at_once"]
"""What a call out over an analog line counts as answered by: the battery's reversal; ringback whose next burst does not
come; a voice after ringback; any voice (lines that send music in place of ringback, 彩铃, and no reversal: nobody can
tell)."""
Disconnect = Literal["loop_drop", "polarity", "busy_tone", "dial_tone"]
"""What the far end's hang-up is known by on an analog line."""

_ALARMS: Final[dict[str, str]] = {
    "red": "nothing comes from the far end: cable, power there 收不到对端",
    "los": "no signal 无信号",
    "blue": "only ones come: a fault behind the far end 对端告警指示",
    "yellow": "the far end does not receive us 对端收不到本端",
    "removed": "the card is gone 板卡不在",
}


def alarm_words(alarms: Iterable[str]) -> str:
    """What is the matter with a port or span, for people; empty without an alarm (drivers.state.ALARMS names them)."""
    return "; ".join(f"{alarm}, {_ALARMS[alarm]}" if alarm in _ALARMS else alarm for alarm in alarms)

"""What MFC-R2 signals mean: China No.1 and ITU-T R2 as tables, and the times with their sources.

Nothing here is code: an exchange that differs is another table or another setting. What our sources do not settle is
named a setting in docs/r2.md, which shows these tables. Serves steps 1 and 2, and the causes in the records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Ask = Literal[
    "next", "again", "back1", "back2", "back3", "group_b", "caller", "congestion", "vacant", "free"
]  # in the order of enum tr_r2_ask, from 1 on
ASKS: Final[tuple[Ask, ...]] = (
    "next",
    "again",
    "back1",
    "back2",
    "back3",
    "group_b",
    "caller",
    "congestion",
    "vacant",
    "free",
)
SAYS: Final[dict[str, str]] = {
    "next": "next digit",
    "again": "from the first digit",
    "back1": "digit n-1",
    "back2": "digit n-2",
    "back3": "digit n-3",
    "group_b": "to group B",
    "caller": "caller",
    "congestion": "congestion",
    "vacant": "vacant number",
    "free": "address complete, free",
}

FREE: Final = ("free", "free, mutual release", "free, caller controls", "free, no charge")
"""Words of group B that mean an idle called party."""
CAUSES: Final[dict[str, int]] = {
    "busy": 17,
    "local busy": 17,
    "toll busy": 17,
    "busy or congestion": 17,
    "congestion": 42,
    "vacant number": 1,
    "changed number": 22,
    "out of order": 27,
    "spare": 111,
}
"""Group B's and group A's words as causes of Q.850."""


@dataclass(frozen=True, slots=True)
class GroupB:
    """Group B for some group II signals (KD) of the same call: what each signal says, and which of them we send for a
    free party by control mode, a busy one, congestion, a vacant number, a line out of order."""

    kd: tuple[int, ...]
    says: Mapping[int, str]
    free: Mapping[str, int]
    busy: int
    congestion: int
    vacant: int
    out_of_order: int


@dataclass(frozen=True, slots=True)
class Variant:
    """A kind of R2. `asks` are the group A signals we send; `also` further ones we understand."""

    name: str
    cd: int
    asks: Mapping[Ask, int]
    also: Mapping[int, Ask]
    caller_by_next: bool
    called_end: int
    caller_end: int
    caller_withheld: int
    ka: int
    kd: int
    group_b: tuple[GroupB, ...]
    """The last one holds for all KD that none names."""

    def group(self, kd: int) -> GroupB:
        """Group B of a call with this KD."""
        return next((group for group in self.group_b if kd in group.kd), self.group_b[-1])


CHINA: Final = Variant(
    name="china",
    cd=0b11,
    asks={"next": 1, "again": 2, "group_b": 3, "congestion": 4, "vacant": 5, "caller": 6},
    also={},
    caller_by_next=True,
    called_end=0,
    caller_end=15,
    caller_withheld=0,
    ka=1,
    kd=3,
    group_b=(
        GroupB(
            (3, 4),
            {
                1: "free, mutual release",
                2: "spare",
                3: "spare",
                4: "busy or congestion",
                5: "vacant number",
                6: "free, caller controls",
            },
            {"mutual": 1, "caller": 6, "called": 1},
            busy=4,
            congestion=4,
            vacant=5,
            out_of_order=4,
        ),
        GroupB(
            (1, 2, 6),
            {1: "free", 2: "local busy", 3: "toll busy", 4: "congestion", 5: "vacant number", 6: "spare"},
            {"mutual": 1, "caller": 1, "called": 1},
            busy=2,
            congestion=4,
            vacant=5,
            out_of_order=4,
        ),
        GroupB(
            (),
            {1: "free", 2: "local busy", 3: "toll busy", 4: "congestion", 5: "vacant number", 6: "free"},
            {"mutual": 1, "caller": 1, "called": 1},
            busy=4,
            congestion=4,
            vacant=5,
            out_of_order=4,
        ),
    ),
)

ITU: Final = Variant(
    name="itu",
    cd=0b01,
    asks={"next": 1, "back1": 2, "group_b": 3, "congestion": 4, "caller": 5, "free": 6, "back2": 7, "back3": 8},
    also={15: "congestion"},
    caller_by_next=False,
    called_end=0,
    caller_end=15,
    caller_withheld=12,
    ka=1,
    kd=1,
    group_b=(
        GroupB(
            (),
            {
                2: "changed number",
                3: "busy",
                4: "congestion",
                5: "vacant number",
                6: "free",
                7: "free, no charge",
                8: "out of order",
            },
            {"mutual": 6, "caller": 6, "called": 6},
            busy=3,
            congestion=4,
            vacant=5,
            out_of_order=8,
        ),
    ),
)
VARIANTS: Final[dict[str, Variant]] = {variant.name: variant for variant in (CHINA, ITU)}


@dataclass(frozen=True, slots=True)
class Timer:
    """`ms` unless set otherwise; `what` it limits; `source` of the figure."""

    ms: int
    what: str
    source: str


TIMERS: Final[dict[str, Timer]] = {  # in the order of enum tr_r2_timer
    "recognise": Timer(20, "bits must stand so long to count", "Q.422: 20 ± 10 ms; the Chinese figure is not known"),
    "ack": Timer(2000, "outgoing: seizure to its acknowledgement", "openr2; makers of exchanges 1,000 (100-5,000)"),
    "forward": Timer(15000, "outgoing: our forward signal unanswered", "Q.476 T1: 15 ± 3 s"),
    "between": Timer(24000, "outgoing: between two forward signals", "Q.476 T2: over 24 s"),
    "no_forward": Timer(15000, "incoming: no forward signal", "Q.476 T3: 8-24 s"),
    "backward": Timer(5000, "incoming: a forward signal that stays on although answered", "openr2 1.3"),
    "called": Timer(3000, "incoming, length unknown: silence that ends the called number", "makers' default 3 s"),
    "caller": Timer(3000, "incoming: silence that ends the calling number", "makers' default 3 s"),
    "accept": Timer(8000, "incoming: offered and not decided; then congestion", "ours: below the least T1 of 12 s"),
    "pulse": Timer(150, "length of a pulsed signal", "makers: 150 ± 30 ms (100-200)"),
    "pulse_gap": Timer(100, "before a pulse, from the end of the last backward signal", "makers: at least 100 ms"),
    "backward_min": Timer(80, "shortest backward signal", "ours: a signal chopped up by the line is not taken for two"),
    "reply_min": Timer(50, "a backward signal heard sooner is the rest of the last one", "ours: no line is that fast"),
    "answer_delay": Timer(150, "incoming: end of group B to the answer", "openr2"),
    "answer": Timer(60000, "outgoing: free to answered", "openr2, makers: 60 s (60-120)"),
    "reanswer": Timer(
        60000, "outgoing: clear back to clear forward, unless released by both", "exchanges: 60/90/120 s"
    ),
    "guard": Timer(100, "incoming: clear back before idle; outgoing: idle before the next seizure", "ours; a setting"),
    "double": Timer(100, "double seizure: how long ours stands", "ours; a setting"),
    "alarm": Timer(2500, "an alarm of the span ends the call", "DAHDI's debounce: 2.5 s"),
    "stuck": Timer(30000, "the far end does not release: told again and again", "ours"),
}

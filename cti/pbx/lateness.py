"""How long after the end of its call a PBX's record comes, found from the calls that our own ports know of (step 9).

Some output comes late, all of it: a buffer between, a slow spooler. The arrivals alone cannot tell that from a clock
that is slow, and records that name nobody do not say of which call they are. But our own ears know when the calls on
our ports ended. A record of one of our ports can be of any that were there lately, and each of them would make it so
late; what the records of all the ports have in common is how late they are.

Limits: the last WINDOW records count. Known is what SAME of them, and at least FIRST, agree on within LATE_S, where no
other lateness is spoken for by nearly as many (LEAD): among many calls that follow each other one fits by chance. The
server's own hearing of an end is up to LATE_S behind the PBX's, so that less than that is called at once.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from statistics import median_low
from typing import Final

WINDOW: Final = 31
FIRST: Final = 3
SAME: Final = 2 / 3
LATE_S: Final = 5.0
LEAD: Final = 2


class Lateness:
    """What the records of our ports have shown."""

    def __init__(self) -> None:
        self._records: deque[tuple[float, ...]] = deque(maxlen=WINDOW)
        self.late_s = 0.0  # so long after the end of its call a record comes; 0: at once, or not known
        self.at_once = False  # is it known that they come at once?

    def came(self, possible: Sequence[float]) -> None:
        """A record of one of our ports has come: so many seconds after the end of the calls that it may be of."""
        if not possible:
            return
        self._records.append(tuple(possible))
        every = sorted((seconds, index) for index, record in enumerate(self._records) for seconds in record)
        like, votes = _most(every)
        _, others = _most([one for one in every if one not in like])
        known = votes >= max(FIRST, SAME * len(self._records)) and votes - others >= LEAD
        usual = median_low(seconds for seconds, _ in like)
        self.late_s = usual if known and usual > LATE_S else 0.0
        self.at_once = known and usual <= LATE_S


def _most(every: list[tuple[float, int]]) -> tuple[list[tuple[float, int]], int]:
    """Those within LATE_S of each other that are of the most records, of which record each; the least ones first."""
    best, votes, behind = every[:0], 0, 0
    count: Counter[int] = Counter()
    for first, (least, record) in enumerate(every):
        while behind < len(every) and every[behind][0] - least <= LATE_S:
            count[every[behind][1]] += 1
            behind += 1
        if len(count) > votes:
            best, votes = every[first:behind], len(count)
        count[record] -= 1
        if not count[record]:
            del count[record]
    return best, votes

"""Who has left a line without having been told of: a message that comes for it now may be late, and that caller's.

Such a caller is remembered for MESSAGE_S, one for each line; a message that is given to them, or another call that
leaves the line, ends that. Serves steps 2 to 4.
"""

from __future__ import annotations

from typing import Final

from cti.arrivals.numbers import agree
from cti.call import Call
from cti.pbx.announcement import SERIAL, Announcement
from cti.vru.line import VruLine
from drivers.clock import Clock

# A message waits so long for its ring, and a ring's message may be this late (Asterisk's res_smdi keeps 30 s).
MESSAGE_S: Final = 30.0
# So late may a message be that the next call rings on its line already.
LATEST_S: Final = 10.0


class Formers:
    """The last one of each line."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left: dict[VruLine, tuple[Call, float]] = {}

    def left(self, line: VruLine, call: Call) -> None:
        """A call is no longer on the line."""
        if call.announced:
            self.told(line)
        else:
            self._left[line] = (call, self._clock.seconds())

    def told(self, line: VruLine) -> None:
        """The message of the one who left last has come."""
        self._left.pop(line, None)

    def of(self, line: VruLine) -> Call | None:
        """Who left this line lately without a message."""
        left = self._left.get(line)
        if left is None:
            return None
        if self._clock.seconds() - left[1] > MESSAGE_S:
            del self._left[line]
            return None
        return left[0]

    def may_be_meant(self, former: Call, message: Announcement) -> bool:
        """The former call rang a short time ago, and nothing has been said of it: is this of that one?"""
        if message.source not in SERIAL or former.rang_s is None or (former.ani and message.calling):
            return False
        return self._clock.seconds() - former.rang_s <= LATEST_S

    def clear(self) -> None:
        """Forgets all."""
        self._left.clear()


def is_meant(former: Call, call: Call, message: Announcement) -> bool:
    """Is a message for a line late and of the call before, rather than of the one that is there now?"""
    if not message.calling or agree(call.ani, message.calling):
        return False
    return agree(former.ani, message.calling) or (former.ani is None and call.ani is not None)

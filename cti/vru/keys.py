"""One key of the caller's, told from the strings that a PBX sends after our answer (steps 4 and 5).

Many PBXs say in the voice path which call it is, as voice mail systems want it: `#6` and a number, 80 to 160 ms between
two digits. A dialect that knows them collects them before the menu (cti.vru.packet). Behind a PBX whose digits nobody
has described, or that was exchanged for another make overnight, they come into the menu, where they would choose for
the caller. So a key that is pressed within STRING_S of our answer counts only when no other digit begins within PACE_S
after it; else all of it is the PBX's, to its end, and the caller is asked anew. Who presses one key is answered that
much later, and only in those first seconds.

What the strings mean for the site is told by the line's other ears (cti.vru.bursts, cti.arrivals.strings).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from drivers.clock import Clock
from drivers.errors import TimedOut
from drivers.events import DigitBegin, DigitEnd
from drivers.items import PlayItem
from drivers.port import Port

STRING_S: Final = 5.0
"""From our answer to the first digit of the PBX's; two to three times what PBXs are set to wait."""
PACE_S: Final = 0.25
"""People leave more than 0.2 s between two keys, PBXs less; and a digit is known 40 ms after it began."""
OVER_S: Final = 0.7
"""A string is over after so much silence: half a second's pause may be part of it."""
LONGEST_S: Final = 15.0
"""No string lasts longer: 64 digits of 80 ms on and off, and pauses."""


class Keys:
    """Asks for keys on one port."""

    def __init__(self, port: Port, clock: Clock | None = None, until_s: float = 0.0) -> None:
        """``until_s`` of the clock: until then a string may come. Without a clock nobody sends any."""
        self.port = port
        self._clock, self._until_s = clock, until_s

    async def one(self, first_s: float, prompt: Sequence[PlayItem] = ()) -> str:
        """Plays the prompt, which the key cuts short, and waits ``first_s`` after its end; "": none was pressed."""
        while True:
            key = (await self.port.collect(1, first_s, 1.0, end="", prompt=prompt)).text
            clock = self._clock
            if not key or clock is None or clock.seconds() > self._until_s or not await self._is_string(clock):
                return key

    async def _is_string(self, clock: Clock) -> bool:
        """Was that the first digit of several? Then the others are taken away."""
        limit_s = clock.seconds() + LONGEST_S
        if not await self._another(PACE_S):
            return False
        while clock.seconds() < limit_s and await self._another(OVER_S):
            pass
        self.port.typed_ahead.clear()
        return True

    async def _another(self, seconds: float) -> bool:
        """Does a digit begin within this time? It is waited for to its end."""
        try:
            if isinstance(await self.port.wait_for(DigitBegin, DigitEnd, timeout_s=seconds), DigitBegin):
                await self.port.wait_for(DigitEnd, timeout_s=LONGEST_S)
        except TimedOut:
            return False
        return True

"""Digits that the PBX sends after our answer and that the dialect does not know: seen, told, and kept out of the menu.

A PBX whose dialect has no pattern for them, or that was exchanged for another make overnight, sends them all the same
(step 4). The first such string is known by its pace (cti.vru.keys, cti.vru.bursts). Where the dialect waits for digits
it raises an alarm at once; else one caller's telephone may have dialled it from its memory, and SURE of the last
answers must have had one: then the alarm stands, and every call is listened to before its menu as at a PBX that sends
digits. PLAIN calls in a row without such a string end both. Strings in the midst of calls are counted in the same way:
many PBXs say so that a caller has hung up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

SURE: Final = 2
PLAIN: Final = 10


class Strings:
    """Of one PBX."""

    def __init__(self, expected: bool, on_alarm: Callable[[bool, str], object]) -> None:
        """``expected``: the dialect has patterns; ``on_alarm(raised, text)``."""
        self._sure = 1 if expected else SURE
        self._on_alarm = on_alarm
        self._seen = self._plain = 0

    @property
    def come(self) -> bool:
        """Does this PBX send strings that nobody has described?"""
        return self._seen >= self._sure

    def unknown(self, text: str) -> None:
        """A string came that fits no pattern; ``text`` is for the alarm, which is told once while it stands."""
        stood, self._seen, self._plain = self.come, self._seen + 1, 0
        if self.come and not stood:
            self._on_alarm(True, text)

    def plain(self) -> None:
        """Another call is answered; after this, nothing may come, or what the dialect knows."""
        if not self._seen:
            return
        self._plain += 1
        if self._plain >= PLAIN:
            stood, self._seen = self.come, 0
            if stood:
                self._on_alarm(False, f"{PLAIN} calls in a row without digits that fit no pattern")

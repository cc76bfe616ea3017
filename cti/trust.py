"""How far the PBX's serial lines may be believed: they have no checksum; a damaged digit is another caller's number.

What comes damaged can mostly be seen: a byte whose parity is wrong, a message or record whose form is broken. What
cannot be seen is rare where nothing is seen. So a line that has shown damage is not believed until SOUND items in a row
came whole, and what it said of the calls under way is doubted too; a line without parity, on which every third damaged
digit is another digit, begins unbelieved. A number that is not believed is unconfirmed on the pop-up, unless another
source says the same. Serves steps 4 and 8; docs/architecture.md has the figures.
"""

from __future__ import annotations

from collections.abc import Callable

# With 1 % of the bytes damaged, two messages in three come whole: so many in a row come once in 200,000 times.
SOUND = 30


class LineTrust:
    """One serial line."""

    def __init__(self, name: str, parity: bool, on_change: Callable[[bool, str], object]) -> None:
        """``on_change(raised, text)``: the line shows damage, or has been sound for long enough."""
        self.name = name
        self.damaged_items = 0
        self._sound = SOUND if parity else 0
        self._alarm = False
        self._on_change = on_change

    @property
    def believed(self) -> bool:
        """Are numbers of this line certain?"""
        return self._sound >= SOUND

    def sound(self) -> None:
        """A message or record that came whole."""
        if self._sound < SOUND:
            self._sound += 1
            if self._sound == SOUND:
                alarm, self._alarm = self._alarm, False
                if alarm:
                    self._on_change(False, f"{self.name}: {SOUND} messages in a row came whole")

    def damaged(self) -> None:
        """Bytes with wrong parity, or that make no sense."""
        self.damaged_items += 1
        self._sound = 0
        if not self._alarm:
            self._alarm = True
            self._on_change(
                True, f"{self.name}: damaged bytes; callers' numbers are unconfirmed. Check cable, speed and parity"
            )

"""How far the PBX's serial lines may be believed: they have no checksum; a damaged digit is another caller's number.

What comes damaged can mostly be seen: a byte whose parity is wrong, a message or record whose form is broken. What
cannot be seen is rare where nothing is seen. So a line that has shown damage is not believed until SOUND items in a row
came whole, and what it said of the calls under way is doubted too; a line without parity, on which every third damaged
digit is another digit, begins unbelieved. A number that is not believed is unconfirmed on the pop-up, unless another
source says the same. Call records have more to compare (cti.talks.sureness): one that shows damage is doubtful itself,
and only where damage is seen again and again (OFTEN of FEW lines) is every record of the line, the last ones too.

Serves steps 4, 8 and 9; docs/architecture.md has the figures.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

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


# A line with one wrong byte in a hundred shows it in every second or third record.
FEW: Final = 16
OFTEN: Final = 2


class RecentDamage:
    """The last FEW lines of a record printer: which of them showed damage, and of which calls they were.
    ``on_change(raised, text)``: damage is seen again and again, or in none of them any more."""

    def __init__(self, on_change: Callable[[bool, str], object] = lambda raised, text: None) -> None:
        self._on_change = on_change
        self._alarm = False
        self._lines: deque[bool] = deque(maxlen=FEW)
        self._calls: deque[object] = deque(maxlen=FEW)

    @property
    def often(self) -> bool:
        """Is damage seen again and again?"""
        return sum(self._lines) >= OFTEN

    def line(self, damaged: bool) -> list[object]:
        """A line came. Returns the calls of the lines before it which were believed until now and are not any more."""
        before = self.often
        self._lines.append(damaged)
        self._calls.append(None)
        self._tell()
        if before or not self.often:
            return []
        calls = [call for call in self._calls if call is not None]
        self._calls.clear()
        return calls

    def believed(self, call: object) -> None:
        """The last line was taken for the record of this call, without a doubt."""
        if self._calls:
            self._calls[-1] = call

    def _tell(self) -> None:
        if self.often and not self._alarm:
            self._alarm = True
            text = f"smdr: {sum(self._lines)} of the last {len(self._lines)} lines came damaged; records may be lost or"
            self._on_change(True, f"{text} doubtful. Check cable, speed and parity")
        elif self._alarm and not any(self._lines):
            self._alarm = False
            self._on_change(False, f"smdr: {FEW} lines in a row came whole")

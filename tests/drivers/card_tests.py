"""What any card must do, whoever made it: written against two ports at the ends of one line.

`CardTests` runs against the software card, with all optional capabilities and with none, and unchanged against real
cards: a subclass provides the fixture `rig` (`tests/drivers/card_rig.py`). Whatever depends on a capability is tested
both ways: offered, it works; withheld, it says so or stays silent."""

from __future__ import annotations

from tests.drivers.card_digits import DigitTests
from tests.drivers.card_line import LineTests
from tests.drivers.card_signals import SignalTests
from tests.drivers.card_sound import SoundTests


class CardTests(LineTests, DigitTests, SoundTests, SignalTests):
    """Seventy and more statements about a card."""

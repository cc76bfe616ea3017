"""A printed time that is the other end of the call than the dialect says: told after ten calls; and mended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Literal

import pytest

from cti.talks.stamps import FEW, WINDOW, Stamps
from drivers.clock import SteppedClock
from tests.cti.talks.test_talks import record

End = Literal["start", "end"]


class Printer:
    """A PBX that prints one end of its calls, beside a dialect that says which it is."""

    def __init__(self, resolution_s: int = 1, kept: Path | None = None) -> None:
        self.clock = SteppedClock(datetime(2026, 1, 5, 1, tzinfo=UTC))
        self.random, self.resolution_s = Random(5), resolution_s
        self.told: list[tuple[bool, str]] = []
        self.stamps = Stamps(self.clock, lambda raised, text: self.told.append((raised, text)), kept)

    def call(
        self, printed: End, said: End, longest_s: float = 120.0, late_s: float = 0.0, slow_s: float = 420.0
    ) -> None:
        """One call, and its record."""
        lasted = float(int(self.random.uniform(5.0, longest_s)))
        self.clock.advance(lasted)
        now = self.clock.now().replace(tzinfo=None) - timedelta(seconds=slow_s)
        at = now - timedelta(seconds=lasted) if printed == "start" else now
        at -= timedelta(seconds=at.timestamp() % self.resolution_s)
        self.clock.advance(late_s)
        span = timedelta(seconds=lasted)
        start, end = (at, at + span) if said == "start" else (at - span, at)
        more = {"start": start, "end": end, "stamp": said, "resolution_s": self.resolution_s}
        self.stamps.heard(record(duration_s=lasted, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(("printed", "said"), [("start", "end"), ("end", "start")])
@pytest.mark.parametrize(("resolution_s", "longest_s"), [(1, 60.0), (60, 600.0)])
def test_the_other_end_is_told_and_what_to_write(printed: End, said: End, resolution_s: int, longest_s: float) -> None:
    pbx = Printer(resolution_s)
    for _ in range(FEW - 1):
        pbx.call(printed, said, longest_s)
    assert pbx.told == [], "nine calls are few"
    for _ in range(WINDOW):
        pbx.call(printed, said, longest_s)
    assert len(pbx.told) == 1
    assert "form call" in pbx.told[0][1] and f"write stamp: {printed} in that form" in pbx.told[0][1]
    for _ in range(2 * WINDOW):
        pbx.call(printed, printed, longest_s)
    assert [raised for raised, _ in pbx.told] == [True, False], "the dialect was mended"


@pytest.mark.parametrize("end", ["start", "end"])
@pytest.mark.parametrize("resolution_s", [1, 60])
def test_as_the_dialect_says(end: End, resolution_s: int) -> None:
    pbx = Printer(resolution_s)
    for number in range(100):
        slow_s = 420.0 if number < 50 else 60.0  # somebody sets its clock
        pbx.call(end, end, late_s=40.0 if number % 10 == 3 else 0.0, slow_s=slow_s)
    assert pbx.told == []


def test_calls_of_one_length_tell_nothing() -> None:
    pbx = Printer()
    for _ in range(50):
        pbx.call("start", "end", longest_s=7.0)
    assert pbx.told == []


def test_records_that_say_nothing_of_it() -> None:
    pbx = Printer()
    for _ in range(50):
        now = pbx.clock.now().replace(tzinfo=None)
        pbx.stamps.heard(record(duration_s=None, end=now, stamp="end"))
        pbx.stamps.heard(record(duration_s=pbx.random.uniform(5, 90), start=now, end=now, stamp="both"))
        pbx.stamps.heard(record(duration_s=pbx.random.uniform(5, 90), end=now, stamp="end", doubt="damaged"))
        pbx.stamps.heard(record(duration_s=pbx.random.uniform(5, 90), end=now, stamp="end", answered=False))
    assert pbx.told == []


def test_what_is_known_outlives_a_restart_until_the_dialect_is_mended(tmp_path: Path) -> None:
    """A buffer may come before ten calls have shown it again."""
    kept = tmp_path / "smdr_stamps.json"
    pbx = Printer(kept=kept)
    for _ in range(WINDOW):
        pbx.call("start", "end")
    again = Printer(kept=kept)
    assert again.stamps.wrong(record(stamp="end")) and not again.stamps.wrong(record(stamp="start"))
    again.call("start", "end")
    assert [raised for raised, _ in again.told] == [True], "the alarm stands again with the first record"
    mended = Printer(kept=kept)
    for _ in range(2 * WINDOW):
        mended.call("start", "start")
    assert mended.told == [] and not Printer(kept=kept).stamps.wrong(record(stamp="end"))

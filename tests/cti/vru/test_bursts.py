"""Fast digits are the PBX's, slow ones a person's."""

from __future__ import annotations

import pytest

from cti.vru.bursts import Bursts
from drivers import events as ev
from drivers.clock import SteppedClock


class Bench:
    def __init__(self) -> None:
        self.clock = SteppedClock()
        self.heard: list[str] = []
        self.bursts = Bursts(self.clock, 0.2, self.heard.append)

    def press(self, digits: str, on_s: float, off_s: float) -> None:
        for digit in digits:
            for kind, more, seconds in ((ev.DigitBegin, {}, on_s), (ev.DigitEnd, {"ms": round(on_s * 1000)}, off_s)):
                self.bursts.event(kind(0, 1, 0, self.clock.seconds(), digit=digit, **more))  # type: ignore[arg-type]
                self.clock.advance(seconds)

    def close(self) -> None:
        self.clock.advance(1.0)
        assert not self.clock.getDelayedCalls()


@pytest.mark.parametrize("ms", [80, 160])
def test_what_a_pbx_sends(ms: int) -> None:
    bench = Bench()
    bench.press("#9", ms / 1000, ms / 1000)
    assert bench.heard == [], "more may come"
    bench.clock.advance(0.2)
    assert bench.heard == ["#9"]
    bench.close()


def test_what_a_person_presses() -> None:
    bench = Bench()
    bench.press("#9", 0.12, 0.26)
    bench.press("#", 0.5, 0.4)
    bench.close()
    assert bench.heard == []


def test_a_key_long_held_is_still_of_the_burst() -> None:
    bench = Bench()
    bench.press("*", 0.1, 0.1)
    bench.press("*", 3.0, 0.1)
    bench.close()
    assert bench.heard == ["**"]


def test_forgotten() -> None:
    bench = Bench()
    bench.press("#9", 0.1, 0.1)
    bench.bursts.clear()
    assert not bench.clock.getDelayedCalls()
    bench.press("12", 0.1, 0.1)
    bench.close()
    assert bench.heard == ["12"]


def test_no_burst_is_endless() -> None:
    bench = Bench()
    bench.press("5" * 200, 0.05, 0.05)
    bench.close()
    assert bench.heard == ["5" * 64]

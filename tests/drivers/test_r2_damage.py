"""Numbers by R2 over a line that is bad while they are sent: whole, or not at all."""

from __future__ import annotations

import random

import pytest

from drivers.signalling.r2 import R2Settings
from tests.drivers.r2_rig import R2Line

ANY = R2Settings(ask_caller=1)
NOISE = 0.5
"""Rate of bit errors: noise as loud as the code allows."""


@pytest.mark.parametrize("seed", range(12))
def test_noise_on_a_tone_makes_no_digit(seed: int) -> None:
    draw = random.Random(seed)
    line = R2Line(ANY)
    theirs = line.call("957533287104", "02329989053683353")
    line.time.run_for(draw.uniform(0.3, 1.0))
    for _ in range(8):
        line.card.faults(0, bit_error_rate=NOISE, seed=draw.randrange(1, 1 << 30))
        line.time.run_for(0.1)
        line.card.faults(0, bit_error_rate=0)
        line.time.run_for(draw.uniform(0.1, 0.9))
    call = line.until_offered()
    assert (call.numbers.called, call.numbers.calling) == ("957533287104", "02329989053683353")
    call.answer()
    line.until(theirs, "answered")
    theirs.call.clear()
    line.settle(3.0)


@pytest.mark.parametrize("for_s", [0.2, 0.3, 0.5, 1.0, 2.0, 3.5, 6.0, 12.0, 20.0])
@pytest.mark.parametrize("seed", range(8))
def test_noise_for_long_makes_no_digit_and_ends_no_number(for_s: float, seed: int) -> None:
    """Both ways at once: the numbers come whole, or the call fails at both ends with a timer's name."""
    draw = random.Random(f"{for_s} {seed}")
    line = R2Line(ANY)
    theirs = line.call("957533287104", "02329989053683353")
    line.time.run_for(draw.uniform(0.3, 3.5))
    line.card.faults(0, bit_error_rate=NOISE, seed=draw.randrange(1, 1 << 30))
    line.time.run_for(for_s)
    line.card.faults(0, bit_error_rate=0)
    line.time.run(lambda: bool(line.offered) or "cleared" in theirs.words, 60.0)
    for told in line.offered:
        assert (told.call.numbers.called, told.call.numbers.calling) == ("957533287104", "02329989053683353")
        told.call.clear()
    if not line.offered:
        assert theirs.call.cause is not None and theirs.call.cause.number in (42, 102)
    assert line.offered or for_s > 3
    if "cleared" not in theirs.words:
        theirs.call.clear()
    line.settle(5.0)


def test_a_channel_waits_as_long_for_the_first_digit_as_ever_after_a_call_that_ended_among_its_digits() -> None:
    line = R2Line(ANY)
    given_up = line.call("957533287104", "")
    line.time.run_for(1.0)
    given_up.call.clear()
    line.settle(3.0)
    line.card.faults(0, bit_error_rate=NOISE)
    line.call("957533287104", "02329989053683353")
    line.time.run_for(5.0)
    line.card.faults(0, bit_error_rate=0)
    call = line.until_offered()
    assert (call.numbers.called, call.numbers.calling) == ("957533287104", "02329989053683353")


@pytest.mark.parametrize("for_s", [0.5, 1.5, 2.4, 5.0])
@pytest.mark.parametrize("after_s", [0.5, 1.3, 2.0, 3.1])
def test_an_alarm_cuts_no_number(for_s: float, after_s: float) -> None:
    line = R2Line(ANY)
    theirs = line.call("957533287104", "02329989053683353")
    line.time.run_for(after_s)
    line.far_card.faults(0, alarm="los")
    line.time.run_for(for_s)
    line.far_card.faults(0, alarm="")
    line.time.run(lambda: bool(line.offered) or "cleared" in theirs.words, 60.0)
    for told in line.offered:
        assert told.call.numbers.called == "957533287104" and told.call.numbers.calling == "02329989053683353"
        told.call.clear()
    if "cleared" not in theirs.words:
        theirs.call.clear()
    line.settle(5.0)

"""Numbers by R2: in which order they come, how long they are, and what is not told. Golden traces tone for tone."""

from __future__ import annotations

import pytest

from drivers.errors import ArgumentError
from drivers.signalling.causes import BUSY, UNALLOCATED, Cause
from drivers.signalling.interface import Numbers
from drivers.signalling.r2 import R2Call, R2Settings
from tests.drivers.r2_rig import GOLDEN, R2Line, golden, trace


def steps(line: R2Line, call: R2Call) -> list[str]:
    return trace(call.steps, line.trunk.settings, incoming=True)


def test_the_caller_first_and_an_answer_taken_back() -> None:
    line = R2Line(R2Settings(called_length=4, ask_caller=1, control="caller"))
    out = line.call("6200", "13", category="KA 2 KD 2")
    call = line.until_offered()
    assert call.numbers == Numbers("6200", "13", category="KA 2 KD 2")
    call.answer()
    line.until(out, "answered")
    call.clear()
    line.until(out, "suspended")
    line.time.run_for(5)
    call.reanswer()
    line.until(out, "resumed")
    line.time.run_for(1)
    out.call.clear()
    line.settle()
    assert steps(line, call) == golden("china-caller-early")


def test_length_unknown_and_a_vacant_number() -> None:
    line = R2Line(R2Settings(ask_caller="never"))
    out = line.call("88", "1001")
    call = line.until_offered()
    assert call.numbers == Numbers("88", category="KD 3")
    call.clear(UNALLOCATED)
    line.settle()
    assert steps(line, call) == golden("china-pulsed-a3")
    pulse = [step.ms for step in call.steps if step.kind == "tone" and step.sent][4:6]
    assert 120 <= pulse[1] - pulse[0] <= 180
    assert out.call.cause == Cause(1, "KD 3 KB 5, vacant number")


def test_a_caller_without_a_number_and_a_busy_line() -> None:
    line = R2Line(R2Settings(called_length=3))
    out = line.call("119", "")
    call = line.until_offered()
    assert call.numbers == Numbers("119", category="KA 1 KD 3")
    call.clear(BUSY)
    line.settle()
    assert steps(line, call) == golden("china-withheld")
    assert out.call.cause is not None and out.call.cause.number == 17
    assert line.office_span.statistics().failures == {"17 user busy": 1}
    assert call.ladder("us", "office") + "\n" == (GOLDEN / "china-withheld-ladder.txt").read_text("utf-8")


def test_itu_tone_for_tone() -> None:
    line = R2Line(R2Settings(variant="itu", called_length=4))
    out = line.call("5551", "27", category="KA 2 KD 2")
    call = line.until_offered()
    assert call.numbers == Numbers("5551", "27", category="KA 2 KD 2")
    call.answer()
    line.until(out, "answered")
    out.call.clear()
    line.settle()
    assert steps(line, call) == golden("itu-call")


@pytest.mark.parametrize(
    ("settings", "called", "calling", "calls", "told"),
    [
        ({"called_length": 8, "caller_max": 0}, "62001234", "1001", "62001234", ""),
        ({"called_length": 8, "ask_caller": "never"}, "62001234", "1001", "62001234", ""),
        ({"called_length": 8, "ask_caller": 3}, "62001234", "13800138000", "62001234", "13800138000"),
        ({"called_length": 8, "ask_caller": 3, "caller_max": 4}, "62001234", "13800138000", "62001234", "1380"),
        ({"called_length": 8, "caller_max": 4}, "62001234", "13800138000", "62001234", "1380"),
        ({"called_length": 20, "ask_caller": 20}, "01234567890123456789", "98765432109876543210", None, None),
        ({"called_length": 1}, "0", "1", "0", "1"),
        ({"prefixes": {"1": 3, "62": 8, "6200": 4}}, "119", "7", "119", "7"),
        ({"prefixes": {"1": 3, "62": 8, "6200": 4}}, "6200", "7", "6200", "7"),
        ({"prefixes": {"1": 3, "62": 8, "6200": 4}}, "62101234", "7", "62101234", "7"),
        ({"prefixes": {"1": 3}, "called_length": 5}, "80055", "7", "80055", "7"),
        ({"ask_caller": 2}, "8005", "7", "8005", "7"),  # length unknown: silence ends it
        ({"ask_caller": "end"}, "8005", "7", "8005", ""),  # too late to ask by a pulse
        ({"called_length": 8}, "62001234", "", "62001234", ""),
    ],
)
def test_orders_and_lengths(
    settings: dict[str, object], called: str, calling: str, calls: str | None, told: str | None
) -> None:
    for variant in ("china", "itu"):
        line = R2Line(R2Settings(variant=variant, **settings))  # type: ignore[arg-type]
        out = line.call(called, calling)
        call = line.until_offered()
        assert call.numbers.called == (called if calls is None else calls)
        assert call.numbers.calling == (calling if told is None else told)
        call.answer()
        line.until(out, "answered")
        call.clear()
        out.call.clear()
        line.settle()


def test_more_digits_come_later() -> None:
    """Overlap sending: the office's caller dials on."""
    line = R2Line(R2Settings(called_length=6, ask_caller="end"))
    out = line.call("62", "7")
    line.time.run_for(2)
    assert not line.offered
    for digit in "0012":
        out.call.more(digit)
        line.time.run_for(0.7)
    call = line.until_offered()
    assert call.numbers.called == "620012" and call.numbers.calling == "7"
    assert out.call.numbers.called == "620012"
    call.clear()
    line.settle()


def test_an_end_signal_after_the_called_number() -> None:
    line = R2Line(R2Settings(called_end=15))
    line.call("620", "7")
    call = line.until_offered(limit_s=5)
    assert call.numbers.called == "620" and call.numbers.calling == "7"
    call.clear()
    line.settle()


def test_a_withheld_number() -> None:
    line = R2Line(R2Settings(variant="itu", called_length=3))
    line.call("123", "5551000", restricted=True)
    call = line.until_offered()
    assert call.numbers == Numbers("123", "", restricted=True, category="KA 1 KD 1")
    call.clear()
    line.settle()


@pytest.mark.parametrize("wrong", ["12*", "+8610", "1A"])
def test_digits_that_r2_has_not(wrong: str) -> None:
    line = R2Line()
    with pytest.raises(ArgumentError):
        line.trunk.call(Numbers(wrong))
    with pytest.raises(ArgumentError):
        line.trunk.call(Numbers("1", wrong))
    with pytest.raises(ArgumentError):
        line.trunk.call(Numbers("1", category="KD 16"))
    assert line.all_free()


def test_all_faults_of_settings_at_once() -> None:
    with pytest.raises(ArgumentError) as told:
        R2Settings(
            variant="china no.1",
            control="nobody",  # type: ignore[arg-type]
            called_length=21,
            prefixes={"x": 3},
            ask_caller=0,
            kd=16,
            kb={"gone": 1},
            timers={"t1": 5},
        )
    for word in ("variant", "control", "called_length", "prefix 'x'", "ask_caller", "kd 16", "kb gone", "timer t1"):
        assert word in str(told.value)

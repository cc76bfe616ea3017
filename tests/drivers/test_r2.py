"""MFC-R2 calls over a line: whole calls against golden traces, numbers, who releases, and the times promised."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers._engine import lib
from drivers.signalling.causes import Cause
from drivers.signalling.interface import Numbers, TrunkCall
from drivers.signalling.r2 import R2Settings
from drivers.signalling.r2_variants import ASKS, TIMERS
from tests.drivers.r2_rig import LOCAL, R2Line, golden, trace


def test_a_local_call_tone_for_tone() -> None:
    line = R2Line()
    out = line.call()
    call = line.until_offered()
    assert call.numbers == Numbers("62001234", "1001", category="KA 1 KD 3")
    call.alerting()
    line.until(out, "alerting")
    call.answer()
    line.until(out, "answered")
    line.time.run_for(3)
    out.call.clear()
    line.settle()
    assert out.words == ["proceeding", "alerting", "answered", "cleared"] and line.offered[0].words == ["cleared"]
    assert out.call.cause == call.cause == Cause(16)
    assert trace(call.steps, LOCAL, incoming=True) == golden("china-local-call")
    sent = line.office.settings
    assert trace(out.call.steps, sent, incoming=False) == golden("china-local-call")  # type: ignore[attr-defined]


def test_8_and_11_digits_within_22_cycles_of_240_ms() -> None:
    line = R2Line()
    began = line.clock.seconds()
    line.call("62001234", "13800138000")
    call = line.until_offered()
    took = line.clock.seconds() - began
    assert call.numbers.called == "62001234" and call.numbers.calling == "13800138000"
    assert took <= 22 * 0.240
    call.clear()
    line.settle()


@pytest.mark.parametrize("control", ["mutual", "caller"])
def test_we_call_out(control: str) -> None:
    line = R2Line(R2Settings(control=control, called_length=8))  # type: ignore[arg-type]
    got: list[TrunkCall] = []
    line.office.offered = got.append
    call = line.trunk.call(Numbers("62005678", "88001000"))
    line.time.run(lambda: bool(got))
    assert got[0].numbers.called == "62005678" and got[0].numbers.calling == "88001000"
    got[0].answer()
    line.time.run(lambda: call.state == "answered")
    call.clear()
    line.settle()


def test_the_page_tells_every_timer_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs" / "r2.md").read_text("utf-8")
    for name, timer in TIMERS.items():
        assert f"| `{name}` | {timer.ms} | {timer.what} | {timer.source} |" in page
    assert len(TIMERS) == lib.TR_R2_TIMERS and len(ASKS) + 1 == lib.TR_R2_ASKS

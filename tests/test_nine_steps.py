"""Each of the nine steps is needed: with any one of them left out, the demo fails at just that step and says so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cti.commands import main
from cti.nine_steps import NineSteps
from simulators.rig.result import missing_step
from simulators.rig.stepped import run
from simulators.scenario.scenario import mixed
from tests.conftest import LoggedFailures

STEPS = {
    int(name.split("_")[1]): name for name in sorted(vars(NineSteps)) if name.startswith("step_") and name[5].isdigit()
}
ASYNC = {5, 6, 7}


def _nothing(number: int) -> Any:
    """A step that does nothing, of the same kind as the real one."""

    async def later(self: NineSteps, *args: object) -> None:
        return None

    def at_once(self: NineSteps, *args: object) -> None:
        return None

    return later if number in ASYNC else at_once


def test_there_are_nine() -> None:
    assert sorted(STEPS) == list(range(1, 10))


def test_nothing_is_missing_when_all_are_there() -> None:
    result = run(mixed(7, 4))
    assert missing_step(result.calls) is None
    assert not result.findings and not result.popups


@pytest.mark.parametrize("number", range(1, 10))
def test_the_demo_fails_at_the_step_left_out(
    number: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    logged_failures: LoggedFailures,
) -> None:
    monkeypatch.setattr(NineSteps, STEPS[number], _nothing(number))
    assert main(["demo", "--stepped", "--calls", "4", "--seed", "7", "--json", "-"]) == 1
    said = capsys.readouterr()
    assert f"step {number} was never made" in said.err
    calls = [json.loads(line) for line in said.out.splitlines()]
    assert missing_step(calls) == number
    for call in calls:
        assert str(number) not in call["steps"]
        assert call["outcome"], "every call ends with a stated outcome, whatever failed"
    if number == 3:
        logged_failures.flush(AssertionError)  # a call that came by no port cannot be answered

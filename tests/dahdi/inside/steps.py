"""The nine steps over the real driver: the PBX's extensions are FXS channels, the server's VRU ports FXO channels.

World and server are those of `tipring demo --stepped`, and so is the judge: the world's own log against the server's
records. Only the lines are the driver's.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from drivers.card import Card
from drivers.dahdi import DahdiCard, DahdiPort
from simulators.rig.result import missing_step
from simulators.rig.stepped import Run, run
from simulators.scenario.scenario import Scenario, demo, mixed
from tests.dahdi.inside.rig import RESULTS

LINES = 16


class Lines:
    """Channel N, an FXS port, is wired to N+16, an FXO port."""

    def __init__(self) -> None:
        self.cards: list[Card] = []

    def __call__(self, count: int) -> tuple[Card, Card]:
        extensions = DahdiCard(None, [DahdiPort(1 + n, "fxs") for n in range(count)], name="pbx")
        vru = DahdiCard(None, [DahdiPort(1 + LINES + n, "fxo") for n in range(count)], name="vru")
        self.cards = [extensions, vru]
        return extensions, vru

    def close(self) -> None:
        """Frees the channels for the next run."""
        for card in self.cards:
            if card.engine is not None:
                card.engine.close()


def write(name: str, result: Run) -> None:
    """The calls, kept beside the result."""
    RESULTS.mkdir(exist_ok=True)
    text = "".join(json.dumps(call, ensure_ascii=False) + "\n" for call in result.calls)
    (RESULTS / f"calls-{name}.jsonl").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("scenario", [demo(1), mixed(7, 10)], ids=["demo", "mixed"])
def test_every_call_is_recorded_as_it_happened(scenario: Scenario, request: pytest.FixtureRequest) -> None:
    scenario = replace(scenario, vru_extensions=scenario.vru_extensions[:LINES])
    lines = Lines()
    try:
        result = run(scenario, lines=lines)
    finally:
        lines.close()
    write(request.node.callspec.id, result)
    assert len(result.calls) == len(scenario.callers)
    assert result.findings == [] and result.popups == []
    assert missing_step(result.calls) is None

"""An agent who leaves calls unanswered: tried again, until so many in a row as the site file says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cti.switch.card_bench import CardBench


@pytest.mark.parametrize("misses", [None, 2])
def test_who_does_not_lift_is_set_to_not_ready_where_the_site_wants_it(tmp_path: Path, misses: int | None) -> None:
    def change(site: dict[str, Any]) -> None:
        site["limits"] = {**site.get("limits", {}), "misses": misses}

    world = CardBench(
        "setup | agent 1001 | sales 8001 does not answer\n"
        "4.0 | caller 1 | 13800138000 by fsk: choose 1 after 1.5; talk 12; patience 120\n",
        tmp_path,
        change,
    )
    agent = world.centre.acd.agents["1001"]
    world.until(lambda: len([kind for _, kind, _ in world.events if kind == "no_answer"]) == 2, 90.0)
    world.run(3.0)
    if misses is None:
        assert agent.truths[:2] == ("ready", "reserved") or agent.truths[:2] == ("ready", "ringing")
    else:
        assert agent.truths == ("not_ready", "idle", "none") and agent.reason == "no_answer"
        assert [call.state for call in world.centre.calls.values()] == ["queued"], "the caller keeps the place"
    world.stop()

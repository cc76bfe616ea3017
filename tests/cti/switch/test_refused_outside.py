"""A call outside that cannot be made is refused to the screen at once: no telephone rings for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cti.switch.card_bench import CardBench

TABLE = """
setup | world | trunks=2
setup | site  | {site}
setup | agent 1001 | sales 8001 answers after 2 talks 60
setup | rights     | {right}
setup | subscriber 66880001 | answers after 2
5     | desk 1001  | make {to} -> {refused}
"""
DAY = {"name": "day", "prefixes": ["6"], "trunks": ["office"], "hours": ["mon-sun 01:00-01:01"]}
TOWN = {"name": "town", "prefixes": [""], "trunks": ["office"], "toll": "national"}


@pytest.mark.parametrize(
    ("routes", "right", "to", "refused"),
    [
        ([TOWN], "local", "66880001", "not_allowed"),
        ([DAY], "local", "55550000", "unknown_number"),
        ([DAY, TOWN], "national", "66880001", "no_trunk"),
        ([{**TOWN, "keep_free": 1}], "national", "6" * 21, "unknown_number"),
    ],
)
def test_before_any_telephone_rings(routes: list[object], right: str, to: str, refused: str, tmp_path: Path) -> None:
    site = json.dumps({"routes": routes})
    one = CardBench(TABLE.format(site=site, right=right, to=to, refused=refused), tmp_path)
    one.run(12.0)
    one.stop()
    assert [done.result for done in one.world.deeds.done] == [refused]
    assert one.phone("8001").calls == 0 and not one.happened("seized")

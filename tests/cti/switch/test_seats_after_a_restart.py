"""Agents without a PC at seats on our cards: the server begins again, and they are at their telephones (step 8)."""

from __future__ import annotations

import shutil
from pathlib import Path

from cti.site.config import Site
from tests.cti.switch.card_bench import CardBench

STAFF = """
setup | agent 1003 | sales 8003 answers after 2 talks 60 without a PC, PIN 4711
setup | agent 1004 | sales 8004 answers after 2 talks 60 without a PC, PIN 4711
"""
SIGNS_IN = """
1.0  | phone 8003 | lifts
2.0  | phone 8003 | keys *101003*4711#
8.0  | phone 8003 | hangs up
9.0  | phone 8003 | lifts
10.0 | phone 8003 | keys *11
12.0 | phone 8003 | hangs up
"""
AND_OUT = """
13.0 | phone 8003 | lifts
14.0 | phone 8003 | keys *19
16.0 | phone 8003 | hangs up
"""


def after_a_restart(tmp_path: Path, table: str) -> tuple[str, str | None, str, str]:
    """What agent 1003 declared, where and why, and the line there; in the second server's life."""
    first = CardBench(STAFF + table, tmp_path / "first")
    first.run(20.0)
    kept = first.site.state / "telephones.json"
    assert kept.exists()
    first.stop()

    def before(site: Site) -> None:
        site.state.mkdir(parents=True, exist_ok=True)
        shutil.copy(kept, site.state / kept.name)

    bench = CardBench(STAFF, tmp_path / "second", before=before)
    bench.run(1.0)
    agent = bench.centre.acd.agent("1003")
    found = agent.declared, agent.extension, agent.reason, agent.line
    bench.stop()
    return found


def test_who_signed_in_by_star_code_is_there_again_and_not_ready(tmp_path: Path) -> None:
    assert after_a_restart(tmp_path, SIGNS_IN) == ("not_ready", "8003", "login", "idle")


def test_who_signed_out_is_not(tmp_path: Path) -> None:
    assert after_a_restart(tmp_path, SIGNS_IN + AND_OUT)[0] == "logged_off"

"""A whole day of installation: two pairs swapped, a tone plan that nobody knows; what is learned goes into the site
file, and then the calls come through."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from cti.install.flash import choose
from cti.install.line import LineLearner
from cti.install.ports import differences, learn_site, merged
from cti.install.site_edit import edit_site, ports, tones_and_line
from cti.site.config import load_site
from simulators.faults import parse
from simulators.rig.stepped import run
from simulators.scenario.table import read_table
from tests.cti.install.site_world import site_world

STRANGE = "tones=620Hz,x1.4"
FLASHES = "flash=200-500ms"
TABLE = """
setup  | agent 1001 | sales 8001 answers after 2 talks 20
setup  | agent 1002 | sales 8002 answers after 2 talks 20
2.0    | phone 8001 | off-hook for 20
4.0    | caller 1   | 13800138000 by fsk: choose 1 after 1.5; talk 6
"""


def plain(changes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """As YAML writes it."""
    return {
        name: {key: list(value) if isinstance(value, tuple) else value for key, value in fields.items()}
        for name, fields in changes.items()
    }


def test_what_was_learned_makes_the_site_right(tmp_path: Path) -> None:
    faults = [STRANGE, FLASHES, "swap=2003:2004"]
    with site_world(tmp_path, faults=faults, cables=[1, 0, 2, 3]) as made:
        numbers = [one.extension for one in made.site.vru.all_ports()]
        found = made.run(learn_site(made.bench, numbers))
        assert len(differences(found, made.site.vru.all_ports())) == 2
        edit_site(tmp_path / "site.yaml", ports(merged(found, made.site.vru.all_ports())))
        made.bench.site = made.site = load_site(tmp_path / "site.yaml")
        again = made.run(learn_site(made.bench, numbers))
        assert differences(again, made.site.vru.all_ports()) == []

        cards = {(one.card, one.index): one for one in made.bench.ports}
        where = {one.extension: cards[one.card, one.port] for one in made.site.vru.all_ports()}
        line = LineLearner(made.clock, where["2001"], where["2002"], "2002", made.bench.dialect.line)
        tones = made.run(line.tones("cn", busy="2001", vacant="7777"))
        flash, _ = choose(made.run(line.flashes(tones.plan, (100, 200, 300, 450, 600))), 600)
        assert flash == 300
        edit_site(tmp_path / "site.yaml", tones_and_line(tones.changes, {"flash_ms": flash}))
        site = load_site(tmp_path / "site.yaml")
        assert site.tones["busy"] == {"f1_hz": 620, "cadence_ms": [490, 490]} and site.pbx.flash_ms == 300

    unknown = read_table(TABLE)
    for fault in (STRANGE, FLASHES):
        unknown = unknown.with_fault(parse(fault))
    learned = replace(unknown, tones=plain(tones.changes), site={"flash_ms": flash})
    assert [call["outcome"] for call in run(unknown).calls] != ["answered"]
    [call] = run(learned).calls
    assert (call["outcome"], call["agent_extension"], call["busies"]) == ("answered", "8002", 1)

"""What was learned goes into the site file without harming what else stands there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cti.errors import ConfigFaults, TipringError
from cti.install.alone import CardPort
from cti.install.ports import Learned, merged
from cti.install.site_edit import edit_site, ports, tones_and_line
from cti.site.config import VruPort, load_site
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine

SITE = Path(__file__).parents[3] / "conf" / "site.yaml"


@pytest.fixture
def site_file(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_bytes(SITE.read_bytes())
    path.chmod(0o640)
    (tmp_path / "customers.csv").write_text("number,name\n", "utf-8")
    return path


def test_comments_and_the_rest_stay_as_they_were(site_file: Path) -> None:
    old = site_file.read_text("utf-8")
    tones: dict[str, dict[str, Any]] = {
        "busy": {"f1_hz": 620, "cadence_ms": (490, 490)},
        "stutter": {"f1_hz": 400, "min_ms": 850},
    }
    before = edit_site(site_file, tones_and_line(tones, {"flash_ms": 300, "disconnect": ("loop_drop", "busy_tone")}))
    new = site_file.read_text("utf-8")
    assert before.read_text("utf-8") == old and oct(site_file.stat().st_mode)[-3:] == "640"
    lines = new.splitlines()
    for comment in (line for line in old.splitlines() if line.strip().startswith("#")):
        assert comment.strip() in {line.strip() for line in lines}, comment
    site, was = load_site(site_file), load_site(before)
    assert site.tones == {"busy": {"f1_hz": 620, "cadence_ms": [490, 490]}, "stutter": {"f1_hz": 400, "min_ms": 850}}
    assert (site.pbx.flash_ms, site.pbx.disconnect) == (300, ("loop_drop", "busy_tone"))
    assert (site.agents, site.groups, site.vru, site.cards) == (was.agents, was.groups, was.vru, was.cards)


@pytest.mark.parametrize("style", ["as it comes", "lists below their key"])
def test_only_what_was_learned_differs(site_file: Path, style: str) -> None:
    if style != "as it comes":
        yaml = YAML()
        yaml.width = 4096
        with site_file.open() as old:
            document = yaml.load(old)
        with site_file.open("w") as new:
            yaml.dump(document, new)
    edit_site(site_file, tones_and_line({}, {"flash_ms": 300}))
    before = edit_site(site_file, tones_and_line({}, {"flash_ms": 333}))
    changed = set(site_file.read_text("utf-8").splitlines()) ^ set(before.read_text("utf-8").splitlines())
    assert {line.split("#")[0].rstrip() for line in changed} == {"  flash_ms: 300", "  flash_ms: 333"}
    first = site_file.read_text("utf-8").splitlines()
    assert any(line.startswith("- " if style != "as it comes" else "  - ") for line in first)


def test_a_tone_that_is_there_keeps_what_was_not_learned(site_file: Path) -> None:
    edit_site(site_file, tones_and_line({"busy": {"min_cycles": 5, "f1_hz": 400}}, {}))
    edit_site(site_file, tones_and_line({"busy": {"f1_hz": 425}}, {}))
    assert load_site(site_file).tones["busy"] == {"min_cycles": 5, "f1_hz": 425}


def test_all_ports_are_written_one_by_one(site_file: Path) -> None:
    present = load_site(site_file).vru.all_ports()
    wanted = [VruPort(one.card, one.port, one.extension, 1, 40 + one.port, "callers", "95588") for one in present]
    edit_site(site_file, ports(wanted))
    assert load_site(site_file).vru.all_ports() == wanted


def test_what_would_be_wrong_is_not_written(site_file: Path) -> None:
    old = site_file.read_bytes()
    twice = [VruPort("vru", 0, "2001", 1, 1), VruPort("vru", 0, "2002", 1, 2)]
    with pytest.raises(ConfigFaults):
        edit_site(site_file, ports(twice))
    assert site_file.read_bytes() == old and not list(site_file.parent.glob("*.new"))
    with pytest.raises(TipringError, match="cannot be changed"):
        edit_site(site_file.with_name("none.yaml"), ports(twice))


def test_what_was_learned_and_what_was_not() -> None:
    engine = Engine(SteppedClock(), name="bench")
    at = [CardPort("vru", index, port) for index, port in enumerate(engine.add_card(SoftwareCard(None, "fxo", 4)))]
    present = [VruPort("vru", n, str(2001 + n), 1, 1 + n) for n in range(4)]
    found = [Learned("2001", at[1], 1, 1), Learned("2002", at[0], 1, 3), Learned("2003")]
    assert merged(found, present) == [
        VruPort("vru", 0, "2002", 1, 3),
        VruPort("vru", 1, "2001", 1, 1),
        VruPort("vru", 2, "2003", 1, 3),
        VruPort("vru", 3, "2004", 1, 4),
    ]


def test_no_former_file_is_overwritten(site_file: Path) -> None:
    former = []
    for flash_ms in (300, 400, 500):
        old = site_file.read_bytes()
        former.append((edit_site(site_file, tones_and_line({}, {"flash_ms": flash_ms})), old))
    assert [path.name for path, _ in former] == ["site.yaml.before", "site.yaml.before.2", "site.yaml.before.3"]
    assert all(path.read_bytes() == old for path, old in former)

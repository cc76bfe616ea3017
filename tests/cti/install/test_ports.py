"""Learning the ports: crossed cables, exchanged message lines, dead ports, tones that nobody knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.install.ports import differences, learn_site, numbers, proposal
from tests.cti.install.site_world import SiteWorld, site_world

EXTENSIONS = ["2001", "2002", "2003", "2004"]


def learned(made: SiteWorld, extensions: list[str] = EXTENSIONS) -> tuple[list[str], str]:
    found = made.run(learn_site(made.bench, extensions))
    present = made.site.vru.all_ports()
    return differences(found, present), proposal(found, present)


def test_a_site_that_is_as_its_file_says(tmp_path: Path) -> None:
    with site_world(tmp_path) as made:
        wrong, _ = learned(made)
        assert not wrong


def test_two_cables_and_two_message_lines_swapped(tmp_path: Path) -> None:
    with site_world(tmp_path, cables=[1, 0, 2, 3], faults=["swap=2003:2004"]) as made:
        wrong, yaml = learned(made)
        assert wrong == [
            "cables of 2001 and 2002 are swapped",
            "message lines of 2003 and 2004 are swapped in the PBX's tables",
        ]
        rows = [line.strip(" -") for line in yaml.splitlines()[2:]]
        assert rows == [
            '{card: vru, port: 0, extension: "2002", desk: 1, line: 2}',
            '{card: vru, port: 1, extension: "2001", desk: 1, line: 1}',
            '{card: vru, port: 2, extension: "2003", desk: 1, line: 4}',
            '{card: vru, port: 3, extension: "2004", desk: 1, line: 3}',
        ]


def test_three_cables_in_a_ring(tmp_path: Path) -> None:
    with site_world(tmp_path, cables=[1, 2, 0, 3]) as made:
        wrong, _ = learned(made)
        assert wrong == [
            "2001 is at port vru:1, not vru:0",
            "2002 is at port vru:2, not vru:1",
            "2003 is at port vru:0, not vru:2",
        ]


def test_a_dead_port_and_an_extension_that_is_not_there(tmp_path: Path) -> None:
    with site_world(tmp_path, faults=["port=dead:2003"]) as made:
        wrong, yaml = learned(made, [*EXTENSIONS, "2999"])
        assert any(text.startswith("2003 rang no port: called from vru:") for text in wrong)
        assert "no extension rings port vru:2" in wrong and "2999 is not in the site file" in wrong
        assert "# 2003 rang no port" in yaml and "# 2999 rang no port" in yaml


def test_tones_that_nobody_knows(tmp_path: Path) -> None:
    with site_world(tmp_path, faults=["tones=620Hz,x1.4"], cables=[1, 0, 2, 3]) as made:
        found = made.run(learn_site(made.bench, EXTENSIONS))
        assert all("no dial tone" in one.remarks[0] for one in found)
        assert differences(found, made.site.vru.all_ports()) == ["cables of 2001 and 2002 are swapped"]


def test_without_a_message_line_the_lines_stay(tmp_path: Path) -> None:
    with site_world(tmp_path, make="panasonic-tda", cables=[1, 0, 2, 3]) as made:
        wrong, yaml = learned(made)
        assert wrong == ["cables of 2001 and 2002 are swapped"] and yaml.count("# line not told") == 4


def test_lists_of_numbers() -> None:
    assert numbers("2001-2003, 0099-0101,2002") == ["2001", "2002", "2003", "0099", "0100", "0101"]
    for wrong in ("", "20a", "2003-2001", "99-100", "1-99999", "0001-9999"):
        with pytest.raises(ValueError, match="extension"):
            numbers(wrong)

"""Installers' commands: refused beside a running server, and what they say of options that cannot be."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from cti.commands import main
from cti.errors import TipringError
from cti.install.alone import refuse_beside_server
from cti.operations.control import SOCKET
from cti.site.config import load_site
from simulators.rig.site import write_site
from simulators.scenario.scenario import mixed


@pytest.fixture
def site_file(tmp_path: Path) -> Path:
    return write_site(mixed(1, 1, trunks=2, vru_ports=4), tmp_path)


def test_cards_are_the_servers_while_it_runs(site_file: Path) -> None:
    site = load_site(site_file)
    refuse_beside_server(site)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(site.state / SOCKET))
        server.listen(1)
        with pytest.raises(TipringError, match="systemctl stop tipring"):
            refuse_beside_server(site)
    refuse_beside_server(site)  # a socket that a killed server left behind


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("pbx", "learn-ports", "--extensions", "2001-"), "2001-' is no extension or range"),
        (("line", "learn", "2999"), "2999: no VRU port"),
        (("line", "learn", "2001", "--beside", "2001"), "another VRU extension"),
        (("line", "learn", "2001", "--flashes", "5"), "20 to 3000 ms"),
        (("line", "learn", "vru:0", "--flashes", "long"), "write lengths in ms"),
        (("site", "walk", "--again", "dance"), "--again dance: there are check, ports"),
    ],
)
def test_one_clear_line(site_file: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str) -> None:
    assert main([*words, "-c", str(site_file)]) == 2
    assert said in capsys.readouterr().err

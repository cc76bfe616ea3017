"""`tipring detect`, what `tipring check` says of real cards, and what `tipring card test` refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cti.commands import main
from cti.commands.check_cards import card_faults
from cti.commands.propose import write as propose
from cti.conf.checked_yaml import convert, read
from cti.site.config import Card, DahdiCard
from tests.dahdi_trees import KERNEL, pci_card, tree


def detect(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Status, and what was printed."""
    status = main(["detect", *words])
    out = capsys.readouterr()
    return status, out.out + out.err


def test_a_table_of_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, text = detect(capsys, "--root", str(tree("analog", tmp_path)))
    rows = [line.split() for line in text.splitlines()]
    assert "信令" in text and "DAHDI 2.11.1.0.20170917" in text
    assert ["2", "DYN/loc/1:1", "DYNAMIC", "7-10", "fxsks", "fxo", "MG2", "8", "-"] in rows
    assert status == 1 and "- channels 6,12 are not configured: write /etc/dahdi/system.conf" in text


def test_an_alarm_is_told_with_what_to_look_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, text = detect(capsys, "--root", str(tree("alarm", tmp_path)))
    assert status == 1 and "- span 2 is in alarm (red): look at the cable" in text


def test_a_pc_without_the_driver(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tree("", tmp_path, kernels={KERNEL: False})
    pci_card(root, "0000:04:00.0", "d161", "8005")
    status, text = detect(capsys, "--root", str(root))
    assert status == 1 and "Digium TDM410P" in text
    assert "linux-headers-amd64" in text and "modprobe wctdm24xxp" in text and "dahdi-dkms" in text


def test_everything_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, text = detect(capsys, "--json", "--root", str(tree("e1", tmp_path)))
    told = json.loads(text)
    assert status == 0 and told["missing"] == [] and len(told["spans"][1]["channels"]) == 31


def test_proposed_cards_are_a_section_of_the_site_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "cards.yaml"
    detect(capsys, "--root", str(tree("analog", tmp_path / "tree")), "--write", str(out))
    document = read(out)
    cards, faults = convert(document, dict[str, tuple[Card, ...]])
    assert cards is not None and not faults
    found = {card.name: card for card in cards["cards"] if isinstance(card, DahdiCard)}
    assert {name: card.numbers for name, card in found.items()} == {"fxs1": [1, 2, 3, 4, 5], "fxo2": [7, 8, 9, 10, 11]}


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "cards.yaml"
    assert propose(path, "cards: new\n").endswith("written")
    assert propose(path, "cards: new\n").endswith("is so already")
    told = propose(path, "cards: newer\n")
    assert path.read_text() == "cards: new\n" and (tmp_path / "cards.yaml.new").read_text() == "cards: newer\n"
    assert "-cards: new\n" in told and "+cards: newer\n" in told and "left as it is" in told


def test_a_description(capsys: pytest.CaptureFixture[str]) -> None:
    status, text = detect(capsys, "--describe", "4 FXO, 1 E1 PRI, China")
    assert status == 0 and "span=2,1,0,ccs,hdb3,crc4\n" in text
    status, text = detect(capsys, "--describe", "4 FXO, 1 E1")
    assert status == 2 and text.count("\n") == 1 and "tipring detect: --describe: '1 e1' does not say" in text


# ---- tipring check -----------------------------------------------------------------------------------------------


def with_cards(tmp_path: Path, *lines: str) -> tuple[Path, dict[int, Card]]:
    """A site with these cards; only its section of cards is looked at."""
    path = tmp_path / "site.yaml"
    path.write_text("cards:\n" + "".join(f"  - {line}\n" for line in lines), encoding="utf-8")
    cards, faults = convert(read(path), dict[str, tuple[Card, ...]])
    assert cards is not None and not faults
    return path, dict(enumerate(cards["cards"]))


GOOD = '{name: vru, kind: dahdi, type: fxo, channels: "7-11"}'


def test_cards_that_are_as_the_site_says(tmp_path: Path) -> None:
    root = tree("analog", tmp_path / "tree")
    assert card_faults(*with_cards(tmp_path, GOOD), root) == []


def test_a_site_without_real_cards_needs_no_driver(tmp_path: Path) -> None:
    root = tree("", tmp_path / "tree", kernels={KERNEL: False})
    assert card_faults(*with_cards(tmp_path, "{name: vru, kind: software, ports: 4}"), root) == []


def test_the_morning_after_an_update(tmp_path: Path) -> None:
    root = tree("analog", tmp_path / "tree", kernels={KERNEL: True, "6.1.0-57-amd64": False})
    [fault] = card_faults(*with_cards(tmp_path, GOOD), root)
    assert "6.1.0-57-amd64" in fault.message and fault.line == 2
    assert "linux-headers-6.1.0-57-amd64" in fault.remedy and "dkms autoinstall -k 6.1.0-57-amd64" in fault.remedy


def test_a_driver_that_is_not_loaded(tmp_path: Path) -> None:
    [fault] = card_faults(*with_cards(tmp_path, GOOD), tree("", tmp_path / "tree"))
    assert "not loaded" in fault.message and "modprobe" in fault.remedy


def test_channels_that_are_not_what_the_site_says(tmp_path: Path) -> None:
    lines = (GOOD, '{name: bad, kind: dahdi, type: fxo, channels: "1-2,6,99"}')
    faults = card_faults(*with_cards(tmp_path, *lines), tree("analog", tmp_path / "tree"))
    assert [fault.line for fault in faults] == [3, 3, 3]
    assert "channels 99 do not exist" in faults[0].message and "1-12" in faults[0].remedy
    assert "channels 1-2 are signalled fxoks" in faults[1].message and "fxsks=1-2" in faults[1].remedy
    assert "channels 6 are not configured" in faults[2].message


# ---- tipring card test: what is refused before anything is opened ------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--dial", "80 01"], "--dial '80 01'"),
        (["--ring", "-1"], "--ring -1"),
    ],
)
def test_options_out_of_range(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", "test", "2001", "-c", "conf/site.yaml", *words]) == 2
    assert told in capsys.readouterr().err


def test_a_port_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", "test", "2999", "-c", "conf/site.yaml"]) == 2
    assert "no port '2999'; write an extension of vru.ports, or one of vru:0-29" in capsys.readouterr().err


@pytest.mark.paced
def test_wires_that_lead_nowhere() -> None:
    command = [sys.executable, "-c", "import sys; from cti.commands import main; sys.exit(main())"]
    done = subprocess.run([*command, "card", "test", "2001", "-c", "conf/site.yaml"], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "nothing at /run/tipring/backplane.sock" in done.stderr

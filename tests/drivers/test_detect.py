"""Cards as the real driver told of them, and system.conf from a description."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.dahdi_conf import parse, system_conf
from drivers.detect import kernels, ranges, read
from drivers.errors import ArgumentError
from tests.dahdi_trees import pci_card, tree, write


def test_spans_and_channels_of_an_analog_card(tmp_path: Path) -> None:
    found = read(tree("analog", tmp_path))
    assert found.version == "2.11.1.0.20170917" and found.device_file == "there"
    first, second = found.spans
    assert (first.number, first.name, first.digital, first.alarms) == (1, "DYN/loc/1:0", True, ())
    assert [c.number for c in second.channels] == [7, 8, 9, 10, 11, 12]
    assert second.device == "dynamic:loc:3" and found.devices[-1].assigned == (2,)
    assert [c.signalling for c in found.channels] == [*["fxoks"] * 4, "fxols", "", *["fxsks"] * 4, "fxsls", ""]
    assert [c.kind for c in found.channels] == [*["fxs"] * 5, "", *["fxo"] * 5, ""]
    assert [c.number for c in found.channels if c.in_use] == [8]
    assert [c.number for c in found.channels if c.echo == "MG2"] == [7, 8, 9, 10]
    unconfigured = found.channel(6)
    assert unconfigured is not None and {"fxsks", "fxoks", "bchan", "cas"} <= set(unconfigured.can)
    assert found.channel(13) is None


def test_alarms_of_a_span_whose_far_end_is_gone(tmp_path: Path) -> None:
    found = read(tree("alarm", tmp_path))
    assert [(span.number, span.alarms) for span in found.spans] == [(2, ("red",))]
    assert all(channel.alarms == ("red",) for channel in found.channels)


def test_channels_of_an_e1(tmp_path: Path) -> None:
    found = read(tree("e1", tmp_path))
    assert [c.number for c in found.channels] == list(range(1, 63))
    assert [c.number for c in found.channels if c.kind == "d"] == [16, 47]
    assert all(c.kind == "b" for c in found.channels if c.position != 16)


def test_no_driver(tmp_path: Path) -> None:
    found = read(tree("", tmp_path))
    assert found.version is None and found.spans == () and found.device_file == "missing"


def test_a_card_that_vanishes_while_it_is_read(tmp_path: Path) -> None:
    root = tree("analog", tmp_path)
    for path in (root / "sys/bus/dahdi_channels/devices/dahdi!chan!002!002").iterdir():
        path.unlink()
    assert read(root).channel(8) is None


def test_kernels_with_and_without_the_module(tmp_path: Path) -> None:
    root = tree("", tmp_path, kernels={"6.1.0-1-amd64": True, "6.1.0-2-amd64": False})
    write(root / "lib/modules/5.10.0-9-amd64/modules.dep", "")  # its image is gone: it boots no more
    told = [(kernel.release, kernel.running, kernel.has_dahdi) for kernel in kernels(root, "6.1.0-1-amd64")]
    assert told == [("6.1.0-1-amd64", True, True), ("6.1.0-2-amd64", False, False)]


def test_cards_on_the_bus_before_any_driver(tmp_path: Path) -> None:
    pci_card(tmp_path, "0000:04:00.0", "d161", "8005")
    pci_card(tmp_path, "0000:05:00.0", "e159", "0001", "9100")
    pci_card(tmp_path, "0000:06:00.0", "e159", "0001", "ffff")
    pci_card(tmp_path, "0000:07:00.0", "8086", "100e")
    assert [(card.slot, card.module) for card in read(tmp_path).pci] == [
        ("0000:04:00.0", "wctdm24xxp"),
        ("0000:05:00.0", "opvxa1200"),
    ]


@pytest.mark.parametrize(("numbers", "text"), [((), ""), ((3,), "3"), ((4, 1, 2, 3, 6), "1-4,6"), ((1, 3, 5), "1,3,5")])
def test_ranges(numbers: tuple[int, ...], text: str) -> None:
    assert ranges(numbers) == text


def lines_of(text: str) -> list[str]:
    """The file's lines that mean something."""
    return [line for line in system_conf(parse(text)).splitlines() if line and not line.startswith("#")]


def test_lines_and_an_e1() -> None:
    assert lines_of("4 FXO, 1 E1 PRI, China") == [
        "fxsks=1-4",
        "span=2,1,0,ccs,hdb3,crc4",
        "bchan=5-19,21-35",
        "dchan=20",
        "echocanceller=mg2,1-19,21-35",
        "alaw=1-19,21-35",
        "loadzone=cn",
        "defaultzone=cn",
    ]


def test_described_in_chinese_with_two_e1() -> None:
    assert lines_of("8路外线，2 内线、2 E1 R2, 中国, none") == [
        "fxsks=1-8",
        "fxoks=9-10",
        "span=2,1,0,cas,hdb3",
        "cas=11-25,27-41:1101",
        "span=3,2,0,cas,hdb3",
        "cas=42-56,58-72:1101",
        "alaw=1-25,27-56,58-72",
        "loadzone=cn",
        "defaultzone=cn",
    ]


def test_crc4_and_the_other_law() -> None:
    assert "span=1,1,0,ccs,hdb3" in lines_of("1 E1 PRI without CRC4, cn")
    assert "span=1,1,0,cas,hdb3,crc4" in lines_of("1 E1 R2 CRC4, cn")
    assert {"mulaw=1-2", "alaw=3-17,19-33", "loadzone=us"} <= set(lines_of("2 FXO + 1 E1 PRI + USA"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "0 channels"),
        ("4 FXO", "country"),
        ("1 E1, cn", 'write "1 e1 PRI"'),
        ("4 FXQ, cn", "'4 fxq' is not understood"),
        ("0 FXO, cn", "0 channels"),
        ("99 E1 PRI, cn", "write 1 to 1024"),
    ],
)
def test_descriptions_that_are_not_understood(text: str, words: str) -> None:
    with pytest.raises(ArgumentError) as error:
        parse(text)
    assert words in str(error.value) and "\n" not in str(error.value)

"""Digits after our answer: what they say, when nobody need wait for more, and those that say that nobody is there."""

from __future__ import annotations

import pytest

from cti.pbx.announcement import Announcement
from cti.pbx.call_rules import InBandPattern, InBandRules
from cti.pbx.dialect import load_dialect
from cti.pbx.in_band import Gone, InBandCall, InBandReader

# Samsung, MMC 726, with the letters of the manual's examples as digits: type, DN1, separator, DN2.
SAMSUNG = InBandRules(
    patterns=(
        InBandPattern(r"A(?P<called>\d{3})", reason="direct"),
        InBandPattern(
            r"(?P<reason>[#*])(?P<called>\d{3})B(?P<calling>\d{3})", reasons={"#": "recall", "*": "overflow"}
        ),
    ),
    gone=("CCC", "#9"),
)


def test_type_number_separator_number() -> None:
    reader = InBandReader(SAMSUNG)
    assert reader.read("A205") == InBandCall("205", None, None, "direct", None)
    assert reader.read("#225B702") == InBandCall("225", "702", None, "recall", None)
    assert reader.read("*501B702") == InBandCall("501", "702", None, "overflow", None)
    assert reader.read("205") is None and reader.read("") is None


def test_nobody_waits_for_digits_that_cannot_come() -> None:
    reader = InBandReader(SAMSUNG)
    for said in ("A205", "#225B702"):
        assert reader.complete(said)
        assert not any(reader.complete(said[:length]) for length in range(len(said)))
    assert reader.complete("CCC") and not reader.complete("CC")
    assert reader.begun("#225B") and not reader.begun("777") and not reader.begun("A205")
    assert not reader.complete("777"), "it fits nothing: its rest must not reach the menu"
    hipath = InBandReader(load_dialect("hipath1100").in_band)
    assert hipath.complete("***3****15****11*1") and not hipath.complete("***3****15****11*")


def test_a_string_that_says_that_nobody_is_there() -> None:
    reader = InBandReader(SAMSUNG)
    assert isinstance(reader.read("#9"), Gone) and isinstance(reader.read("#9#9"), Gone)
    assert reader.gone("CCC") and reader.gone("CCCCCC")
    assert not any(map(reader.gone, ("", "C", "CC", "CCCC", "#", "9#", "1#9", "#9#")))


def test_padding_is_no_number() -> None:
    reader = InBandReader(load_dialect("hipath1100").in_band)
    said = reader.read("***3**********11*3")
    assert isinstance(said, InBandCall)
    assert said.announcement() == Announcement("dtmf", "unknown", "11", None)
    assert (said.calling, said.called, said.origin) == (None, "11", "external")


@pytest.mark.parametrize("name", ["panasonic-tda", "panasonic-kxtd", "hipath1100", "definity-printer"])
def test_no_single_key_is_a_packet(name: str) -> None:
    """A caller who presses a key into the silence before the menu."""
    reader = InBandReader(load_dialect(name).in_band)
    assert [key for key in "0123456789*#" if reader.read(key) is not None] == []

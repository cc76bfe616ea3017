"""A flow's faults, all at once, with lines; what is shipped loads."""

from __future__ import annotations

import pytest

from cti.errors import ConfigFaults
from cti.vru.flow import Choice, flow_from_text, load_flow
from cti.vru.prompts import Prompts

from .conftest import GROUPS

BAD = """\
name: bad
greeting: hallo
menu:
  keys:
    "1": {group: sales, do: repeat}
    "12": {group: sales}
    x: {goup: sales}
  tries: 0
  no_choice: {language: en}
waiting: {message: "2", leave: "2"}
texts:
  mine: {fr: bonjour}
"""

LATER = """\
name: later
greeting: hallo
menu:
  keys:
    "1": {group: sales}
    "12": {group: nobody}
  no_choice: {do: repeat}
waiting: {message: "2", leave: "2"}
texts:
  mine: {zh: '{a:loud}'}
"""


def faults(text: str) -> dict[str, tuple[int, str]]:
    with pytest.raises(ConfigFaults) as caught:
        flow_from_text(text, {"sales"})
    return {fault.field: (fault.line, fault.message) for fault in caught.value.faults}


def test_faults_of_the_fields() -> None:
    assert {field: line for field, (line, _) in faults(BAD).items()} == {
        "menu.keys.1": 5,
        "menu.keys.x.goup": 7,
        "menu.tries": 8,
        "texts.mine.fr": 12,
    }


def test_faults_between_the_fields() -> None:
    assert faults(LATER) == {
        "greeting": (2, "there is no text 'hallo'"),
        "menu.keys.12": (6, "is not a key of a telephone"),
        "menu.keys.12.group": (6, "there is no group 'nobody'"),
        "menu.no_choice": (7, "must end the menu"),
        "waiting.leave": (8, "is the key of message, too"),
        "texts.mine.zh": (10, "{a:loud}: write {name}, {name:number} or {name:digits}"),
    }


def test_what_is_shipped(murmured: Prompts) -> None:
    flow = load_flow("welcome", GROUPS)
    assert flow.menu.keys["1"] == Choice(group="sales")
    assert flow.groups() == {"sales", "service", "complaints"}
    assert flow.greeting in murmured
    with pytest.raises(ConfigFaults, match="there are: welcome"):
        load_flow("unwelcome")


def test_groups_of_ones_own_need_a_flow_of_ones_own() -> None:
    """The flow that comes with Tipring is not to be changed where it stands."""
    with pytest.raises(ConfigFaults) as caught:
        load_flow("welcome", ["booking"])
    assert {fault.field for fault in caught.value.faults} == {f"menu.keys.{key}.group" for key in "123"}
    for fault in caught.value.faults:
        assert "groups of the site: booking; copy this file to /etc/tipring/flows/NAME.yaml" in fault.remedy
    with pytest.raises(ConfigFaults) as caught:
        load_flow("welcome", [])
    assert all(fault.remedy.startswith("the site has no groups; copy") for fault in caught.value.faults)

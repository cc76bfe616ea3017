"""A wrong file is told all its faults at once, each with line, field and remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest

from cti.conf import checked_yaml
from cti.errors import ConfigFaults, Fault


class Line(msgspec.Struct, forbid_unknown_fields=True):
    baud: Annotated[int, msgspec.Meta(ge=50, le=115200)] = 9600
    parity: Literal["none", "even", "odd"] = "none"


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    ring_s: float = 15.0

    def __post_init__(self) -> None:
        if self.ring_s > 60:
            raise ValueError("rings longer than a minute")


class Whole(msgspec.Struct, forbid_unknown_fields=True):
    line: Line
    title: str
    groups: Annotated[list[Inner], msgspec.Meta(min_length=1)]
    words: dict[str, str] = {}
    database: str | None = None
    pair: tuple[int, int] = (0, 0)
    on: bool = False


GOOD = """\
line: {baud: 1200, parity: even}
title: 甲
groups:
  - {name: a, ring_s: 5}
  - name: b
words: {zh: 你好}
database: null
pair: [1, 2]
on: true
"""

BAD = """\
line: {baud: 7, party: even}
titel: x
groups:
  - {name: 12, ring_s: fast}
  - {name: c, ring_s: 99}
on: yes
pair: [1]
words: {zh: 一, zh: 二}
"""


def faults(text: str) -> dict[str, Fault]:
    with pytest.raises(ConfigFaults) as caught:
        checked_yaml.check(text, Whole, name="x.yaml")
    return {fault.field: fault for fault in caught.value.faults}


def test_good() -> None:
    value = checked_yaml.check(GOOD, Whole)
    assert value == Whole(
        line=Line(baud=1200, parity="even"),
        title="甲",
        groups=[Inner(name="a", ring_s=5.0), Inner(name="b")],
        words={"zh": "你好"},
        pair=(1, 2),
        on=True,
    )
    assert isinstance(value.groups[0].ring_s, float)


def test_all_faults_at_once_with_lines() -> None:
    found = faults(BAD)
    assert {field: fault.line for field, fault in found.items()} == {
        "line.baud": 1,
        "line.party": 1,
        "titel": 2,
        "title": 1,
        "groups[0].name": 4,
        "groups[0].ring_s": 4,
        "groups[1]": 5,
        "on": 6,
        "pair": 7,
        "words.zh": 8,
    }
    assert found["line.baud"].remedy == "write a whole number from 50 to 115200"
    assert found["line.party"].remedy == "did you mean parity?"
    assert found["titel"].remedy == "did you mean title?"
    assert found["groups[0].name"].remedy == 'put it in quotes: "12"'
    assert found["groups[1]"].message == "rings longer than a minute"
    assert found["on"].remedy == "write true or false"
    assert str(found["line.baud"]) == "x.yaml:1: line.baud: is '7'; write a whole number from 50 to 115200"


def test_empty_list_and_wrong_shapes() -> None:
    found = faults("line: [1]\ntitle: {a: 1}\ngroups: []\n")
    assert found["line"].message == "is a list"
    assert found["title"].message == "is a group of fields"
    assert found["groups"].message == "has 0 entries"


@pytest.mark.parametrize(
    ("text", "line"), [("a: [1", 1), ("a: b\n  c: d\n", 2), ("a: *x\n", 1), ("", 1), ("- 1\n", 1), ("a: &a [*a]\n", 1)]
)
def test_not_the_file_wanted(text: str, line: int) -> None:
    with pytest.raises(ConfigFaults) as caught:
        checked_yaml.check(text, Whole)
    assert line in {fault.line for fault in caught.value.faults}


def test_itself_and_bombs() -> None:
    class Any_(msgspec.Struct):
        a: dict[str, object] = {}

    with pytest.raises(ConfigFaults):
        checked_yaml.check("a: &a {b: *a}\n", Any_)
    bomb = "a:\n  x0: &x0 [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"  x{i}: &x{i} [{','.join([f'*x{i - 1}'] * 10)}]\n" for i in range(1, 9)
    )
    with pytest.raises(ConfigFaults):
        checked_yaml.check(bomb, Any_)


def test_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigFaults, match="cannot be read"):
        checked_yaml.check(tmp_path / "none.yaml", Whole)
    (tmp_path / "gbk.yaml").write_bytes("title: 1\nx: 销售".encode("gbk"))
    with pytest.raises(ConfigFaults, match=r"gbk\.yaml:2: is not UTF-8"):
        checked_yaml.check(tmp_path / "gbk.yaml", Whole)
    (tmp_path / "big.yaml").write_bytes(b"#" * (checked_yaml.MAX_BYTES + 1))
    with pytest.raises(ConfigFaults, match="limit"):
        checked_yaml.check(tmp_path / "big.yaml", Whole)
    (tmp_path / "good.yaml").write_text(GOOD, "utf-8")
    assert checked_yaml.check(tmp_path / "good.yaml", Whole).title == "甲"


def test_further_faults_carry_the_line() -> None:
    def also(whole: Whole, document: checked_yaml.Document) -> list[Fault]:
        return [document.fault(("groups", 1, "name"), "is there already", "choose another")]

    with pytest.raises(ConfigFaults) as caught:
        checked_yaml.check(GOOD, Whole, name="x.yaml", also=also)
    (fault,) = caught.value.faults
    assert (fault.line, fault.field) == (5, "groups[1].name")


def test_a_text_of_a_form_in_a_block_has_no_line_end() -> None:
    """A long hash is written under the field, with > or |, which add a line end: nobody could log in with it."""

    class Agent(msgspec.Struct):
        password: Annotated[str, msgspec.Meta(pattern=r"^[a-z$]+$")]
        pin: Annotated[str, msgspec.Meta(pattern=r"^[a-z$]+$")] | None = None
        note: str = ""

    agent = checked_yaml.check("password: >\n  abc$\npin: |\n  def\nnote: |\n  two\n  lines\n", Agent)
    assert (agent.password, agent.pin, agent.note) == ("abc$", "def", "two\nlines\n")

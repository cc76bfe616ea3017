"""docs/site-file.md says of every field of a site file what it is, what it may be and what it is unless set: the tables
name exactly the fields that there are, with the defaults and limits in force, and its examples can be read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import NODEFAULT, Struct, inspect
from ruamel.yaml import YAML

from cti.pbx.line_rules import LampCodes, StatusDigits
from cti.pbx.services import Services
from cti.site.config import (
    Agent,
    DahdiCard,
    Group,
    Limits,
    Listen,
    Pbx,
    PortRange,
    SerialLine,
    Site,
    SiteFacts,
    Vru,
    WiredCard,
)
from cti.site.recording import RecordingRules
from cti.site.seats import SeatRow
from cti.site.star_codes import StarCodes
from cti.site.trunks import FxoTrunk, Lines, PriTrunk, R2Trunk, Route, Signalling

DOCS = Path(__file__).parents[3] / "docs"
SECTIONS: dict[str, type[Struct]] = {
    "The whole file": Site,
    "site": SiteFacts,
    "cards, kind software": WiredCard,
    "cards, kind dahdi": DahdiCard,
    "pbx": Pbx,
    "pbx: smdi, smdr, mci": SerialLine,
    "pbx: status_digits": StatusDigits,
    "pbx: lamp": LampCodes,
    "pbx: services": Services,
    "vru": Vru,
    "vru: ports": PortRange,
    "groups": Group,
    "agents": Agent,
    "trunks, every kind": Lines,
    "trunks, kind fxo": FxoTrunk,
    "trunks, kind r2": R2Trunk,
    "trunks, kind pri": PriTrunk,
    "trunks, kind pri: signalling": Signalling,
    "routes": Route,
    "seats": SeatRow,
    "star_codes": StarCodes,
    "recording": RecordingRules,
    "desk, metrics": Listen,
    "limits": Limits,
}
"""By the headings of the page."""
ROW = re.compile(r"^\| `(?P<name>\w+)` \| (?P<values>.*?) \| (?P<unset>.*?) \| (?P<what>.+?) \|$", re.MULTILINE)


def tables() -> dict[str, list[re.Match[str]]]:
    """The rows under each heading."""
    parts = re.split(r"^## +(.+)$", (DOCS / "site-file.md").read_text("utf-8"), flags=re.MULTILINE)
    return {parts[i].replace("`", ""): list(ROW.finditer(parts[i + 1])) for i in range(1, len(parts), 2)}


def fields(struct: type[Struct]) -> dict[str, inspect.Field]:
    """Those of the struct; of a kind of trunk those that not every kind has."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    common = Lines.__struct_fields__ if struct is not Lines and issubclass(struct, Lines) else ()
    return {field.name: field for field in info.fields if field.name not in common}


def unset(field: inspect.Field) -> str:
    """The cell of the default."""
    value = field.default
    if value is NODEFAULT and field.default_factory is not NODEFAULT:
        value = field.default_factory()
    if value is NODEFAULT:
        return "**required**"
    return shown(value)


def shown(value: Any) -> str:
    """A value as the file would have it."""
    if isinstance(value, Struct):
        return "none" if isinstance(value, Pbx) else "as below"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, list | tuple):
        return f"`[{', '.join(shown(one).strip('`') for one in value)}]`"
    text = msgspec.json.encode(value).decode() if not isinstance(value, str) or not value else value
    return f'`"{text}"`' if isinstance(value, str) and not re.match(r"^[A-Za-z/\"]", text) else f"`{text}`"


def values(of: inspect.Type) -> str | None:
    """The cell of what may be written; None: words, which nothing here can judge."""
    if isinstance(of, inspect.Metadata):
        return values(of.type)
    if isinstance(of, inspect.UnionType):
        kept = [values(one) for one in of.types if not isinstance(one, inspect.NoneType)]
        return None if None in kept else ", ".join(sorted(one for one in kept if one is not None))
    if isinstance(of, inspect.LiteralType):
        return ", ".join(f"`{value}`" for value in of.values)
    if isinstance(of, inspect.BoolType):
        return "`true`, `false`"
    if isinstance(of, inspect.IntType | inspect.FloatType):
        low, more = of.ge if of.ge is not None else of.gt, "more than " if of.ge is None else ""
        assert low is not None
        return f"{more}{low:g} and up" if of.le is None else f"{more}{low:g} to {of.le:g}"
    if isinstance(of, inspect.VarTupleType):
        inner = values(of.item_type)
        return None if inner is None else f"list of {inner}"
    return None


@pytest.mark.parametrize("heading", SECTIONS)
def test_a_section_names_its_fields_with_the_defaults_and_limits_in_force(heading: str) -> None:
    there = {row["name"]: row for row in tables()[heading]}
    known = fields(SECTIONS[heading])
    assert sorted(there) == sorted(known)
    for name, field in known.items():
        may, row = values(field.type), there[name]
        assert (name, row["unset"]) == (name, unset(field))
        assert may is None or (name, row["values"]) == (name, may)


def test_no_section_stands_there_that_a_site_file_has_not() -> None:
    assert {heading for heading, rows in tables().items() if rows} == set(SECTIONS)


@pytest.mark.parametrize("page", ["site-file.md", "r2.md", "pri.md", "pbx/panasonic-tda.md"])
def test_examples_on_the_page_can_be_read(page: str) -> None:
    text = (DOCS / page).read_text("utf-8")
    blocks = re.findall(r"(?:^    \S.*\n(?:^    .*\n|^\n(?=    ))*)", text, flags=re.MULTILINE)
    known = {field.name: field.type for field in msgspec.structs.fields(Site)}
    read = [YAML(typ="safe", pure=True).load(block) for block in blocks]
    examples = [block for block in read if isinstance(block, dict)]
    assert examples
    for block in examples:
        for section, value in block.items():
            msgspec.convert(value, known[section])

"""What the installer of a simulated site has found out about its PBX, as a dialect file standing on the make's own.

No published source says where NEC's MCI texts have their fields, or what an incoming record of NEC looks like; a PBX of
no make in particular needs its records described; one that cuts numbers needs the length at which it does. All of that
is read off what the PBX sends (`tipring serial watch`, `tipring pbx learn`), and written here by hand, as on a site.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML

from cti.pbx.dialect import Dialect, load_dialect
from simulators.pbx.makes import MAKES
from simulators.scenario.scenario import Scenario

WHEN = r"(?P<date>\d{4}-\d\d-\d\d) (?P<time>[\d:]{8})"
TOKENS = rf"^{WHEN} (?P<extension>\d+) (?P<trunk>\d+) (?P<number>\d+|-) (?P<duration>[\d:]{{8}})$"
LEARNED_RECORDS: dict[str, dict[str, Any]] = {
    "generic": {"records": [{"name": "leg", "pattern": TOKENS, "direction": "in"}], "date_order": "ymd"},
    "generic-columns": {
        "records": [
            {
                "name": "leg",
                "columns": {
                    "date": [1, 10],
                    "time": [12, 19],
                    "extension": [21, 26],
                    "trunk": [28, 30],
                    "number": [32, 51],
                    "duration": [53, 60],
                },
                "shapes": {"date": r"\d{4}-\d\d-\d\d", "extension": r"\d+", "duration": r"[\d:]{8}"},
                "direction": "in",
            }
        ],
        "date_order": "ymd",
    },
}
NEC_INCOMING = {
    "name": "incoming",
    "columns": {
        "kind": [1, 4],
        "route": [6, 8],
        "trunk": [9, 11],
        "tenant": [12, 14],
        "extension": [15, 20],
        "date": [21, 24],
        "time": [25, 30],
        "end_date": [31, 34],
        "end_time": [35, 40],
        "condition": [54, 54],
        "year": [117, 118],
        "end_year": [119, 120],
    },
    "shapes": {"kind": "0!KE"},
    "stamp": "start",
    "direction": "in",
}


def site_dialect(scenario: Scenario, folder: Path) -> str:
    """What the site file names: the make's dialect, or a file in ``folder`` where something had to be learned."""
    name = MAKES[scenario.make].dialect
    learned = _learned(scenario, load_dialect(name))
    if not learned:
        return name
    path = folder / "dialect.yaml"
    with path.open("w", encoding="utf-8") as out:
        yaml = YAML(typ="safe", pure=True)
        yaml.default_flow_style = False
        yaml.dump({"base": name, "name": "site", "title": f"{name}, as found on site", **learned}, out)
    return str(path)


def _learned(scenario: Scenario, base: Dialect) -> dict[str, Any]:
    """Whole sections, as a dialect that stands on another one has them."""
    plan, learned = scenario.pbx, dict[str, Any]()
    if scenario.make in LEARNED_RECORDS:
        learned["smdr"] = LEARNED_RECORDS[scenario.make]
    if plan.mci is not None:
        columns = {name: list(columns) for name, columns in plan.mci.columns.items()}
        learned["mci"] = {**_section(base.mci), "columns": columns}
        learned["calls"] = {**_section(base.calls), "sources": ["mci", "callerid_on_port"]}
        smdr = _section(base.smdr)
        conditions = {"1": {"transferred": True}}
        learned["smdr"] = {**smdr, "records": [NEC_INCOMING, *smdr["records"]], "conditions": conditions}
        others = [source for source in base.calls.sources if source != "mci"]
        learned["calls"] = {**_section(base.calls), "sources": ["mci", *others]}
    if plan.number_max is not None:
        learned["calls"] = {**_section(base.calls), **learned.get("calls", {}), "number_max": plan.number_max}
    return learned


def _section(section: msgspec.Struct) -> dict[str, Any]:
    """A section as a file would have it: what is not given is left out."""
    values: dict[str, Any] = _given(msgspec.to_builtins(section))
    return values


def _given(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _given(one) for key, one in value.items() if one is not None}
    return [_given(one) for one in value] if isinstance(value, list | tuple) else value

"""A site file for a simulated world: the same numbers, agents and lines on the server's side of the wires."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from argon2.low_level import Type, hash_secret
from ruamel.yaml import YAML

from simulators.lines.tones import CHINA
from simulators.pbx.makes import MAKES
from simulators.rig.site_card import site_on_card
from simulators.rig.site_dialect import site_dialect
from simulators.scenario.customers import customers
from simulators.scenario.scenario import Scenario
from simulators.world.world import lines_of

GROUPS = {"sales": ("销售", "Sales"), "service": ("客户服务", "Customer service"), "complaints": ("投诉", "Complaints")}


def password_hash(password: str, agent: str) -> str:
    """Argon2id at a cost fit for a demonstration, the salt from the agent, so that a run can be repeated."""
    salt = f"tipring:{agent}".encode().ljust(16, b".")
    return hash_secret(
        password.encode(), salt, time_cost=1, memory_cost=1024, parallelism=1, hash_len=32, type=Type.ID
    ).decode()


def site_for(scenario: Scenario, folder: Path, *, desk_port: int = 0, metrics_port: int = 0) -> dict[str, Any]:
    """The site file's content for a scenario; paths in ``folder``."""
    switching = site_on_card(scenario, folder) if scenario.switch == "card" else _behind_pbx(scenario, folder)
    vru = switching.pop("vru", {})
    return {
        "site": {
            "name": "演示中心 Demo",
            "language": "zh",
            "country": "cn",
            "timezone": "Asia/Shanghai",
            "area_code": "010",
        },
        "state_dir": str(folder / "state"),
        **switching,
        **_tones(scenario),
        "vru": {"flow": "welcome", **vru},
        "groups": [
            {
                "name": name,
                "zh": zh,
                "en": en,
                "number": str(6001 + index),
                "ring_s": 12,
                "wrap_up_s": 5,
                **_lamp(scenario, name),
            }
            for index, (name, (zh, en)) in enumerate(GROUPS.items())
        ],
        "agents": [
            {
                "id": agent.desk.agent,
                "name": agent.name,
                "password": password_hash(agent.desk.password, agent.desk.agent),
                "groups": list(agent.groups),
                "extension": agent.desk.extension,
                **({"pin": password_hash(agent.pin, agent.desk.agent)} if agent.pin is not None else {}),
                **agent.site,
            }
            for agent in scenario.agents
        ],
        "desk": {"listen": "127.0.0.1", "port": desk_port},
        "metrics": {"listen": "127.0.0.1", "port": metrics_port},
        "customers": str(folder / "customers.csv"),
    }


def _behind_pbx(scenario: Scenario, folder: Path) -> dict[str, Any]:
    """The VRU's card, the PBX and its serial lines."""
    return {
        "cards": [
            {
                "name": "vru",
                "kind": "software",
                "ports": len(scenario.vru_extensions),
                "type": "fxo",
                "backplane": str(folder / "backplane.sock"),
            }
        ],
        "pbx": {
            "dialect": site_dialect(scenario, folder),
            **{name: {"device": str(folder / name)} for name in lines_of(scenario)},
            **scenario.site,
        },
        "vru": {"ports": _ports(scenario)},
    }


def write_site(scenario: Scenario, folder: Path, **ports: int) -> Path:
    """Writes site.yaml and customers.csv into ``folder``; returns the site file's path. Of a PBX that was exchanged it
    is the site file of the one before."""
    if scenario.was is not None:
        scenario = scenario.with_make(scenario.was)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "state").mkdir(exist_ok=True)
    _customers(folder / "customers.csv", scenario)
    path = folder / "site.yaml"
    with path.open("w", encoding="utf-8") as out:
        yaml = YAML(typ="safe", pure=True)
        yaml.allow_unicode = True
        yaml.default_flow_style = False
        yaml.dump(site_for(scenario, folder, **ports), out)
    return path


def _tones(scenario: Scenario) -> dict[str, Any]:
    """What was measured on this PBX's lines: the makes' tones where they are not the country's."""
    names = {"busy": "busy", "ringback": "ringback", "vacant": "info"}
    known = MAKES[scenario.make].plan.tones
    measured = {
        names[name]: {"cadence_ms": list(tone.cadence_ms)}
        for name, tone in known.items()
        if name in names and tone is not None and tone != CHINA[name]
    }
    tones = {**measured, **scenario.tones}
    return {"tones": tones} if tones else {}


def _lamp(scenario: Scenario, group: str) -> dict[str, str]:
    """Messages for a group light the lamp of its first agent's telephone."""
    return next(({"lamp": agent.desk.extension} for agent in scenario.agents if group in agent.groups), {})


def _ports(scenario: Scenario) -> list[dict[str, Any]]:
    """One range where the extensions count up, else port by port."""
    extensions, desk, line = scenario.vru_extensions, scenario.desk_number, scenario.first_line
    if not scenario.service_ports and all(
        int(extension) == int(extensions[0]) + index for index, extension in enumerate(extensions)
    ):
        row = {
            "card": "vru",
            "first": 0,
            "count": len(extensions),
            "extension": extensions[0],
            "desk": desk,
            "line": line,
        }
        return [row]
    return [
        {
            "card": "vru",
            "port": index,
            "extension": extension,
            "desk": desk,
            "line": line + index,
            "use": "agents" if extension in scenario.service_ports else "callers",
        }
        for index, extension in enumerate(extensions)
    ]


def _customers(path: Path, scenario: Scenario) -> None:
    """Some of the callers are known."""
    rows = ["number,name,company,note"]
    rows += [",".join((number, *entry)) for number, entry in customers(scenario)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")

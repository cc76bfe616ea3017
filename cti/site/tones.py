"""The tone plans of conf/tones, by country; a plan of the site in /etc/tipring/tones takes precedence (step 7)."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from cti.errors import ConfigFaults, Fault, TipringError
from cti.pbx.line_rules import LineRules
from drivers.errors import ArgumentError
from drivers.tones import TonePlan, load

OVERRIDE = Path("/etc/tipring/tones")


def countries() -> list[str]:
    """The plans that ship with Tipring."""
    folder = resources.files("tipring_conf") / "tones"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def check_heard(dialect: str, rules: LineRules, plan: TonePlan) -> None:
    """ConfigFaults where the dialect waits for tones of which the plan (with the site's own) has none."""
    confirmed = rules.confirm_tones if rules.lamp is not None and rules.lamp.confirm == "tone" else ()
    waits: tuple[tuple[str, tuple[str, ...]], ...] = (("dial_tone", rules.dial_tone), ("confirm_tones", confirmed))
    remedy = f"the plan {plan.name} has {', '.join(plan.names)}; describe the tone under tones: in the site file"
    faults = [
        Fault(f"dialect {dialect}", 0, f"line.{field}", f"nobody can hear {', '.join(names)}", remedy)
        for field, names in waits
        if names and not any(name in plan for name in names)
    ]
    if faults:
        raise ConfigFaults(faults)


def ears(rules: LineRules, plan: TonePlan) -> TonePlan:
    """What the ports of callers listen for behind this PBX: busy tone counts after as many cycles as it needs there."""
    return plan.with_tone("busy", min_cycles=rules.busy_cycles) if "busy" in plan else plan


def load_plan(country: str, overrides: Mapping[str, Mapping[str, Any]] | None = None) -> TonePlan:
    """The plan of a country, a site's changes laid over it. TipringError names what is wrong or what there is."""
    own = OVERRIDE / f"{country}.yaml"
    shipped = resources.files("tipring_conf") / "tones" / f"{country}.yaml"
    source = own if own.is_file() else shipped
    if not source.is_file():
        raise TipringError(f"no tone plan {country!r}; there are {', '.join(countries())}")
    try:
        return load(YAML(typ="safe", pure=True).load(source.read_text(encoding="utf-8")), overrides)
    except (YAMLError, ArgumentError) as error:
        raise TipringError(f"{source}: {error}") from error

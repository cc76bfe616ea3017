"""The tone plans of conf/tones, by country; a plan of the site in /etc/tipring/tones takes precedence (step 7)."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from cti.errors import TipringError
from drivers.errors import ArgumentError
from drivers.tones import TonePlan, load

OVERRIDE = Path("/etc/tipring/tones")


def countries() -> list[str]:
    """The plans that ship with Tipring."""
    folder = resources.files("tipring_conf") / "tones"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


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

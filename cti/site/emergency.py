"""The emergency numbers of a country (conf/emergency.yaml): for calls out, and for how telephones are numbered."""

from __future__ import annotations

from ruamel.yaml import YAML

from cti.conf import conf_files


def emergency(country: str) -> tuple[str, ...]:
    """The emergency numbers of a country; none where conf/emergency.yaml does not name it."""
    known = YAML(typ="safe", pure=True).load(conf_files.find("", "emergency"))
    return tuple(str(number) for number in known.get(country, ()))

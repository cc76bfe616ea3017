"""The emergency numbers of a country (conf/emergency.yaml), and those of a site: for calls out, and for how telephones
are numbered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruamel.yaml import YAML

from cti.conf import conf_files

if TYPE_CHECKING:
    from cti.site.config import Site


def emergency(country: str) -> tuple[str, ...]:
    """The emergency numbers of a country; none where conf/emergency.yaml does not name it."""
    known = YAML(typ="safe", pure=True).load(conf_files.find("", "emergency"))
    return tuple(str(number) for number in known.get(country, ()))


def emergency_of(site: Site) -> tuple[str, ...]:
    """Those that everybody at this site may always call: its own list, else its country's."""
    return site.emergency if site.emergency is not None else emergency(site.site.country)

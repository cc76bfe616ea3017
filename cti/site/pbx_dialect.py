"""The PBX's dialect with the changes of a site file, and what the two contradict each other in. Steps 2 to 4, 7, 9."""

from __future__ import annotations

from collections.abc import Callable

from cti.conf.checked_yaml import Document
from cti.errors import ConfigFaults, Fault, TipringError
from cti.pbx.dialect import Dialect, load_dialect
from cti.site.config import Site
from cti.site.tones import check_heard, load_plan


def site_dialect(site: Site, document: Document | None = None) -> Dialect:
    """What is in force at this site. ConfigFaults with all that its changes contradict, at the lines of the site file
    where that is given; TipringError: no PBX."""
    if site.switch == "card":
        raise TipringError("this site has no PBX: its own cards are the switch (switch: card)")
    pbx = site.pbx
    changes: tuple[tuple[str, Callable[[Dialect], Dialect]], ...] = (
        ("pbx", lambda dialect: dialect.with_line(pbx.line_overrides())),
        ("pbx.sources", lambda dialect: dialect.with_calls(pbx.call_overrides())),
    )
    dialect, faults = load_dialect(pbx.dialect), list[Fault]()
    for section, change in changes:
        try:
            dialect = change(dialect)
        except ConfigFaults as error:
            faults += [_at(fault, section, dialect.name, document) for fault in error.faults]
    if faults:
        raise ConfigFaults(faults)
    dialect = dialect.with_services(pbx.services)
    check_heard(dialect.name, dialect.line, load_plan(site.site.country, site.tones))
    return dialect


def _at(fault: Fault, section: str, dialect: str, document: Document | None) -> Fault:
    """The fault of a dialect's section where the site file changes that."""
    if document is None:
        return fault
    if fault.field.startswith(section + "."):
        return document.fault(fault.field.split("."), fault.message, fault.remedy)
    named: list[str | int] = [
        *section.split("."),
        *(int(step) for step in fault.field.split(".")[2:] if step.isdecimal()),
    ]
    if fault.field.startswith("calls."):
        return document.fault(named, fault.message, fault.remedy)
    text = f"{fault.field} {fault.message}, and is not in dialect {dialect}"
    return document.fault(named, text, f"take the source out, or {fault.remedy} in a dialect of your own")

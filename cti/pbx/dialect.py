"""A PBX is parameters: its serial lines, how it tells who calls, its call records, and how its extensions behave.

A dialect is a file under conf/pbx; adding a PBX needs no code. All faults of a file are told at once with line, field
and remedy. What each field means is written beside it, with its unit, in the files of the sections (call_rules,
line_rules, services, smdr_rules), and at the top of conf/pbx/generic.yaml for whoever writes a new one. `base: NAME`
takes over from another dialect the sections, and the fields of sections, that the file does not have itself.

What no published source says of a make is not in its dialect: `to_learn` names it, and `tipring check` repeats it.
Serves steps 2 to 4, 7 and 9.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from cti.conf import checked_yaml, conf_files
from cti.conf.checked_yaml import Document
from cti.errors import ConfigFaults, Fault
from cti.pbx import call_rules, examples, line_rules, smdr_rules
from cti.pbx.call_rules import CallRules, InBandRules, MciRules, SmdiRules
from cti.pbx.line_rules import LineRules
from cti.pbx.services import Services, changed
from cti.pbx.smdr_rules import SmdrRules

# While one of these is wrong, examples prove nothing.
READING = frozenset({"date_order", "encoding", "pattern", "columns", "shapes", "block", "bits"})

# The settings of a line say nothing of the section of its name.
WHOLE_LINES = frozenset({"serial.smdi", "serial.smdr", "serial.mci"})


class SerialSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """One RS232 line of the PBX."""

    baud: Literal[300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600
    bits: Literal[7, 8] = 8
    parity: Literal["none", "even", "odd"] = "none"
    stop: Literal[1, 2] = 1
    rtscts: bool = False


class SerialLines(Struct, frozen=True, forbid_unknown_fields=True):
    """The usual settings of the lines; the site file may override each field."""

    smdi: SerialSettings = SerialSettings(bits=7, parity="even")
    smdr: SerialSettings = SerialSettings()
    mci: SerialSettings = SerialSettings(bits=7, stop=2)


class Dialect(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that is known of one kind of PBX."""

    name: str
    title: str
    smdr: SmdrRules
    serial: SerialLines = SerialLines()
    calls: CallRules = CallRules()
    smdi: SmdiRules = SmdiRules()
    in_band: InBandRules = InBandRules()
    mci: MciRules = MciRules()
    line: LineRules = LineRules()
    services: Services = Services()
    to_learn: tuple[str, ...] = ()  # what is not known of this make and must be seen on site, one sentence each

    def with_line(self, overrides: dict[str, Any]) -> Dialect:
        """This dialect with some fields of its line section replaced, as the site file may ask; None is no override.

        ConfigFaults where what comes of it contradicts itself."""
        kept = {field: value for field, value in overrides.items() if value is not None}
        line = msgspec.structs.replace(self.line, **kept)
        wrong = list(line_rules.contradictions(line))
        if wrong and kept:
            by = f"dialect {self.name} with the site's changes of its line section"
            raise ConfigFaults([Fault(by, 0, ".".join(("pbx", *path)), text, remedy) for path, text, remedy in wrong])
        return msgspec.structs.replace(self, line=line)

    def with_calls(self, overrides: dict[str, Any]) -> Dialect:
        """This dialect with some fields of its calls section replaced; None is no override.

        ConfigFaults where the site names a source which the dialect does not describe."""
        kept = {field: value for field, value in overrides.items() if value is not None}
        calls = msgspec.structs.replace(self.calls, **kept)
        wrong = list(call_rules.contradictions(calls, self.in_band, self.mci, self.rings)) if kept else []
        if wrong:
            by = f"dialect {self.name} with the site's changes of its calls section"
            raise ConfigFaults([Fault(by, 0, ".".join(map(str, path)), text, remedy) for path, text, remedy in wrong])
        return msgspec.structs.replace(self, calls=calls)

    def with_services(self, given: Services | None) -> Dialect:
        """This dialect with the codes that the site file says are in force."""
        return msgspec.structs.replace(self, services=changed(self.services, given))

    @property
    def rings(self) -> bool:
        """Are there records that are printed while a telephone rings?"""
        return any(form.event == "ring" for form in self.smdr.records)

    def lack_of_records(self) -> str | None:
        """Why the records of this PBX cannot free an agent (step 9); None where they can."""
        if not self.smdr.records:
            return f"the dialect {self.name} has no form of records yet"
        if not any(
            "extension" in form.columns or "(?P<extension>" in (form.pattern or "") for form in self.smdr.records
        ):
            return f"no form of records of the dialect {self.name} names the extension, so no agent becomes idle"
        return None


def load_dialect(name: str | Path) -> Dialect:
    """The dialect of a name (looked up in /etc/tipring/pbx, then among ours) or path. Raises ConfigFaults with all."""
    return _load(checked_yaml.read(conf_files.find("pbx", name)))


def dialect_from_text(text: str) -> Dialect:
    """A dialect from YAML text, for tests and tools."""
    return _load(checked_yaml.read(text))


def _load(document: Document) -> Dialect:
    return _checked(_with_base(document, ()))


def _checked(document: Document) -> Dialect:
    """ConfigFaults with all of them: a wrong value does not hide what is wrong elsewhere."""
    dialect, faults = checked_yaml.convert(document, Dialect)
    if dialect is not None:
        faults = list(_further_faults(dialect, document))
    elif (readable := checked_yaml.readable(document, Dialect)[0]) is not None:
        fields = {fault.field for fault in faults} - WHOLE_LINES
        told = {re.split(r"[.\[]", field.rstrip("0123456789[]"))[-1] for field in fields}
        faults += [fault for fault in _further_faults(readable, document) if not _follows(fault, told)]
    if dialect is None or faults:
        raise ConfigFaults(sorted(faults, key=lambda fault: fault.line))
    return dialect


def _follows(fault: Fault, told: set[str]) -> bool:
    """A fault that may only be there because those fields are wrong: it is of one of them, or speaks of it, or of a
    text that could not be read (checked_yaml.Unread)."""
    if "\0" in fault.message:
        return True
    lacks = fault.remedy if fault.remedy.startswith("add ") else ""
    words = set(re.findall(r"\w+", f"{fault.field} {fault.message} {lacks}"))
    # a line that breaks off does so in any order of the date
    reading = READING - {"date_order", "bits"} if "breaks off" in fault.message else READING
    return bool(words & told) or (fault.field.startswith("smdr") and "examples" in words and bool(told & reading))


def _with_base(document: Document, above: tuple[str, ...]) -> Document:
    """The file with what it takes over from its base, which must be right by itself."""
    document, base = document.take("base")
    if base is None or not document.has_fields:
        return document
    path = conf_files.find("pbx", base)
    chain = (*above, document.file)
    if str(path) in chain:
        what = "comes back to itself: " + " -> ".join([*chain, str(path)])
        raise ConfigFaults([document.fault(("base",), what, "leave base out")])
    below = _with_base(checked_yaml.read(path), chain)
    _checked(below)
    return document.over(below)


def dialect_names() -> list[str]:
    """The dialects there are."""
    return conf_files.names("pbx")


def _further_faults(dialect: Dialect, document: Document) -> Iterable[Fault]:
    """What types cannot say, section by section."""
    yield from call_rules.faults(dialect.calls, dialect.in_band, dialect.mci, dialect.rings, document)
    yield from line_rules.faults(dialect.line, document)
    bad = list(smdr_rules.faults(dialect.smdr, document))
    yield from bad
    broken = {int(found[1]) for fault in bad if (found := re.match(r"smdr\.records\[(\d+)\]", fault.field))}
    if len(bad) == sum(fault.field.startswith("smdr.records[") for fault in bad):
        yield from examples.faults(dialect, document, broken)

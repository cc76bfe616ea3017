"""Rows of a scenario's table that say what somebody does, or should hear (step 7); see table.py for the rest.

1+3    | desk 1001    | consult 8002
1+7    | agent of 1   | transfer -> not_possible
1+4..6 | caller 1     | hears 8001 at -15, caller 2
"""

from __future__ import annotations

import re

from simulators.people.cast import ROLES
from simulators.people.deeds import MOVEMENTS, Deed, Hears, When
from simulators.people.verbs import VERBS

PART = rf"(?:{'|'.join(ROLES)}) of \d+"
WHO = re.compile(rf"(?:desk|phone|caller|subscriber|line) \d+|{PART}")
DEED = re.compile(
    rf"(?P<verb>{'|'.join((*MOVEMENTS, *VERBS))})"
    rf"(?: (?P<to>[\d*#,]+|{PART}|slot of \d+|[\d*#,]*\{{{PART}\}}[\d*#,]*))?"
    r"(?: -> (?P<refused>[a-z_0-9-]+))?"
)
# What people call what hearing.Moment calls `sound`.
SOUNDS = {"music": "sound", "announcement": "sound"}


def deed(when: str, whom: str, what: str) -> Deed | None:
    """What somebody does; None where the row is something else. ValueError for a time that is none."""
    found = DEED.fullmatch(what)
    if found is None or not WHO.fullmatch(whom):
        return None
    return Deed(When.read(when), whom, found["verb"], found["to"] or "", found["refused"] or "")


def hears(when: str, whom: str, what: str) -> Hears | None:
    """What an ear should hear; None where the row is something else. ValueError for a time that is none."""
    if what == "is gone":
        return Hears(When.read(when), whom, frozenset({"gone"}), {})
    if not what.startswith("hears "):
        return None
    words, levels = set(), {}
    for part in (part.strip() for part in what.removeprefix("hears ").split(",")):
        name, _, level = part.partition(" at ")
        if name != "nothing":
            words.add(SOUNDS.get(name, name))
        if level:
            levels[name] = float(level)
    return Hears(When.read(when), whom, frozenset(words), levels)

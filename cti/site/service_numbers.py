"""Behind a PBX: short numbers outside (114, 10086) told from the PBX's own telephones, of which the site file names
but a few (step 7, calls from the screen)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

BEGINNING: Final = 2
"""So many digits at least: of one digit are areas (0) and whole exchanges in `pbx: tolls`, and a PBX's operator."""


def named_outside(tolls: Iterable[str], extensions: Collection[str]) -> list[str]:
    """The beginnings in `pbx: tolls` by which a number outside that is no longer than extensions is known: those of
    BEGINNING digits or more with which none of these extensions begins."""
    named = [one for one in tolls if len(one) >= BEGINNING]
    return [one for one in named if not any(extension.startswith(one) for extension in extensions)]

"""How this PBX tells who calls: a dialect's section `smdi` (steps 2 to 4)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct


class SmdiRules(Struct, frozen=True, forbid_unknown_fields=True):
    """What this PBX does with SMDI."""

    enabled: bool = True
    msd_strip: Annotated[int, Meta(ge=0, le=9)] = 0  # padding digits before each number, dropped; zeros added for lamps
    lamp: bool = True  # takes lamp orders on the SMDI line
    dnis: Literal["forwarded_from", "none"] = "forwarded_from"  # which SMDI field carries the called number
    number_max: Annotated[int, Meta(ge=1, le=20)] | None = None  # a number so long may be cut off: ani_truncated

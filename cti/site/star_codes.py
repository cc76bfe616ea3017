"""What digits typed on a telephone mean: an extension, a number outside, or a star code (step 7).

A star code is a verb, or the agent's word about itself, for telephones without a PC; some take a number behind them.
Digits are complete when they are a code without a number, an extension of ours (and no longer one begins so), after #,
or when no further digit comes for GAP_S. Which codes there are the site file says (`star_codes:`). No I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Annotated, Final

from msgspec import Meta, Struct

FIRST_S: Final = 15.0
GAP_S: Final = 5.0
MOST: Final = 32


@dataclass(frozen=True, slots=True)
class Code:
    """``verb``: of cti.switch.verbs, or login, ready, not_ready, wrap_up_done, logout. ``number``: one follows;
    ``open``: of any length, to # or a pause."""

    verb: str
    number: bool = False
    open: bool = False


StarCode = Annotated[
    str,
    Meta(
        pattern=r"^\*[0-9*]{1,5}$",
        extra_json_schema={"description": "* and 1 to 5 of 0-9 * in quotes: '*20'; null: there is no such code"},
    ),
]


class StarCodes(Struct, frozen=True, forbid_unknown_fields=True):
    """The section `star_codes:` of the site file: what is typed for each; null: it cannot be typed. No two may begin
    alike (`clashes`)."""

    login: StarCode | None = "*10"  # agent*PIN#
    ready: StarCode | None = "*11"
    not_ready: StarCode | None = "*12"
    wrap_up_done: StarCode | None = "*13"
    logout: StarCode | None = "*19"
    alternate: StarCode | None = "*20"
    three_way: StarCode | None = "*30"
    conference: StarCode | None = "*31"
    group_pickup: StarCode | None = "*40"
    directed_pickup: StarCode | None = "*41"  # group_pickup at one telephone
    take_ringing: StarCode | None = "*42"
    park: StarCode | None = "*50"
    pick_up: StarCode | None = "*51"
    camp_on: StarCode | None = "*52"
    monitor: StarCode | None = "*61"
    whisper: StarCode | None = "*62"
    barge_in: StarCode | None = "*63"
    forced_release: StarCode | None = "*64"
    take_over: StarCode | None = "*65"
    blind_transfer: StarCode | None = "*70"
    give_back: StarCode | None = "*71"

    def table(self) -> dict[str, Code]:
        """By what is typed."""
        typed = {name: getattr(self, name) for name in self.__struct_fields__}
        return {digits: MEANS.get(name, Code(name)) for name, digits in typed.items() if digits is not None}


MEANS: Final[dict[str, Code]] = {
    "login": Code("login", number=True, open=True),
    "directed_pickup": Code("group_pickup", number=True),
    "give_back": Code("give_back", number=True, open=True),
    **{
        verb: Code(verb, number=True)
        for verb in (
            "take_ringing", "pick_up", "camp_on", "monitor", "whisper", "barge_in", "forced_release", "take_over",
            "blind_transfer",
        )
    },
}  # fmt: skip
"""Those with a number behind them, and those that are named otherwise than what they do."""
CODES: Final = StarCodes().table()
"""Where the site file says nothing."""


def clashes(codes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Pairs of names whose codes are the same, or one the beginning of the other: the shorter would always win."""
    for (one, typed), (other, longer) in permutations(codes.items(), 2):
        if longer.startswith(typed) and (longer != typed or one < other):
            yield one, other


@dataclass(frozen=True, slots=True)
class Dialled:
    """``verb`` "": a number is called. ``to``: the number, "" none."""

    verb: str
    to: str = ""


def read(
    digits: str, extensions: Iterable[str], *, over: bool = False, codes: Mapping[str, Code] = CODES
) -> Dialled | None:
    """What the digits mean; None: more may come. ``over``: none will (# or a pause)."""
    over = over or digits.endswith("#") or len(digits) >= MOST
    digits = digits.removesuffix("#")
    if digits.startswith("*"):
        return _code(digits, extensions, over, codes)
    if over:
        return Dialled("", digits)
    known = set(extensions)
    longer = any(one.startswith(digits) and one != digits for one in known)
    return Dialled("", digits) if digits in known and not longer else None


def _code(digits: str, extensions: Iterable[str], over: bool, codes: Mapping[str, Code]) -> Dialled | None:
    for typed, code in codes.items():
        if not digits.startswith(typed):
            continue
        to = digits[len(typed) :]
        if not code.number:
            return Dialled(code.verb)
        if over or (not code.open and to in set(extensions)):
            return Dialled(code.verb, to)
        return None
    might = any(typed.startswith(digits) for typed in codes)
    return None if might and not over else Dialled("unknown", digits)

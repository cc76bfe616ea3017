"""What digits typed on a telephone mean: an extension, a number outside, or a star code (step 7).

A star code is a verb, or the agent's word about itself, for telephones without a PC; some take a number behind them.
Digits are complete when they are a code without a number, an extension of ours (and no longer one begins so), after #,
or when no further digit comes for GAP_S. No I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

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


CODES: Final[dict[str, Code]] = {
    "*10": Code("login", number=True, open=True),  # agent*PIN#
    "*11": Code("ready"),
    "*12": Code("not_ready"),
    "*13": Code("wrap_up_done"),
    "*19": Code("logout"),
    "*20": Code("alternate"),
    "*30": Code("three_way"),
    "*31": Code("conference"),
    "*40": Code("group_pickup"),
    "*41": Code("group_pickup", number=True),
    "*42": Code("take_ringing", number=True),
    "*50": Code("park"),
    "*51": Code("pick_up", number=True),
    "*52": Code("camp_on", number=True),
    "*61": Code("monitor", number=True),
    "*62": Code("whisper", number=True),
    "*63": Code("barge_in", number=True),
    "*64": Code("forced_release", number=True),
    "*65": Code("take_over", number=True),
    "*70": Code("blind_transfer", number=True),
    "*71": Code("give_back", number=True, open=True),
}
"""Codes of our own choice: no two of them begin alike."""


@dataclass(frozen=True, slots=True)
class Dialled:
    """``verb`` "": a number is called. ``to``: the number, "" none."""

    verb: str
    to: str = ""


def read(digits: str, extensions: Iterable[str], *, over: bool = False) -> Dialled | None:
    """What the digits mean; None: more may come. ``over``: none will (# or a pause)."""
    over = over or digits.endswith("#") or len(digits) >= MOST
    digits = digits.removesuffix("#")
    if digits.startswith("*"):
        return _code(digits, extensions, over)
    if over:
        return Dialled("", digits)
    known = set(extensions)
    longer = any(one.startswith(digits) and one != digits for one in known)
    return Dialled("", digits) if digits in known and not longer else None


def _code(digits: str, extensions: Iterable[str], over: bool) -> Dialled | None:
    for typed, code in CODES.items():
        if not digits.startswith(typed):
            continue
        to = digits[len(typed) :]
        if not code.number:
            return Dialled(code.verb)
        if over or (not code.open and to in set(extensions)):
            return Dialled(code.verb, to)
        return None
    might = any(typed.startswith(digits) for typed in CODES)
    return None if might and not over else Dialled("unknown", digits)

r"""Digits that a PBX sends in the voice path after our answer: which call it is (step 4). Codec without I/O.

Voice mail systems have been told so since before there were serial links: HiPath's ``***3****15****11*1`` (15 called
11, forwarded), the Partner family's ``#02#201#105#``, Panasonic's follow-on ID ``#6102``, Samsung's type, number,
separator, number. The dialect's patterns say what stands where. `*` to the left of a number is padding; a number of
padding alone is none.

The same digits sent at any later moment (``#9``, ``*****``, one digit three times) may mean that the caller hung up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cti.pbx.announcement import Announcement
from cti.pbx.call_rules import InBandPattern, InBandRules, Origin, Reason
from cti.pbx.digit_pattern import DigitPattern

# The longest string kept; a packet of two 16-digit numbers with all its marks has 45.
LONGEST: Final = 64


@dataclass(frozen=True, slots=True)
class InBandCall:
    """What the digits say: the station called first, the caller, the trunk; None where not given."""

    called: str | None
    calling: str | None
    trunk: str | None
    reason: Reason
    origin: Origin | None

    def announcement(self) -> Announcement:
        """In the words of every source."""
        return Announcement("dtmf", self.reason, self.called, self.calling, trunk=self.trunk)


class Gone:
    """The digits say that nobody is there any more."""


class InBandReader:
    """The patterns of one dialect."""

    def __init__(self, rules: InBandRules) -> None:
        self._forms = [(form, DigitPattern(form.pattern)) for form in rules.patterns]
        self._gone = frozenset(rules.gone)

    def read(self, digits: str) -> InBandCall | Gone | None:
        """What a whole string says; None where it fits nothing. A string of `gone` is that, whatever else it fits."""
        if self.gone(digits):
            return Gone()
        for form, pattern in self._forms:
            groups = pattern.match(digits)
            if groups is not None:
                return _call(form, groups)
        return None

    def gone(self, digits: str) -> bool:
        """A string that says that the caller hung up, once or several times over."""
        return any(digits == one * (len(digits) // len(one)) for one in self._gone if digits)

    def complete(self, digits: str) -> bool:
        """Does the string say something, and can nothing longer come of it? Then nobody need wait for another digit."""
        if self.read(digits) is None or any(one.startswith(digits) and one != digits for one in self._gone):
            return False
        return not any(pattern.reach(digits)[1] for _, pattern in self._forms)

    def begun(self, digits: str) -> bool:
        """Could more digits have made it something? The PBX breaks off when the caller hangs up in the middle."""
        return any(pattern.reach(digits)[1] for _, pattern in self._forms)


def _call(form: InBandPattern, groups: dict[str, str]) -> InBandCall:
    reason, origin = groups.get("reason", ""), groups.get("origin", "")
    return InBandCall(
        _number(groups.get("called", "")),
        _number(groups.get("calling", "")),
        groups.get("trunk") or None,
        form.reasons.get(reason, form.reason),
        form.origins.get(origin, form.origin),
    )


def _number(padded: str) -> str | None:
    return padded.lstrip("*") or None

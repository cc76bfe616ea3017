"""Telephone numbers in one form, however they were written or signalled, so that an ANI finds its customer (step 8).

The form is E.164 (+8613800138000). A number that is none (an extension, a special service) stays its bare digits. The
ways of writing are those of the site's country: 021-34567890, (021)3456 7890, 013800138000, 0086 21 ..., and a local
number gets the site's area code.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import phonenumbers

SHORTEST_LOCAL = 5
"""Digits of the shortest local number that may get the area code; below are extensions and special services."""
SHORTEST_SUFFIX = 6
"""Fewer known digits of a cut ANI are no evidence of anybody."""
_REGION = {"uk": "GB"}


class NumberPlan:
    """The numbers of one site."""

    def __init__(self, country: str = "cn", area_code: str | None = None) -> None:
        """country: as in the site file; area_code: of local callers, with or without the trunk prefix 0."""
        self.region = _REGION.get(country, country.upper())
        if self.region not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError(f"no numbering plan for country {country!r}")
        self.area_code = area_code
        self.full = lru_cache(maxsize=4096)(self._full)

    def _full(self, text: str) -> str:
        """The number in full; bare digits where it is no public number; empty where it has no digit."""
        text = unicodedata.normalize("NFKC", text)[:64]
        plus = text.lstrip(" \t'\"(").startswith("+")
        digits = "".join(c for c in text if c.isascii() and c.isdigit())
        if not digits:
            return ""
        if plus:
            return self._valid("+" + digits) or "+" + digits
        return self._valid(digits) or self._local(digits) or digits

    def _local(self, digits: str) -> str | None:
        if self.area_code is None or len(digits) < SHORTEST_LOCAL or digits[0] == "0":
            return None
        return self._valid(self.area_code + digits)

    def _valid(self, digits: str) -> str | None:
        try:
            number = phonenumbers.parse(digits, self.region)
        except phonenumbers.NumberParseException:
            return None
        if not phonenumbers.is_valid_number(number):
            return None
        return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def backwards(number: str) -> str:
    """A number's digits from the last to the first: numbers that share an end share a beginning here."""
    return "".join(c for c in reversed(number) if c.isdigit())

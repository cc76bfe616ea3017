"""ANI and DNIS as they come from several sources, some late, some cut: which of them a call keeps (step 2)."""

from __future__ import annotations

from dataclasses import dataclass

from cti.call import Call, Source

# The PBX's own message beats what the line says in-band, both beat nothing.
RANK = {"smdi": 2, "port": 1}
# Two numbers mean one subscriber when so many last digits agree (PBXs cut numbers, and prefix them with 0 or 9).
SUFFIX = 7


@dataclass(frozen=True, slots=True)
class Numbers:
    """Who calls whom, as one source says it."""

    ani: str | None
    dnis: str | None
    form: str  # smdi, fsk, dtmf
    source: Source


def agree(one: str | None, other: str | None) -> bool:
    """Are both known, and the same subscriber's as far as can be told? A short one must be the other's end."""
    if not one or not other:
        return False
    length = min(len(one), len(other), SUFFIX)
    return one[-length:] == other[-length:]


class NumberRules:
    """The dialect's rules for numbers."""

    def __init__(self, max_digits: int) -> None:
        """``max_digits``: SMDI numbers of this length may have been cut by the PBX (0: it never cuts)."""
        self._max_digits = max_digits

    def apply(self, call: Call, numbers: Numbers) -> bool:
        """Takes over what is better than what the call has; False where nothing was.

        A source that says nothing takes nothing away; the same rank replaces only a missing number; a whole number that
        contains a cut one is better than it, whoever says it.
        """
        changed = False
        if numbers.ani and self._better(call, numbers.ani, numbers):
            call.ani = numbers.ani
            call.ani_source = numbers.source
            call.ani_form = numbers.form
            call.ani_truncated = self._cut(numbers)
            changed = True
        if numbers.dnis and call.dnis is None:
            call.dnis = numbers.dnis
            changed = True
        return changed

    def _better(self, call: Call, ani: str, numbers: Numbers) -> bool:
        if call.ani is None:
            return True
        if self._cut(numbers) and _part(ani, call.ani):
            return False
        if call.ani_truncated and not self._cut(numbers) and _part(call.ani, ani):
            return True
        return RANK.get(numbers.source, 0) > RANK.get(call.ani_source or "", 0)

    def _cut(self, numbers: Numbers) -> bool:
        return bool(self._max_digits) and numbers.form == "smdi" and len(numbers.ani or "") >= self._max_digits


def _part(cut: str, whole: str) -> bool:
    """Is one number the beginning or the end of a longer one?"""
    return len(cut) < len(whole) and (whole.startswith(cut) or whole.endswith(cut))

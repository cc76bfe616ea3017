"""ANI and DNIS as they come from several sources, some late, some cut: which of them a call keeps (step 2)."""

from __future__ import annotations

from cti.arrivals import Numbers
from cti.call import Call

# The PBX's own message beats what the line says in-band, both beat nothing.
RANK = {"smdi": 2, "port": 1}


class NumberRules:
    """The dialect's rules for numbers."""

    def __init__(self, max_digits: int) -> None:
        """``max_digits``: numbers of this length may have been cut by the PBX (0: it never cuts)."""
        self._max_digits = max_digits

    def apply(self, call: Call, numbers: Numbers) -> bool:
        """Takes over what is better than what the call has; False where nothing was.

        A source that says nothing takes nothing away; the same rank replaces only a missing number.
        """
        changed = False
        if numbers.ani and (call.ani is None or RANK.get(numbers.source, 0) > RANK.get(call.ani_source or "", 0)):
            call.ani = numbers.ani
            call.ani_source = numbers.source
            call.ani_form = numbers.form
            call.ani_truncated = bool(self._max_digits) and len(numbers.ani) >= self._max_digits
            changed = True
        if numbers.dnis and call.dnis is None:
            call.dnis = numbers.dnis
            changed = True
        return changed

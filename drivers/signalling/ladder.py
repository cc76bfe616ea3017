"""The signalling of one call as text: a ladder between the two ends, each step at its time. Shared by R2 and PRI.

    >>> print(ladder([Step(0, True, "0011", "seizure"), Step(60, False, "1111", "acknowledgement")]))
        ms  us                                                      far
         0  |--- 0011 seizure ------------------------------------->|
        60  |<------------------------------- 1111 acknowledgement ---|

Serves `tipring trace CALL --signalling`, and the golden traces of the tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

WIDTH = 54


@dataclass(frozen=True, slots=True)
class Step:
    """One thing said. `ms` since the call began; `sent`: by us; `code` as it is on the line (bits, tone, hex); `text`
    what it means here. `sign`: what the arrow is drawn with."""

    ms: int
    sent: bool
    code: str
    text: str = ""
    sign: str = "-"


def ladder(steps: Iterable[Step], us: str = "us", far: str = "far") -> str:
    """The steps, one line each; texts too long for an arrow make it longer."""
    lines = [f"{'ms':>10}  {us:<{WIDTH + 2}}{far}"]
    for step in steps:
        words = f" {step.code} {step.text}".rstrip() + " "
        room = max(WIDTH - len(words) - 4, 1)
        arrow = (
            f"{step.sign * 3}{words}{step.sign * room}>" if step.sent else f"<{step.sign * room}{words}{step.sign * 3}"
        )
        lines.append(f"{step.ms:>10}  |{arrow}|")
    return "\n".join(lines)

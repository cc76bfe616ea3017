"""The signalling of one call as text: a ladder between the two ends, each step at its time. Shared by R2 and PRI.

    >>> print(ladder([Step(0, True, "0011", "seizure"), Step(60, False, "1111", "acknowledgement")]))
        ms  us                                                      far
         0  |--- 0011 seizure ------------------------------------->|
        60  |<------------------------------- 1111 acknowledgement ---|

Serves `tipring trace CALL --signalling`, and the golden traces of the tests.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

WIDTH = 54
OCTETS = 16
"""Of a message, in a line."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing said. `ms` since the call began; `sent`: by us; `code` as it is on the line (bits, tone, hex); `text`
    what it means here. `sign`: what the arrow is drawn with. `octets`: of a message, shown below it in hex."""

    ms: int
    sent: bool
    code: str
    text: str = ""
    sign: str = "-"
    octets: bytes = b""


def ladder(steps: Iterable[Step], us: str = "us", far: str = "far") -> str:
    """The steps, one line each; a text too long for its arrow stands below it, and a message's octets below that."""
    lines = [f"{'ms':>10}  {us:<{WIDTH + 2}}{far}"]
    for step in steps:
        words = f" {step.code} {step.text}".rstrip() + " "
        below = []
        if len(words) > WIDTH - 5:
            words, below = f" {step.code} ", textwrap.wrap(step.text, WIDTH - 4)
        room = max(WIDTH - len(words) - 4, 1)
        arrow = (
            f"{step.sign * 3}{words}{step.sign * room}>" if step.sent else f"<{step.sign * room}{words}{step.sign * 3}"
        )
        lines.append(f"{step.ms:>10}  |{arrow}|")
        below += [step.octets[at : at + OCTETS].hex(" ") for at in range(0, len(step.octets), OCTETS)]
        lines += [f"{'':>10}  |  {text:<{WIDTH - 2}}|" for text in below]
    return "\n".join(lines)

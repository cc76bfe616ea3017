"""Why a call ended, in the numbers and words of ITU-T Q.850, whatever signalling said it.

PRI carries the number itself; R2 and analog lines say less, and each maps what it says to the nearest one. The words
are those of the Recommendation's definitions, shortened. Serves the records of steps 1 and 9.
"""

from __future__ import annotations

from dataclasses import dataclass

TEXTS: dict[int, str] = {
    1: "unallocated number",
    2: "no route to transit network",
    3: "no route to destination",
    6: "channel unacceptable",
    8: "preemption",
    9: "preemption, circuit reserved for reuse",
    16: "normal clearing",
    17: "user busy",
    18: "no user responding",
    19: "no answer from user",
    20: "subscriber absent",
    21: "call rejected",
    22: "number changed",
    26: "non-selected user clearing",
    27: "destination out of order",
    28: "invalid number format",
    29: "facility rejected",
    30: "response to status enquiry",
    31: "normal, unspecified",
    34: "no channel available",
    38: "network out of order",
    41: "temporary failure",
    42: "switching equipment congestion",
    43: "access information discarded",
    44: "requested channel not available",
    47: "resource unavailable, unspecified",
    50: "facility not subscribed",
    57: "bearer capability not authorized",
    58: "bearer capability not available",
    63: "service not available, unspecified",
    65: "bearer capability not implemented",
    66: "channel type not implemented",
    69: "facility not implemented",
    79: "service not implemented, unspecified",
    81: "invalid call reference",
    82: "channel does not exist",
    88: "incompatible destination",
    95: "invalid message, unspecified",
    96: "mandatory information missing",
    97: "message type not implemented",
    98: "message not compatible with state",
    99: "information element not implemented",
    100: "invalid information element",
    101: "message not compatible with call state",
    102: "recovery on timer expiry",
    111: "protocol error, unspecified",
    127: "interworking, unspecified",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """A number of Q.850, 1 to 127, and what the signalling itself said, where that is more (``timer T303``, ``KB 2``,
    ``busy tone``)."""

    number: int
    detail: str = ""

    @property
    def text(self) -> str:
        """For records and people."""
        text = TEXTS.get(self.number, "unknown cause")
        return f"{text} ({self.detail})" if self.detail else text

    def __str__(self) -> str:
        return f"{self.number} {self.text}"


def reason(cause: Cause) -> str:
    """Of few values, for counting."""
    return f"{cause.number} {TEXTS.get(cause.number, 'unknown cause')}"


NORMAL = Cause(16)
BUSY = Cause(17)
NO_ANSWER = Cause(19)
REJECTED = Cause(21)
UNALLOCATED = Cause(1)
NO_CHANNEL = Cause(34)
CONGESTION = Cause(42)
FAILURE = Cause(41)
OUT_OF_ORDER = Cause(27)
PREEMPTED = Cause(9)

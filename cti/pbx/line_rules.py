"""How an analogue extension of this PBX is used by a VRU port: a dialect's section `line` (step 7)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

AnswerSign = Literal["voice", "ringback_overdue", "polarity"]
DisconnectSign = Literal["loop_drop", "polarity", "busy_tone", "dial_tone"]
AfterFailure = Literal["flash", "onhook", "listen"]
Milliseconds = Annotated[int, Meta(ge=20, le=3000)]
Seconds = Annotated[float, Meta(gt=0, le=600)]


class LineRules(Struct, frozen=True, forbid_unknown_fields=True):
    """How an analogue extension of this PBX is used by a VRU port."""

    flash_ms: Milliseconds = 600
    dial_tone_s: Seconds = 3.0  # after a flash the dial tone is waited for so long
    transfer_prefix: Annotated[str, Meta(pattern=r"^[0-9*#A-D,]{0,10}$")] = ""  # dialled before the extension
    complete: Literal["answer", "ringback"] = "answer"  # we hang up when the agent answers, or at the first ringback
    digit_on_ms: Milliseconds = 100
    digit_off_ms: Milliseconds = 100
    no_answer_s: Seconds = 25.0
    retrieve: Literal["flash", "none"] = "flash"  # how the caller is fetched back: a flash, or not possible
    after_busy: AfterFailure | None = None  # null: as retrieve says
    after_no_answer: AfterFailure | None = None
    after_refused: AfterFailure | None = None
    answer: Annotated[tuple[AnswerSign, ...], Meta(min_length=1)] = ("voice", "ringback_overdue")
    disconnect: Annotated[tuple[DisconnectSign, ...], Meta(min_length=1)] = ("loop_drop", "busy_tone", "dial_tone")
    busy_cycles: Annotated[int, Meta(ge=2, le=8)] = 4
    recall_s: Seconds = 60.0  # a ring so soon after our on-hook is the call that we transferred
    guard_s: Annotated[float, Meta(ge=0.2, le=10)] = 2.0  # on-hook at least so long between calls

    def after_failure(self, kind: str) -> AfterFailure:
        """What we do when a transfer ended in kind: busy, no_answer, refused, no_dial_tone.

        After no dial tone never a second flash: the first may have been taken, so we listen.
        """
        chosen = {"busy": self.after_busy, "no_answer": self.after_no_answer, "refused": self.after_refused}
        if kind == "no_dial_tone":
            return "listen"
        return chosen.get(kind) or ("flash" if self.retrieve == "flash" else "onhook")

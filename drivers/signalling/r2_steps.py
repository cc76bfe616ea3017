"""The signals of one R2 call as the channel kept them, and in words: which group a tone belongs to depends on what was
asked before it. Serves the ladder of a call and the golden traces."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from drivers._engine import lib
from drivers.signalling.ladder import Step
from drivers.signalling.r2_variants import SAYS, Variant

_STEP = struct.Struct("=IHH")
_WHAT: dict[int, tuple[bool, Literal["bits", "tone"]]] = {
    lib.TR_R2_BITS_SENT: (True, "bits"),
    lib.TR_R2_BITS_HEARD: (False, "bits"),
    lib.TR_R2_TONE_SENT: (True, "tone"),
    lib.TR_R2_TONE_HEARD: (False, "tone"),
}


@dataclass(frozen=True, slots=True)
class Heard:
    """`ms` since the call began; sent by us, or heard; a code of four bits, or an MF signal (0: its end)."""

    ms: int
    sent: bool
    kind: Literal["bits", "tone"]
    value: int


def read_steps(data: bytes) -> tuple[Heard, ...]:
    """struct tr_r2_step[] of the engine."""
    return tuple(
        Heard(ms, *_WHAT[what], value)
        for ms, what, value in _STEP.iter_unpack(data[: len(data) // 8 * 8])
        if what in _WHAT
    )


def steps_of(heard: Iterable[Heard], variant: Variant, *, incoming: bool) -> Iterator[Step]:
    """The steps in the words of the signalling: I-6, KA-1, KD-3, A-1, B-1; the end of each tone is a step, too."""
    forward_group, backward_group = "I", "A"
    kd = 0
    categories = 0
    answered = False
    named: dict[bool, str] = {}
    asks = {code: ask for ask, code in variant.asks.items()} | dict(variant.also)
    for step in heard:
        forward = step.sent != incoming
        if step.kind == "bits":
            yield Step(step.ms, step.sent, f"{step.value:04b}", _line_word(step.value >> 2, forward, answered), "-")
            answered = answered or (not forward and step.value >> 2 == 1)
            continue
        if step.value == 0:
            yield Step(step.ms, step.sent, named.pop(step.sent, "?"), "ends", ".")
            continue
        if forward:
            code, text = f"{forward_group}-{step.value}", ""
            if forward_group == "KD":
                kd, backward_group = step.value, "B"
            if forward_group != "I":
                forward_group = "I"
        elif backward_group == "B":
            code, text = f"B-{step.value}", variant.group(kd).says.get(step.value, "unknown")
        else:
            ask = asks.get(step.value)
            code, text = f"A-{step.value}", SAYS[ask] if ask else "unknown"
            if ask == "group_b":
                forward_group = "KD"
            elif ask == "caller" and (variant.caller_by_next or not categories):
                forward_group, categories = "KA", categories + 1
        named[step.sent] = code
        yield Step(step.ms, step.sent, code, text, "=")


def _line_word(ab: int, forward: bool, answered: bool) -> str:
    if forward:
        return {0: "seizure", 2: "clear forward", 3: "fault"}.get(ab, "?")
    return {1: "answer", 2: "idle", 3: "clear back" if answered else "acknowledgement"}.get(ab, "?")

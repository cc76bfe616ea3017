"""An extension's part in a call, and a record that came before its call was over (step 9)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from cti.arrivals.numbers import SUFFIX, agree
from cti.call import Call
from cti.pbx.smdr import SmdrRecord

Legs = Literal["per_leg", "whole_call", "split_at_flash"]

# Digits that are a subscriber's number by their length alone.
_NUMBER: Final = re.compile(rf"\d{{{SUFFIX},}}")


@dataclass(frozen=True, slots=True)
class Interval:
    """When the conversation was, on our clock; each end is right within `within` seconds."""

    start_s: float
    end_s: float
    within: float


@dataclass(slots=True, eq=False)
class Leg:
    """One extension's part in a call of ours. ended_s None: under way; agents: an agent's talk, else our port's."""

    extension: str
    call: Call
    began_s: float
    agents: bool
    completes: bool = True
    ended_s: float | None = None
    guessed: bool = False  # a limit ended it: it may have gone on
    matched: bool = False
    called_s: float | None = None  # our flash before it: the agent's part cannot have begun before
    over_s: float | None = None  # the telephone had another call then, so this one was over

    def until(self, now: float) -> float:
        """When it ended; under way: now."""
        return now if self.ended_s is None else self.ended_s

    def at_latest(self, now: float) -> float:
        """When it was over for certain; a guess may have come too early."""
        return self.until(now) if not self.guessed else now if self.over_s is None else self.over_s


@dataclass(frozen=True, slots=True)
class Early:
    """A record that came before we noticed the end of its call, or is of none of ours. alone: it did not come in one
    breath with another. believed: its line showed no damage again and again, nor it any."""

    came_s: float
    record: SmdrRecord
    alone: bool
    believed: bool = True


def known_caller(call: Call, record: SmdrRecord) -> bool:
    """Do both name the same caller, and is nothing doubtful about the call's number?"""
    return call.ani_doubt is None and names(record, call.ani)


def names(record: SmdrRecord, ani: str | None) -> bool:
    """Does the record say this number: as the caller's, or, where it has no column for that, in one whose meaning the
    dialect does not know? By chance a number so long stands nowhere."""
    if record.number or ani is None or len(ani) < SUFFIX:
        return agree(ani, record.number)
    return any(agree(ani, digits) for text in record.fields.values() for digits in _NUMBER.findall(text))


def nobody_took(record: SmdrRecord) -> bool:
    """Does it say that nobody answered? Not by a length of nought that is rounded down to whole steps of more than a
    second."""
    return record.answered is False and not (record.duration_s == 0.0 and record.duration_step_s > 1.0)

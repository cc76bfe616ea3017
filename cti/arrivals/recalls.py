"""Callers whom the PBX may give back: after we hung up on a transfer that failed, or had handed the call over while the
agent's telephone rang (step 7).

A ring within recall_s may be such a caller. Which, is known by the dialect's recall_by:

- message: the PBX's message names the extension that did not answer, or the caller;
- number: in-band caller ID names the caller, where the recall can ring: at the port that transferred, or, with
  recall_to group, at any; of a caller whose number we do not know it says so only within AT_ONCE_S: later it names the
  next caller, who would go on where ours was;
- ring: a ring without a word, where we hung up for a recall (NEC key systems give no digits). Where several callers are
  awaited so, the one who was left first is the one who rings first, and is not certain; nor is one who rings later than
  AT_ONCE_S after we hung up: it may be the next caller, and ours gone. A caller handed over while the
  telephone rang is brought back by a mere ring only at a PBX that never says more, when an agent's answer would have
  been told (sign record or desk), and not before the PBX's own time of no answer.

An agent who gives a caller back (cti.switch.pbx_verbs) transfers the caller to us: the ring within GIVEN_S that comes
from the agent's extension, or is announced with the caller's number, is that caller, on whatever port. Where the agent
was told the extension of one idle port, a ring there without a word is, too, but not for certain.

Limits: recall_s of the dialect, after which a caller we hung up on is lost and the record says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cti.arrivals.numbers import agree
from cti.call import Call
from cti.pbx.line_rules import LineRules
from cti.vru.line import VruLine
from drivers.clock import Clock, DelayedCall

# An agent who wants to give a caller back does it within this time.
GIVEN_S = 60.0
# Whom the PBX still holds rings again so soon after we hung up; later anybody may, at a PBX that says nothing.
AT_ONCE_S = 5.0
# The PBX prints the agent's part of it when the agent hangs up: the ring, and what is said of it, come sooner or later.
BACK_S = 10.0


class Message(Protocol):
    """What the PBX says of a ring."""

    @property
    def reason(self) -> str: ...
    @property
    def forwarded_from(self) -> str | None: ...
    @property
    def calling(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Recall:
    """Whom a ring brings back; ``among`` those who could be meant."""

    call: Call
    among: tuple[Call, ...]
    guessed: bool = False  # by a ring without a word: at the port that was named to the agent, or not at once


@dataclass(slots=True)
class _Awaited:
    since_s: float
    timer: DelayedCall
    giver: str = ""  # the extension of an agent who gives the caller back
    group: str = ""  # to this group's queue
    port: str = ""  # by calling this extension of ours
    over: Callable[[], object] | None = None  # what is to be done where the caller is not given back after all


class Recalls:
    """Those who are awaited, in the order in which we left them."""

    def __init__(self, clock: Clock, rules: LineRules, lost: Callable[[Call], None]) -> None:
        """``lost`` is told of who was not brought back in time."""
        self._clock, self._rules, self._lost = clock, rules, lost
        self._awaited: dict[Call, _Awaited] = {}
        self._rang: dict[VruLine, float] = {}  # when it began that may be one of them

    def close(self) -> None:
        """The server stops."""
        for call in list(self._awaited):
            self.forget(call)

    def expect(self, call: Call) -> None:
        """The call has left its port; the PBX may bring it back from now on."""
        self.forget(call)
        timer = self._clock.callLater(self._rules.recall_s, self._expired, call)
        self._awaited[call] = _Awaited(self._clock.seconds(), timer)

    def given_back(self, call: Call, giver: str, group: str, port: str = "") -> None:
        """The agent at ``giver`` will transfer the caller to us, who is then to wait for this group. ``port``: the
        extension that the agent was told; "": the hunt group's number."""
        self.forget(call)
        timer = self._clock.callLater(GIVEN_S, self._expired, call)
        self._awaited[call] = _Awaited(self._clock.seconds(), timer, giver, group, port)

    def given_now(self, call: Call, over: Callable[[], object]) -> bool:
        """The PBX's record says that the giver's part is over: the caller is here within BACK_S, or ``over``. False:
        nobody gives this one back."""
        awaited = self._awaited.get(call)
        if awaited is None or not awaited.giver:
            return False
        awaited.timer.cancel()
        awaited.timer, awaited.over = self._clock.callLater(BACK_S, self._expired, call), over
        return True

    def forget(self, call: Call) -> str:
        """It is back, or over. Returns the group to which an agent gives it back, or nothing."""
        awaited = self._awaited.pop(call, None)
        if awaited is not None and awaited.timer.active():
            awaited.timer.cancel()
        return awaited.group if awaited is not None else ""

    def may_ring(self, line: VruLine) -> bool:
        """May a ring that begins on this line be one of them? Then it is waited for what the PBX says of it."""
        may = any(
            bool(awaited.giver) or (_likely(call) and self._can_be(call, line))
            for call, awaited in self._awaited.items()
        )
        if may:
            self._rang[line] = self._clock.seconds()
        return may

    def find(self, line: VruLine, message: Message | None, number: str | None) -> Recall | None:
        """Whom a ring on this line brings back, with this message, or this in-band number ("": told that there is none,
        as of who withholds it), or neither."""
        by = self._rules.recall_by
        if message is not None:
            found = [call for call in self._awaited if self._names(message, call, line)] if "message" in by else []
        elif number is not None:
            found = [call for call in self._awaited if self._numbers(number, call, line)] if "number" in by else []
        else:
            found = [call for call in self._awaited if self._rings(call, line)] if "ring" in by else []
        if not found:
            return None
        first = min(found, key=lambda call: call.left_extension != line.extension)  # at its own port before others
        giver = self._awaited[first].giver
        guessed = message is None and number is None and (bool(giver) or self._late(first, line))
        return Recall(first, tuple(found), guessed)

    def _late(self, call: Call, line: VruLine) -> bool:
        """Did the ring on this line begin when the PBX would have brought the call back already?"""
        return self._rang.get(line, self._clock.seconds()) - self._awaited[call].since_s > AT_ONCE_S

    def _can_be(self, call: Call, line: VruLine) -> bool:
        return call.left_extension == line.extension or (self._rules.recall_to == "group" and call.state == "recall")

    def _names(self, message: Message, call: Call, line: VruLine) -> bool:
        giver = self._awaited[call].giver
        if giver and (message.calling == giver or message.forwarded_from == giver or agree(message.calling, call.ani)):
            return True
        tried = bool(message.forwarded_from) and message.forwarded_from == call.tried and message.reason != "direct"
        same = agree(message.calling, call.ani)
        if tried and (same or (_likely(call) and (message.calling is None or call.ani is None))):
            return True
        return same and _likely(call) and self._can_be(call, line)

    def _numbers(self, number: str, call: Call, line: VruLine) -> bool:
        giver = self._awaited[call].giver
        if giver and (number == giver or agree(number, call.ani)):
            return True
        if not _likely(call) or not self._can_be(call, line):
            return False
        if call.ani is None and call.state == "recall" and number:
            return not self._late(call, line)
        return call.ani is None or agree(number, call.ani)

    def _rings(self, call: Call, line: VruLine) -> bool:
        awaited = self._awaited[call]
        if awaited.giver:
            return awaited.port == line.extension
        if not self._can_be(call, line):
            return False
        if call.state == "recall":
            return True
        rules = self._rules
        told = "desk" in rules.answer or "record" in rules.answer
        overdue = self._clock.seconds() - self._awaited[call].since_s >= rules.no_answer_s
        return call.blind and told and overdue and "message" not in rules.recall_by

    def _expired(self, call: Call) -> None:
        awaited = self._awaited.pop(call)
        if awaited.over is not None:
            awaited.over()
        else:
            self._lost(call)


def _likely(call: Call) -> bool:
    """The PBX may well give this caller back: we hung up before any agent had answered."""
    return call.state == "recall" or call.blind

"""How a transfer goes after the digits: ringing, busy, refused, answered, or the caller is gone (step 7).

Supervised: until the agent answers, by the signs that the dialect lets count. On ringback: until the agent's telephone
rings. Blind: not at all, the PBX does the rest and recalls when nobody takes the call.

Limits: FIRST_SIGN_S (or ``first_s``) after the digits for a first sign, then ``ring_s`` from the first sign of ringing.
"""

from __future__ import annotations

from cti.pbx.line_rules import LineRules
from cti.switch.interface import Transfer
from cti.vru.signs import Sign, Signs
from drivers.clock import Clock

# After the digits a PBX says something, a tone, a digit or a voice, within this time.
FIRST_SIGN_S = 10.0


async def supervise(
    clock: Clock, rules: LineRules, signs: Signs, ring_s: float, first_s: float = FIRST_SIGN_S
) -> tuple[Transfer, str]:
    """The outcome, and its evidence. One of ANSWERED, HANDED_OVER, NO_ANSWER, BUSY, REFUSED, CALLER_LOST, and
    REDIRECTED, with whom to call instead for evidence (empty: nobody)."""
    ends_s = clock.seconds() + (0.0 if rules.complete == "blind" else first_s)
    rang = False
    while (sign := await signs.next(ends_s)) is not None:
        if how := answered(rules, sign):
            return Transfer.ANSWERED, how
        if sign.kind == "gone":
            return Transfer.CALLER_LOST, sign.how
        if sign.kind == "redirected":
            return Transfer.REDIRECTED, sign.how
        if sign.kind == "busy":
            return Transfer.BUSY, sign.how
        if sign.kind == "refused":
            return Transfer.REFUSED, sign.how
        if sign.kind == "ringing" and rules.complete != "answer":
            return Transfer.HANDED_OVER, sign.how
        if sign.kind == "ringing" and not rang:
            rang = True
            ends_s = clock.seconds() + ring_s
    if rules.complete == "blind":
        return Transfer.HANDED_OVER, "blind"
    return (Transfer.NO_ANSWER, f"rang {ring_s:g} s") if rang else (Transfer.REFUSED, "no tone after the digits")


def answered(rules: LineRules, sign: Sign) -> str:
    """The evidence that the agent has answered, if this sign is one at this PBX."""
    counts = rules.answer
    if sign.kind == "voice" and "voice" in counts:
        return sign.how
    if sign.kind == "overdue" and "ringback_overdue" in counts:
        return sign.how
    if sign.kind == "answered":
        source = "status_digit" if sign.how.startswith("digit ") else sign.how
        return sign.how if source in counts else ""
    return ""

"""A feature code dialled from a VRU port that has no call: lamps, leaving and entering the hunt group (steps 3 and 6).

Off-hook, the PBX's dial tone, the code (F in it is a hook flash, after which a dial tone is waited for again), then the
PBX's word: a confirmation tone, its digit (Panasonic: 9), or none. The port is on-hook afterwards by whoever called.

Limits: dial_tone_s for each dial tone; CONFIRM_S for the PBX's word; REFUSE_S for a refusal where it gives no word.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from cti.pbx.line_rules import LineRules
from cti.vru.signs import Signs
from drivers.clock import Clock
from drivers.errors import CallEnded, EngineError
from drivers.port import Port

CONFIRM_S = 5.0
# A PBX that says nothing of success may still refuse: its tone is heard within this time (three cycles of 0.7 s).
REFUSE_S = 2.5
Confirm = Literal["tone", "digit", "none"]


class Dialled(NamedTuple):
    """What became of a code; ``how`` is the evidence. No dial tone: nothing was dialled, and perhaps a caller, who was
    being rung for that moment, is on the line."""

    outcome: Literal["confirmed", "believed", "refused", "no_dial_tone"]
    how: str

    @property
    def done(self) -> bool:
        """The PBX has taken it, as far as it says so."""
        return self.outcome in ("confirmed", "believed")


async def dial_code(clock: Clock, rules: LineRules, port: Port, code: str, confirm: Confirm) -> Dialled:
    """Dials on a port whose ears are armed. Raises nothing for what line or card do; may be cancelled."""
    dialled = False
    signs = Signs(clock, rules, port)
    try:
        await port.answer()
        for number, part in enumerate(code.split("F")):
            if number:
                await port.flash(rules.flash_ms)
                signs.since_flash()
            how = await dial_tone(clock, rules, signs)
            if how and not dialled:
                return Dialled("no_dial_tone", how)
            if part:
                await port.dial(part, on_ms=rules.digit_on_ms, off_ms=rules.digit_off_ms)
                dialled = True
        signs.since_flash()
        return await _word(clock, rules, signs, confirm)
    except (CallEnded, EngineError) as error:
        return Dialled("refused" if dialled else "no_dial_tone", str(error))
    finally:
        signs.close()


async def dial_tone(clock: Clock, rules: LineRules, signs: Signs) -> str:
    """Empty: it is there; else what was heard instead."""
    ends_s = clock.seconds() + rules.dial_tone_s
    while (sign := await signs.next(ends_s)) is not None:
        if sign.kind in ("dial_tone", "fresh_dial_tone"):
            return ""
        if sign.kind in ("busy", "refused", "ringing", "voice", "gone"):
            return sign.how
    return "silence"


async def _word(clock: Clock, rules: LineRules, signs: Signs, confirm: Confirm) -> Dialled:
    ends_s = clock.seconds() + (REFUSE_S if confirm == "none" else CONFIRM_S)
    while (sign := await signs.next(ends_s)) is not None:
        if sign.kind in ("busy", "refused"):
            return Dialled("refused", sign.how)
        if confirm == "tone" and sign.how in rules.confirm_tones:
            return Dialled("confirmed", sign.how)
        if confirm == "digit" and sign.kind == "confirmed" and sign.how.startswith("digit "):
            return Dialled("confirmed", sign.how)
    if confirm == "none":
        return Dialled("believed", "not refused")
    return Dialled("refused", "not confirmed")

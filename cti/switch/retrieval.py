"""How a caller on hold is fetched back when a transfer has failed (step 7).

As the dialect says for this kind of failure: by a second flash (perhaps of another length), by flash and code (Norstar
ATA: flash, 2), by a code alone; by hanging up, when the PBX rings us again; or the PBX gives the caller back by itself.
Silence after it is the caller; a tone is the PBX, which has nobody for us.

Limits: RETRIEVE_LISTEN_S after flash or code; as long for a dial tone between flash and code.
"""

from __future__ import annotations

from cti.pbx.line_rules import AfterFailure, LineRules
from cti.switch.interface import Caller
from cti.vru.signs import Sign, Signs
from drivers.clock import Clock
from drivers.port import Port

# After the retrieving flash: busy or dial tone within this time means that the caller is gone.
RETRIEVE_LISTEN_S = 1.6
TONES = frozenset({"dial_tone", "fresh_dial_tone", "busy", "refused"})
NOBODY_HELD = "nobody was on hold: {} when fetched back"


async def retrieve(clock: Clock, rules: LineRules, port: Port, signs: Signs, way: AfterFailure) -> tuple[Caller, str]:
    """Where the caller is now; and why, when gone."""
    if way == "onhook":
        return Caller.RECALLED, ""
    if way == "listen":
        return Caller.UNKNOWN, ""
    if way in ("flash", "flash_code"):
        await port.flash(rules.retrieve_flash_ms or rules.flash_ms)
    if way in ("flash_code", "code"):
        if way == "flash_code":
            heard = await tone_or_gone(clock, signs, RETRIEVE_LISTEN_S)
            if heard is not None and heard.kind != "dial_tone":
                return Caller.GONE, _why(heard)
        await port.dial(rules.retrieve_code, on_ms=rules.digit_on_ms, off_ms=rules.digit_off_ms)
    heard = await tone_or_gone(clock, signs, RETRIEVE_LISTEN_S)
    return (Caller.WITH_US, "") if heard is None else (Caller.GONE, _why(heard))


async def tone_or_gone(clock: Clock, signs: Signs, seconds: float) -> Sign | None:
    """After a flash or a code of ours: the first tone that says something, or sign that the caller has gone."""
    gone = signs.since_flash()
    if gone is not None:
        return gone
    ends_s = clock.seconds() + seconds
    while (sign := await signs.next(ends_s)) is not None:
        if sign.kind == "gone" or sign.kind in TONES:
            return sign
    return None


def _why(heard: Sign) -> str:
    return heard.how if heard.kind == "gone" else NOBODY_HELD.format(_words(heard))


def _words(heard: Sign) -> str:
    return heard.how if heard.how.startswith("digit ") else f"{heard.how} tone"

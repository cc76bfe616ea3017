"""What the PBX has told the VRU of a call's numbers, and whether the server's record agrees (steps 2 and 4).

A caller whom the PBX does not name has no number; a number that it cut is right as far as it goes, if it is marked;
what was damaged or lost on its way excuses a missing number, and a wrong one only if it is marked as doubted, and of
whom it was damaged or out of place: nobody's number comes out of nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from simulators.scenario.scenario import Scenario
from simulators.truth import CallTruth, Happening, Truth

# A record may be rounded to tenths of a minute.
LENGTH_S = 6.0
# A string of digits is over for who hears it when so long none follows: who is gone before has not told it.
OVER_S = 0.6
# What is said so long after the ring comes when nobody asks any more who rang.
ASKED_S = 30.0
# What was done to a message that can be read all the same; one that comes out of turn comes when nobody waits for it.
WHOLE = frozenset({"", "late"})


def tellings(mine: CallTruth, *, by_a_recall: bool = False) -> list[Happening]:
    """Each time that the PBX told who calls, at the first ring; or at recalls, too."""
    first = mine.first("through")
    out = []
    for one in mine.all("tells"):
        recall = one.data["called"] not in ("", mine.dnis) or (
            first is not None and one.data["way"] != "digits" and one.data["extension"] != first.data["extension"]
        )
        if by_a_recall or not recall:
            out.append(one)
    return out


def whole(mine: CallTruth) -> list[Happening]:
    """Those that arrived as they were sent, while it was asked who rang; in the voice path, before it was cut."""
    told = tellings(mine)
    return [one for one in told if one.data["fault"] in WHOLE and _asked_for(one, mine) and _heard_out(one, mine)]


def _asked_for(one: Happening, mine: CallTruth) -> bool:
    ring = mine.first("rings", extension=one.data["extension"])
    return ring is None or one.at_s - ring.at_s <= ASKED_S


def _heard_out(one: Happening, mine: CallTruth) -> bool:
    return "takes_s" not in one.data or _in_time(one, mine)


def differences(call: Mapping[str, Any], mine: CallTruth, truth: Truth, scenario: Scenario) -> Iterator[str]:
    """What is wrong with ANI and DNIS of the call. A number that is as long as this PBX passes on may be cut."""
    smdi = scenario.pbx.smdi
    longest = {scenario.pbx.number_max, smdi.number_max if smdi is not None else None}
    if call.get("ani_truncated") and call.get("ani") == mine.ani and len(mine.ani or "") not in longest:
        yield f"ani {mine.ani} is marked as cut, and is whole"
    yield from _ani(call, mine, truth)
    told = [one for one in whole(mine) if one.data["called"] and _in_time(one, mine)]
    dnis = call.get("dnis")
    if dnis is not None and dnis != mine.dnis and not (call.get("ani_doubt") == "serial_damaged" and _spoilt(mine)):
        yield f"dnis {dnis}, called was {mine.dnis}"
    elif dnis is None and told and mine.outcome not in ("abandoned_ring", "abandoned_menu"):
        yield f"no dnis, called was {mine.dnis}, told by {told[0].data['way']}"


def _ani(call: Mapping[str, Any], mine: CallTruth, truth: Truth) -> Iterator[str]:
    ani, told = call.get("ani"), {str(one.data["calling"]) for one in whole(mine) if one.data["calling"]}
    cut = call.get("ani_truncated")
    if ani == mine.ani:
        return
    if ani and cut and (mine.ani or "").endswith(ani) and (ani in told or _spoilt(mine)):
        return  # right as far as it goes, and marked so
    if ani is None:
        if told and not _spoilt(mine) and mine.outcome != "abandoned_ring":
            yield f"ani None, the caller's is {mine.ani}"
    elif ani in told and mine.ani is not None and mine.ani.endswith(ani):
        if not cut:
            yield f"ani {ani} is not marked as cut, the caller's is {mine.ani}"
    elif not (call.get("ani_doubt") and _explained(ani, mine, truth)) and not _exchanged(
        ani, mine
    ):  # a damaged digit that nothing shows, on a line that is known to be bad
        yield f"ani {ani}, the caller's is {mine.ani}"


def _spoilt(mine: CallTruth) -> bool:
    """Was something that the PBX told of this call damaged on its way, or lost?"""
    return any(one.data["fault"] not in WHOLE for one in tellings(mine, by_a_recall=True))


def _explained(ani: str, mine: CallTruth, truth: Truth) -> bool:
    """Can a wrong number that is doubted come from the world? Its digits were damaged, or it is another's, whose
    message came late, crossed or damaged, or which came when this caller's did not."""
    if _spoilt(mine):
        return True
    others = (one for other in truth.calls.values() if other is not mine for one in tellings(other, by_a_recall=True))
    theirs = [one for one in others if str(one.data["calling"]).endswith(ani)]
    return any(one.data["fault"] for one in theirs) or (bool(theirs) and not whole(mine))


def _exchanged(ani: str, mine: CallTruth) -> bool:
    """Do its digits stand out of order in a message that was reordered? Messages have no checksum: as long as nothing
    else on the line shows damage, nothing tells."""
    reordered = any(one.data["fault"] == "reordered" for one in tellings(mine))
    return reordered and mine.ani is not None and sorted(ani) == sorted(mine.ani)


def _in_time(one: Happening, mine: CallTruth) -> bool:
    """Was it told, to its end, while the VRU had the call?"""
    ends = [at for at in (mine.at("flash"), mine.at("released"), mine.at("caller hangs up")) if at is not None]
    over_s = OVER_S if one.data["way"] == "digits" else 0.0
    return not ends or one.at_s + one.data.get("takes_s", 0.0) + over_s < min(ends)


def record_of(call: Mapping[str, Any], mine: CallTruth, others: list[CallTruth]) -> str:
    """How the record of an answered call stands: reconciled (the PBX's own, of the agent's telephone with this caller;
    what it says of caller, telephone and length is right), doubted (that, too, but the server says that it may be
    damaged), marked (it has none, and says why it ended without; or a damaged one, and says so), missing (it says that
    it ended by a record and has none), spoilt (damaged on the way, and taken all the same), wrong (another's)."""
    text, by_record = _bare(call.get("smdr")), call.get("cause") in (None, "smdr")
    doubtful = call.get("recorded") == "doubtful"
    own = [one for one in mine.all("smdr") if text and text in _bare(one.data["raw"])]
    if any(one.data["extension"] == mine.agent_extension for one in own):
        return "doubted" if doubtful else "reconciled"
    if not own and text and any(text in _bare(one.data["raw"]) for other in others for one in other.all("smdr")):
        return "wrong"
    if not text or own or call.get("recorded") not in ("smdr", "doubtful"):  # nothing, or of the VRU's own part
        return "missing" if by_record else "marked"
    if doubtful:
        return "marked"
    return "reconciled" if _right(call.get("smdr_fields") or {}, mine) else "spoilt"


def _right(fields: Mapping[str, Any], mine: CallTruth) -> bool:
    """Does a damaged record say what counts as it was printed?"""
    if fields.get("extension") != mine.agent_extension or fields.get("number") not in (None, mine.ani):
        return False
    printed = [one for one in mine.all("smdr") if one.data["extension"] == mine.agent_extension]
    lasted = fields.get("duration_s")
    return any(lasted is None or abs(lasted - one.data["duration_s"]) <= LENGTH_S for one in printed)


def _bare(text: object) -> str:
    """A record without white space and control characters, which a server may strip or join."""
    return "".join(sign for sign in str(text or "") if sign.isprintable() and not sign.isspace())

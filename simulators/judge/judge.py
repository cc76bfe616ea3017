"""Compares what the server says of its calls with what the world saw: the last word on a simulated run.

The server's calls are plain mappings, as `tipring demo --json` prints them: call, ani, dnis, outcome, steps (number to
seconds), agent, port, wait_s, talk_s. A call is matched to a caller by the VRU port it came to and the time at which it
did, never by its number: that may be what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from simulators.judge.matching import heard, match, message_alone, rang_on, step, taken_for
from simulators.judge.rows import row_faults
from simulators.judge.told import differences, record_of
from simulators.pbx.makes import MAKES
from simulators.scenario.scenario import Scenario
from simulators.truth import CallTruth, Happening, Truth

SAME: dict[str, frozenset[str]] = {
    "answered": frozenset({"answered"}),
    "message": frozenset({"message"}),
    # who gives up between two rings is found gone only after the answer, by dial tone
    "abandoned_ring": frozenset({"abandoned_ring", "abandoned_menu"}),
    "abandoned_menu": frozenset({"abandoned_menu", "no_choice"}),
    "abandoned_queue": frozenset({"abandoned_queue", "gone_by_choice"}),
    "lost_in_transfer": frozenset({"lost_in_transfer", "abandoned_queue"}),
    # the PBX lost its power: what the server makes of silence depends on where the call was
    "cut_by_power": frozenset(
        {"abandoned_ring", "abandoned_menu", "abandoned_queue", "lost_in_transfer", "failed", "no_choice", "message"}
    ),
    # who was hung up on has been told why; over good lines there is no other reason
    "released": frozenset({"no_choice", "gone_by_choice", "queue_full", "overdue"}),
}
# The lines did not let the VRU put the caller through, or it took one for gone who was not.
RELEASED_OVER_BAD_LINES = frozenset({"abandoned_queue", "failed", "lost_in_transfer"})
# What an installer reads off the lines: a PBX that does otherwise cannot be told.
OF_THE_LINES = (
    "tones", "flash_ms", "flash_ignored", "hold_dial", "dial_late_s", "transfer_lost", "recall_to", "recall_message",
    "no_ring", "disconnect", "trunk_disconnect", "legs",
)  # fmt: skip
# With tones that the server does not know nobody is put through, and the dial tone of an empty line is none.
UNKNOWN_TONES = frozenset({"no_choice", "failed"})
# A transfer was tried and failed before the caller went: both words are true.
AFTER_A_FLASH = frozenset({"abandoned_queue", "lost_in_transfer"})
ENDED_IN_A_TRANSFER = ("abandoned_queue", "lost_in_transfer", "cut_by_power")
TALK_TOLERANCE_S = 3.0
# A tone that begins so short before a flash ends is not heard: the flash itself, and the moment until there is a sound.
UNHEARD_S, FLASH_S = 1.0, 1.0
UNDER_MUSIC_S = 3.0  # with the echo of our own music it is known by its cadence alone
LATELY = 16  # records
NAMELESS_S = 20.0  # a record that names nobody may be so late
BREATH_S = 1.0  # two records within this time may look like those of a buffer
AGENT_HEARD_S = 4.0  # from an agent's lifting until the VRU is sure of a voice
TICKS_S = 0.1  # between an edge on a wire and what the world notes of it
WITHOUT_RECORD_S = 12.0  # the call record was damaged: the server knows the end from the desk


@dataclass(frozen=True)
class Finding:
    """One disagreement. `call` is the server's name of the call, None where it has none for this caller."""

    number: int
    call: str | None
    what: str

    def __str__(self) -> str:
        return f"caller {self.number} (call {self.call}): {self.what}"


def judge(calls: Sequence[Mapping[str, Any]], truth: Truth, scenario: Scenario) -> list[Finding]:
    """Every disagreement, in the order of the callers. An empty list is a good run."""
    findings: list[Finding] = []
    matched = match(calls, truth, scenario)
    bursts = rang_on(truth, scenario)
    before = {after: truth.calls[number].ani for number, after in bursts}
    shared = {number for number, after in bursts if matched.get(after)}
    for number, theirs in matched.items():
        if theirs:
            mine = truth.calls[number]
            compared = [_compare(number, call, mine, truth, scenario, before.get(number, "")) for call in theirs]
            compared.sort(key=len)
            findings.extend(compared[0])
        elif number not in shared and heard(truth.calls[number], truth, scenario):
            findings.append(Finding(number, None, "the server has no call for it"))
    findings += _records(matched, truth, scenario)
    named = {str(call["call"]) for theirs in matched.values() for call in theirs}
    for call in calls:
        if str(call["call"]) not in named and not message_alone(call, truth):
            findings.append(Finding(0, str(call["call"]), "nobody made this call"))
    return findings


def _records(matched: Mapping[int, Sequence[Mapping[str, Any]]], truth: Truth, scenario: Scenario) -> Iterator[Finding]:
    """Calls that were given another caller's call record, or not their own that came."""
    for number, theirs in matched.items():
        mine = truth.calls[number]
        for call in theirs:
            # Whose ring was taken for the recall of a caller who had gone unheard, so is the record.
            others = [one for one in truth.calls.values() if not taken_for(one, mine, truth)]
            word = record_of(call, mine, others)
            if word == "wrong":
                yield Finding(number, str(call["call"]), f"has another's record: {call['smdr']}")
            elif word == "missing" and call.get("outcome") == "answered" and not scenario.deeds:
                yield Finding(number, str(call["call"]), "has no record, and does not say so")
            elif word == "marked" and (came := _came(call, mine, truth, scenario)) is not None:
                yield Finding(number, str(call["call"]), f"is without its record, which came: {came.data['raw']!r}")


def _came(call: Mapping[str, Any], mine: CallTruth, truth: Truth, scenario: Scenario) -> Happening | None:
    """The record of the agent's part, where all that was printed of the call came whole and it names the caller as the
    server knows it: nothing else can it be of. A damaged one of the VRU's part may have told a wrong trunk; what is
    left of one that was spoilt may stand before it."""
    known = call.get("ani") == mine.ani and not call.get("ani_doubt") and not call.get("ani_truncated")
    printed = mine.all("smdr")
    if call.get("outcome") != "answered" or mine.outcome != "answered" or not known:
        return None
    if any(one.data["fault"] or _unread(one, scenario) for one in printed):
        return None
    every = [one for one in truth.log if one.what == "smdr"]
    alone = [one for before, one in pairwise((None, *every)) if before is None or not before.data["fault"]]
    own = (one for one in printed if one.data["extension"] == mine.agent_extension)
    return next((one for one in own if _names(one, mine) and one in alone), None)


def records(calls: Sequence[Mapping[str, Any]], truth: Truth, scenario: Scenario) -> dict[str, int]:
    """How the records of answered calls stand (told.record_of): each word with its number of calls."""
    counts: dict[str, int] = {}
    for number, theirs in match(calls, truth, scenario).items():
        for call in theirs:
            if call.get("outcome") == "answered":
                word = record_of(call, truth.calls[number], list(truth.calls.values()))
                counts[word] = counts.get(word, 0) + 1
    return counts


def _compare(
    number: int, call: Mapping[str, Any], mine: CallTruth, truth: Truth, scenario: Scenario, rang: str | None
) -> list[Finding]:
    name = str(call["call"])
    out: list[Finding] = []

    def differs(what: str) -> None:
        out.append(Finding(number, name, what))

    outcome = str(call.get("outcome"))
    same = SAME.get(mine.outcome, frozenset())
    flashed = mine.first("flash") is not None or step(call, 7) is not None
    if flashed and mine.outcome in ("message", "abandoned_queue"):
        same = same | AFTER_A_FLASH
        if _flash_does_not_suit(scenario):
            same = same | {"failed"}  # told so, and hung up
    if mine.outcome == "released" and not _lines_are_good(scenario):
        same = same | RELEASED_OVER_BAD_LINES
    if mine.first("cut off") is not None and _lines_are_good(scenario):
        differs("cut off in the transfer")
    if mine.outcome == "released" and _put_on_hook_by_the_flash(mine, truth, scenario):
        same = same | {"answered"}
    if scenario.pbx.tones != MAKES[scenario.make].plan.tones:
        same = same | UNKNOWN_TONES | (AFTER_A_FLASH if mine.outcome == "abandoned_ring" else frozenset())
        if scenario.pbx.disconnect == "tone" and mine.outcome in ENDED_IN_A_TRANSFER:
            same = same | {"answered", "message"}  # by a busy tone that is none for the server, and a record at best
    if mine.outcome in ("abandoned_queue", "lost_in_transfer") and _at_the_flash(mine, truth, scenario):
        same = same | {"answered", "failed"}
    if mine.outcome in ENDED_IN_A_TRANSFER and _as_we_hung_up(mine, truth, scenario):
        same = same | {"answered"}
    if mine.outcome == "released" and _cut_off(mine, scenario):
        same = same | {"abandoned_menu"}  # its wire broke: for the server that is a hang-up, wherever the call was
    if mine.outcome == "cut_by_power" and _in_a_transfer(mine):
        same = same | {"answered"}  # the line fell away, as where its wire breaks: then the PBX completes the transfer
    if mine.outcome == "message" and mine.cut_by_line and _into_an_alarm(mine, "message", scenario):
        same = same | SAME["abandoned_queue"]
    if mine.outcome == "abandoned_queue" and mine.cut_by_line and _into_an_alarm(mine, "chose", scenario):
        same = same | SAME["abandoned_menu"]
    if outcome not in same:
        differs(f"outcome {outcome}, the world saw {mine.outcome}")
    for what in differences(call, mine, truth, scenario):
        shown = call.get("ani")
        if rang == "" or (shown and not (shown == rang and call.get("ani_doubt"))):
            differs(what)
    extensions = {str(one.data["extension"]) for one in mine.all("through") if one.data["kind"] == "agent"}
    taken = extensions if scenario.deeds else {mine.agent_extension}  # an agent's own transfer is no new agent of ours
    agents = [who for extension in taken for who in scenario.sitting_at(extension, _through_s(mine))]
    if call.get("agent") not in agents and mine.outcome == "answered":
        differs(f"agent {call.get('agent')}, put through to {', '.join(agents)} ({mine.agent_extension})")
    elif mine.outcome == "answered" and call.get("agent_extension") not in (None, *extensions):
        differs(f"agent's extension {call['agent_extension']}, put through to {', '.join(extensions)}")
    for what in row_faults(call, mine, scenario):
        differs(what)
    talked = _talked(mine) if len(extensions) == 1 else None
    said = call.get("talk_s")
    spoilt = any(happening.data["fault"] for happening in mine.all("smdr"))
    by_desk = call.get("cause") == "call_ended"  # the record was late, or went with a neighbour's spoilt line end
    near = WITHOUT_RECORD_S if spoilt or by_desk else TALK_TOLERANCE_S
    later = near + (_kept_off_hook(mine, truth) if by_desk else 0.0)
    if (
        talked is not None
        and said is not None
        and mine.outcome == "answered"
        and not -(near if spoilt else TALK_TOLERANCE_S) <= said - talked <= later
    ):
        differs(f"talked {said} s, the world saw {talked:.1f} s")
    return out


def _kept_off_hook(mine: CallTruth, truth: Truth) -> float:
    """How long the agent held the handset when the caller had gone: there are makes that give no tone then. Without the
    record nothing tells but the agent, who knows it no sooner."""
    gone, who = mine.at("released"), f"ext {mine.agent_extension}"
    down = (one.at_s for one in truth.log if one.who == who and one.what == "on-hook")
    return 0.0 if gone is None else next((at_s - gone for at_s in down if at_s >= gone), 0.0)


def _in_a_transfer(mine: CallTruth) -> bool:
    """Was the caller held, and a telephone called for, when the power went?"""
    held = [one for one in mine.happenings if one.what in ("hold", "retrieve", "dials")]
    return bool(held) and held[-1].what == "dials"


def _into_an_alarm(mine: CallTruth, what: str, scenario: Scenario) -> bool:
    """Was every word of the message, or the key, sent into a line that carried nothing any more? Nobody heard it."""
    spoke = mine.at(what)
    return spoke is not None and any(at_s <= spoke <= at_s + for_s for _, at_s, for_s in scenario.alarms)


def _at_the_flash(mine: CallTruth, truth: Truth, scenario: Scenario) -> bool:
    """Did the caller hang up just before the VRU flashed, at a PBX that tells so only by a busy tone, or by digits
    which the flash cuts off? It gives the dial tone all the same, and the agent lifts. A sound that has begun is heard
    out, but for one under the music for who waits; else what tells is the PBX's record of the VRU's extension. Where
    the make prints none, or it did not come whole and at once, nothing tells that nobody is there; the agent says so,
    or hears it."""
    gone = mine.at("released")
    if gone is None or scenario.pbx.disconnect not in ("tone", "digits") or _recorded_at_once(mine, truth, scenario):
        return False
    words = ("flash", "on-hook") if _flash_does_not_suit(scenario) else ("flash",)  # too long, it is on-hook
    near = (one for one in truth.log if one.who in _ports_of(mine) and one.what in words)
    unheard_s = UNHEARD_S if mine.outcome == "lost_in_transfer" else UNDER_MUSIC_S
    return any(-FLASH_S <= one.at_s - gone <= unheard_s for one in near)


def _as_we_hung_up(mine: CallTruth, truth: Truth, scenario: Scenario) -> bool:
    """Was the caller gone between the VRU's hanging up, when the agent had lifted, and the PBX's noticing it? A PBX
    takes on-hook for a flash as long as one may last. The VRU listens no more; its part is printed as that of a call
    which was put through. Before, while the VRU hears the agent, only a record that comes at once tells. So too where
    the PBX lost its power when the agent had lifted, with all that it knew."""
    gone = mine.at("released")
    lifted = [one for one in mine.all("answers") if one.data["extension"] not in scenario.vru_extensions]
    if gone is None or not any(one.at_s <= gone for one in lifted):
        return False
    if mine.first("power cut") is not None:
        return True
    window = scenario.pbx.flash_ms[1] / 1000 + TICKS_S
    if not _recorded_at_once(mine, truth, scenario):
        window += AGENT_HEARD_S
    hung_up = (one for one in truth.log if one.who in _ports_of(mine) and one.what == "on-hook")
    return any(0.0 <= one.at_s - gone <= window for one in hung_up)


def _cut_off(mine: CallTruth, scenario: Scenario) -> bool:
    return any(scenario.vru_extensions[port] in mine.vru_extensions for port, _ in scenario.cuts)


def _recorded_at_once(mine: CallTruth, truth: Truth, scenario: Scenario) -> bool:
    """Did the record of the VRU's extension come whole, as the call ended, and is it believed?"""
    ours = [one for one in mine.all("smdr") if one.data["extension"] in scenario.vru_extensions]
    unread = any(_unread(one, scenario) for one in ours)
    printed = [one for one in truth.log if one.what == "smdr"]
    doubtful = any(one.data["fault"] or (not _names(one, mine) and _line_is_damaged(one, printed)) for one in ours)
    return MAKES[scenario.make].records is not None and not unread and not doubtful


def _unread(record: Happening, scenario: Scenario) -> bool:
    """Was the server's cable out when it was printed?"""
    out = [(at_s, at_s + (for_s or float("inf"))) for name, at_s, for_s in scenario.unplugs if name == "smdr"]
    return any(begin <= record.at_s < end for begin, end in out)


def _lines_are_good(scenario: Scenario) -> bool:
    """Do the lines do all that the site file says? What is wrong elsewhere, as on serial lines, loses nobody."""
    plan, usual = scenario.pbx, MAKES[scenario.make].plan
    broken = scenario.cuts or scenario.power_cuts or scenario.alarms or scenario.mfc or scenario.frames_lost
    spoilt = scenario.wires.changes() or scenario.frames_damaged or scenario.bit_errors or scenario.span_slips
    as_said = all(getattr(plan, name) == getattr(usual, name) for name in OF_THE_LINES)
    return as_said and scenario.was is None and not (broken or spoilt)


def _flash_does_not_suit(scenario: Scenario) -> bool:
    plan, usual = scenario.pbx, MAKES[scenario.make].plan
    return plan.flash_ignored or plan.flash_ms != usual.flash_ms


def _put_on_hook_by_the_flash(mine: CallTruth, truth: Truth, scenario: Scenario) -> bool:
    """Was the VRU's flash on-hook for this PBX? The dial tone comes all the same, and the agent lifts. The PBX's record
    of the VRU's extension tells; not where it came spoilt, or in one breath with another's, as out of a buffer; nor one
    that names nobody where the call before it on that line still waits for its own, for it may be that one, late, or
    where others were spoilt."""
    gone = mine.at("released")
    if gone is None or not _flash_does_not_suit(scenario):
        return False
    on_hook = (one for one in truth.log if one.who in _ports_of(mine) and one.what == "on-hook")
    if not any(abs(one.at_s - gone) <= TICKS_S for one in on_hook):
        return False
    printed = [one for one in truth.log if one.what == "smdr"]
    near = [one for one in printed if abs(one.at_s - gone) <= BREATH_S]
    if len(near) != 1 or near[0].data["fault"]:
        return True
    if _names(near[0], mine):
        return False
    return _line_is_damaged(near[0], printed) or _one_before_is_nobodys(near[0], printed)


def _names(record: Happening, mine: CallTruth) -> bool:
    return mine.ani is not None and mine.ani in str(record.data["raw"])


def _line_is_damaged(record: Happening, printed: list[Happening]) -> bool:
    """Were two of the last records spoilt? Then one that names nobody ends no call by itself: it may be another's."""
    lately = [one for one in printed if one.at_s <= record.at_s][-LATELY:]
    return sum(1 for one in lately if one.data["fault"]) >= 2


def _one_before_is_nobodys(record: Happening, printed: list[Happening]) -> bool:
    """Did the record before this one on its line, a short while ago, come in one breath with another's, or behind one
    that did? Then the call before has none that is known to be its own."""
    line = [one for one in printed if one.data["extension"] == record.data["extension"] and one.at_s < record.at_s]
    if not line or record.at_s - line[-1].at_s > NAMELESS_S:
        return False
    beside = [one for one in printed if one is not line[-1] and abs(one.at_s - line[-1].at_s) <= BREATH_S]
    return bool(beside) or _one_before_is_nobodys(line[-1], printed)


def _ports_of(mine: CallTruth) -> set[str]:
    return {f"ext {extension}" for extension in mine.vru_extensions}


def _talked(mine: CallTruth) -> float | None:
    through = [happening.at_s for happening in mine.all("through") if happening.data["kind"] == "agent"]
    released = mine.at("released")
    return released - through[-1] if through and released is not None else None


def _through_s(mine: CallTruth) -> float:
    """When the caller was put through to an agent, the last time; the beginning of the run: never."""
    return max((one.at_s for one in mine.all("through") if one.data["kind"] == "agent"), default=0.0)


def unexpected(calls: Sequence[Mapping[str, Any]], truth: Truth, scenario: Scenario) -> list[Finding]:
    """What a text table expects and the server does not say."""
    findings: list[Finding] = []
    matched = match(calls, truth, scenario)
    extensions = {plan.desk.agent: plan.desk.extension for plan in scenario.agents if plan.pc}
    for number, (outcome, extension) in sorted(scenario.expected.items()):
        theirs = matched.get(number) or []
        said = [
            (str(call.get("outcome")), extensions.get(str(call.get("agent")), call.get("agent_extension") or ""))
            for call in theirs
        ]
        if not any(one == outcome and extension in ("", other) for one, other in said):
            name = str(theirs[0]["call"]) if theirs else None
            findings.append(Finding(number, name, f"expected {outcome} {extension}, the server says {said}"))
    return findings

"""The judge of a run in which the server's cards are the switch: its calls against what people did and heard.

There is no PBX that could say how a call went. What counts is what reached people: whom a caller heard, who heard whom
throughout the times that the scenario names, that nobody ever heard a stranger, how buttons were answered, and that at
the end every handset is down and every line free. Server's calls are plain mappings, as `tipring demo --json` has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulators.judge.heard import deed_faults
from simulators.judge.struck import FIRST_DIGIT_S
from simulators.lines.caller_id import dtmf_lasts_s
from simulators.people.hearing import WINDOW_S, Heard
from simulators.scenario.scenario import Scenario
from simulators.truth import CallTruth, Truth
from simulators.world.card_world import CardWorld

NEAR_S = 60.0  # R2 needs 9 s for two numbers of 20 digits, and longer where tones are lost
BEFORE_S = 0.5  # what both ends note at once
GLARE_S = 1.0
FIRST_RING_S = 0.3  # from the last digit of a number in DTMF until the server can know of the first ring
LAYER_2_S = 6.0  # Q.921: four tries of a second, and the call's own messages again
BUSY_TONE_S = 3.0  # four cycles of 350 ms on and off
PREEMPTED = "9 "  # Q.850, preemption, with what the server says of it
DISCONNECT_S = 1.0  # from a caller's hang-up until the server can know of it by loop drop
TALK_TOLERANCE_S = 2.0
BESIDE_S = 0.5  # a stranger heard for no longer was heard in the moment in which a line changed hands
SAME: dict[str, frozenset[str]] = {
    "answered": frozenset({"answered"}),
    "message": frozenset({"message"}),
    "abandoned_ring": frozenset({"abandoned_ring", "abandoned_menu"}),
    "abandoned_menu": frozenset({"abandoned_menu", "no_choice"}),
    "abandoned_queue": frozenset({"abandoned_queue", "gone_by_choice"}),
    "released": frozenset({"abandoned_queue", "no_choice", "gone_by_choice", "queue_full", "overdue", "failed"}),
}


@dataclass(frozen=True)
class CardFinding:
    """One disagreement. `number` is the caller's, 0 where it is nobody's; `call` the server's name of the call."""

    number: int
    call: str | None
    what: str

    def __str__(self) -> str:
        whose = f"caller {self.number} (call {self.call}): " if self.number else ""
        return f"{whose}{self.what}"


def judge(calls: Sequence[Mapping[str, Any]], world: CardWorld) -> list[CardFinding]:
    """Every disagreement. An empty list is a good run."""
    matched = match(calls, world.truth)
    findings: list[CardFinding] = []
    for number, call in matched.items():
        if call is None and _never_rang(world.truth.calls[number]):
            continue
        if call is None:
            findings.append(CardFinding(number, None, "the server has no call for it"))
        else:
            differences = _compare(call, world.truth.calls[number], world)
            findings += [CardFinding(number, str(call["call"]), what) for what in differences]
    named = {id(call) for call in matched.values()}
    findings += [
        CardFinding(0, None, f"nobody made the call {call['call']}")
        for call in calls
        if call.get("ani") is not None and id(call) not in named
    ]
    everywhere = (*deed_faults(world), *_strangers(world), *_left_over(world))
    return findings + [CardFinding(0, None, what) for what in everywhere]


def match(calls: Sequence[Mapping[str, Any]], truth: Truth) -> dict[int, Mapping[str, Any] | None]:
    """Each caller whose line rang, with the server's call for it: the nearest in time on the same line."""
    found: dict[int, Mapping[str, Any] | None] = {}
    taken: set[int] = set()
    for number in sorted(truth.calls):
        ring = truth.calls[number].first("rings")
        if ring is None or not ring.who.startswith("line "):
            continue
        line = int(ring.who.removeprefix("line "))
        cleared = truth.calls[number].at("trunk cleared")
        until = float("inf") if cleared is None else cleared + BEFORE_S
        if _never_rang(truth.calls[number]):
            until = ring.at_s + dtmf_lasts_s(truth.calls[number].ani) + FIRST_RING_S
        near = [
            (abs(began - ring.at_s), index)
            for index, call in enumerate(calls)
            if index not in taken
            and _line(call) == line
            and (began := (call.get("steps") or {}).get("1")) is not None
            and ring.at_s - BEFORE_S <= began <= min(ring.at_s + NEAR_S, until)
        ]
        found[number] = None
        if near:
            index = min(near)[1]
            taken.add(index)
            found[number] = calls[index]
    return found


def _never_rang(mine: CallTruth) -> bool:
    """DTMF caller ID comes before the first ring, in which the caller hung up: nothing says that somebody called."""
    rang, gone = mine.first("rings"), mine.at("caller gone")
    if rang is None or gone is None or rang.data["form"] != "dtmf" or mine.first("answered") is not None:
        return False
    return gone - rang.at_s < dtmf_lasts_s(mine.ani) + FIRST_RING_S


def _line(call: Mapping[str, Any]) -> int | None:
    """The office's line of a call: `office/3`."""
    number = str(call.get("extension") or "").rpartition("/")[2]
    return int(number) if number.isdigit() else None


def outcome_of(mine: CallTruth, world: CardWorld) -> str:
    """What became of a caller, by what the caller did and heard."""
    if mine.first("talks") is not None or _people(world, f"caller {mine.number}"):
        return "answered"
    if mine.first("message") is not None:
        return "message"
    if mine.first("answered") is None:
        return "abandoned_ring"
    if mine.first("caller released") is not None or mine.first("hears busy tone") is not None:
        return "released"
    return "abandoned_queue" if mine.first("chose") is not None else "abandoned_menu"


def _compare(call: Mapping[str, Any], mine: CallTruth, world: CardWorld) -> Iterator[str]:
    if _lost_channel(call, mine, world):
        return  # the server has ended it; what the caller says and hears then is between caller and office
    seen, outcome = outcome_of(mine, world), str(call.get("outcome"))
    if outcome not in SAME[seen] and not (outcome == "answered" and _just_missed(call, mine, world)):
        yield f"outcome {outcome}, the world saw {seen}"
    told = mine.first("rings")
    unheard = seen == "abandoned_ring" or _glare(mine)
    if told is not None and not unheard and told.data["form"] != "none" and call.get("ani") != mine.ani:
        yield f"ani {call.get('ani')}, the caller's is {mine.ani}"
    if call.get("dnis") not in (None, mine.dnis):
        yield f"dnis {call.get('dnis')}, called was {mine.dnis}"
    if seen != "answered" or outcome != "answered":
        return
    heard = _people(world, f"caller {mine.number}")
    extension = call.get("agent_extension")
    if extension in {done.to for done in world.deeds.done}:
        return  # handed over, perhaps to somebody who put the handset down at once
    if heard and f"phone {extension}" not in heard and not any(who.startswith("subscriber ") for who in heard):
        yield f"agent {call.get('agent')} ({extension}), the caller heard {', '.join(sorted(heard))}"
    began, ended, said = mine.at("talks"), _talk_end(call, mine, world), call.get("talk_s")
    alone = len(heard) == 1 and not any(f"of {mine.number}" in done.deed.who for done in world.deeds.done)
    if alone and began is not None and ended is not None and said is not None:
        talked = ended - began
        if not -TALK_TOLERANCE_S <= said - talked <= TALK_TOLERANCE_S + _unheard_s(ended, world):
            yield f"talked {said} s, the world saw {talked:.1f} s"


def _talk_end(call: Mapping[str, Any], mine: CallTruth, world: CardWorld) -> float | None:
    """When the caller hung up or was let go; but of a call that was pushed out by an emergency call, when the caller
    last heard a person: what follows on the line is the notice."""
    gone = mine.at("caller gone")
    heard = world.voices.heard.get(f"caller {mine.number}") if world.voices is not None else None
    if gone is None or heard is None or not str(call.get("cause")).startswith(PREEMPTED):
        return gone
    spoken = [one.at_s for one in heard.moments if any(" " in word for word in one.words)]
    return max(spoken, default=gone - WINDOW_S) + WINDOW_S


def _unheard_s(at_s: float, world: CardWorld) -> float:
    """How long a hang-up at that second stays unknown at the far end: where frames come damaged, until one has come
    whole; over analog lines that do not drop the loop, until busy tone is known; as long as the D channel is drowned in
    noise, or there is an alarm, and until layer 2 is up again: both ends then say again, and ask for, what it may have
    lost."""
    scenario = world.scenario
    digital = scenario.trunk == "pri"
    if scenario.office.disconnect == "none" and not digital:
        return BUSY_TONE_S
    ends = [LAYER_2_S if digital and (scenario.frames_damaged or scenario.bit_errors) else 0.0]
    ends += [
        one.at_s + float(one.data["for_s"]) + LAYER_2_S - at_s
        for one in world.truth.log
        if one.what == "frames lost" and one.at_s <= at_s + 1.0 and at_s <= one.at_s + float(one.data["for_s"])
    ]
    ends += [
        began_s + for_s - at_s + LAYER_2_S
        for _, began_s, for_s in scenario.alarms
        if began_s - LAYER_2_S <= at_s <= began_s + for_s + LAYER_2_S
    ]
    return max(ends)


def _lost_channel(call: Mapping[str, Any], mine: CallTruth, world: CardWorld) -> bool:
    """Does the server say that it ended for want of a D channel, which was drowned in noise indeed?"""
    gone = mine.at("caller gone")
    drowned = (one.at_s for one in world.truth.log if one.what == "frames lost")
    return "D channel down" in str(call.get("cause")) and gone is not None and any(at_s <= gone for at_s in drowned)


def _glare(mine: CallTruth) -> bool:
    """The line was lifted for a call out in the moment in which it rang, or before the first digit of its number, sent
    in DTMF before the first ring, could be known: before any caller ID could be there."""
    rang, answered = mine.first("rings"), mine.at("answered")
    if rang is None or answered is None:
        return False
    return answered - rang.at_s < (FIRST_DIGIT_S if rang.data["form"] == "dtmf" else GLARE_S)


def _just_missed(call: Mapping[str, Any], mine: CallTruth, world: CardWorld) -> bool:
    """The agent lifted before the office could tell that the caller had hung up."""
    gone = mine.at("caller gone")
    return gone is not None and any(
        gone <= one.at_s <= gone + DISCONNECT_S
        for one in world.truth.log
        if one.what == "phone lifted" and one.data.get("extension") == call.get("agent_extension")
    )


def _people(world: CardWorld, ear: str) -> set[str]:
    heard = world.voices.heard.get(ear) if world.voices is not None else None
    clear = (moment.words for moment in heard.moments if "sound" not in moment.words) if heard is not None else ()
    return {word for words in clear for word in words if " " in word}  # speech may strike a code by chance


def popups(world: CardWorld) -> list[str]:
    """Telephones of agents who take the queue's calls that rang before the pop-up was shown; but for rings that
    somebody asked for by a button."""
    queue = {plan.desk.agent for plan in world.scenario.agents if plan.desk.ready_after_s is not None}
    wrong = []
    for one in world.truth.log:
        if one.what != "rings" or one.data.get("popup") is not False or one.data["agent"] not in queue:
            continue
        extension = world.desks[str(one.data["agent"])].plan.extension
        asked = any(
            extension in (done.to, done.by.removeprefix("phone ")) and done.at_s <= one.at_s
            for done in world.deeds.done
        )
        if not asked:
            wrong.append(f"{one.at_s:.2f} s: {one.who} rang without a pop-up")
    return wrong


def _strangers(world: CardWorld) -> Iterator[str]:
    """A caller who hears another caller, a telephone that hears two: nothing in a scenario joins two callers."""
    heard = world.voices.heard.values() if world.voices is not None else ()
    for ear in heard:
        limit = 0 if ear.party.startswith("caller ") else 1
        at_s = _too_many(ear, limit)
        if at_s is not None:
            yield f"{at_s:.2f} s: {ear.party} hears a stranger"


def _too_many(ear: Heard, limit: int) -> float | None:
    """Since when more callers than that were heard at once, for more than a moment."""
    since = None
    for moment in ear.moments:
        if sum(word.startswith("caller ") for word in moment.words) <= limit:
            since = None
        elif since is None:
            since = moment.at_s
        elif moment.at_s + WINDOW_S - since > BESIDE_S:
            return since
    return None


def _left_over(world: CardWorld) -> Iterator[str]:
    """Handsets and lines."""
    for extension, telephone in world.phones.items():
        if telephone.state not in ("idle", "off"):
            yield f"phone {extension} is still {telephone.state}"
    yield from (f"line {index} is not free" for index in world.held)


def unexpected(calls: Sequence[Mapping[str, Any]], truth: Truth, scenario: Scenario) -> list[CardFinding]:
    """What a text table expects of how calls end, and the server does not say."""
    findings = []
    matched = match(calls, truth)
    for number, (outcome, extension) in sorted(scenario.expected.items()):
        call = matched.get(number) or {}
        said = (call.get("outcome"), call.get("agent_extension"))
        if said[0] != outcome or extension not in ("", said[1]):
            name = str(call["call"]) if call else None
            findings.append(CardFinding(number, name, f"expected {outcome} {extension}, the server says {said}"))
    return findings

"""What is planned with a caller's call, and cannot come to pass any more: the line it went over was cut, the office
gave no dial tone to the call out that it needs, or no caller ID by which people know at a screen whom it rings for, or
had just begun to send that in DTMF when the line was lifted to call out (`--fault cut=…`, `dialtone=none`,
`callerid=…`, on cards; step 7). On an E1: the call never came, or its line had an alarm or no D channel, or a call
outside that it needs did not come through while that was so, or while tones were drowned (`alarm=…`, `frames=lost:…`,
`mfc=…`).

From that second on the rows of a scenario that belong to this call are not judged; all rows before it are, everybody
else's are, and what holds whatever happens: nobody hears a stranger, every handset comes down and every line is freed,
and who called outside in vain is told by a tone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from simulators.people.deeds import Deed, Done, Hears
from simulators.truth import Happening
from simulators.world.surroundings import Surroundings

FIRST_DIGIT_S = 0.2  # of a number in DTMF: before that the server cannot know that the line is about to ring
TOLD_S = 30.0  # three channels are tried, for 5 s each, and a line that is let go rests
UP_AGAIN_S = 10.0  # from the end of an alarm until calls can be made
OUTSIDE = "outside of "
TONES = ("tone damaged", "tone lost")


@dataclass(frozen=True)
class Struck:
    """Since when, and whose call outside it was that failed; None: it was none."""

    at_s: float
    asked: Done | None = None


def struck(world: Surroundings) -> dict[int, Struck]:
    """By the caller's number."""
    found: dict[int, Struck] = {}
    if world.scenario.switch != "card":
        return found
    for number, one in _strokes(world):
        if number not in found or one.at_s < found[number].at_s:
            found[number] = one
    return found


def nameless(row: Deed | Hears, world: Surroundings) -> bool:
    """Does its time count from a pop-up that says no number, or one that others call from, too?"""
    if row.when.what not in ("offered", "reoffered"):
        return False
    numbers = {number: call.ani for number, call in world.truth.calls.items()}
    mine = numbers.get(row.of or 0, "nobody")
    return world.scenario.caller_id == "none" or mine is None or [*numbers.values()].count(mine) > 1


def without_channel(done: Done, world: Surroundings) -> bool:
    """Was a call outside refused for want of a channel, while an E1 had an alarm or no D channel, or just after?"""
    times = [(began_s, for_s) for _, began_s, for_s in world.scenario.alarms]
    times += [(one.at_s, float(one.data["for_s"])) for one in world.truth.log if one.what == "frames lost"]
    return done.result == "no_trunk" and any(
        began_s <= done.at_s <= began_s + for_s + UP_AGAIN_S for began_s, for_s in times
    )


def untold(world: Surroundings) -> Iterator[str]:
    """Who called outside in vain, and heard no tone that says so."""
    for one in struck(world).values():
        done = one.asked
        heard = world.voices.heard.get(done.by) if done is not None and world.voices is not None else None
        if done is None or heard is None:
            continue
        moments = [moment for moment in heard.moments if one.at_s <= moment.at_s <= one.at_s + TOLD_S]
        if moments and not any("tone" in moment.words for moment in moments):
            yield f"{done.at_s:.2f} s: {done.by}: {done.deed.verb} {done.to} failed, and no tone said so"


def _strokes(world: Surroundings) -> Iterator[tuple[int, Struck]]:
    """What is done as a telephone rings decides on all that follows; what is heard when it rings again does not."""
    deeds = [row for row in world.scenario.deeds if row.of is not None and nameless(row, world)]
    yield from ((row.of or 0, Struck(0.0)) for row in deeds)
    outward = [done for done in world.deeds.done if done.of is not None and OUTSIDE in done.deed.to]
    yield from _on_an_e1(world, outward)
    if not world.scenario.office.dial_tone:
        yield from ((done.of or 0, Struck(done.at_s, done)) for done in outward)
    for number, lifted_s in _glares(world):
        yield number, Struck(lifted_s)
        yield from ((done.of or 0, Struck(done.at_s)) for done in outward if 0 <= lifted_s - done.at_s <= TOLD_S)
    for port, cut_s in world.scenario.cuts:
        line = f"line {port + 1}"
        for number, call in world.truth.calls.items():
            rang, gone_s = call.first("rings"), call.at("caller gone")
            if rang is not None and rang.who == line and (gone_s is None or gone_s >= cut_s):
                yield number, Struck(max(rang.at_s, cut_s))
        on_line = [one for one in world.truth.log if one.who == line]
        for done in outward:
            if _lasts(on_line, done, cut_s):
                yield done.of or 0, Struck(max(done.at_s, cut_s), done)


def drowned(world: Surroundings, line: str, from_s: float, to_s: float) -> bool:
    """Was that channel of an E1 (`line 3`) drowned in noise then, for the sake of its tones?"""
    return any(
        one.who == line and one.what in TONES and one.at_s <= to_s and from_s <= one.at_s + one.data["for_s"]
        for one in world.truth.log
    )


def _on_an_e1(world: Surroundings, outward: list[Done]) -> Iterator[tuple[int, Struck]]:
    """Where its lines have a fault at all. A call whose tones were drowned, and that came all the same, only later, is
    judged like any other."""
    log = world.truth.log
    down = [(at_s, at_s + for_s + UP_AGAIN_S) for _, at_s, for_s in world.scenario.alarms]
    down += [(one.at_s, one.at_s + one.data["for_s"] + UP_AGAIN_S) for one in log if one.what == "frames lost"]
    noise = [(one.at_s, one.at_s + one.data["for_s"]) for one in log if one.what in TONES]
    if not (down or noise):
        return
    for number, call in world.truth.calls.items():
        rang, answered_s, gone_s = call.first("rings"), call.at("trunk answered"), call.at("caller gone")
        if rang is None or answered_s is None:
            yield number, Struck(0.0)
            continue
        last_s = gone_s if gone_s is not None else inf
        yield from (
            (number, Struck(max(rang.at_s, at_s))) for at_s, to_s in down if rang.at_s <= to_s and at_s <= last_s
        )
        if drowned(world, rang.who, answered_s, last_s):
            yield number, Struck(answered_s)
    for done in outward:
        until_s = done.at_s + TOLD_S
        named = [one for one in log if one.data.get("number") == done.to and done.at_s <= one.at_s <= until_s]
        answer = next((one for one in named if one.what == "answered"), None)
        if answer is None and any(at_s <= until_s and done.at_s <= to_s for at_s, to_s in (*down, *noise)):
            yield done.of or 0, Struck(done.at_s, done)
        elif answer is not None and drowned(world, answer.who, answer.at_s, answer.at_s + TOLD_S):
            yield done.of or 0, Struck(done.at_s)


def _glares(world: Surroundings) -> Iterator[tuple[int, float]]:
    """Callers whose number had just begun to be sent in DTMF, before the first ring, when their line was lifted: to
    call out, for nobody answers what has not rung. The caller hears that, and the call out wants another line."""
    for number, call in world.truth.calls.items():
        rang, answered_s = call.first("rings"), call.at("answered")
        by_dtmf = rang is not None and rang.data.get("form") == "dtmf"
        if by_dtmf and rang is not None and answered_s is not None and answered_s - rang.at_s < FIRST_DIGIT_S:
            yield number, answered_s


def _lasts(on_line: list[Happening], done: Done, cut_s: float) -> bool:
    """Was this call outside on that line when it broke? From the seizure on; who seized a line that dials nothing any
    more is known by the time alone."""
    after = [one for one in on_line if one.at_s >= done.at_s]
    seized = next((one for one in after if one.what == "seized"), None)
    dialled = next((one for one in after if one.what == "dials"), None)
    if seized is None or (dialled is not None and dialled.data.get("number") != done.to):
        return False
    over = next((one for one in after if one.what == "far end on-hook" and one.at_s > seized.at_s), None)
    last_s = over.at_s if over is not None else cut_s
    return seized.at_s <= cut_s <= (last_s if dialled is not None else min(last_s, done.at_s + TOLD_S))

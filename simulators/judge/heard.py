"""The judge's ear: did everybody hear whom they should, and nobody else (step 7)?

Each row of a scenario that says what is to be heard is held against what was measured (hearing.py) throughout its time.
People are heard all the time or not at all; tones, music and announcements have their pauses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from simulators.judge.struck import nameless, struck, untold, without_channel
from simulators.people.codes import TONES
from simulators.people.deeds import Listened
from simulators.people.hearing import SOUNDS, Moment
from simulators.world.surroundings import Surroundings

GONE = frozenset({"gone"})  # in place of what is heard: the handset is down
MOSTLY = 0.8
HARDLY = 0.1
LEVEL_DB = 3.0


@dataclass(frozen=True)
class Misheard:
    """One disagreement. `ear` names a party."""

    at_s: float
    ear: str
    what: str

    def __str__(self) -> str:
        return f"{self.at_s:.2f} s: {self.ear} {self.what}"


def hearing_faults(world: Surroundings) -> list[Misheard]:
    """All rows that were not so, and those whose time never came. Without codes nothing is measured, and none is."""
    if world.voices is None:
        return []
    out: list[Misheard] = []
    gone = struck(world)
    for row in world.deeds.listened:
        if row.row.of in gone and row.to_s >= gone[row.row.of].at_s:
            continue
        heard = world.voices.heard.get(row.ear)
        moments = list(heard.between(row.from_s, row.to_s)) if heard is not None else []
        if row.words == GONE:
            if moments:
                out.append(Misheard(row.from_s, row.ear, "is still there"))
            continue
        if not moments:
            out.append(Misheard(row.from_s, row.ear, "had no telephone in hand, or for too short a time"))
            continue
        out += [Misheard(row.from_s, row.ear, what) for what in _compare(row, moments, world)]
    return out


def deed_faults(world: Surroundings) -> Iterator[str]:
    """Buttons answered otherwise than expected, deeds whose time never came, ears that misheard; but for what a fault
    of the world made impossible (struck.py)."""
    gone = struck(world)
    for done in world.deeds.done:
        excused = without_channel(done, world) or (done.of in gone and done.at_s > gone[done.of].at_s)
        if done.result != done.deed.refused and not excused:
            wanted = done.deed.refused or "done"
            yield f"{done.at_s:.2f} s: {done.by}: {done.deed.verb} {done.to}: {done.result or 'done'}, not {wanted}"
    for row, why in world.deeds.missed:
        if row.of not in gone and not nameless(row, world):
            yield f"never came to pass: {row}{f': {why}' if why else ''}"
    yield from untold(world)
    yield from map(str, hearing_faults(world))


def _loss_db(world: Surroundings, ear: str, speaks: str) -> float:
    """More than usual, over the analog wires between two parties: a digital trunk is none."""
    voices = world.voices
    wires = sum(one.startswith("phone ") or voices is None or not voices.digital for one in (ear, speaks))
    return wires * voices.loss_db if voices is not None else 0.0


def _compare(row: Listened, moments: list[Moment], world: Surroundings) -> Iterator[str]:
    """A slip, or an octet with a wrong bit, is a click, and heard as sound."""
    scenario = world.scenario
    clicks = scenario.switch == "card" and bool(scenario.wires.slip_per_min or not scenario.line_is_sound)
    count = Counter(word for moment in moments for word in moment.words)
    for word in sorted(row.words | set(count)):
        share = count[word] / len(moments)
        if word in row.words:
            if share < (MOSTLY if word not in SOUNDS else 0.01):
                yield f"does not hear {word} (in {share:.0%} of {len(moments)} moments)"
        elif word == "sound" and (clicks or row.words & set(TONES)):
            continue  # the edges of its bursts
        elif share > HARDLY:
            yield f"hears {word} (in {share:.0%} of {len(moments)} moments)"
    for word, level in row.levels.items():
        levels = [moment.levels[word] for moment in moments if word in moment.levels]
        mean = sum(levels) / len(levels) if levels else 0.0
        loss_db = _loss_db(world, row.ear, word)
        if levels and abs(mean + loss_db - level) > LEVEL_DB:
            yield f"hears {word} at {mean:.0f} dBm0, not at {level - loss_db:.0f}"

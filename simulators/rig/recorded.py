"""The judge of the server's recordings: does each file hold the conversation, and nobody else (step 9)?

A file is looked at by frequency, as the wires are: left is who speaks on the recorded line, whenever that party speaks,
and nobody else of the world; right is whoever that party's own ear heard at that time, by the ear's recording in the
world, which the server has never seen. While an E1 has an alarm nobody beyond it is heard, and nothing is compared;
wrong bits and slips change no frequency. Files are kept beside the wires where those are asked for.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cti.records.events import Entry
from drivers import wav
from simulators.judge.struck import drowned
from simulators.people.codes import RATE, WINDOW
from simulators.people.hearing import HOP_S, SOUNDS, Moment
from simulators.rig.parties import party_on
from simulators.world.card_world import CardWorld

NEAR_S = 0.5  # an ear begins 20 ms later, hears 20 ms later, and both are looked at each 0.32 s
HANDS_S = 0.6  # a line changes hands: for no longer is somebody there who should not be
HANG_UP_S = 1.2  # a handset that is down for less may be a flash: so long the side of one who is gone is silent
KEPT = "recordings"


@dataclass(frozen=True)
class Recorded:
    """One file. `file` is its name in the folder of recordings, `wire` the line at which it was made."""

    file: str
    call: str | None
    wire: str
    party: str | None
    from_s: float
    seconds: float

    def about(self) -> dict[str, Any]:
        """As `--json` has it."""
        to_s = round(self.from_s + self.seconds, 3)
        return {"file": self.file, "wire": self.wire, "left": self.party, "from_s": self.from_s, "to_s": to_s}


def recordings_of(
    entries: Iterable[Entry], wires: Mapping[int, str], world: CardWorld, began: datetime
) -> list[Recorded]:
    """Every closed recording of a run, by the server's journal. ``wires``: what the line of each port of the server's
    engine is called, as its file is."""
    told = [entry.event for entry in entries if entry.event.kind == "recording"]
    ends = {event.data["file"]: event.data for event in told if event.data.get("what") == "ended"}
    found = []
    for event in told:
        wire = wires.get(event.port) if event.port is not None else None
        if wire is not None and event.data.get("what") == "begun" and event.data["file"] in ends:
            at_s = round((datetime.fromisoformat(event.data["began"]) - began) / timedelta(seconds=1), 3)
            party, seconds = party_on(wire, at_s, world), float(ends[event.data["file"]]["seconds"])
            found.append(Recorded(event.data["file"], event.call, wire, party, at_s, seconds))
    return found


def misrecorded(recordings: Iterable[Recorded], folder: Path, world: CardWorld) -> Iterator[str]:
    """Every file that does not hold what was said; ``folder`` is the server's."""
    for one in recordings:
        try:
            sides = wav.read(folder / one.file).channels
        except (OSError, wav.WavError) as error:
            yield f"recording {one.file}: {error}"
            continue
        if len(sides) != 2 or abs(len(sides[0]) / RATE - one.seconds) > 0.1:
            yield f"recording {one.file}: {len(sides)} sides of {len(sides[0]) / RATE:.1f} s, not 2 of {one.seconds}"
            continue
        noisy = drowned(world, one.wire.replace("-", " "), one.from_s, one.from_s + one.seconds)
        if world.voices is not None and one.party is not None and not noisy:
            for side, what in zip(("left", "right"), _differences(one, sides, world), strict=True):
                yield from (f"recording {one.file}: {side}: {difference}" for difference in what)


def unrecorded_talks(calls: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Calls with a talk, and no recording as long as it."""
    for call in calls:
        kept_s = sum(one["to_s"] - one["from_s"] for one in call["recordings"])
        if (call["talk_s"] or 0.0) > kept_s + HANG_UP_S:
            yield f"call {call['call']}: {call['talk_s']:.1f} s were talked, {kept_s:.1f} s are recorded"


def keep(recordings: Iterable[Recorded], folder: Path, to: Path) -> None:
    """Copies the files beside the wires, for a stranger to look at."""
    for one in recordings:
        if (folder / one.file).exists():
            (to / KEPT / one.file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / one.file, to / KEPT / one.file)


def _differences(one: Recorded, sides: Any, world: CardWorld) -> tuple[list[str], list[str]]:
    assert world.voices is not None and one.party is not None
    voices, party = world.voices, one.party
    moments: tuple[list[Moment], list[Moment]] = ([], [])
    here = 0 if voices.digital and not party.startswith("phone ") else 1  # wires to the party of the line
    silent = [(began_s - NEAR_S, began_s + for_s + NEAR_S) for _, began_s, for_s in world.scenario.alarms]
    for at in range(0, len(sides[0]) - WINDOW + 1, round(HOP_S * RATE)):
        at_s = one.from_s + at / RATE
        if any(from_s <= at_s <= to_s for from_s, to_s in silent):
            continue
        moments[0].append(voices.moment("", at_s, sides[0][at : at + WINDOW], frozenset({party}), wires=here))
        moments[1].append(voices.moment(party, at_s, sides[1][at : at + WINDOW], wires=1))
    left = [
        (who, one.at_s)
        for one, right in zip(*moments, strict=True)
        for who in _people(one) - {party}
        if who not in right.levels or not voices.is_echo(one.levels[who], right.levels[who])
    ]
    mute = [
        (party, one.at_s)
        for one in moments[0]
        if party not in one.words and voices.speaks_throughout(party, one.at_s - NEAR_S, one.at_s + NEAR_S)
    ]
    ear = voices.heard[party].moments if party in voices.heard else []
    return (
        [*_told(left, "is there"), *_told(mute, "is missing", HANG_UP_S)],
        _right(moments[1], [one for one in ear if not any(from_s <= one.at_s <= to_s for from_s, to_s in silent)]),
    )


def _people(moment: Moment) -> frozenset[str]:
    return moment.words - SOUNDS


def _right(recorded: list[Moment], ear: list[Moment]) -> list[str]:
    """Who is in the one and not in the other at about the same time."""
    begin, end = (recorded[0].at_s, recorded[-1].at_s) if recorded else (0.0, -1.0)
    heard = [one for one in ear if begin - NEAR_S <= one.at_s <= end + NEAR_S]
    inside = [one for one in heard if begin + NEAR_S <= one.at_s <= end - NEAR_S]
    return [
        *_told(_alone(recorded, heard), "is there, unheard,"),
        *_told(_alone(inside, recorded), "was heard, and is missing"),
    ]


def _alone(these: list[Moment], those: list[Moment]) -> Iterator[tuple[str, float]]:
    """Who is in a moment of these and in none of those about that time, where there are such."""
    for one in these:
        near = [other for other in those if abs(other.at_s - one.at_s) <= NEAR_S]
        if near:
            yield from ((who, one.at_s) for who in _people(one) if not any(who in other.words for other in near))


def _told(seen: Iterable[tuple[str, float]], what: str, most_s: float = HANDS_S) -> Iterator[str]:
    """In words, but for those seen no longer than that."""
    times: dict[str, list[float]] = {}
    for who, at_s in seen:
        times.setdefault(who, []).append(at_s)
    for who, at in sorted(times.items()):
        if len(at) * HOP_S > most_s:
            yield f"{who} {what} for {len(at) * HOP_S:.1f} s, first at {at[0]:.2f} s"

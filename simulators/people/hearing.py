"""What a party of the world hears, measured: who is heard, at which level, from second to second.

An ear records its port for as long as the telephone is in use; the recording is taken apart when it is over (codes.py).
A party without codes (`Codes` None) speaks words, and nothing is measured. Serves the judge: who heard whom.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from drivers import wav
from drivers.clock import Clock
from drivers.errors import EngineError
from drivers.port import Port
from drivers.recording import RecordEnd, Recording
from simulators.lines.party import Sounds, ended
from simulators.people.codes import HEARD_DB, LEVEL_DBM0, RATE, SILENCE_DBM0, TONES, WINDOW, Codes, measure

SOUNDS = frozenset({*TONES, "sound"})
HOP_S = 0.32
WINDOW_S = WINDOW / RATE
SOUND_DBM0 = -40.0  # so loud, what is neither code nor tone is music or speech
TONE_DBM0 = -30.0
USUAL_RETURN_DB = 11.0  # at the worst of frequencies
ECHO_DB = 3.0
LOST_DB = 4.0  # of HEARD_DB, where lines weaken
LONGEST_S = 3600.0


@dataclass(frozen=True, slots=True)
class Moment:
    """160 ms from `at_s` on. `levels` (dBm0): of every party that spoke anywhere in the world then. `words`: the
    parties heard, and `tone`, `howler`, `sound` (speech or music); empty: silence."""

    at_s: float
    levels: dict[str, float]
    words: frozenset[str]


@dataclass
class Heard:
    """What one party heard in the whole run."""

    party: str
    moments: list[Moment] = field(default_factory=list)

    def between(self, from_s: float, to_s: float) -> Iterator[Moment]:
        """The moments that lie wholly within these times."""
        return (one for one in self.moments if one.at_s >= from_s and one.at_s + WINDOW_S <= to_s)

    def first(self, word: str, after_s: float = 0.0) -> float | None:
        """When it was heard for the first time, for two moments at least."""
        before = False
        for one in self.moments:
            if one.at_s >= after_s:
                if word in one.words and before:
                    return one.at_s - HOP_S
                before = word in one.words
        return None


@dataclass(slots=True)
class Spoken:
    """One party spoke from then to then (None: still), with this code."""

    from_s: float
    to_s: float | None
    hz: int

    def within(self, from_s: float, to_s: float) -> bool:
        """For a moment of that time at least?"""
        return self.from_s <= to_s and (self.to_s is None or self.to_s >= from_s)


class Voices:
    """Who of the world speaks in code, when, and what every ear has heard. `folder` is for the recordings under way.
    `greeting`: agents say a sentence first, for a VRU that waits for a voice. `loss_db`: by so much more than usual an
    analog wire weakens what is said, and ears listen for it; `digital`: those of the trunks are none. `return_loss_db`:
    of their hybrids, where it is worse than usual."""

    def __init__(
        self,
        clock: Clock,
        folder: Path,
        *,
        greeting: bool = False,
        loss_db: float = 0.0,
        digital: bool = False,
        return_loss_db: float | None = None,
    ) -> None:
        self.greeting, self.loss_db, self.digital, self.return_loss_db = greeting, loss_db, digital, return_loss_db
        self.codes = Codes()
        self.heard: dict[str, Heard] = {}
        self._clock, self.folder = clock, folder
        self._spoken: dict[str, list[Spoken]] = {}
        self._recordings = 0

    def begins(self, party: str) -> None:
        hz = self.codes.speaks(party)
        self._spoken.setdefault(party, []).append(Spoken(self._clock.seconds(), None, hz))

    def ends(self, party: str) -> None:
        times = self._spoken.get(party)
        if times and times[-1].to_s is None:
            times[-1].to_s = self._clock.seconds()
            self.codes.rests(party)

    def speaking(self, from_s: float, to_s: float) -> dict[str, int]:
        """Everybody who spoke then, for a moment at least, with the code of that time."""
        found = {}
        for party, times in self._spoken.items():
            for one in reversed(times):
                if one.within(from_s, to_s):
                    found[party] = one.hz
                    break
        return found

    def spoke(self, party: str, from_s: float, to_s: float | None) -> int | None:
        """With which code a party spoke first between then and then (None: the end). None where it did not."""
        until = float("inf") if to_s is None else to_s
        return next((one.hz for one in self._spoken.get(party, []) if one.within(from_s, until)), None)

    def speaks_throughout(self, party: str, from_s: float, to_s: float) -> bool:
        """Without a pause from then to then."""
        times = self._spoken.get(party, [])
        return any(one.from_s <= from_s and (one.to_s is None or one.to_s >= to_s) for one in times)

    def path(self) -> Path:
        """A new file."""
        self._recordings += 1
        return self.folder / f"{self._recordings}.wav"

    def take_apart(self, party: str, begun_s: float, path: Path) -> None:
        """What a recording that began at that second holds."""
        try:
            samples = wav.read(path).channels[0]
        except wav.WavError:
            return  # of a call that was over before it began
        path.unlink()
        heard = self.heard.setdefault(party, Heard(party))
        for at in range(0, len(samples) - WINDOW + 1, round(HOP_S * RATE)):
            before = heard.moments[-1].words if heard.moments else frozenset()
            heard.moments.append(self.moment(party, begun_s + at / RATE, samples[at : at + WINDOW], before))

    def moment(
        self,
        party: str,
        at_s: float,
        samples: Sequence[int],
        before: frozenset[str] = frozenset(),
        *,
        wires: int | None = None,
    ) -> Moment:
        """What these samples, the first of them of that second, hold for that party's ear. ``before``: what was heard
        just before, and will probably be now. ``wires``, analog ones, are between whoever spoke and this ear; None: as
        many as there can be."""
        if wires is None:
            wires = 1 if self.digital and not party.startswith("phone ") else 2
        spoken = self.speaking(at_s - 0.1, at_s + 0.3)
        own = [spoken.pop(party)] if party in spoken else []  # one's own voice comes back from the hybrid
        codes = {other: spoken[other] for other in sorted(spoken, key=lambda other: other not in before)}
        window = measure(samples, (*own, *codes.values(), *TONES.values()))
        levels = {other: round(window.levels[hz], 1) for other, hz in codes.items()}
        words = {other for other, level in levels.items() if level >= self._least_dbm0(wires)}
        rest = window.without([*codes.values(), *own])
        words |= {name for name, hz in TONES.items() if window.levels[hz] >= max(TONE_DBM0, rest - 3.0)}
        if window.other_dbm0 >= SOUND_DBM0 and window.other_dbm0 > window.all_dbm0 - 20.0:
            words.add("sound")
        kept = {other: level for other, level in levels.items() if level > SILENCE_DBM0}
        return Moment(round(at_s, 3), kept, frozenset(words))

    def is_echo(self, level_dbm0: float, sent_dbm0: float) -> bool:
        """Can what comes back at that level of what was sent at this one be the echo of a hybrid? Where both ends play
        steady codes from the first moment on, no canceller can tell an echo from a voice."""
        return_loss_db = USUAL_RETURN_DB if self.return_loss_db is None else self.return_loss_db
        return level_dbm0 <= sent_dbm0 - return_loss_db + ECHO_DB

    def _least_dbm0(self, wires: int) -> float:
        """What is less is an echo. Of weak voices the echoes are the nearer."""
        return LEVEL_DBM0 - HEARD_DB - max(wires * self.loss_db - LOST_DB, 0.0)


class Ear:
    """Of one party at one port. `sounds` is what the port sends."""

    def __init__(self, clock: Clock, port: Port, sounds: Sounds, party: str, voices: Voices | None) -> None:
        self.party, self.voices = party, voices
        self._clock, self._port, self._sounds = clock, port, sounds
        self._recording: Recording | None = None

    def open(self) -> None:
        """The telephone is lifted: from now on everything is heard."""
        voices = self.voices
        if voices is None or self._recording is not None:
            return
        path, begun_s = voices.path(), self._clock.seconds() + 0.02
        recording = self._port.record(path, what="rx", limit_s=LONGEST_S)
        self._recording = recording

        def over(end: RecordEnd) -> None:
            if end.why != "failed" and end.why != "lost":
                voices.take_apart(self.party, begun_s, path)

        recording.ended.addCallback(over)
        recording.ended.addErrback(ended)

    def close(self) -> None:
        """It is hung up."""
        self.silent()
        recording, self._recording = self._recording, None
        if recording is not None:
            recording.stop().addErrback(ended)

    def speak(self) -> None:
        """Plays the code until told to be silent."""
        if self.voices is not None:
            self.voices.begins(self.party)
            self._sounds.play(self.voices.codes.tone(self.party))

    def silent(self) -> None:
        if self.voices is not None:
            self.voices.ends(self.party)
            self._sounds.stop()

    async def now(self) -> frozenset[str]:
        """What is heard in the next 160 ms: the words of a Moment."""
        voices = self.voices
        if voices is None:
            return frozenset()
        path, begun_s = voices.path(), self._clock.seconds()
        try:
            await self._port.capture(path, what="rx", limit_s=WINDOW_S).ended
        except EngineError:
            return frozenset()
        samples = wav.read(path).channels[0]
        path.unlink()
        if len(samples) < WINDOW:
            return frozenset()
        return voices.moment(self.party, begun_s, samples).words

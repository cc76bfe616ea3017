"""Operations that use a port's player: prompts, tones, digits, and collecting the caller's digits under a prompt.

A port has one player, and one operation at a time owns it (`PortBusy` for the second). Items are handed to the engine a
few ahead, so that they follow each other without a gap. Serves steps 5 and 6 (prompts, menu), 7 (dialling).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from drivers import events as ev
from drivers._engine import lib
from drivers.errors import CallEnded, PlayFailed, PortBusy, error_for
from drivers.items import Encoded, PlayItem, Sound, Tone, encode
from drivers.operations import LOOK_AGAIN_S, Operation

if TYPE_CHECKING:
    from drivers.port import Port

T = TypeVar("T")

AHEAD = 6
"""Items handed to the engine before they are due."""
LONGEST_KEY_S = 10.0
"""A key held longer than this is no longer waited for."""


@dataclass(frozen=True, slots=True)
class PlayEnd:
    """How playing ended: all played, stopped, or by a digit (`digit`, barge-in). `ms` were played."""

    why: Literal["finished", "stopped", "digit"]
    ms: int
    digit: str | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """What the caller dialled. `why`: enough digits, the end key (not part of `text`), no first digit in time, or no
    further digit in time."""

    text: str
    why: Literal["max", "end_key", "first_timeout", "gap_timeout"]

    @property
    def timed_out(self) -> bool:
        return self.why in ("first_timeout", "gap_timeout")


def endless(items: Sequence[PlayItem]) -> bool:
    """Does this never end by itself?"""
    return any((isinstance(i, Sound) and i.repeat) or (isinstance(i, Tone) and i.ms is None) for i in items)


class Playing(Operation[T]):
    """Owns the port's player while something of its own is playing."""

    def __init__(self, port: Port, name: str) -> None:
        super().__init__(port, name)
        self._waiting: deque[Encoded] = deque()
        self._outstanding: set[int] = set()
        self._ms = 0
        self._digit: str | None = None

    def play_items(self, items: Sequence[PlayItem]) -> None:
        """Begins to play; `played` is told the end. ArgumentError, PortBusy."""
        commands = [command for item in items for command in encode(item)]
        if self.port.player is not None:
            raise PortBusy(f"{self.port.name}: {self.port.player.name} is playing")
        if not commands:
            self.played(PlayEnd("finished", 0))
            return
        self.port.player = self
        self._waiting.extend(commands)
        self._feed()

    def played(self, end: PlayEnd) -> None:
        """The items have ended."""

    def play_failed(self, errno: int) -> None:
        self.fail(PlayFailed(f"{self.port.name}: {self.name}", errno))

    def stop_items(self) -> None:
        """Drops what plays and what waits; `played` is not told."""
        if self.port.player is self:
            self.port.player = None
            self._waiting.clear()
            self._outstanding.clear()
            self.send(lib.TR_OP_PLAY_STOP)

    @property
    def is_playing(self) -> bool:
        return self.port.player is self

    def event(self, event: ev.Event) -> None:
        if isinstance(event, ev.DigitBegin):
            self._digit = event.digit
        elif isinstance(event, ev.PlayDone) and event.id in self._outstanding:
            self._outstanding.discard(event.id)
            self._item_done(event)

    def _item_done(self, event: ev.PlayDone) -> None:
        self._ms += event.ms
        if event.why == "finished":
            if self._waiting:
                self._feed()
            elif not self._outstanding:
                self._all_done("finished")
            return
        if event.why == "failed":
            self.stop_items()
            self.play_failed(event.errno)
            return
        self.stop_items()
        self._all_done(event.why)

    def _all_done(self, why: Literal["finished", "stopped", "digit"]) -> None:
        if self.port.player is self:
            self.port.player = None
        self.played(PlayEnd(why, self._ms, self._digit if why == "digit" else None))

    def _feed(self) -> None:
        while self._waiting and len(self._outstanding) < AHEAD:
            a, side = self._waiting.popleft()
            self._outstanding.add(self.send(lib.TR_OP_PLAY, *a, side=side))

    def refused(self, event: ev.CommandFailed) -> None:
        if event.op == lib.TR_OP_PLAY_STOP:
            return  # nothing was playing
        self.fail(error_for(event.result, f"{self.port.name}: {self.name}"))

    def reconcile(self, playing: bool, recording: int) -> None:
        if self.is_playing and not playing:
            self.after(LOOK_AGAIN_S, self._look_again, frozenset(self._outstanding))

    def _look_again(self, then: frozenset[int]) -> None:
        state = self.port.state()
        if not then & self._outstanding or state.playing or state.play_queue:
            return
        self._outstanding -= then
        if self._waiting:
            self._feed()
        elif not self._outstanding:
            self._all_done("finished")

    def abort(self) -> None:
        self.stop_items()


class Play(Playing[PlayEnd]):
    """Plays items, one after the other."""

    def __init__(self, port: Port, items: Sequence[PlayItem], stop_on_digit: bool) -> None:
        super().__init__(port, "play")
        self._items = items
        if stop_on_digit:
            self.detectors = lib.TR_DETECT_DTMF
            self.options = lib.TR_STOP_ON_DIGIT | lib.TR_DUCK_PROMPT

    def start(self) -> None:
        if self.options and self.port.typed_ahead:
            self.finish(PlayEnd("digit", 0, self.port.typed_ahead[0]))
            return
        self.play_items(self._items)

    def played(self, end: PlayEnd) -> None:
        self.finish(end)


class Dial(Playing[None]):
    """Sends digits; the echo of its own is no digit of the caller's and must not lower what is sent."""

    deaf = lib.TR_DETECT_DTMF | lib.TR_DETECT_DTMF_ID

    def __init__(self, port: Port, items: Sequence[PlayItem]) -> None:
        super().__init__(port, "dial")
        self._items = items

    def start(self) -> None:
        self.play_items(self._items)

    def played(self, end: PlayEnd) -> None:
        if end.why == "finished":
            self.finish(None)
        else:
            self.fail(CallEnded(f"{self.port.name}: dialling was stopped after {end.ms} ms"))


class Collect(Playing[Collected]):
    """Collects digits: those typed ahead first, then as they come; the first one stops the prompt."""

    detectors = lib.TR_DETECT_DTMF
    options = lib.TR_STOP_ON_DIGIT | lib.TR_DUCK_PROMPT

    def __init__(
        self, port: Port, max_digits: int, first_s: float, gap_s: float, end: str, prompt: Sequence[PlayItem]
    ) -> None:
        super().__init__(port, "collect")
        self._max = max_digits
        self._first_s = first_s
        self._gap_s = gap_s
        self._end = end
        self._prompt = prompt
        self._text = ""

    def start(self) -> None:
        typed = self.port.typed_ahead
        while typed and not self.closed:
            self._digit_in(typed.popleft())
        if self.closed:
            return
        if self._text or not self._prompt:
            self._wait()
            return
        if endless(self._prompt):
            self._wait()
        self.play_items(self._prompt)

    def played(self, end: PlayEnd) -> None:
        if not self._text and end.why != "digit":
            self._wait()

    def event(self, event: ev.Event) -> None:
        if isinstance(event, ev.DigitBegin):
            self._digit = event.digit
            self._wait(LONGEST_KEY_S)
            self.stop_items()
        elif isinstance(event, (ev.DigitEnd, ev.PulseDigit)):
            self.stop_items()
            self._digit_in(event.digit)
            if not self.closed:
                self._wait()
        else:
            super().event(event)

    def _digit_in(self, digit: str) -> None:
        if digit in self._end:
            self.finish(Collected(self._text, "end_key"))
            return
        self._text += digit
        if len(self._text) >= self._max:
            self.finish(Collected(self._text, "max"))

    def _wait(self, at_least: float = 0.0) -> None:
        for timer in self._timers:
            if timer.active():
                timer.cancel()
        seconds = self._gap_s if self._text else self._first_s
        self.after(max(seconds, at_least), self._overdue)

    def _overdue(self) -> None:
        self.stop_items()
        self.finish(Collected(self._text, "gap_timeout" if self._text else "first_timeout"))

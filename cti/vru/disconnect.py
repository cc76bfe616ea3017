"""Disconnect supervision of one VRU line: is the caller still there? (steps 5 to 7)

Which signs say that the caller has hung up is the dialect's: loop drop, polarity, busy tone, dial tone, silence; the
first that comes counts. Digits faster than people press keys are told, too: many PBXs say it so (cti.vru.bursts).
While a transfer listens to the PBX's tones itself (cti.vru.signs) nothing is watched; what is heard is noted all the
same.

Limits: silence_s of the dialect; UNCLEAR_S for a sound that may become a tone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from typing import Final

from cti.pbx.line_rules import LineRules
from cti.vru.bursts import Bursts
from drivers.clock import Clock, DelayedCall
from drivers.errors import TimedOut
from drivers.events import (
    DigitBegin,
    DigitEnd,
    Event,
    LoopDrop,
    NotTone,
    PlayDone,
    Polarity,
    ToneEnded,
    ToneHeard,
    VoiceBegin,
    VoiceEnd,
)
from drivers.port import Port

# What a caller, the PBX or we make; silence is when there was none of it.
SOUNDS: Final = (VoiceBegin, VoiceEnd, DigitBegin, DigitEnd, ToneHeard, ToneEnded, NotTone, PlayDone)
# Four cycles of a slow busy tone (0.5 s on and off), and a breath.
UNCLEAR_S: Final = 4.5
# No gap of a busy or congestion tone is longer (0.7 s, GB/T 3380).
GAP_S: Final = 0.8


class DisconnectSupervision:
    """The ears of one line. heard_s: the last sound from the far end; key_s: the last key, which only somebody who is
    there can have pressed (seconds of the clock)."""

    def __init__(
        self,
        clock: Clock,
        port: Port,
        rules: LineRules,
        left: Callable[[str], object],
        digits: Callable[[str], object],
        *,
        burst_s: float,
        gone: Collection[str],
    ) -> None:
        """``left(how)``: the caller has hung up; ``digits``: a burst of them. ``burst_s``: a PBX that sends digits
        leaves at most so much silence between them; ``gone``: the strings by which it says that the caller has hung
        up."""
        self.heard_s, self.key_s = clock.seconds(), 0.0
        self._clock, self._port, self._rules, self._left = clock, port, rules, left
        self._on = False
        self._silence: DelayedCall | None = None
        self._voice = False
        self._stirred = False  # a sound began of which nothing is known yet
        self._sounded_s = 0.0
        self._bursts, self._gone = Bursts(clock, burst_s, digits), frozenset(gone)

    def begin(self) -> None:
        """Another call: what was heard of the one before says nothing of it."""
        self._stirred = False

    def watch(self, on: bool) -> None:
        """Watches for the caller's hang-up, or not."""
        self._on = on
        if self._silence is not None and self._silence.active():
            self._silence.cancel()
        self._silence = None
        if on and "silence" in self._rules.disconnect:
            self._voice = False
            self._sounded_s = self._clock.seconds()
            self._silence = self._clock.callLater(self._rules.silence_s, self._listen_for_silence)
        if not on:
            self.forget_digits()

    def forget_digits(self) -> None:
        """The digits heard just now were somebody's business already."""
        self._bursts.clear()

    async def clear(self) -> None:
        """Waits while there is something to hear of which nobody can say yet what it is: a busy tone is known by its
        cadence, which takes seconds, and a flash in them would hide that the caller has gone; so would one in the
        midst of the digits by which some PBXs say it. Keys and voices are known at once; what is still unknown after
        UNCLEAR_S is no tone of this PBX. CallEnded with the call."""
        limit_s = self._clock.seconds() + UNCLEAR_S
        while (left := min(self._unclear_s(), limit_s - self._clock.seconds())) > 0.001:
            with contextlib.suppress(TimedOut):
                await self._port.wait_for(*SOUNDS, timeout_s=left)

    def hears(self, event: Event) -> None:
        """What the port reports, with a call or without."""
        if not isinstance(event, SOUNDS):
            return
        self._sounded_s = self._clock.seconds()
        if isinstance(event, (VoiceBegin, VoiceEnd)):
            self._voice = isinstance(event, VoiceBegin)
            self._stirred = self._stirred or self._voice
        elif not isinstance(event, PlayDone):
            self._stirred = False  # it was a key, a voice, or a tone that is known
        if not isinstance(event, PlayDone):
            self.heard_s = self._sounded_s
        if isinstance(event, (DigitBegin, DigitEnd)):
            self.key_s = self._sounded_s

    def in_call(self, event: Event) -> None:
        """The same, of a call that is on the line: may it say that the caller has hung up?"""
        if not self._on:
            return
        self._bursts.event(event)
        how = self._hung_up(event)
        if how:
            self._gone_by(how)

    def _unclear_s(self) -> float:
        """So long it may be before the next burst of a tone, or until digits are over by which the PBX may say that the
        caller has gone; 0: nothing was heard, or it was neither."""
        if not self._stirred:
            return self._bursts.left_s(self._gone)
        return GAP_S if self._voice else self.heard_s + GAP_S - self._clock.seconds()

    def _listen_for_silence(self) -> None:
        """Neither the caller nor we made a sound: who listens to music in the queue is silent for minutes."""
        now = self._clock.seconds()
        if self._voice or self._port.player is not None:
            self._sounded_s = now
        left = self._sounded_s + self._rules.silence_s - now
        if left > 0:
            self._silence = self._clock.callLater(left, self._listen_for_silence)
        else:
            self._gone_by("silence")

    def _gone_by(self, how: str) -> None:
        self.watch(False)
        self._left(how)

    def _hung_up(self, event: Event) -> str:
        """The sign of the far end's hang-up, if this is one at this PBX."""
        signs = self._rules.disconnect
        if isinstance(event, LoopDrop):
            return "loop_drop" if "loop_drop" in signs else ""
        if isinstance(event, Polarity):
            return "polarity" if "polarity" in signs else ""
        if isinstance(event, ToneHeard):
            if event.name in ("busy", "congestion") and "busy_tone" in signs:
                return f"{event.name}_tone"
            if event.name == "dial" and "dial_tone" in signs:
                return "dial_tone"
        return ""

"""How simulated people hear (callers and agents): speech begins, a prompt ends, somebody hung up.

Speech is sound that is no tone of the network. A prompt has ended when speech was heard and then nothing for a pause.
Nothing but sound reaches them.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from drivers import events
from drivers.clock import Clock, DelayedCall
from drivers.port import Port
from simulators.lines.tones import listening_plan


class Ears:
    """Listens on one port while `open`. One question at a time."""

    def __init__(self, clock: Clock, port: Port) -> None:
        self._clock, self._port = clock, port
        self.voice = False
        self.tone: str | None = None  # that sounds now
        self.on_tone: Callable[[str], None] = lambda name: None
        self._waiting: Deferred[str | None] | None = None
        self._wanted: tuple[str, ...] = ()
        self._timer: DelayedCall | None = None
        self._deaf: Callable[[], None] | None = None
        port.tone_plan(listening_plan())

    def open(self) -> None:
        """Begins to listen; the port's call has begun."""
        self.voice, self.tone = False, None
        self._port.detect("voice", "tones")
        if self._deaf is None:
            self._deaf = self._port.listen(self._event)

    def close(self) -> None:
        if self._deaf is not None:
            self._deaf()
            self._deaf = None
        self._stop_timer()
        self._waiting = None

    def _event(self, event: events.Event) -> None:
        match event:
            case events.VoiceBegin():
                self.voice = True
                self._heard("voice")
            case events.VoiceEnd():
                self.voice = False
                self._heard("silence")
            case events.NotTone():
                self._heard("speech")
            case events.ToneHeard(name=name):
                self.tone = name
                self.on_tone(name)
            case events.ToneEnded():
                self.tone = None
            case _:
                pass

    def _heard(self, what: str) -> None:
        waiting = self._waiting
        if waiting is not None and what in self._wanted:
            self._waiting = None
            self._stop_timer()
            waiting.callback(what)

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _timed_out(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def next(self, *wanted: str, within_s: float) -> Deferred[str | None]:
        """Fires with `voice`, `speech` or `silence`, or None after `within_s`. Can be cancelled."""
        self._stop_timer()
        waiting: Deferred[str | None] = Deferred(lambda _: self._give_up(waiting))
        self._waiting, self._wanted = waiting, wanted
        self._timer = self._clock.callLater(max(0.0, within_s), self._timed_out)
        return waiting

    def _give_up(self, waiting: Deferred[str | None]) -> None:
        if self._waiting is waiting:
            self._waiting = None
            self._stop_timer()

    async def speech(self, within_s: float) -> bool:
        """Somebody, or a machine, begins to speak within that time."""
        return await self.next("speech", within_s=within_s) is not None

    async def prompt_end(self, pause_s: float, within_s: float, *, begun: bool = False) -> bool:
        """Speech was heard, then `pause_s` of silence. False when that did not happen within `within_s`. ``begun``:
        what sounds already is listened to as well; otherwise only what begins from now on."""
        end = self._clock.seconds() + within_s
        if not (begun and self.voice) and not await self.speech(within_s):
            return False
        return await self.quiet(pause_s, end - self._clock.seconds())

    async def quiet(self, pause_s: float, within_s: float) -> bool:
        """`pause_s` of silence, counted from now or from the end of what is being said."""
        end = self._clock.seconds() + within_s
        while True:
            left = end - self._clock.seconds()
            if self.voice and await self.next("silence", within_s=left) is None:
                return False
            if await self.next("voice", within_s=pause_s) is None:
                return True
            if self._clock.seconds() >= end:
                return False

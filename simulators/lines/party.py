"""What a trunk and an extension of the simulated PBX have in common: they hear a tone, music or each other (step 7).

And what a person needs of the line at whose end the handset is, whatever the office's signalling (`Line`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from drivers import items
from drivers.clock import Clock
from drivers.errors import EngineError
from drivers.playing import PlayEnd
from drivers.port import Port
from simulators.lines.tones import Sent


def ended(failure: Failure) -> None:
    """The end of a sound or ringing that was stopped, or whose call is over, is nothing to report."""
    if not isinstance(failure.value, (CancelledError, EngineError)):
        failure.raiseException()


class Sounds:
    """What a port sends by itself: one thing at a time, the next one ends the former."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._now: Deferred[PlayEnd] | None = None

    def say(self, *what: items.PlayItem) -> Deferred[PlayEnd]:
        """Fires when the sound is over; fails with CancelledError when it was stopped."""
        self.stop()
        self._now = self._port.play(*what)
        return self._now

    def play(self, *what: items.PlayItem) -> None:
        """As `say`, for who does not wait for the end."""
        self.say(*what).addErrback(ended)

    def stop(self) -> None:
        now, self._now = self._now, None
        if now is not None and not now.called:
            now.cancel()


class Line(Protocol):
    """A subscriber's end of a trunk of the office. Analog: office.OfficeLine; digital: trunk_line.TrunkLine."""

    index: int
    dnis: str
    sounds: Sounds
    on_call: Callable[[int], None]
    """Told who is on the line, before it rings: for the log of whoever stands at the far end."""

    @property
    def port(self) -> Port:
        """Carries the person's voice."""
        ...

    @property
    def free(self) -> bool:
        """Can a caller take it?"""
        ...

    def dials(self, dnis: str | None) -> None:
        """The number that the next caller dials, where callers of this line may dial any; None: its usual one."""
        ...

    def ring(
        self, call_no: int, ani: str | None, form: str, absence: str, far_gone: Callable[[], None]
    ) -> Deferred[bool]:
        """Calls the server's end; True at the answer, False when `hang_up` came first. `far_gone` is called when the
        server lets go of the line in talk."""
        ...

    def hang_up(self) -> None:
        """The person has put down the handset."""
        ...


def pause(clock: Clock, seconds: float) -> Deferred[None]:
    """Fires after so many seconds; can be cancelled."""

    def cancelled(_: Deferred[None]) -> None:
        if call.active():
            call.cancel()

    waiting: Deferred[None] = Deferred(cancelled)
    call = clock.callLater(seconds, waiting.callback, None)
    return waiting


class Party:
    """A trunk or an extension."""

    def __init__(self, port: Port, tones: Mapping[str, Sent | None], music: Path) -> None:
        self.port = port
        self.sounds = Sounds(port)
        self._tones, self._music = tones, music
        self.peer: Party | None = None
        self.owner: Party | None = None  # of a trunk: the extension that talks to it, holds it or rings for it
        self.calling: str | None = None  # who calls: of a trunk the outside number, of an extension its own

    def far_gone(self, gone: Party) -> None:
        """Somebody this party talked to, held or rang for has hung up."""

    @property
    def call_no(self) -> int | None:
        """The caller to whom this party belongs now."""
        return None

    def hear_tone(self, name: str) -> None:
        """Sends a tone of this PBX; one that the plan leaves out is silence."""
        self.port.hear(None)
        sent = self._tones[name]
        if sent is None:
            self.sounds.stop()
        else:
            self.sounds.play(sent.item())

    def hear_music(self) -> None:
        self.port.hear(None)
        self.sounds.play(items.Sound(str(self._music), repeat=True))

    def hear_nothing(self) -> None:
        self.sounds.stop()
        self.port.hear(None)

    def join(self, other: Party) -> None:
        """From now on this party hears the other one."""
        self.sounds.stop()
        self.peer = other
        self.port.hear(other.port)

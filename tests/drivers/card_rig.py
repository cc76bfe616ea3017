"""What `CardTests` needs: two lines with a port at each end, time to run, and a look at sounds.

A rig gives the port under test (`near`, FXO: an extension's end), the port at the other end (`far`, FXS: the exchange's
end), a second such pair, and something that makes time pass.
"""

from __future__ import annotations

import array
import math
import wave
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred

from drivers import events as ev
from drivers.items import Samples
from drivers.port import Port
from drivers.tones import Tone as PlanTone
from drivers.tones import TonePlan

T = TypeVar("T")

PLAN = TonePlan(
    "GB/T 3380",
    (
        PlanTone("dial", 450, min_ms=850, bridge_ms=100),
        PlanTone("ringback", 450, cadence_ms=(1000, 4000), min_cycles=1, watch_overdue=True),
        PlanTone("busy", 450, cadence_ms=(350, 350), min_cycles=3),
        PlanTone("congestion", 450, cadence_ms=(700, 700), min_cycles=2),
    ),
)
DIAL_ONLY = PLAN.without("ringback")
ALL_DIGITS = "1234567890*#ABCD"


class Time(Protocol):
    """What makes time pass: a `Stepper`, or for real cards something that waits."""

    def run_for(self, seconds: float) -> None: ...
    def run(
        self, until: Deferred[T] | Coroutine[Deferred[Any], Any, T] | Callable[[], bool], limit_s: float = 60.0
    ) -> T | None: ...


class Rig:
    """Two lines: `near` and `far`, `near2` and `far2`; `precision_ms` is how exactly line events are timed."""

    def __init__(
        self, time: Time, near: Port, far: Port, near2: Port, far2: Port, precision_ms: float, tells_lengths: bool
    ) -> None:
        self.time = time
        self.near, self.far, self.near2, self.far2 = near, far, near2, far2
        self.precision_ms = precision_ms
        self.tells_lengths = tells_lengths
        self.heard: dict[Port, list[ev.Event]] = {}
        for port in (near, far, near2, far2):
            self.heard[port] = []
            port.listen(self.heard[port].append)

    def has(self, capability: str) -> bool:
        return capability in self.near.capabilities

    def events(self, port: Port, *kinds: type[ev.Event]) -> list[Any]:
        """Events of these kinds that a port told so far."""
        return [event for event in self.heard[port] if isinstance(event, kinds)]

    def run(self, until: Deferred[T] | Coroutine[Deferred[Any], Any, T], limit_s: float = 20.0) -> T:
        return self.time.run(until, limit_s)  # type: ignore[return-value]

    def connect(self, near: Port | None = None, far: Port | None = None) -> None:
        """A call is up: the extension has answered."""
        near, far = near or self.near, far or self.far
        near.begin_call()
        far.begin_call()
        self.run(near.answer())
        self.time.run_for(0.5)  # debounce, and the guard time after our own hook change
        assert far.state().off_hook

    def length_is(self, told: int, ms: int, slack: float = 0.0) -> bool:
        """A length told by the card, 0 where it tells none."""
        return abs(told - ms) <= self.precision_ms + slack if self.tells_lengths else told == 0


def samples(path: Path, channel: int = 0) -> array.array[int]:
    """One channel of a PCM16 WAV file."""
    with wave.open(str(path)) as file:
        assert file.getframerate() == 8000 and file.getsampwidth() == 2
        data = array.array("h", file.readframes(file.getnframes()))
        return data[channel :: file.getnchannels()]


def level(data: array.array[int]) -> float:
    """dBm0 of a signal (a full-scale sine is 3.14 dBm0)."""
    power = sum(s * s for s in data) / max(1, len(data))
    return 10 * math.log10(power / (32767 * 32767 / 2) + 1e-12) + 3.14


def tone_samples(seconds: float, hz: float = 1020.0, peak: int = 8000) -> bytes:
    data = array.array("h", (round(peak * math.sin(2 * math.pi * hz * n / 8000)) for n in range(int(8000 * seconds))))
    return data.tobytes()


def write_wav(path: Path, seconds: float, hz: float = 1020.0) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(tone_samples(seconds, hz))
    return path


def voice(seconds: float) -> Samples:
    """Something that is neither tone nor steady noise: a buzz of about 120 Hz, four syllables a second."""
    data = array.array("h")
    for n in range(int(8000 * seconds)):
        t = n / 8000
        envelope = max(0.0, math.sin(2 * math.pi * 4 * t)) ** 0.5
        pitch = 120 + 30 * math.sin(2 * math.pi * 1.3 * t)
        value = sum(math.sin(2 * math.pi * pitch * k * t) / k**0.7 for k in (2, 3, 4, 5, 7, 9, 12, 15))
        data.append(round(2500 * envelope * value))
    return Samples(data.tobytes())

"""A VRU port with a caller at the other end of its wire, in stepped time; prompts that are short and quick to make."""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from twisted.internet.defer import Deferred

from cti.vru.flow import Flow, load_flow
from cti.vru.prompts import Prompts
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.events import Event
from drivers.items import Sound
from drivers.operations import quietly
from drivers.port import Port
from drivers.stepped import Stepper

T = TypeVar("T")
GROUPS = {
    "sales": {"zh": "销售", "en": "Sales"},
    "service": {"zh": "客服", "en": "Service"},
    "complaints": {"zh": "投诉", "en": "Complaints"},
}


def murmur(text: str, language: str) -> array[int]:
    """Something between a voice and a hum, 40 ms a letter: quick to make, no digit and no tone of a PBX."""
    rng = random.Random(f"{language}{text}")
    out = array("h")
    for _ in text:
        pitch, strength = rng.uniform(100, 240), rng.uniform(0.3, 1.0)
        for n in range(320):
            phase = 2 * math.pi * pitch * n / 8000
            value = math.sin(phase) + 0.7 * math.sin(3 * phase + 1) + 0.4 * math.sin(5 * phase + 2)
            out.append(round(1500 * strength * value * math.sin(math.pi * n / 320)))
    return out


class World:
    """One call on one VRU port. `caller` is the PBX's end of the line, where the caller's keys come in."""

    def __init__(self, prompts: Prompts) -> None:
        self.clock = SteppedClock()
        self.engine = Engine(self.clock)
        self.stepper = Stepper(self.clock, (self.engine,))
        vru = SoftwareCard(self.engine, "fxo", 1, name="vru")
        pbx = SoftwareCard(self.engine, "fxs", 1, name="pbx")
        vru.wire(0, pbx, 0)
        self.port: Port = vru.ports[0]
        self.caller: Port = pbx.ports[0]
        self.prompts = prompts
        self.flow: Flow = load_flow("welcome", GROUPS)
        self.events: list[Event] = []
        self.engine.startService()
        self.port.begin_call()
        self.caller.begin_call()
        self.run(self.port.answer())
        self.port.detect("dtmf", "voice", duck=True)
        self.stepper.run_for(0.5)

    def run(self, until: Deferred[T] | Coroutine[Deferred[Any], Any, T], limit_s: float = 120.0) -> T:
        """The result, after as much simulated time as it takes."""
        return self.stepper.run(until, limit_s)  # type: ignore[return-value]

    def press(self, after_s: float, keys: str) -> None:
        """The caller presses keys so many seconds from now."""
        self.clock.callLater(after_s, self._press, keys)

    def _press(self, keys: str) -> None:
        quietly(self.caller.dial(keys, on_ms=80, off_ms=80))

    def hang_up(self, after_s: float) -> None:
        """The PBX clears the call and our line's owner sees it."""
        self.clock.callLater(after_s, self.port.hangup)

    def seconds_of(self, items: list[Any]) -> float:
        """How long these sounds play."""
        return sum((Path(item.path).stat().st_size - 44) / 16000 for item in items if isinstance(item, Sound))


@pytest.fixture(scope="session")
def murmured(tmp_path_factory: pytest.TempPathFactory) -> Prompts:
    """Prompts made by `murmur`."""
    prompts = Prompts(tmp_path_factory.mktemp("prompts"), groups=GROUPS, speaker=murmur)
    prompts.prepare()
    return prompts


@pytest.fixture
def world(murmured: Prompts) -> Iterator[World]:
    """A call that has just been answered."""
    made = World(murmured)
    yield made
    made.port.hangup()
    made.caller.hangup()
    made.stepper.run_for(1.0)
    made.engine.stopService()


@pytest.fixture
def saying(monkeypatch: pytest.MonkeyPatch, murmured: Prompts) -> Callable[[], list[str]]:
    """The keys of the texts that were asked for since the last question."""
    asked: list[str] = []
    original = Prompts.say

    def say(self: Prompts, key: str, language: str, /, **values: str | int) -> Any:
        asked.append(f"{key}/{language}" if not values else f"{key}/{language} {values}")
        return original(self, key, language, **values)

    monkeypatch.setattr(Prompts, "say", say)

    def taken() -> list[str]:
        got = asked[:]
        asked.clear()
        return got

    return taken

"""A world with a bare VRU: a few driver calls on the ports that the PBX's hunt group rings, in stepped time."""

from functools import partial
from typing import Any, ClassVar, TypeVar

from twisted.internet.protocol import Protocol

from drivers import events, items
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.port import Port
from drivers.stepped import Stepper
from drivers.tones import Tone, TonePlan
from simulators.lines.serial_line import Line
from simulators.people.speech import Speech
from simulators.scenario.table import read_table
from simulators.truth import Scalar
from simulators.world.world import World

E = TypeVar("E", bound=events.Event)
PLAN = TonePlan(
    "test",
    (
        Tone("dial", 450, min_ms=850, bridge_ms=100),
        Tone("ringback", 450, cadence_ms=(1000, 4000), min_cycles=1, watch_overdue=True),
        Tone("busy", 450, cadence_ms=(350, 350), min_cycles=3),
        Tone("vacant", 450, cadence_ms=(100, 100, 100, 100, 100, 100, 400, 400), min_cycles=2),
    ),
)
STAFF = """
setup | agent 1001 | sales 8001 answers after 2 talks 20
setup | agent 1002 | sales 8002 does not answer
"""
SPEECH = Speech()


class Link(Protocol):
    """The VRU's end of a serial line: keeps what comes."""

    def __init__(self) -> None:
        self.data = b""

    def dataReceived(self, data: bytes) -> None:
        self.data += bytes(byte & 0x7F for byte in data)


class Bench:
    """`text` is a scenario table. `vru` are the VRU's ports; a port answers by itself unless `answering` is False."""

    made: ClassVar[list["Bench"]] = []

    def __init__(self, text: str, *, staff: str = STAFF, answering: bool = True) -> None:
        Bench.made.append(self)
        self.clock = SteppedClock()
        self.world_engine = Engine(self.clock, name="world")
        self.vru_engine = Engine(self.clock, name="vru")
        self.world = World(self.clock, self.world_engine, read_table(staff + text), speech=SPEECH)
        card = SoftwareCard(None, "fxo", len(self.world.scenario.vru_extensions), name="vru")
        self.vru = self.vru_engine.add_card(card)
        self.world.wire_vru(card)
        self.stepper = Stepper(self.clock, (self.world_engine, self.vru_engine))
        self.smdi, self.smdr = Link(), Link()
        assert isinstance(self.world.smdi, Line) and isinstance(self.world.smdr, Line)
        self.smdi_line, self.smdr_line = self.world.smdi, self.world.smdr
        self.smdi_transport = self.smdi_line.opener(self.smdi)
        self.smdr_line.opener(self.smdr)
        self.heard: list[tuple[int, events.Event]] = []
        for port in self.vru:
            port.tone_plan(PLAN)
            port.listen(partial(self._event, port, answering))
        self.done = self.world.start()
        self.ended: list[object] = []
        self.done.addBoth(self.ended.append)

    def close(self) -> None:
        """Leaves no timer and no operation."""
        self.world.stop()
        for port in self.vru:
            port.hangup()
        self.clock.run_due()

    def _event(self, port: Port, answering: bool, event: events.Event) -> None:
        self.heard.append((port.index, event))
        if isinstance(event, events.RingBegin) and not port.state().off_hook and answering:
            port.begin_call()
            port.detect("tones", "dtmf")
            port.answer().addErrback(lambda failure: None)

    def run(self, seconds: float) -> None:
        self.stepper.run_for(seconds)

    def wait(self, what: Any, limit_s: float = 60.0) -> Any:
        """Runs until a Deferred or coroutine has a result, or a function is true."""
        return self.stepper.run(what, limit_s)

    def until(self, what: str, number: int = 1, /, limit_s: float = 60.0, **data: Scalar) -> float:
        """Runs until the world saw `what` at that call; returns when."""
        calls = self.world.truth.calls
        self.wait(lambda: number in calls and calls[number].first(what, **data) is not None, limit_s)
        found = calls[number].first(what, **data)
        assert found is not None
        return found.at_s

    def saw(self, what: str, caller: int = 1, /, **data: Scalar) -> bool:
        return self.world.truth.calls[caller].first(what, **data) is not None

    def finish(self, limit_s: float = 120.0) -> None:
        """Until all callers are gone, and a little longer."""
        self.wait(lambda: bool(self.ended), limit_s)
        self.run(3.0)

    def heard_on(self, kind: type[E], port: int = 0) -> list[E]:
        return [event for index, event in self.heard if index == port and isinstance(event, kind)]

    async def transfer(self, port: Port, extension: str, flash_ms: int = 600) -> None:
        """Flash, dial tone, digits."""
        await port.flash(flash_ms)
        await port.wait_tone(["dial"], 3.0)
        await port.dial(extension)


def sound(text: str = "您好，请按一。") -> items.Sound:
    return items.Sound(SPEECH.say(text))

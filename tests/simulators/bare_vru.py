"""A world with a bare VRU: a few driver calls on the ports that the PBX's hunt group rings, in stepped time."""

from typing import ClassVar

from twisted.internet.protocol import Protocol

from drivers import events, items
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.stepped import Stepper
from drivers.tones import Tone, TonePlan
from simulators.speech import Speech
from simulators.table import read_table
from simulators.world import World

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

    def __init__(self):
        self.data = b""

    def dataReceived(self, data):
        self.data += bytes(byte & 0x7F for byte in data)


class Bench:
    """`text` is a scenario table. `vru` are the VRU's ports; a port answers by itself unless `answering` is False."""

    made: ClassVar[list["Bench"]] = []

    def __init__(self, text, *, staff=STAFF, answering=True):
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
        self.smdi_transport = self.world.smdi.opener(self.smdi)
        self.world.smdr.opener(self.smdr)
        self.heard = []
        for port in self.vru:
            port.tone_plan(PLAN)
            port.listen(lambda event, port=port: self._event(port, event, answering))
        self.done = self.world.start()
        self.ended = []
        self.done.addBoth(self.ended.append)

    def close(self):
        """Leaves no timer and no operation."""
        self.world.stop()
        for port in self.vru:
            port.hangup()
        self.clock.run_due()

    def _event(self, port, event, answering):
        self.heard.append((port.index, event))
        if isinstance(event, events.RingBegin) and not port.state().off_hook and answering:
            port.begin_call()
            port.detect("tones", "dtmf")
            port.answer().addErrback(lambda failure: None)

    def run(self, seconds):
        self.stepper.run_for(seconds)

    def wait(self, what, limit_s=60.0):
        """Runs until a Deferred or coroutine has a result, or a function is true."""
        return self.stepper.run(what, limit_s)

    def until(self, what, number=1, /, limit_s=60.0, **data):
        """Runs until the world saw `what` at that call; returns when."""
        calls = self.world.truth.calls
        self.wait(lambda: number in calls and calls[number].first(what, **data) is not None, limit_s)
        return calls[number].first(what, **data).at_s

    def saw(self, what, caller=1, /, **data):
        return self.world.truth.calls[caller].first(what, **data) is not None

    def finish(self, limit_s=120.0):
        """Until all callers are gone, and a little longer."""
        self.wait(lambda: bool(self.ended), limit_s)
        self.run(3.0)

    def heard_on(self, kind, port=0):
        return [event for index, event in self.heard if index == port and isinstance(event, kind)]

    async def transfer(self, port, extension, flash_ms=600):
        """Flash, dial tone, digits."""
        await port.flash(flash_ms)
        await port.wait_tone(["dial"], 3.0)
        await port.dial(extension)


def sound(text="您好，请按一。"):
    return items.Sound(SPEECH.say(text))

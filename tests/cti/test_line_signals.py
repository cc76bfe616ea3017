"""What the call control concludes from real sound on a real wire: a caller's hang-up by busy tone, also under our own
prompt, and signs of life on a line whose hybrid returns our own voice."""

from __future__ import annotations

from typing import Any

import pytest

from cti.pbx.line_rules import LineRules
from cti.sides.sign_of_life import Found, sign_of_life
from cti.site.tones import load_plan
from cti.switch.interface import Caller
from cti.vru.line import VruLine
from drivers import items
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.operations import quietly
from drivers.stepped import Stepper
from simulators.people.speech import Speech

PLAN = load_plan("cn")
SPEECH = Speech()
CYCLE_S = 0.7  # of busy tone


class Wire:
    """An answered VRU port; `far` is the PBX's end of its wire."""

    def __init__(self, **faults: float) -> None:
        self.clock = SteppedClock()
        self.engine = Engine(self.clock)
        self.stepper = Stepper(self.clock, (self.engine,))
        vru, pbx = SoftwareCard(self.engine, "fxo", 1, name="vru"), SoftwareCard(self.engine, "fxs", 1, name="pbx")
        vru.wire(0, pbx, 0, **faults)
        self.port, self.far = vru.ports[0], pbx.ports[0]
        self.port.begin_call()
        self.far.begin_call()
        self.port.tone_plan(PLAN.with_tone("busy", min_cycles=4))
        self.stepper.run(self.port.answer(), 2.0)
        self.port.detect("dtmf", "tones", "voice", duck=True)
        self.stepper.run_for(0.5)

    def close(self) -> None:
        self.port.hangup()
        self.far.hangup()
        self.stepper.run_for(0.1)


@pytest.mark.parametrize("prompt", [False, True])
def test_busy_tone_is_a_hang_up_within_four_cycles(prompt: bool) -> None:
    wire, lost = Wire(return_loss_db=14.0), []

    class Owner:
        def line_lost_caller(self, line: VruLine, how: str) -> None:
            lost.append((wire.clock.seconds(), how))

    line = VruLine(wire.clock, wire.port, "2001", 1, 1, LineRules(), Owner())  # type: ignore[arg-type]
    line._unlisten = wire.port.listen(line._event)
    line.machine.send("ring")
    line.take()
    line.watch(True)
    if prompt:
        quietly(wire.port.play(items.Sound(SPEECH.say("您好，请按一。您好，请按二。您好，请按三。"), repeat=True)))
    began = wire.clock.seconds()
    quietly(wire.far.play(PLAN.item("busy")))
    wire.stepper.run_for(6 * CYCLE_S)
    ((at_s, how),) = lost
    assert how == "busy_tone" and at_s - began <= 4 * CYCLE_S + 0.1
    line.stop()
    wire.close()


def asked(wire: Wire, *, voice_s: float | None = None, tone: str | None = None, flashed: bool = True) -> Caller:
    """The question on this wire, asked with a real voice; the far end speaks so long after its beginning."""

    async def ask(until: Any) -> None:
        await wire.port.play(items.Sound(SPEECH.say("请问您还在吗？请讲话或按任意键。")))

    if voice_s is not None:
        hello = items.Sound(SPEECH.say("在的，您好，我在。"))
        wire.clock.callLater(voice_s, lambda: quietly(wire.far.play(hello)))
    if tone is not None:
        quietly(wire.far.play(PLAN.item(tone)))
    found = wire.stepper.run(sign_of_life(wire.clock, LineRules(), wire.port, ask, flashed=flashed), 30.0)
    wire.close()
    assert isinstance(found, Found)
    return found.caller


@pytest.mark.parametrize("return_loss_db", [6.0, 10.0, 20.0])
def test_our_own_voice_is_no_sign_of_life(return_loss_db: float) -> None:
    wire = Wire(return_loss_db=return_loss_db, noise_dbm0=-55.0)
    assert asked(wire) is Caller.RECALLED


@pytest.mark.parametrize("voice_s", [4.0, 6.0, 8.0])
def test_a_caller_who_speaks_is_there(voice_s: float) -> None:
    assert asked(Wire(return_loss_db=10.0), voice_s=voice_s) is Caller.WITH_US


@pytest.mark.parametrize("tone", ["busy", "congestion", "howler"])
def test_tones_of_a_dead_line(tone: str) -> None:
    assert asked(Wire(return_loss_db=10.0), tone=tone) is Caller.GONE


@pytest.mark.parametrize(("flashed", "caller"), [(True, Caller.HELD), (False, Caller.GONE)])
def test_a_dial_tone_that_comes_while_the_caller_is_asked(flashed: bool, caller: Caller) -> None:
    """After a flash it came late; after anything else it is that of an empty line."""
    assert asked(Wire(return_loss_db=10.0), tone="dial", flashed=flashed) is caller

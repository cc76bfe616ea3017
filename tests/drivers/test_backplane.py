"""Wires whose far ends are elsewhere, and the lives of engines whose cards are wired to each other."""

from __future__ import annotations

import gc
import random
import socket
import weakref

import pytest

from drivers import events as ev
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.operations import quietly
from drivers.stepped import Stepper


def test_a_call_over_a_backplane() -> None:
    clock = SteppedClock()
    pbx, vru = Engine(clock, name="pbx", max_ports=4), Engine(clock, name="vru", max_ports=4)
    fxs, fxo = SoftwareCard(pbx, "fxs", 2), SoftwareCard(vru, "fxo", 2)
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    planes = [fxs.backplane(0, 2, left.detach(), False), fxo.backplane(0, 2, right.detach(), False)]
    stepper = Stepper(clock, [pbx, vru])
    far, near = fxs.ports[1], fxo.ports[1]
    stepper.run_for(0.2)
    ringing = far.ring((400, 600))
    stepper.run(near.wait_for(ev.RingEnd), 3)
    stepper.run(near.answer(), 1)
    stepper.run(ringing, 1)
    collected = far.collect(3, 5, 2)
    stepper.run(near.dial("123"), 3)
    digits = stepper.run(collected, 3)
    assert digits is not None and digits.text == "123"
    stats = [plane.stats() for plane in planes]
    assert all(s["frames_received"] > 50 and s["bad_frames"] == 0 and s["alarm"] == 0 for s in stats)
    near.hangup()
    planes[0].reconnect(None)  # the far process is gone
    alarm = stepper.run(near.wait_for(ev.Alarm, timeout_s=3), 5)
    assert isinstance(alarm, ev.Alarm) and "red" in alarm.alarms


@pytest.mark.parametrize("seed", range(6))
def test_engines_end_in_any_order(seed: int) -> None:
    """Wired cards and their engines are freed in any order, with calls up; what is left goes on."""
    order = random.Random(seed)
    clock = SteppedClock()
    engines = [Engine(clock, name=str(at), max_ports=8) for at in range(3)]
    fxs = [SoftwareCard(engine, "fxs", 2) for engine in engines]
    fxo = [SoftwareCard(engine, "fxo", 2) for engine in engines]
    for at in range(3):
        for port in range(2):
            fxo[at].wire(port, fxs[(at + 1) % 3], port)
    stepper = Stepper(clock, engines)
    for card in fxo:
        quietly(card.ports[0].answer())
    stepper.run_for(1)
    for line in [line for card in (*fxs, *fxo) for line in card.ports]:
        line.hangup()
    del card, line
    left = list(range(3))
    while left:
        gone = left.pop(order.randrange(len(left)))
        freed = weakref.ref(engines[gone])
        stepper.remove(engines[gone])
        fxs[gone] = fxo[gone] = engines[gone] = None  # type: ignore[call-overload]
        gc.collect()
        assert freed() is None
        stepper.run_for(1)

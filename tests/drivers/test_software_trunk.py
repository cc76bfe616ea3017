"""The software card does what any digital card must, over wires in one process and over a backplane; and what only it
can show: single bits gone wrong, and every alarm."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from drivers import events as ev
from drivers.card import USUAL, SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.errors import ArgumentError
from drivers.stepped import Stepper
from tests.drivers.card_trunk import Pair, TrunkCardTests, TrunkRig

CHANNELS = 4


def software_trunk(*, remote: bool, capabilities: tuple[str, ...] = USUAL) -> TrunkRig:
    """Four B channels, the last one with CAS bits, and a D channel."""
    clock = SteppedClock()
    engines = [Engine(clock, name=name, max_ports=8) for name in ("office", "server")]
    far, near = (SoftwareCard(None, "b", CHANNELS, capabilities=capabilities, name=name) for name in ("office", "e1"))
    for card, engine in ((far, engines[0]), (near, engines[1])):
        card.add_port("d", capabilities)
        engine.add_card(card)
    if remote:
        for card, fd in zip((near, far), socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET), strict=True):
            card.backplane(0, CHANNELS + 1, fd.detach(), False)
    else:
        for index in range(CHANNELS + 1):
            near.wire(index, far, index)

    def cut(on: int) -> None:
        for index in range(CHANNELS + 1):
            near.faults(index, cut=on)

    pairs: list[Pair] = list(zip(near.ports, far.ports, strict=True))
    trunk = TrunkRig(
        Stepper(clock, engines), pairs[: CHANNELS - 1], pairs[-2], pairs[-1], lambda: cut(1), lambda: cut(0)
    )
    trunk.time.run_for(0.2)
    return trunk


class TestSoftwareTrunkOnWires(TrunkCardTests):
    @pytest.fixture
    def trunk(self) -> TrunkRig:
        return software_trunk(remote=False)


class TestSoftwareTrunkOnTheBackplane(TrunkCardTests):
    @pytest.fixture
    def trunk(self) -> TrunkRig:
        return software_trunk(remote=True, capabilities=())


@pytest.fixture
def trunk() -> Iterator[TrunkRig]:
    yield software_trunk(remote=False)


def card_of(trunk: TrunkRig, port: ev.Event | None = None) -> SoftwareCard:
    card = trunk.channels[0][0].engine.cards[0]
    assert isinstance(card, SoftwareCard)
    return card


def test_damaged_frames_are_counted_and_nobody_is_told(trunk: TrunkRig) -> None:
    near, far = trunk.frames
    card_of(trunk).faults(CHANNELS, bit_error_rate=1e-3, seed=11)
    for number in range(100):
        near.send_frame(bytes([number] * 40))
        trunk.time.run_for(0.02)
    trunk.time.run_for(0.5)
    heard = trunk.frames_at(far)
    state = far.state()
    assert 50 < len(heard) < 90 and heard == sorted(heard) and all(data == data[:1] * 40 for data in heard)
    assert near.state().frames_sent == 100 and state.frames_received == len(heard)
    assert state.frames_bad >= 0.8 * (100 - len(heard))


@pytest.mark.parametrize(
    ("sent", "at_far", "at_near"),
    [("los", ("red", "los"), ("yellow",)), ("blue", ("blue",), ("yellow",)), ("yellow", ("yellow",), ())],
)
def test_what_a_scenario_sends_and_what_follows(
    trunk: TrunkRig, sent: str, at_far: tuple[str, ...], at_near: tuple[str, ...]
) -> None:
    near, far = trunk.channels[0]
    card_of(trunk).faults(0, alarm=sent)
    trunk.time.run_for(4)
    assert (far.state().alarms, near.state().alarms) == (at_far, at_near)
    assert [event.alarms for event in trunk.events(far, ev.Alarm)] == [at_far]
    card_of(trunk).faults(0, alarm="")
    trunk.time.run_for(2)
    assert (far.state().alarms, near.state().alarms) == ((), ())


def test_faults_that_make_no_sense(trunk: TrunkRig) -> None:
    card = card_of(trunk)
    for wrong in ({"bit_error_rate": 0.51}, {"alarm": "red"}, {"alarm": "green"}, {"loss_db": "much"}, {"hum": 1}):
        with pytest.raises(ArgumentError):
            card.faults(0, **wrong)
    analog, other = SoftwareCard(None, "fxo", 1), SoftwareCard(None, "fxs", 1)
    analog.wire(0, other, 0)
    for wrong in ({"bit_error_rate": 0.1}, {"alarm": "blue"}):
        with pytest.raises(ArgumentError):
            analog.faults(0, **wrong)
    with pytest.raises(ArgumentError):
        analog.wire(0, card, 0)

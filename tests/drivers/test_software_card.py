"""The software card does what any card must: with everything optional offered, and with nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drivers.card import USUAL, SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.stepped import Stepper
from tests.drivers.card_rig import Rig
from tests.drivers.card_tests import CardTests


def software_rig(capabilities: tuple[str, ...]) -> Rig:
    clock = SteppedClock()
    pbx, vru = Engine(clock, name="pbx", max_ports=4), Engine(clock, name="vru", max_ports=4)
    fxs = SoftwareCard(pbx, "fxs", 2, capabilities=capabilities, name="pbx")
    fxo = SoftwareCard(vru, "fxo", 2, capabilities=capabilities, name="vru")
    for at in range(2):
        fxo.wire(at, fxs, at)
    exact = "precision" in capabilities
    rig = Rig(
        Stepper(clock, [pbx, vru]),
        fxo.ports[0],
        fxs.ports[0],
        fxo.ports[1],
        fxs.ports[1],
        precision_ms=1.0 if exact else 20.0,
        tells_lengths=exact,
    )
    rig.time.run_for(0.1)
    return rig


def settled(rig: Rig) -> None:
    for port in rig.heard:
        port.hangup()
    rig.time.run_for(0.1)


class TestSoftwareCardWithEverything(CardTests):
    @pytest.fixture
    def rig(self) -> Iterator[Rig]:
        rig = software_rig(USUAL)
        yield rig
        settled(rig)


class TestSoftwareCardWithNothingOptional(CardTests):
    @pytest.fixture
    def rig(self) -> Iterator[Rig]:
        rig = software_rig(())
        yield rig
        settled(rig)

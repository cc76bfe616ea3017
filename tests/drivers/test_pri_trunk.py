"""A PRI span does what any trunk must do, at the user's end and at the network's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.drivers.pri_peer import closed
from tests.drivers.pri_rig import pri_rig
from tests.drivers.trunk_tests import TrunkFarEnd, Trunks, TrunkTests

__all__ = ["closed"]


class TestPriUser(TrunkTests):
    @pytest.fixture
    def trunks(self) -> Iterator[Trunks]:
        rig = pri_rig(hunt=("up", "down"))
        made = Trunks(rig.time, rig.user, TrunkFarEnd(rig.network), lambda: rig.cut(1), lambda: rig.cut(0))
        yield made
        made.close()


class TestPriNetwork(TrunkTests):
    @pytest.fixture
    def trunks(self) -> Iterator[Trunks]:
        rig = pri_rig(hunt=("up", "down"))
        made = Trunks(rig.time, rig.network, TrunkFarEnd(rig.user), lambda: rig.cut(1), lambda: rig.cut(0))
        yield made
        made.close()

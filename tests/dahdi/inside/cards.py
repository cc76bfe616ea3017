"""`CardTests` on the real driver, and beside it on a software card with the same capabilities: the same test ids.

A virtual span carries sound, hook states, ringing and their absence. It has no voltage: what depends on that is skipped
by name, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dahdi.inside.rig import analog_rig
from tests.drivers.card_rig import Rig
from tests.drivers.card_tests import CardTests
from tests.drivers.test_software_card import settled, software_rig

OFFERED = ("hears_on_hook", "reports_ring_begin")
NOT_ON_A_VIRTUAL_SPAN: dict[str, str] = {}


class TestSoftwareCard(CardTests):
    @pytest.fixture
    def rig(self) -> Iterator[Rig]:
        rig = software_rig(OFFERED)
        yield rig
        settled(rig)


class TestDahdiCard(CardTests):
    @pytest.fixture
    def rig(self, request: pytest.FixtureRequest) -> Iterator[Rig]:
        if reason := NOT_ON_A_VIRTUAL_SPAN.get(request.function.__name__):
            pytest.skip(reason)
        with analog_rig(request.node.name) as rig:
            yield rig

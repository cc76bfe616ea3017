"""What any digital card must do (`TrunkCardTests`), on B, CAS and D channels of the real driver.

The spans cross: channel N is wired to N+5. A virtual span goes into alarm only when its far end is destroyed, which the
driver refuses while the far end's channels are open: `service.py` shows alarms.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drivers import events as ev
from drivers.dahdi import DahdiPort
from tests.dahdi.inside.rig import pair
from tests.drivers.card_trunk import TrunkCardTests, TrunkRig

KINDS = ("b", "b", "b", "b", "d")
"""Channels 1 and 2 are clear, 3 and 4 have CAS bits, 5 carries frames."""
AWAY = len(KINDS)
IDLE = 0b1101
NOT_ON_A_VIRTUAL_SPAN = {
    "test_a_broken_line_is_an_alarm_and_comes_back": "a virtual span's far end cannot be cut while it is in use",
}


class TestDahdiTrunk(TrunkCardTests):
    @pytest.fixture
    def trunk(self, request: pytest.FixtureRequest) -> Iterator[TrunkRig]:
        if reason := NOT_ON_A_VIRTUAL_SPAN.get(request.function.__name__):
            pytest.skip(reason)
        near = [DahdiPort(1 + n, kind) for n, kind in enumerate(KINDS)]
        far = [DahdiPort(1 + AWAY + n, kind) for n, kind in enumerate(KINDS)]
        with pair(near, far) as made:
            ends = list(zip(made.near.ports, made.far.ports, strict=True))
            trunk = TrunkRig(made.time, ends[:2], ends[3], ends[4], uncut, uncut)
            trunk.time.run_for(0.5)
            yield trunk
            for port in trunk.heard:
                port.hangup()
            trunk.time.run_for(0.1)


def uncut() -> None:
    """Never asked for: the test that would is skipped."""
    raise AssertionError("a virtual span's far end cannot be cut while it is in use")


@pytest.mark.parametrize("towards", ["far", "near"])
def test_all_sixteen_cas_patterns(towards: str) -> None:
    """0000 as well, which the driver takes; and a neighbour hears nothing of them."""
    with pair([DahdiPort(n, "b") for n in (3, 4)], [DahdiPort(n + AWAY, "b") for n in (3, 4)]) as made:
        near, far = made.near.ports, made.far.ports
        sender, hearer, other = (near[0], far[0], far[1]) if towards == "far" else (far[0], near[0], near[1])
        made.time.run_for(0.5)
        told: list[ev.Event] = []
        others: list[ev.Event] = []
        hearer.listen(told.append)
        other.listen(others.append)
        patterns = [0b0001, *range(16), 0b1001]
        for bits in patterns:
            sender.bits(bits)
            made.time.run_for(0.1)
            assert hearer.state().bits == bits
        changes = [bits for bits, before in zip(patterns, [IDLE, *patterns], strict=False) if bits != before]
        assert [event.bits for event in told if isinstance(event, ev.Bits)] == changes
        assert not [event for event in others if isinstance(event, ev.Bits)]

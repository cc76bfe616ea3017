"""ISDN PRI over the real driver: our user's end and our network's end on two spans that are wired to each other, frames
by the driver's HDLC. What any trunk must do, 300 calls both ways, and the time to an offered call."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drivers.dahdi import DahdiPort
from drivers.signalling.interface import Numbers, TrunkCall
from drivers.signalling.pri import PriTrunk
from drivers.span import Span
from tests.dahdi.inside.rig import Pair, pair
from tests.drivers.trunk_tests import TrunkFarEnd, Trunks, TrunkTests

CHANNELS = 15
AWAY = 16
NOT_ON_A_VIRTUAL_SPAN = {
    "test_an_alarm_in_the_middle_of_a_call": "a virtual span's far end cannot be cut while it is in use",
}


def spans(made: Pair) -> tuple[PriTrunk, PriTrunk]:
    """Ours, the network's; up."""
    near, far = made.near.ports, made.far.ports
    ours = PriTrunk(Span("ours", near[:-1], signalling=near[-1], hunt="up"), "user")
    theirs = PriTrunk(Span("theirs", far[:-1], signalling=far[-1], hunt="down"), "network")
    trunks = ours, theirs
    made.time.run(lambda: trunks[0].up and trunks[1].up, 10.0)
    return trunks


def wired() -> tuple[list[DahdiPort], list[DahdiPort]]:
    near = [DahdiPort(n, "b" if n <= CHANNELS else "d") for n in range(1, CHANNELS + 2)]
    return near, [DahdiPort(port.channel + AWAY, port.kind) for port in near]


def uncut() -> None:
    """Never asked for: the test that would is skipped."""
    raise AssertionError("a virtual span's far end cannot be cut while it is in use")


class TestPriOverDahdi(TrunkTests):
    @pytest.fixture
    def trunks(self, request: pytest.FixtureRequest) -> Iterator[Trunks]:
        if reason := NOT_ON_A_VIRTUAL_SPAN.get(request.function.__name__):
            pytest.skip(reason)
        with pair(*wired()) as made:
            ours, theirs = spans(made)
            trunks = Trunks(made.time, ours, TrunkFarEnd(theirs), uncut, uncut)
            yield trunks
            trunks.close()


def test_calls_both_ways_on_all_channels() -> None:
    """300 calls, up to fifteen at once: every number arrives, nothing is left."""
    with pair(*wired()) as made:
        ours, theirs = spans(made)
        came: dict[PriTrunk, list[TrunkCall]] = {ours: [], theirs: []}

        def answered(call: TrunkCall) -> None:
            came[ours if call.trunk is ours else theirs].append(call)
            call.answer()

        ours.offered = theirs.offered = answered
        calls: list[TrunkCall] = []
        for number in range(300):
            trunk = (ours, theirs)[number % 2]
            if trunk.span.state().free < 2:
                made.time.run(lambda: all(call.state in ("answered", "cleared") for call in calls), 10.0)
                for call in calls:
                    call.clear()
                made.time.run(lambda: ours.span.state().busy == theirs.span.state().busy == 0, 10.0)
            calls.append(trunk.call(Numbers(f"8{number:04d}", f"139{number:08d}")))
            made.time.run_for(0.06)
        made.time.run(lambda: all(call.state in ("answered", "cleared") for call in calls), 10.0)
        for call in calls:
            call.clear()
        made.time.run(lambda: ours.span.state().busy == theirs.span.state().busy == 0, 10.0)
        made.time.run_for(0.5)  # the last RELEASE COMPLETE
        for trunk, other in ((ours, theirs), (theirs, ours)):
            sent = [call.numbers for call in calls if call.trunk is trunk]
            assert [(n.called, n.calling) for n in (c.numbers for c in came[other])] == [
                (n.called, n.calling) for n in sent
            ]
            stats = trunk.channel.stats()
            assert stats.calls == 0 and stats.malformed == 0 and stats.unsent == 0
        assert all(call.cause is not None and call.cause.number == 16 for call in calls)
        ours.close()
        theirs.close()
        made.time.run_for(1)


def test_from_setup_to_offered() -> None:
    with pair(*wired()) as made:
        ours, theirs = spans(made)
        times: list[float] = []
        begun = 0.0
        ours.offered = lambda call: times.append(made.time.clock.seconds() - begun)
        for number in range(12):
            made.time.run_for(0.3)
            begun = made.time.clock.seconds()
            theirs.call(Numbers(f"{number:04d}", "01062001234"))
            made.time.run(lambda: len(times) > number, 2.0)  # noqa: B023 - run before it changes
        print(f"SETUP to offered over DAHDI: {min(times) * 1000:.0f} to {max(times) * 1000:.0f} ms")
        assert max(times) < 0.5
        ours.close()
        theirs.close()
        made.time.run_for(1)

"""What happens to a PRI span: its D channel fails and comes back, channels are restarted and taken out of service,
frames are damaged, events are lost, a memory is filled."""

from __future__ import annotations

import random

import pytest

from drivers import events as ev
from drivers._engine import lib
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.errors import ArgumentError, PortBusy, PortStateError, Unsupported
from drivers.signalling.causes import TEXTS, Cause
from drivers.signalling.dchannel import DChannel
from drivers.signalling.interface import Numbers, TrunkCall
from drivers.signalling.pri import PriTrunk
from drivers.signalling.pri_rules import PriRules
from drivers.span import Span
from drivers.stepped import Stepper
from tests.drivers.pri_peer import bench, closed, opened
from tests.drivers.pri_rig import PriRig, pri_rig

__all__ = ["closed"]


def talking(rig: PriRig) -> tuple[TrunkCall, TrunkCall]:
    """A conversation: our end, theirs."""
    before = len(rig.offered[rig.user])
    far = rig.network.call(Numbers("66886688", "01062001234"))
    rig.follow(far)
    rig.until(lambda: len(rig.offered[rig.user]) > before, 5.0)
    call = rig.offered[rig.user][before]
    call.answer()
    rig.until_told(far, "answered")
    return call, far


# ---- the D channel fails -------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [0.5, 2.0, 5.0, 12.0])
def test_conversations_outlive_a_failure_of_the_d_channel(seconds: float) -> None:
    """Up to T309 after it is noticed; what was not answered ends."""
    rig = pri_rig(PriRules(timers={"T309": 30_000, "T203": 2_000}), PriRules(timers={"T309": 30_000, "T203": 2_000}))
    call, far = talking(rig)
    rig.time.run_for(5)
    rig.cut(1, d_only=True)
    rig.time.run_for(seconds)
    assert call.state == far.state == "answered"
    rig.cut(0, d_only=True)
    rig.until(lambda: rig.user.up and rig.network.up, 30.0)
    rig.time.run_for(40)
    assert call.state == far.state == "answered" and rig.user.up
    far.clear()
    rig.until_told(call, "cleared")
    assert call.cause is not None and call.cause.number == 16
    talking(rig)


def test_a_failure_that_lasts_ends_conversations_at_both_ends() -> None:
    rig = pri_rig()
    links: list[bool] = []
    rig.user.link = links.append
    call, far = talking(rig)
    ours = rig.user.call(Numbers("10086"))
    rig.follow(ours)
    rig.time.run_for(1)
    rig.cut(1, d_only=True)
    for each in (call, far, ours):
        rig.until_told(each, "cleared")
        assert each.cause is not None and each.cause.number == 27 and "D channel down" in each.cause.detail
    assert links == [False]
    with pytest.raises(PortBusy, match="D channel is down"):
        rig.user.call(Numbers("10086"))
    rig.cut(0, d_only=True)
    rig.until(lambda: rig.user.up and rig.network.up, 30.0)
    assert links == [False, True]
    rig.all_free()
    talking(rig)


def test_a_call_that_one_end_has_lost_ends_at_the_other() -> None:
    """The ends waited differently long; when the link is back, STATUS tells them (Q.931 5.8.11)."""
    rig = pri_rig(PriRules(timers={"T309": 90_000, "T203": 2_000}), PriRules(timers={"T309": 6_000, "T203": 2_000}))
    call, far = talking(rig)
    rig.time.run_for(1)
    rig.cut(1, d_only=True)
    rig.until_told(far, "cleared")
    assert call.state == "answered"
    rig.cut(0, d_only=True)
    rig.until_told(call, "cleared")
    rig.all_free()


def test_a_short_slip_of_the_line_is_survived() -> None:
    rig = pri_rig()
    call, far = talking(rig)
    for _ in range(5):
        rig.cut(1)
        rig.time.run_for(1.5)
        rig.cut(0)
        rig.time.run_for(10)
    assert call.state == far.state == "answered" and rig.user.up and rig.network.up


# ---- restart and service -------------------------------------------------------------------------------


def test_the_far_end_restarts_a_channel() -> None:
    rig = pri_rig()
    (call, far), (other, _) = talking(rig), talking(rig)
    rig.network.restart(far.slot)
    rig.until_told(call, "cleared")
    assert call.cause is not None and call.cause.number == 41
    assert other.state == "answered" and far.cause == Cause(41, "the channel is restarted")
    rig.until(lambda: rig.network.span.is_now(far.slot) == "free", 5.0)
    other.clear()
    rig.all_free()


def test_the_far_end_restarts_the_whole_interface() -> None:
    made = bench()
    for n in (1, 2):
        made.peer.say(f"08 02 000{n} 05 a1 04 03 9090a3 18 03 a9838{n} 70 03 80 3131")
        made.time.run_for(0.1)
    made.peer.say("08 02 0000 46 79 01 87")
    made.time.run_for(0.2)
    assert [call.state for call in made.offered] == ["cleared"] * 2
    assert made.peer.types()[-1] == 0x4E and made.trunk.span.state().free == 3


def test_channels_are_restarted_when_the_link_comes_up_first() -> None:
    rig = pri_rig(PriRules(restart=True))
    rig.until(lambda: rig.user.span.state().free == 4, 5.0)
    restarts = [
        frame for frame in rig.frames[rig.user] if frame.sent and frame.data[4:9] == bytes.fromhex("0802000046")
    ]
    assert [frame.data[13] & 0x7F for frame in restarts] == [1, 2, 3, 4]
    talking(rig)


def test_channels_out_of_service_are_told_where_the_exchange_knows_that() -> None:
    rig = pri_rig(PriRules(service=True), PriRules(service=True))
    call, far = talking(rig)
    other = 1 if call.slot != 1 else 2
    rig.user.block(call.slot)
    rig.user.block(other)
    rig.time.run_for(1)
    assert rig.network.span.blocked_by(other) == ("far",) and rig.network.span.blocked_by(call.slot) == ()
    far.clear()
    rig.until_told(call, "cleared")
    rig.time.run_for(1)
    assert rig.network.span.blocked_by(call.slot) == ("far",)
    with pytest.raises(PortBusy):
        rig.network.call(Numbers("1"), slot=call.slot)
    for slot in (call.slot, other):
        rig.user.unblock(slot)
    rig.time.run_for(1)
    rig.all_free()


# ---- damage --------------------------------------------------------------------------------------------


def test_one_frame_in_a_hundred_is_damaged_and_no_call_hangs() -> None:
    """Layer 2 sends again: calls take longer, none fails without a cause, no channel is stuck."""
    rig = pri_rig(channels=10)
    rig.d_fault(bit_error_rate=8e-5, seed=5)  # a message has 250 bits
    draw = random.Random(3)
    calls: list[TrunkCall] = []
    for number in range(150):
        trunk = rig.user if number % 2 else rig.network
        try:
            call = trunk.call(Numbers("66886688", f"1380013{number:04d}"))
        except PortBusy:
            rig.time.run_for(1)
            continue
        rig.follow(call)
        calls.append(call)
        rig.time.run_for(draw.random())
        for end in (rig.user, rig.network):
            for offered in rig.offered[end]:
                if offered.state == "offered" and offered.cause is None:
                    offered.answer()
                elif draw.random() < 0.3:
                    offered.clear()
    rig.time.run_for(5)
    ends = [rig.d(trunk).state() for trunk in (rig.user, rig.network)]
    sent, heard = sum(end.frames_sent for end in ends), sum(end.frames_received for end in ends)
    assert 0.004 < (sent - heard) / sent < 0.03
    for call in (*calls, *rig.offered[rig.user], *rig.offered[rig.network]):
        call.clear()
    rig.d_fault(bit_error_rate=0.0)
    rig.all_free()
    assert len(calls) > 100 and all(call.cause is not None and call.cause.number in TEXTS for call in calls)
    answered = sum("answered" in rig.whats(call) for call in calls)
    assert answered > 0.9 * len(calls)


def test_a_line_of_noise_brings_the_link_down_and_it_comes_back() -> None:
    rig = pri_rig()
    rig.d_fault(bit_error_rate=0.02, seed=2)
    rig.until(lambda: not rig.user.up, 120.0)
    rig.d_fault(bit_error_rate=0.0)
    rig.until(lambda: rig.user.up and rig.network.up, 60.0)
    talking(rig)


def test_two_ends_that_both_think_they_are_the_user(caplog: pytest.LogCaptureFixture) -> None:
    clock = SteppedClock()
    made = bench("user", up=False)
    made.peer.network = False
    made.time.run_for(5)
    assert made.trunk.channel.stats().malformed == 0 and clock.seconds() == 0


# ---- lost events ---------------------------------------------------------------------------------------


def test_calls_are_put_right_after_an_overrun() -> None:
    """All thirty calls end within a tick or two; the engine's ring holds 16 events. Nothing stays busy for ever."""
    clock = SteppedClock()
    office = Engine(clock, name="office", max_ports=32)
    server = Engine(clock, name="server", max_ports=32, event_ring=16)
    far, near = (SoftwareCard(None, "b", 30, name=name) for name in ("office", "e1"))
    for card, engine in ((far, office), (near, server)):
        card.add_port("d")
        engine.add_card(card)
    for index in range(31):
        near.wire(index, far, index)
    ours, theirs = (Span(card.name, card.ports[:-1], signalling=card.ports[-1]) for card in (near, far))
    trunks = opened(PriTrunk(ours, "user")), opened(PriTrunk(theirs, "network"))
    rig = PriRig(Stepper(clock, [office, server]), *trunks, near)
    lost: list[int] = []
    server.listen(lambda event: lost.append(event.lost) if isinstance(event, ev.Overrun) else None)
    rig.until(lambda: rig.user.up and rig.network.up, 5.0)
    calls = [rig.network.call(Numbers(f"{n:04d}")) for n in range(30)]
    rig.time.run_for(3)
    for call in calls:
        call.clear()
    rig.time.run_for(3)
    assert lost, "no event was lost: this test shows nothing"
    rig.all_free()
    assert all(call.state == "cleared" for call in (*calls, *rig.offered[rig.user]))


# ---- the channel itself ----------------------------------------------------------------------------------


def test_what_a_d_channel_refuses() -> None:
    made = bench()
    d = made.trunk.span.signalling
    assert d is not None
    with pytest.raises(PortStateError):
        DChannel(d, "user", {})
    with pytest.raises(Unsupported):
        DChannel(made.trunk.span.channels[1], "user", {})
    with pytest.raises(ArgumentError):
        DChannel(d, "user", {"T200": lib.TR_PRI_INCOMING})
    with pytest.raises(ArgumentError):
        PriTrunk(Span("no d", [made.trunk.span.channels[1]]), "user")
    with pytest.raises(ArgumentError):
        made.trunk.call(Numbers("1" * 20 + "2"))


def test_frames_of_other_links_and_broken_ones_are_counted() -> None:
    """SAPI 63, TEI 127, UI and XID frames, an I frame that is too long, rubbish: nothing of it reaches libpri."""
    made = bench()
    for frame in (
        "fc ff 03 0f 00 00 01 ff",
        "02 ff 03 08 02 00 01 05",
        "02 01 03 08 01 01",
        "02 01 af 82",
        "00",
        "02 01 00",
    ):
        made.peer.frame(frame)
    made.peer.frame("02 01 00 00" + "08" * 300)
    made.time.run_for(1)
    assert made.trunk.channel.stats().malformed == 7 and made.trunk.up


def test_a_message_is_read_as_far_as_it_is_sound() -> None:
    made = bench()
    made.peer.say("08 02 0001 05 a1 04 03 9090a3 18 03 a98381 7e 00 70 03 80 3131 6c 20 0080")
    made.time.run_for(0.2)
    assert made.offered[0].numbers == Numbers("11") and made.trunk.channel.stats().malformed == 1
    assert made.trunk.up


def test_calls_there_is_no_room_for() -> None:
    """A far end gone mad: 120 SETUPs without a channel; the engine keeps 64 calls, the span has three channels."""
    made = bench("network")
    for n in range(120):  # the peer numbers 127 messages
        made.peer.say(f"08 02 {n + 1:04x} 05 a1 04 03 9090a3 70 03 80 3131")
        if n % 8 == 7:
            made.time.run_for(0.02)
    made.time.run_for(2)
    assert len(made.offered) == 3 and len(made.peer.messages) == 3 + 117
    stats = made.trunk.channel.stats()
    assert stats.calls == 3 and stats.renewed == 0 and stats.memory < 100_000

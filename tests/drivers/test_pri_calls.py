"""Calls on PRI spans: their numbers, their channels, glare, overlap sending and receiving, hostile SETUPs."""

from __future__ import annotations

import pytest

from drivers.errors import PortBusy
from drivers.signalling.causes import BUSY, Cause
from drivers.signalling.interface import Numbers, TrunkCall
from drivers.signalling.pri_rules import PriRules
from tests.conftest import LoggedFailures
from tests.drivers.pri_peer import bench, closed, opened
from tests.drivers.pri_rig import PriRig, pri_rig

__all__ = ["closed"]

SETUP, SETUP_ACK, PROCEEDING, RELEASE_COMPLETE, DISCONNECT, RELEASE = 0x05, 0x0D, 0x02, 0x5A, 0x45, 0x4D


def incoming(rig: PriRig, numbers: Numbers, slot: int | None = None) -> tuple[TrunkCall, TrunkCall]:
    """A call of the network that has come to us: ours, theirs."""
    before = len(rig.offered[rig.user])
    far = rig.network.call(numbers, slot=slot)
    rig.follow(far)
    rig.until(lambda: len(rig.offered[rig.user]) > before, 5.0)
    return rig.offered[rig.user][before], far


def test_from_setup_to_offered_in_less_than_60_ms() -> None:
    rig = pri_rig(channels=30)
    for _ in range(20):
        begun = rig.time.clock.seconds()
        call, far = incoming(rig, Numbers("66886688", "01062001234", name="Zhang San"))
        assert rig.time.clock.seconds() - begun < 0.06
        call.answer()
        rig.until_told(far, "answered")
    assert rig.user.span.state().busy == 20


# ---- numbers -------------------------------------------------------------------------------------------


def test_everything_the_network_says_of_a_caller() -> None:
    rig = pri_rig(network=PriRules(called_plan=0x41, calling_plan=0x21))
    said = Numbers("66886688", "1062001234", redirecting="62001111", name="Zoé Wang", user_user=b"order 4711")
    assert incoming(rig, said)[0].numbers == said


def test_a_user_sends_no_name() -> None:
    """Display goes from the network to the user only (EN 300 403-1 4.5.16)."""
    rig = pri_rig()
    rig.user.call(Numbers("10086", "66886688", name="Wang", user_user=b"x" * 60))
    rig.until(lambda: bool(rig.offered[rig.network]))
    assert rig.offered[rig.network][0].numbers == Numbers("10086", "66886688", user_user=b"x" * 35)


@pytest.mark.parametrize("number", ["", "66886688"])
def test_a_withheld_number(number: str) -> None:
    """The office may send it along; it is never to be shown."""
    rig = pri_rig()
    call, _ = incoming(rig, Numbers("66886688", number, restricted=True))
    assert call.numbers.restricted and call.numbers.calling == number


def test_international_numbers_have_a_plus() -> None:
    rig = pri_rig()
    call, _ = incoming(rig, Numbers("66886688", "+4930123456"))
    assert call.numbers.calling == "+4930123456"
    assert any(bytes.fromhex("6c 0c 11 80") in frame.data for frame in rig.frames[rig.network])


@pytest.mark.parametrize("digits", [1, 15, 20])
def test_numbers_of_any_length_cross(digits: int) -> None:
    number = "13800138000987654321"[:digits]
    rig = pri_rig()
    call, _ = incoming(rig, Numbers(number, number, redirecting=number))
    assert (call.numbers.called, call.numbers.calling, call.numbers.redirecting) == (number, number, number)


@pytest.mark.parametrize("called", ["3" * 21, "3" * 63, "3" * 200, "12a4", "1;DROP"])
def test_called_numbers_that_nobody_has(called: str) -> None:
    made = bench()
    element = bytes([0x70, len(called) + 1, 0x80]) + called.encode()
    made.peer.say("08 02 0001 05 04 03 9090a3 18 03 a98381" + element.hex())
    made.time.run_for(0.2)
    assert not made.offered and made.peer.types() == [PROCEEDING, DISCONNECT]
    assert made.peer.messages[-1].message[-1] & 0x7F == 28
    made.peer.say("08 02 0001 4d")
    made.time.run_for(0.2)
    assert made.trunk.span.state().free == 3 and made.trunk.channel.stats().calls == 0


def test_a_calling_number_that_nobody_has_is_left_out() -> None:
    made = bench()
    made.peer.say("08 02 0001 05 04 03 9090a3 18 03 a98381 6c 07 00 80 31 32 7f 00 33 70 03 80 3131")
    made.time.run_for(0.2)
    assert made.offered[0].numbers == Numbers("11", complete=True)


# ---- overlap -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "complete"), [(PriRules(overlap=True, called_digits=8), True), (PriRules(overlap=True), False)]
)
def test_overlap_sending_and_receiving(rules: PriRules, complete: bool) -> None:
    rig = pri_rig(rules)
    far = rig.network.call(Numbers("66", "01062001234", complete=False))
    rig.follow(far)
    far.more("88")
    rig.until(lambda: bool(rig.offered[rig.user]))
    [call] = rig.offered[rig.user]
    assert call.numbers.called == "66" and not call.numbers.complete
    for digit in "6688":
        rig.time.run_for(1)
        far.more(digit)
    rig.time.run_for(1)
    assert call.numbers.called == "66886688" and call.numbers.complete == complete
    assert rig.whats(call) == ["digits"] * 6
    assert ("proceeding" in rig.whats(far)) == complete
    call.answer()
    rig.until_told(far, "answered")
    call.clear()
    rig.until_told(call, "cleared")
    rig.all_free()


def test_a_complete_number_is_not_asked_for_more() -> None:
    rig = pri_rig(PriRules(overlap=True))
    call, far = incoming(rig, Numbers("66886688"))
    assert call.numbers.complete
    rig.until_told(far, "proceeding")


def test_digits_that_make_no_number_end_the_call() -> None:
    made = bench(rules=PriRules(overlap=True))
    made.peer.say("08 02 0001 05 04 03 9090a3 18 03 a98381 70 03 80 3131")
    made.time.run_for(0.1)
    made.peer.say("08 02 0001 7b 70 1f 80" + "31" * 30)
    made.time.run_for(0.1)
    assert made.peer.types() == [SETUP_ACK, DISCONNECT] and made.peer.messages[-1].message[-1] & 0x7F == 28


# ---- channels ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slot", [0, 4, 16, 31, 32, 100, 127])
@pytest.mark.parametrize("exclusive", [True, False])
def test_channels_that_do_not_exist(slot: int, exclusive: bool) -> None:
    made = bench()
    made.peer.say(
        f"08 02 0001 05 a1 04 03 9090a3 18 03 {'a9' if exclusive else 'a1'} 83 {0x80 | slot:02x} 70 03 80 3131"
    )
    made.time.run_for(0.2)
    if slot in (0, 127):  # 0 and all ones name none: any channel does
        made.time.run_for(0.2)
    if made.offered:
        assert slot in (0, 127) and made.peer.types() == [PROCEEDING]
    else:
        assert made.peer.types() == [RELEASE_COMPLETE] and made.peer.messages[-1].message[-1] & 0x7F in (82, 100)
        assert made.trunk.channel.stats().calls == 0


def test_a_taken_channel() -> None:
    made = bench()
    made.trunk.span.block(2)
    setup = "05 a1 04 03 9090a3 18 03 {:02x} 83 {:02x} 70 03 80 3131"
    made.peer.say("08 02 0001" + setup.format(0xA9, 0x81))
    made.time.run_for(0.2)
    made.offered[0].answer()
    made.peer.say("08 02 0001 0f")
    made.peer.say("08 02 0002" + setup.format(0xA9, 0x81))  # channel 1 again, and no other
    made.peer.say("08 02 0003" + setup.format(0xA9, 0x82))  # out of service
    made.time.run_for(0.2)
    assert made.peer.types()[-2:] == [RELEASE_COMPLETE] * 2
    assert [message.message[-1] & 0x7F for message in made.peer.messages[-2:]] == [44, 44]
    made.peer.say("08 02 0004" + setup.format(0xA1, 0x81))  # or another one
    made.time.run_for(0.2)
    assert made.offered[-1].slot == 3 and made.peer.types()[-1] == PROCEEDING
    assert made.peer.messages[-1].message[-4:] == bytes.fromhex("03 a9 83 83")
    made.peer.say("08 02 0005" + setup.format(0xA1, 0x81))
    made.time.run_for(0.2)
    assert made.peer.types()[-1] == RELEASE_COMPLETE and made.peer.messages[-1].message[-1] & 0x7F == 44
    assert len(made.offered) == 2


def test_a_call_without_a_channel_gets_one() -> None:
    made = bench("network")
    made.peer.say("08 02 0001 05 a1 04 03 9090a3 70 03 80 3131")
    made.peer.say("08 02 0002 05 a1 04 03 9090a3 18 01 a3 70 03 80 3131")
    made.time.run_for(0.2)
    assert [call.slot for call in made.offered] == [1, 2]
    assert [message.message[-4:].hex() for message in made.peer.messages] == ["03a98381", "03a98382"]


def test_the_far_end_chooses_another_channel() -> None:
    made = bench()
    call = made.trunk.call(Numbers("10086"))
    made.follow(call)
    made.time.run_for(0.1)
    first = call.port
    reference = int.from_bytes(made.peer.messages[-1].data[6:8]) | 0x8000
    made.peer.say(f"08 02 {reference:04x} 02 18 03 a98383")
    made.time.run_for(0.1)
    assert call.slot == 3 and call.port is made.trunk.span.channels[3] and call.state == "proceeding"
    assert made.trunk.span.is_now(1) == "free" and made.trunk.span.is_now(3) == "busy" and first is not call.port


def test_the_far_end_chooses_a_channel_that_is_taken() -> None:
    made = bench()
    made.trunk.span.block(3)
    call = made.trunk.call(Numbers("10086"))
    made.time.run_for(0.1)
    reference = int.from_bytes(made.peer.messages[-1].data[6:8]) | 0x8000
    made.peer.say(f"08 02 {reference:04x} 02 18 03 a98383")
    made.time.run_for(0.1)
    assert made.peer.types()[-1] == RELEASE and call.cause == Cause(6, "the far end chose channel 3")


def test_cause_44_is_answered_by_another_channel_twice() -> None:
    made = bench()
    call = made.trunk.call(Numbers("10086", "66886688"))
    made.follow(call)
    for channel in (1, 2, 3):
        made.time.run_for(0.1)
        setup = made.peer.messages[-1]
        assert setup.type == SETUP and bytes([0xA1, 0x83, 0x80 | channel]) in setup.message
        made.peer.say(f"08 02 {int.from_bytes(setup.data[6:8]) | 0x8000:04x} 5a 08 02 81ac")
    made.time.run_for(0.2)
    assert call.state == "cleared" and call.cause is not None and call.cause.number == 44
    assert made.whats(call) == ["cleared"] and made.trunk.span.state().free == 3


def test_data_calls_are_refused() -> None:
    made = bench()
    made.peer.say("08 02 0001 05 a1 04 02 8890 18 03 a98381 70 03 80 3131")
    made.time.run_for(0.2)
    assert made.peer.types() == [PROCEEDING, DISCONNECT] and made.peer.messages[-1].message[-1] & 0x7F == 65


# ---- glare ---------------------------------------------------------------------------------------------


def test_glare_moves_our_call_to_another_channel() -> None:
    rig = pri_rig(hunt=("up", "up"))
    ours, theirs = rig.user.call(Numbers("10086")), rig.network.call(Numbers("66886688"))
    assert ours.slot == theirs.slot == 1
    rig.follow(ours)
    rig.follow(theirs)
    rig.until(lambda: bool(rig.offered[rig.user]) and bool(rig.offered[rig.network]), 5.0)
    at_us, at_them = rig.offered[rig.user][0], rig.offered[rig.network][-1]
    assert at_us.slot == theirs.slot == 1 and ours.slot == at_them.slot != 1
    at_us.answer()
    at_them.answer()
    rig.until_told(ours, "answered")
    rig.until_told(theirs, "answered")
    assert rig.whats(ours)[-1] == "answered" and ours.port is rig.user.span.channels[ours.slot]
    for call in (ours, theirs):
        call.clear()
    rig.all_free()


@pytest.mark.parametrize("ticks", range(6))
def test_glare_on_the_last_channel_is_the_networks(ticks: int) -> None:
    rig = pri_rig(channels=1)
    ours = rig.user.call(Numbers("10086"))
    rig.follow(ours)
    rig.time.run_for(ticks * 0.02)
    try:
        theirs = rig.network.call(Numbers("66886688"))
    except PortBusy:  # ours was there first
        assert rig.offered[rig.network]
        return
    rig.follow(theirs)
    rig.until_told(ours, "cleared")
    assert ours.cause is not None and ours.cause.number == 44
    rig.until(lambda: bool(rig.offered[rig.user]), 5.0)
    rig.offered[rig.user][0].answer()
    rig.until_told(theirs, "answered")
    theirs.clear()
    rig.all_free()


def test_all_channels_at_once_from_both_ends() -> None:
    rig = pri_rig(channels=30, hunt=("up", "down"))
    calls = [trunk.call(Numbers(f"{n:04d}")) for n in range(15) for trunk in (rig.user, rig.network)]
    for call in calls:
        rig.follow(call)
    rig.until(lambda: all(len(rig.offered[trunk]) == 15 for trunk in (rig.user, rig.network)), 10.0)
    for trunk in (rig.user, rig.network):
        for call in rig.offered[trunk]:
            call.answer()
    rig.until(lambda: all(call.state == "answered" for call in calls), 10.0)
    assert rig.user.span.state().busy == 30
    for call in calls:
        call.clear()
    rig.all_free()


# ---- whoever takes calls -------------------------------------------------------------------------------


def test_a_taker_that_fails_refuses_the_call(logged_failures: LoggedFailures) -> None:
    rig = pri_rig()

    def fails(call: TrunkCall) -> None:
        raise KeyError("no such route")

    rig.user.offered = fails
    far = rig.network.call(Numbers("66886688"))
    rig.follow(far)
    rig.until_told(far, "cleared")
    assert far.cause is not None and far.cause.number == 41 and logged_failures.flush()
    rig.all_free()


def test_a_call_is_acknowledged_whatever_its_taker_does() -> None:
    """Else T303 would end it after eight seconds."""
    rig = pri_rig()
    call, far = incoming(rig, Numbers("66886688"))
    rig.time.run_for(8)
    assert rig.whats(far) == ["proceeding"] and call.state == "offered"
    call.clear(BUSY)
    rig.until_told(far, "cleared")
    assert far.cause is not None and far.cause.number == 17


def test_announcements_before_the_answer() -> None:
    rig = pri_rig(PriRules(ringback=True))
    call, far = incoming(rig, Numbers("66886688"))
    call.alerting()
    rig.until_told(far, "alerting")
    assert rig.whats(far) == ["proceeding", "alerting", "progress"]


def test_a_trunk_can_be_closed_and_opened_again() -> None:
    from drivers.signalling.pri import PriTrunk

    rig = pri_rig()
    call, far = incoming(rig, Numbers("66886688"))
    call.answer()
    rig.until_told(far, "answered")
    rig.user.close()
    assert call.state == "cleared"
    rig.until_told(far, "cleared")
    with pytest.raises(PortBusy):
        rig.user.call(Numbers("10086"))
    rig.until(lambda: not rig.user.channel.stats().open, 10.0)
    again = rig.user = opened(PriTrunk(rig.user.span, "user"))
    rig.listen_at(again)
    rig.until(lambda: again.up, 60.0)
    rig.until(lambda: rig.network.up, 60.0)
    call, far = incoming(rig, Numbers("66886688"))
    call.answer()
    rig.until_told(far, "answered")

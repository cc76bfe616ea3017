"""Records that name nobody (Definity, NEC, LSU without a time of day): whose they are follows from when they came, how
long they say the call was, and the trunk; where nothing tells they are nobody's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from cti.call import Call
from cti.pbx.smdr import SmdrRecord
from cti.talks.leg import names
from cti.talks.margins import AT_ONCE_S, NAMELESS_S
from cti.talks.talks import Ambiguous, Match
from tests.cti.talks.test_talks import Desk
from tests.cti.talks.test_talks import record as any_record
from tests.cti.talks.test_talks_by_time import A, B, Pbx


def record(extension: str, duration_s: float | None = None, trunk: str | None = None) -> SmdrRecord:
    return any_record(extension, None, duration_s, trunk=trunk)


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.talks.close()


@pytest.fixture
def pbx() -> Iterator[Pbx]:
    made = Pbx(resolution_s=60)
    yield made
    made.talks.close()


def left_port(desk: Desk, seconds: float = 20.0, ani: str | None = A) -> Call:
    """A caller whom the VRU had for so long on 2001, and who is with an agent now."""
    call = desk.call(ani)
    call.answered_s = desk.clock.seconds()
    desk.clock.advance(seconds)
    assert desk.talks.owe("2001", call, completes=False) is None
    return call


def test_a_record_long_after_the_end_is_another_calls(desk: Desk) -> None:
    """The call's own record was lost; the next one of that telephone comes half a minute later."""
    call = desk.talk(A)
    desk.over(call)
    desk.clock.advance(NAMELESS_S + 10)
    assert desk.talks.match(record("8001")) is None
    assert desk.talks.match(record("8001", 90.0)) is None
    late = desk.talks.match(record("8001", 30.0))
    assert late == Ambiguous((call,)), "it may be late, and so nobody's"


def test_a_port_that_we_left_a_while_ago(desk: Desk) -> None:
    """It says nothing but that somebody hung up there: we did, at once, or somebody else does now."""
    first = left_port(desk)
    desk.clock.advance(AT_ONCE_S - 1)
    assert desk.talks.match(record("2001")) == Match(first, False, False)
    left_port(desk)
    desk.clock.advance(AT_ONCE_S + 2)
    assert desk.talks.match(record("2001")) is None


def test_the_length_tells_where_there_is_no_time(desk: Desk) -> None:
    call = desk.talk(A, 60.0)
    assert desk.talks.match(record("8001", 12.0)) is None, "another's, and this talk goes on"
    assert desk.talks.match(record("8001", 60.0)) == Match(call, True)


def test_two_that_fit_equally_well(desk: Desk) -> None:
    """Callers who gave up one after the other on a port: of which is it?"""
    calls = []
    for _ in range(2):
        call = desk.call(A)
        call.answered_s = desk.clock.seconds()
        desk.clock.advance(6.0)
        assert desk.talks.owe("2001", call) is None
        calls.append(call)
    found = desk.talks.match(record("2001", 6.0))
    assert isinstance(found, Ambiguous) and set(found.calls) == set(calls)
    assert desk.talks.match(any_record("2001", A, 6.0)) is not None, "a number tells"


def test_the_trunk_of_our_own_leg_tells_the_agents(desk: Desk) -> None:
    call = left_port(desk)
    desk.clock.advance(1.0)
    assert desk.talks.match(record("2001", trunk="07")) == Match(call, False, False)
    assert call.trunk == "07"
    call.talk_s = desk.clock.seconds()
    desk.talks.begin("8001", call)
    desk.clock.advance(30.0)
    assert desk.talks.match(record("8001", trunk="03")) is None
    assert desk.talks.match(record("8001", trunk="07")) == Match(call, True)


def test_of_a_call_that_is_on_the_port_now(desk: Desk) -> None:
    """The caller before has left it for an agent, whose own record was lost; this one hangs up, and the PBX knows."""
    there = desk.call(B)
    desk.talks._on_port = lambda extension: there
    left_port(desk)
    desk.clock.advance(AT_ONCE_S + 0.5)
    there.answered_s = desk.clock.seconds() - 2.0
    early = record("2001", 2.0)
    assert desk.talks.match(early) is None
    assert desk.talks.owe("2001", there) is early


def test_an_early_record_must_be_as_long_as_the_call(desk: Desk) -> None:
    call = desk.call(A)
    call.answered_s = desk.clock.seconds()
    assert desk.talks.match(record("2001", 26.0)) is None
    desk.clock.advance(6.0)
    right = record("2001", 6.0)
    assert desk.talks.match(right) is None
    assert desk.talks.owe("2001", call) is right


def test_a_number_in_another_field_names_the_caller_all_the_same(pbx: Pbx) -> None:
    """The dialect does not know which of the PBX's fields it is; the call before was as long, and its record lost."""
    before = pbx.talk(A, 61.0)
    pbx.clock.advance(5.0)
    pbx.over(before)
    call = pbx.talk(B, 63.0)
    assert pbx.talks.match(pbx.record(pbx.clock.seconds() - 61.0, pbx.clock.seconds(), number=None)) != Match(
        call, True
    )
    own = replace(pbx.own(call), number=None, fields={"rest": f"66886688 9{B} 0"})
    assert pbx.talks.match(own) == Match(call, True)


@pytest.mark.parametrize("rest", ["", A[-6:], f"{A}1", "66886688"])
def test_other_digits_name_nobody(pbx: Pbx, rest: str) -> None:
    call = pbx.call(A)
    assert not names(pbx.record(0.0, 10.0, number=None, fields={"rest": rest}), call.ani)


def test_a_minute_is_no_license(pbx: Pbx) -> None:
    """Printed to the minute, it can be of a call that ended a minute and a half ago; but it came by itself, now."""
    call = pbx.call(A)
    pbx.clock.advance(1.0)
    assert pbx.talks.owe("2001", call) is None
    pbx.clock.advance(84.0)
    now = pbx.clock.seconds()
    assert pbx.talks.match(pbx.record(now, now, "2001", None)) == Ambiguous((call,))
    buffered = pbx.record(now - 85, now - 84, "2001", None)
    assert pbx.talks.match(buffered, alone=False) == Match(call, False), "what waited is matched by its interval"


def test_a_leg_that_begins_when_ours_was_over() -> None:
    pbx = Pbx(resolution_s=1)
    call = pbx.call(A)
    pbx.clock.advance(9.5)
    assert pbx.talks.owe("2001", call, completes=False) is None
    pbx.clock.advance(21.0)
    now = pbx.clock.seconds()
    assert pbx.talks.match(pbx.record(now - 6, now, "2001", None)) == Ambiguous((call,))
    pbx.talks.close()


def test_a_number_or_a_length_that_is_not_what_we_know_makes_a_record_doubtful() -> None:
    pbx = Pbx(resolution_s=1)
    call = pbx.talk(A, 30.0)
    found = pbx.talks.match(pbx.record(call.talk_s or 0, pbx.clock.seconds(), number="23800138000"))
    assert found == Match(call, True, True, None, "the number is 23800138000, the caller's 13800138000")
    found = pbx.talks.match(pbx.record((call.talk_s or 0) + 20, pbx.clock.seconds()))
    assert isinstance(found, Match) and found.doubt == "10 s long, and we know of 30 s" and found.talk_s is None
    found = pbx.talks.match(pbx.own(call))
    assert found == Match(call, True) and isinstance(found, Match) and found.confirmed
    pbx.talks.close()


def test_a_prefixed_number_is_no_doubt_and_confirms_nothing(pbx: Pbx) -> None:
    call = pbx.talk(A, 30.0)
    found = pbx.talks.match(pbx.record(call.talk_s or 0, pbx.clock.seconds(), number="0" + A))
    assert isinstance(found, Match) and found.doubt is None and not found.confirmed


def test_out_of_a_buffer_without_a_time_it_is_nobodys(desk: Desk) -> None:
    """An LSU record has no time of day: among others it can be of any call of that telephone since yesterday."""
    call = desk.talk(A, 60.0)
    assert desk.talks.match(record("8001", 60.0), alone=False) is None
    assert desk.talks.match(record("8001"), alone=False) is None
    assert desk.talks.match(record("8001", 60.0)) == Match(call, True), "by itself it tells"


def test_out_of_a_buffer_it_is_of_no_call_that_ends_soon_after(desk: Desk) -> None:
    """The first line out of the buffer is known for one by the second."""
    call = desk.call(None)
    assert desk.talks.match(record("2001")) is None
    assert desk.talks.match(record("2002"), alone=False) is None
    assert desk.talks.owe("2001", call) is None


def test_a_record_that_tells_only_that_somebody_hung_up_and_comes_late(desk: Desk) -> None:
    """Of the call that left the port five seconds ago, or of the one that is there now, and gone already?"""
    first = left_port(desk)
    there = desk.call(B)
    desk.talks._on_port = lambda extension: there
    desk.clock.advance(AT_ONCE_S + 2.0)
    there.answered_s = desk.clock.seconds() - 2.0
    found = desk.talks.match(record("2001"))
    assert isinstance(found, Ambiguous) and set(found.calls) == {first, there}
    assert desk.talks.owe("2001", there) is None


def test_out_of_a_buffer_of_a_call_that_is_over(pbx: Pbx) -> None:
    """Printed to the minute; the call that is on the port now is not two minutes old."""
    pbx.clock.advance(300.0)
    call = pbx.call(None)
    pbx.clock.advance(12.0)
    now = pbx.clock.seconds()
    early = pbx.record(now - 132.0, now - 120.0, "2001", number=None)
    assert pbx.talks.match(early) is None
    assert not pbx.talks.gone_already("2001", call) and pbx.talks.owe("2001", call) is None


def test_a_whole_call_must_be_as_long_as_the_record_says() -> None:
    """Who gave up in the menu after a second, and somebody else's record of the same minute."""
    pbx = Pbx("whole_call", resolution_s=60)
    call = pbx.call(None)
    pbx.clock.advance(2.0)
    pbx.talks.owe("2001", call)
    now = pbx.clock.seconds()
    assert pbx.talks.match(pbx.record(now - 16.0, now, "2001", number=None), alone=False) is None
    assert pbx.talks.match(pbx.record(now - 2.0, now, "2001", number=None), alone=False) == Match(call, False)
    pbx.talks.close()


def test_out_of_a_buffer_of_our_ports_part(pbx: Pbx) -> None:
    """It would settle nothing, and may be that of another call of the same minute: nobody's, and no other's either."""
    call = pbx.talk(None, 30.0, vru_s=15.0)
    talk_s = call.talk_s or 0.0
    part = pbx.record(talk_s - 15.0, talk_s, "2001", number=None)
    assert pbx.talks.match(part, alone=False) == Ambiguous((call,))
    assert pbx.talks.match(part, alone=False) is None


def test_out_of_a_buffer_it_ends_no_talk_that_it_may_not_be_of(pbx: Pbx) -> None:
    """Printed to the minute in which this agent's former talk ended, and this one began; nearly as long as this one."""
    former = pbx.talk(None, 24.0)
    pbx.talks.end("8001", former)
    pbx.clock.advance(2.0)
    call = pbx.talk(None, 21.0, vru_s=5.0)
    began_s = call.talk_s or 0.0
    record = pbx.record(began_s - 31.0, began_s - 7.0, number=None)
    assert pbx.talks.match(record, alone=False) is None
    assert pbx.talks.at("8001") is call


def test_what_is_known_otherwise_where_records_name_nobody(pbx: Pbx) -> None:
    """Time and length; once a record has named its caller, one without a name is odd."""

    def match(number: str | None) -> Match:
        call = pbx.talk(A, 40.0)
        found = pbx.talks.match(pbx.record(call.talk_s or 0.0, pbx.clock.seconds(), number=number))
        pbx.talks.end("8001", call)
        pbx.clock.advance(30.0)
        assert isinstance(found, Match)
        return found

    assert match(None).confirmed and match(A).confirmed and not match(None).confirmed


@pytest.mark.parametrize("printed_s, confirmed", [(24.0, True), (36.0, False), (18.0, False)])
def test_a_length_in_tenths_of_a_minute_is_confirmed_by_what_it_was_cut_from(
    pbx: Pbx, printed_s: float, confirmed: bool
) -> None:
    """27.5 s are four tenths; of another one a digit may have been damaged."""
    call = pbx.talk(None, 27.5)
    record = replace(pbx.own(call), duration_s=printed_s, duration_step_s=6.0)
    match = pbx.talks.match(record, believed=False)
    assert isinstance(match, Match) and match.call is call and (match.doubt is None) is confirmed


def test_out_of_order_it_may_be_of_the_talk_under_way(pbx: Pbx) -> None:
    """It came in one breath with another, so it frees nobody; nor is it of the caller before, whose own was lost."""
    pbx.clock.advance(45.0)  # to the second half of a minute of the PBX
    before = pbx.talk(A, 10.0)
    pbx.over(before)
    pbx.clock.advance(2.0)
    there = pbx.talk(B, 27.0, vru_s=5.0)
    now = pbx.clock.seconds()
    found = pbx.talks.match(pbx.record(now - 26.0, now, number=None), alone=False)
    assert isinstance(found, Ambiguous) and set(found.calls) == {before, there}
    assert pbx.talks.at("8001") is there


def test_out_of_order_it_may_be_of_the_call_that_rings_there_now(pbx: Pbx) -> None:
    """A caller gave up on that port before; the next one has just done so, and the PBX knows it before us."""
    pbx.clock.advance(30.0)
    before = pbx.call(None)
    pbx.clock.advance(1.0)
    assert pbx.talks.owe("2001", before) is None
    pbx.clock.advance(25.0)
    there = pbx.call(None)
    there.answered_s = None
    pbx.talks._on_port = lambda extension: there
    pbx.clock.advance(2.0)
    now = pbx.clock.seconds()
    found = pbx.talks.match(pbx.record(now - 1.0, now, "2001", None), alone=False)
    assert isinstance(found, Ambiguous) and set(found.calls) == {before, there}


def test_the_part_at_our_port_of_a_call_that_goes_on() -> None:
    """The dialect says that calls are printed whole; this PBX prints our part as well, as we hang up."""
    pbx = Pbx("whole_call")
    before = pbx.call(A)
    pbx.clock.advance(4.0)
    assert pbx.talks.owe("2001", before) is None
    pbx.clock.advance(2.0)
    passed = pbx.call(B)
    pbx.clock.advance(9.0)
    assert pbx.talks.owe("2001", passed, completes=False) is None
    now = pbx.clock.seconds()
    found = pbx.talks.match(pbx.record(now - 9.0, now, "2001", None), alone=False)
    pbx.talks.close()
    assert isinstance(found, Ambiguous) and set(found.calls) == {before, passed}


def test_longer_than_a_talk_whose_end_is_known(pbx: Pbx) -> None:
    """The desk said when it was over: no ringing makes so much more of it. With the caller's number it is doubtful."""
    pbx.clock.advance(30.0)
    call = pbx.talk(A, 60.0, vru_s=130.0)
    pbx.over(call)
    now = pbx.clock.seconds()
    assert pbx.talks.match(pbx.record(now - 140.0, now, number=None)) is None
    found = pbx.talks.match(pbx.record(now - 140.0, now))
    assert isinstance(found, Match) and found.call is call and found.doubt is not None


def test_the_whole_of_the_call_that_talks_there(pbx: Pbx) -> None:
    """A PBX that prints whole calls, against its dialect: this one began long before the talk that is over."""
    pbx.clock.advance(30.0)
    there = pbx.call(B)
    before = pbx.talk(A, 32.0)
    pbx.over(before)
    pbx.clock.advance(8.0)
    there.talk_s = pbx.clock.seconds()
    pbx.talks.begin("8001", there)
    pbx.clock.advance(25.0)
    now = pbx.clock.seconds()
    found = pbx.talks.match(pbx.record(there.began_s, now, number=None), alone=False)
    assert isinstance(found, Ambiguous) and set(found.calls) == {before, there}


def test_an_agents_part_cannot_have_begun_before_our_flash(desk: Desk) -> None:
    call = desk.call(A)
    call.flashed_s = desk.clock.seconds()
    desk.clock.advance(6.0)  # it rang
    assert desk.talks.begin("8001", call) is None
    desk.clock.advance(12.0)
    assert desk.talks.match(record("8001", 27.0)) is None
    assert desk.talks.match(record("8001", 18.0)) == Match(call, True)


def test_a_late_record_of_the_talk_before_does_not_end_the_present_one(desk: Desk) -> None:
    """By the desk's word it was over; its record comes 35 s later, when the next talk has lasted as long."""
    first = desk.talk(A, 27.0)
    desk.over(first)
    desk.clock.advance(8.0)
    second = desk.talk(B, 27.0)
    found = desk.talks.match(record("8001", 27.0))
    assert isinstance(found, Ambiguous) and set(found.calls) == {first, second}
    desk.clock.advance(30.0)
    assert desk.talks.match(record("8001", 57.0)) == Match(second, True), "of another length than the first"


def test_a_record_that_is_much_shorter_than_the_talk_does_not_end_it(pbx: Pbx) -> None:
    """Printed to the minute: it may have been the talk before."""
    call = pbx.talk(None, 50.0)
    now = pbx.clock.seconds()
    assert pbx.talks.match(pbx.record(now - 25.0, now, number=None)) is None
    assert pbx.talks.match(pbx.record(now - 48.0, now, number=None)) == Match(call, True)


def test_a_whole_call_cannot_be_longer_than_the_call() -> None:
    pbx = Pbx("whole_call")
    call = pbx.talk(None, 20.0, vru_s=15.0)
    now = pbx.clock.seconds()
    assert pbx.talks.match(pbx.record(now - 60.0, now, number=None)) is None
    assert pbx.talks.match(pbx.record(now - 35.0, now, number=None)) == Match(call, True)
    pbx.talks.close()


def test_out_of_a_buffer_to_the_minute_a_record_is_not_the_earlier_calls_where_the_later_is_nearer(pbx: Pbx) -> None:
    """That it began after the later talk cannot be shown; it is no proof that it is of the earlier one."""
    pbx.clock.advance(60.0 - pbx.clock.seconds() % 60.0)
    calls, ends = [], []
    for _ in range(2):
        call = pbx.talk(None, 32.0, vru_s=5.0)
        pbx.over(call)
        calls.append(call)
        ends.append(pbx.clock.seconds())
        pbx.clock.advance(8.0)
    pbx.clock.advance(40.0)
    found = pbx.talks.match(pbx.record(ends[1] - 27.0, ends[1], number=None), alone=False)
    assert not isinstance(found, Match) or found.call is calls[1]


@pytest.mark.parametrize("number", [None, B])
def test_who_is_on_our_port_is_gone_although_an_earlier_call_waits_for_such_a_record(
    desk: Desk, number: str | None
) -> None:
    """The earlier one's never came, and it was as long: this record came at once, as all do."""
    earlier = desk.call(None)
    earlier.answered_s = desk.clock.seconds()
    desk.clock.advance(2.0)
    assert desk.talks.owe("2001", earlier) is None
    desk.clock.advance(40.0)
    there = desk.call(B)
    there.answered_s = desk.clock.seconds() - 2.0
    desk.talks._on_port = lambda extension: there
    assert desk.talks.match(any_record("2001", number, 2.0)) is None
    assert desk.talks.gone_already("2001", there)


def test_who_was_gone_when_we_lifted_has_no_record_of_the_next_caller(desk: Desk) -> None:
    """For the PBX that call was over before our answer: what it prints now is of the call that is there."""
    first = desk.call(A)
    first.answered_s, first.outcome = desk.clock.seconds(), "abandoned_ring"
    desk.clock.advance(2.0)
    assert desk.talks.owe("2001", first) is None
    desk.clock.advance(10.0)
    there = desk.call(B)
    there.answered_s = desk.clock.seconds() - 6.0
    desk.talks._on_port = lambda extension: there
    assert desk.talks.match(record("2001")) is None and desk.talks.gone_already("2001", there)


def test_a_record_that_says_nothing_and_comes_as_we_hang_up_tells_no_trunk_while_another_waits(desk: Desk) -> None:
    """By chance a late one comes at that moment, and the call's trunk would be another's."""
    first = left_port(desk)
    desk.clock.advance(20.0)
    then = left_port(desk)
    desk.clock.advance(1.0)
    assert desk.talks.match(record("2001", trunk="07")) == Ambiguous((then, first)) and then.trunk is None


@pytest.mark.parametrize("guessed", [None, A])
def test_without_a_length_a_record_in_one_breath_frees_nobody_while_the_talk_before_waits(
    pbx: Pbx, guessed: str | None
) -> None:
    """The PBX's records come late, so that its clock seems slow and the time stated is now. A number that was guessed
    to be the first caller's does not rule that call out."""
    first = pbx.talk(guessed)
    first.ani_doubt = "place_guessed" if guessed else None
    pbx.over(first)
    pbx.clock.advance(5.0)
    second = pbx.talk(None, 30.0)
    now = pbx.clock.seconds()
    stated = pbx.record(now, now, "8001", B)
    silent = replace(stated, duration_s=None)
    assert pbx.talks.match(silent, alone=False) == Ambiguous((second, first))


@pytest.mark.parametrize(("answered", "gone"), [(False, False), (True, True)])
def test_a_record_of_one_whom_nobody_took_is_not_of_the_call_that_we_have(
    desk: Desk, answered: bool, gone: bool
) -> None:
    """Printed out of turn, it comes three seconds after we have lifted for the next caller."""
    call = desk.call()
    call.answered_s = desk.clock.seconds()
    desk.clock.advance(2.9)
    desk.talks._on_port = lambda extension: call
    silent = any_record("2001", None, 2.0 if answered else 0.0, trunk=None, answered=answered)
    assert desk.talks.match(silent) is None
    assert desk.talks.gone_already("2001", call) is gone


@pytest.mark.parametrize(("step_s", "gone"), [(1.0, False), (6.0, True)])
def test_a_length_of_nought_in_tenths_of_a_minute_does_not_say_that_nobody_answered(
    desk: Desk, step_s: float, gone: bool
) -> None:
    call = desk.call()
    call.answered_s = desk.clock.seconds()
    desk.clock.advance(2.9)
    desk.talks._on_port = lambda extension: call
    short = replace(any_record("2001", None, 0.0, trunk=None, answered=False), duration_step_s=step_s)
    assert desk.talks.match(short) is None
    assert desk.talks.gone_already("2001", call) is gone


@pytest.mark.parametrize("names", [True, False])
def test_on_a_damaged_line_the_same_number_twice_ends_a_call(desk: Desk, names: bool) -> None:
    call = desk.call()
    call.answered_s, call.ani_doubt = desk.clock.seconds(), "serial_damaged"
    desk.clock.advance(12.0)
    desk.talks._on_port = lambda extension: call
    assert desk.talks.match(any_record("2001", call.ani if names else None, 12.0, trunk=None), believed=False) is None
    assert desk.talks.gone_already("2001", call) is names


@pytest.mark.parametrize(("ago_s", "gone"), [(7.0, False), (0.0, True)])
def test_a_record_that_says_it_was_over_before_we_answered(ago_s: float, gone: bool) -> None:
    """Printed out of turn, a few seconds late, it is as long as the call there now: but its times are exact."""
    pbx = Pbx(resolution_s=1)
    call = pbx.call()
    pbx.talks._on_port = lambda extension: call
    pbx.clock.advance(4.0)
    end_s = pbx.clock.seconds() - 3.0 - ago_s if ago_s else pbx.clock.seconds()
    assert not isinstance(pbx.talks.match(pbx.record(end_s - 5.0, end_s, "2001", None, trunk=None)), Match)
    assert pbx.talks.gone_already("2001", call) is gone
    assert (pbx.talks.owe("2001", call) is not None) is gone
    pbx.talks.close()


@pytest.mark.parametrize("alone", [True, False])
def test_out_of_a_buffer_two_short_calls_in_one_minute_are_not_told_apart_by_seconds(pbx: Pbx, alone: bool) -> None:
    """Lengths are printed in tenths of a minute, and beginnings in minutes: both callers were gone in no time."""
    calls = []
    for seconds in (6.0, 1.5):
        call = pbx.call()
        pbx.clock.advance(seconds)
        assert pbx.talks.owe("2001", call) is None
        calls.append(call)
        pbx.clock.advance(30.0)
    printed = pbx.record(calls[1].began_s, calls[1].began_s, "2001", None, trunk=None, duration_step_s=6.0)
    found = pbx.talks.match(printed, alone)
    assert not isinstance(found, Match)
    if not alone:
        assert isinstance(found, Ambiguous) and set(found.calls) == set(calls)

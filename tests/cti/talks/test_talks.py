"""The PBX's records matched to calls: of the talk under way, of calls that ended, of the VRU's leg, of nobody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cti.call import CALL, Call
from cti.machine import Machine
from cti.pbx.smdr import SmdrRecord
from cti.talks.talks import EARLY_S, NAMELESS_S, RECORD_S, Match, Talks
from drivers.clock import SteppedClock

A, B = "13800138000", "01062345678"


def record(
    extension: str | None = "8001", number: str | None = A, duration_s: float | None = None, **more: Any
) -> SmdrRecord:
    fields: dict[str, Any] = {
        "form": "call", "start": None, "end": None, "resolution_s": 60, "duration_s": duration_s,
        "extension": extension, "trunk": "01", "number": number, "direction": "in", "answered": True, "ring_s": None,
        "transferred": False, "event": "end", "raw": "raw", "line_no": 1,
    }  # fmt: skip
    return SmdrRecord(**{**fields, **more})


class Desk:
    """Calls at a clock's time."""

    def __init__(self, **more: Any) -> None:
        self.clock = SteppedClock()
        self.talks = Talks(self.clock, **more)
        self.count = 0

    def call(self, ani: str | None = A) -> Call:
        self.count += 1
        made = Call(f"1-{self.count:06d}", self.clock.seconds(), Machine(CALL))
        made.ani = ani
        return made

    def talk(self, ani: str | None = A, seconds: float = 30.0, extension: str = "8001") -> Call:
        """A talk that has gone on so long."""
        made = self.call(ani)
        made.talk_s = self.clock.seconds()
        assert self.talks.begin(extension, made) is None
        self.clock.advance(seconds)
        return made

    def over(self, call: Call, extension: str = "8001") -> SmdrRecord | None:
        """The desk said so."""
        assert self.talks.end(extension, call)
        return self.talks.owe(extension, call)


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.talks.close()


def test_the_record_of_a_talk_ends_it(desk: Desk) -> None:
    call = desk.talk()
    assert len(desk.talks) == 1
    assert desk.talks.match(record(duration_s=30)) == Match(call, True)
    assert desk.talks.end("8001", call) and not desk.talks.end("8001", call) and len(desk.talks) == 0


@pytest.mark.parametrize("other", [
    record("8002"), record("8001", B), record("8001", duration_s=600), record("8001", direction="out"),
    record("8001", direction="internal"), record(""), record(None),
])  # fmt: skip
def test_records_of_other_calls_end_nothing(desk: Desk, other: SmdrRecord) -> None:
    desk.talk()
    assert desk.talks.match(other) is None


@pytest.mark.parametrize(("ani", "number"), [(None, A), (A, None), (None, None), (A, "0" + A), (A, "8000")])
def test_a_missing_or_prefixed_number_is_no_contradiction(desk: Desk, ani: str | None, number: str | None) -> None:
    call = desk.talk(ani)
    assert desk.talks.match(record(number=number)) == Match(call, True)


def test_a_record_after_the_desks_word_is_of_the_call_before(desk: Desk) -> None:
    first = desk.talk(A)
    assert desk.over(first) is None
    second = desk.talk(B)
    assert desk.talks.match(record(number=A)) == Match(first, False)
    assert desk.talks.match(record(number=B)) == Match(second, True)


@pytest.mark.parametrize("number", [A, None])
def test_the_same_caller_again_while_the_first_record_is_late(desk: Desk, number: str | None) -> None:
    first = desk.talk(A, 60.0)
    desk.over(first)
    desk.clock.advance(3.0)
    second = desk.talk(A, 8.0)
    assert desk.talks.match(record(number=number, duration_s=61)) == Match(first, False)
    assert desk.talks.match(record(number=number, duration_s=9)) == Match(second, True)


def test_the_same_caller_again_and_the_first_record_is_lost(desk: Desk) -> None:
    first = desk.talk(A, 8.0)
    desk.over(first)
    second = desk.talk(A, 60.0)
    assert desk.talks.match(record(duration_s=60)) == Match(second, True)


def test_without_lengths_records_come_in_the_order_of_the_ends(desk: Desk) -> None:
    first = desk.talk(A)
    desk.over(first)
    second = desk.talk(A)
    assert desk.talks.match(record()) == Match(first, False)
    assert desk.talks.match(record()) == Match(second, True)


def test_a_vru_leg_completes_nothing(desk: Desk) -> None:
    call = desk.call()
    assert desk.talks.owe("2001", call, completes=False) is None
    assert desk.talks.match(record("2001")) == Match(call, False, False)
    assert desk.talks.match(record("2001")) is None  # once


def test_a_record_that_came_before_we_noticed(desk: Desk) -> None:
    early, first, second, third = record("2001", duration_s=12), desk.call(B), desk.call(A), desk.call(A)
    desk.clock.advance(12.0)
    assert desk.talks.match(early) is None
    desk.clock.advance(EARLY_S - 1)
    assert desk.talks.owe("2001", desk.call(A)) is None, "it came before this call"
    assert desk.talks.owe("2001", first) is None
    assert desk.talks.owe("2001", second) is early
    assert desk.talks.owe("2001", third) is None


def test_an_early_record_of_the_same_number_must_be_as_long_as_the_call(desk: Desk) -> None:
    """Many call from one number, and a buffer comes: two minutes are not of a call that was there for ten seconds."""
    call = desk.call(A)
    call.answered_s = desk.clock.seconds()
    desk.clock.advance(5.0)
    longer, own = record("2001", A, 157.0), record("2001", A, 6.0)
    assert desk.talks.match(longer, alone=False) is None
    desk.clock.advance(1.0)
    desk.talks.match(own, alone=False)
    assert desk.talks.owe("2001", call) is own
    other = desk.talk(A, 20.0)
    assert desk.talks.end("8001", other)
    desk.talks.match(record("8001", A, 157.0), alone=False)
    assert desk.talks.owe("8001", other, agents=True) is None


def test_an_early_record_is_soon_nobodys(desk: Desk) -> None:
    call = desk.call()
    desk.talks.match(record("2001"))
    desk.clock.advance(EARLY_S + 0.1)
    assert desk.talks.owe("2001", call) is None


def test_how_long_a_record_is_waited_for(desk: Desk) -> None:
    desk.talks.owe("2001", desk.call(A))
    desk.talks.owe("2002", desk.call(None))
    desk.clock.advance(NAMELESS_S + 1)
    assert desk.talks.match(record("2002")) is None
    desk.clock.advance(RECORD_S)
    assert desk.talks.match(record("2001")) is None


def test_another_call_reaches_the_extension(desk: Desk) -> None:
    first = desk.talk(A)
    second = desk.call(B)
    assert desk.talks.begin("8001", second) is first
    assert not desk.talks.end("8001", first) and desk.talks.end("8001", second)


def test_only_so_many_are_remembered(desk: Desk) -> None:
    calls = [desk.call(A) for _ in range(5000)]
    for index, call in enumerate(calls):
        desk.talks.owe(str(index), call)
    assert desk.talks.match(record("0")) is None
    assert desk.talks.match(record("4999")) == Match(calls[-1], False)


@pytest.mark.parametrize(("ani", "number", "duration_s", "gone"), [
    (A, A, 20.0, True), (A, A, 12.0, True), (A, A, None, True),  # the PBX may count from another moment than we
    (A, A, 5.0, False), (A, A, 45.0, False),  # an earlier call of the same caller
    (A, B, 20.0, False),
    (None, A, 19.0, True), (A, None, 21.0, True), (None, None, 20.0, True),
    (None, A, 12.0, False), (None, None, None, True),  # it says nothing, and nobody else waits for one
])  # fmt: skip
def test_a_record_of_a_call_that_we_still_have(
    desk: Desk, ani: str | None, number: str | None, duration_s: float | None, gone: bool
) -> None:
    call = desk.call(ani)
    call.answered_s = desk.clock.seconds()
    desk.clock.advance(20.0)
    assert desk.talks.match(record("2001", number, duration_s, transferred=True)) is None
    assert not desk.talks.gone_already("2001", call)
    assert desk.talks.match(record("2001", number, duration_s)) is None
    assert desk.talks.gone_already("2001", call) is gone and not desk.talks.gone_already("2002", call)
    call.answered_s = None
    assert not desk.talks.gone_already("2001", call)


def test_who_has_pressed_a_key_since_is_not_gone(desk: Desk) -> None:
    """Somebody gave up on the same line, and the next one rang there before a burst was missing: for us it is one ring,
    and the record of the one before names a number that we do not have."""
    call = desk.call(None)
    call.answered_s = desk.clock.seconds()
    desk.clock.advance(0.5)
    assert desk.talks.match(record("2001", A, 0.0)) is None
    desk.clock.advance(2.0)
    key_s = desk.clock.seconds()
    desk.clock.advance(0.5)
    assert not desk.talks.gone_already("2001", call, key_s)
    assert desk.talks.gone_already("2001", call)  # without a key nobody knows better


@pytest.mark.parametrize(("number", "gone"), [(A, True), (B, False)])
def test_a_doubted_number_said_again_at_the_end_is_that_call(desk: Desk, number: str, gone: bool) -> None:
    """The serial line has brought damaged bytes; what it said at the ring it says again of the same port."""
    call = desk.call(A)
    call.ani_doubt = "serial_damaged"
    call.answered_s = desk.clock.seconds()
    desk.clock.advance(20.0)
    assert desk.talks.match(record("2001", number, None)) is None
    assert desk.talks.gone_already("2001", call) is gone


def test_a_record_of_another_who_calls_from_the_same_number_is_not_our_ports_part(desk: Desk) -> None:
    """Employees of one company: the record of our port's part was lost; somebody gave up there while it rang."""
    one = desk.call(A)
    one.answered_s = desk.clock.seconds()
    desk.clock.advance(20.0)
    desk.talks.owe("2001", one, completes=False)
    desk.clock.advance(15.0)
    other = desk.call(A)
    desk.clock.advance(4.0)
    desk.talks.owe("2001", other)
    assert desk.talks.match(record("2001", A, 0.0, answered=False)) == Match(other, False)


def test_of_one_number_the_call_there_now_has_the_record_that_is_as_long() -> None:
    """Its end is known to the PBX before it is to us."""
    there: list[Call] = []
    desk = Desk(on_port=lambda extension: there[0] if there else None)
    one, other = desk.call(A), desk.call(A)
    one.answered_s = desk.clock.seconds()
    desk.clock.advance(20.0)
    desk.talks.owe("2001", one)
    desk.clock.advance(30.0)
    other.answered_s = desk.clock.seconds()
    there.append(other)
    desk.clock.advance(15.0)
    assert desk.talks.match(record("2001", A, 15.0)) is None
    assert desk.talks.gone_already("2001", other)
    desk.talks.close()


def test_a_ring_in_vain_is_not_of_an_earlier_call_from_the_same_number() -> None:
    """Many call from a company's number: the PBX prints that nobody answered, of the caller who rings now."""
    there: list[Call] = []
    desk = Desk(on_port=lambda extension: there[0] if there else None)
    earlier = desk.call(A)
    earlier.answered_s = desk.clock.seconds()
    desk.clock.advance(9.0)
    assert desk.talks.owe("2001", earlier, completes=False) is None
    desk.clock.advance(20.0)
    there.append(desk.call(None))
    desk.clock.advance(2.0)
    vain = record("2001", A, 0.0, answered=None)
    assert desk.talks.match(vain) is None
    there[0].answered_s = desk.clock.seconds()
    desk.clock.advance(1.5)
    assert desk.talks.owe("2001", there[0]) == vain
    desk.talks.close()


@pytest.mark.parametrize(("number", "gone"), [(None, False), (A, True)])
@pytest.mark.parametrize("shown", [True, False])
def test_on_a_damaged_line_nobody_is_gone_by_a_record_without_a_name(
    desk: Desk, number: str | None, gone: bool, shown: bool
) -> None:
    """It may be another extension's, with one digit wrong."""
    call = desk.call(A)
    call.answered_s = desk.clock.seconds()
    desk.clock.advance(20.0)
    doubt = "it ends in the middle" if shown else None
    assert desk.talks.match(record("2001", number, 20.0, doubt=doubt), believed=shown) is None
    assert desk.talks.gone_already("2001", call) is gone

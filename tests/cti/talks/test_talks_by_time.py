"""Records matched by the interval that they state: behind a clock seven minutes slow, in any order, long after, of any
kind of PBX. No agent is freed by what was over before the talk began."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from cti.call import CALL, Call
from cti.machine import Machine
from cti.pbx.pbx_clock import PbxClock
from cti.pbx.smdr import SmdrRecord
from cti.talks.sureness import WAITED
from cti.talks.talks import OWED_S, RECORD_S, Legs, Match, Talks
from drivers.clock import SteppedClock

A, B = "13800138000", "01062345678"
CHINA = ZoneInfo("Asia/Shanghai")
SLOW_S = 420.0


class Pbx:
    """A PBX and the server's view of it; `record` prints what `said` of the last moments."""

    def __init__(self, legs: Legs = "per_leg", resolution_s: int = 60, known: bool = True) -> None:
        self.clock = SteppedClock(datetime(2026, 1, 5, 1, tzinfo=UTC))
        self.resolution_s = resolution_s
        self.jumps: list[str] = []
        self.overdue: list[Call] = []
        self.pbx = PbxClock(self.clock, CHINA, self.jumps.append)
        self.talks = Talks(self.clock, legs, self.pbx, ["2001", "2002"], self.overdue.append)
        self.count = 0
        for _ in range(20 if known else 0):
            self.clock.advance(47.0)
            self.pbx.heard(self.stated(self.clock.seconds()), resolution_s)

    def stated(self, at_s: float) -> datetime:
        """What the PBX's clock showed then."""
        local = self.clock.now().astimezone(CHINA).replace(tzinfo=None)
        local += timedelta(seconds=at_s - self.clock.seconds() - SLOW_S)
        midnight = datetime(local.year, local.month, local.day)
        return midnight + timedelta(seconds=(local - midnight).total_seconds() // self.resolution_s * self.resolution_s)

    def call(self, ani: str | None = A) -> Call:
        self.count += 1
        made = Call(f"1-{self.count:06d}", self.clock.seconds(), Machine(CALL))
        made.ani, made.answered_s = ani, self.clock.seconds()
        return made

    def talk(self, ani: str | None = A, seconds: float = 30.0, extension: str = "8001", vru_s: float = 15.0) -> Call:
        """A caller whom the VRU had for `vru_s`, and who has talked to an agent for so long."""
        made = self.call(ani)
        self.clock.advance(vru_s)
        made.talk_s = self.clock.seconds()
        self.talks.owe("2001", made, completes=False)
        self.talks.begin(extension, made)
        self.clock.advance(seconds)
        return made

    def over(self, call: Call, extension: str = "8001") -> None:
        """The desk said so."""
        assert self.talks.end(extension, call)
        assert self.talks.owe(extension, call, agents=True) is None

    def record(
        self, start_s: float, end_s: float, extension: str = "8001", number: str | None = A, **more: Any
    ) -> SmdrRecord:
        end = self.stated(end_s)
        fields: dict[str, Any] = {
            "form": "call", "start": end - timedelta(seconds=int(end_s - start_s)), "end": end,
            "resolution_s": self.resolution_s, "duration_s": float(int(end_s - start_s)), "extension": extension,
            "trunk": "01", "number": number, "direction": "in", "answered": True, "ring_s": None, "transferred": False,
            "event": "end", "raw": "raw", "line_no": 1,
        }  # fmt: skip
        return SmdrRecord(**{**fields, **more})

    def own(self, call: Call, **more: Any) -> SmdrRecord:
        """The record of the agent's leg of a call that ends now."""
        assert call.talk_s is not None
        return self.record(call.talk_s, self.clock.seconds(), number=call.ani, **more)


@pytest.fixture
def pbx() -> Iterator[Pbx]:
    made = Pbx()
    yield made
    made.talks.close()


@pytest.mark.parametrize("ani", [A, None])
@pytest.mark.parametrize("lasted_s", [3.0, 30.0, 600.0, 4000.0])
def test_the_record_of_the_talk_ends_it(pbx: Pbx, ani: str | None, lasted_s: float) -> None:
    call = pbx.talk(ani, lasted_s)
    assert pbx.talks.match(pbx.own(call)) == Match(call, True)


def test_what_was_over_before_the_talk_is_history(pbx: Pbx) -> None:
    """Buffered records of the same caller at the same telephone, whose calls we know nothing of."""
    began = pbx.clock.seconds()
    pbx.clock.advance(1800.0)
    call = pbx.talk(A, 31.0)
    old = [pbx.record(began + at, began + at + 31, number=number) for at in range(0, 1700, 60) for number in (A, None)]
    assert [pbx.talks.match(one) for one in old] == [None] * len(old)
    assert pbx.talks.match(pbx.own(call)) == Match(call, True)


def test_a_buffer_still_tells_of_calls_long_ago(pbx: Pbx) -> None:
    first, records = [], []
    for _ in range(20):
        call = pbx.talk(A, 45.0)
        records.append((call, pbx.own(call)))
        pbx.clock.advance(5.0)
        pbx.over(call)
        first.append(call)
        pbx.clock.advance(20.0)
    present = pbx.talk(A, 44.0)
    stale = [(call, one, pbx.talks.match(one, alone=False)) for call, one in reversed(records)]
    assert [isinstance(found, Match) and (found.call, found.ends_talk, found.talk_s) for _, _, found in stale] == [
        (call, False, 45.0) for call, _, _ in stale
    ]
    assert pbx.talks.match(pbx.own(present), alone=False) == Match(present, True)


def test_the_end_of_a_talk_told_late_frees_the_agent_all_the_same(pbx: Pbx) -> None:
    call = pbx.talk(A, 200.0)
    printed = pbx.own(call)
    pbx.clock.advance(900.0)
    assert pbx.talks.match(printed, alone=False) == Match(call, True, True, 200.0)


def test_a_nameless_record_that_waited_must_be_certain(pbx: Pbx) -> None:
    """It ended in the minute in which the talk began: of a call before it, as far as anyone can tell."""
    before = pbx.clock.seconds()
    pbx.clock.advance(40.0)
    call = pbx.talk(None, 600.0)
    assert pbx.talks.match(pbx.record(before, before + 38.0, number=None)) is None
    assert pbx.talks.match(pbx.record(before, before + 38.0)) is None
    assert pbx.talks.match(pbx.own(call)) == Match(call, True)


@pytest.mark.parametrize("number", [A, None])
def test_the_same_caller_again_in_the_same_minute(pbx: Pbx, number: str | None) -> None:
    first = pbx.talk(A, 20.0, vru_s=5.0)
    one = pbx.own(first)
    pbx.clock.advance(4.0)
    pbx.over(first)
    second = pbx.talk(A, 9.0, vru_s=5.0)
    two = pbx.own(second)
    for record, call, ends in ((two, second, True), (one, first, False)):  # reordered
        record = pbx.record(0, 0) if record is None else record
        found = pbx.talks.match(record)
        assert isinstance(found, Match) and (found.call, found.ends_talk) == (call, ends)


def test_another_call_during_the_talk_does_not_end_it(pbx: Pbx) -> None:
    """A call that began after ours at this telephone: on a second line, or ours was put on hold for it."""
    pbx.talk(None, 600.0)
    now = pbx.clock.seconds()
    assert pbx.talks.match(pbx.record(now - 300.0, now, number=None)) is None


@pytest.mark.parametrize("more", [
    {"direction": "internal"}, {"number": "2001"}, {"direction": "out"}, {"extension": "2002"}, {"number": B},
])  # fmt: skip
def test_intercom_legs_and_our_own_extensions_end_no_talk(pbx: Pbx, more: dict[str, Any]) -> None:
    call = pbx.talk(None if "number" in more else A, 30.0)
    call.ani = call.ani or (A if more.get("number") == B else None)
    record = pbx.record(call.talk_s or 0.0, pbx.clock.seconds(), **{"number": None, **more})
    found = pbx.talks.match(record)
    assert not isinstance(found, Match) or not found.ends_talk


def test_another_trunk_is_another_call(pbx: Pbx) -> None:
    call = pbx.talk(A, 30.0)
    vru = pbx.talks.match(pbx.record((call.talk_s or 0) - 15, call.talk_s or 0, "2001", trunk="07"))
    assert vru == Match(call, False, False) and call.trunk == "07"
    call.ani = None
    assert pbx.talks.match(pbx.own(call, trunk="08")) is None
    assert pbx.talks.match(pbx.own(call, trunk="07")) == Match(call, True)


def test_a_clock_that_was_set_does_not_keep_an_agent(pbx: Pbx) -> None:
    """Until the new offset is known: the same caller, for the same length, just now; not out of a buffer."""
    call = pbx.talk(A, 100.0)
    set_back = pbx.record((call.talk_s or 0) - 3600, pbx.clock.seconds() - 3600)
    assert pbx.talks.match(set_back) is None, "the first one may just have waited for an hour"
    for ago_s in (30.0, 0.0):
        pbx.pbx.heard(pbx.stated(pbx.clock.seconds() - ago_s - 3600), 60.0)
    assert pbx.talks.match(set_back, alone=False) is None
    assert pbx.talks.match(pbx.record((call.talk_s or 0) - 3600, pbx.clock.seconds() - 3650)) is None, "another length"
    assert pbx.talks.match(set_back, alone=True) == Match(call, True)


def test_a_date_of_stars_is_matched_by_its_length(pbx: Pbx) -> None:
    call = pbx.talk(A, 100.0)
    assert pbx.talks.match(pbx.own(call, start=None, end=None)) == Match(call, True)


def test_the_whole_call_in_one_record() -> None:
    pbx = Pbx("whole_call")
    call = pbx.talk(A, 100.0, vru_s=200.0)
    assert pbx.talks.match(pbx.record(call.began_s, pbx.clock.seconds())) == Match(call, True), "no length of the talk"
    nameless = pbx.talk(None, 100.0, vru_s=200.0)
    assert pbx.talks.match(pbx.record(nameless.began_s, pbx.clock.seconds(), number=None)) == Match(nameless, True)
    pbx.talks.close()


def test_halves_of_a_split_call() -> None:
    pbx = Pbx("split_at_flash", resolution_s=1)
    call = pbx.talk(A, 100.0)
    talk_s = call.talk_s or 0.0
    for half in (pbx.record(talk_s - 15, talk_s - 6, "2001"), pbx.record(talk_s - 6, talk_s, "2001")):
        assert pbx.talks.match(half) == Match(call, False, False)
    assert pbx.talks.match(pbx.record(talk_s + 40, pbx.clock.seconds())) == Match(call, True), "the last half"
    pbx.talks.close()


def test_a_call_without_a_record_is_told_once_and_may_have_one_later(pbx: Pbx) -> None:
    first, second = pbx.talk(A, 30.0), pbx.talk(B, 10.0, "8002")
    one, two = pbx.own(first), pbx.own(second, extension="8002")
    pbx.over(first)
    pbx.over(second, "8002")
    assert pbx.talks.match(two) == Match(second, False)
    pbx.clock.advance(RECORD_S + 5)
    assert pbx.overdue == [first]
    pbx.clock.advance(3000.0)
    found = pbx.talks.match(one)
    assert isinstance(found, Match) and found.call is first and not found.ends_talk
    assert pbx.talks.match(one) is None and pbx.overdue == [first]


def test_what_waited_too_long_is_forgotten(pbx: Pbx) -> None:
    call = pbx.talk(A, 30.0)
    record = pbx.own(call)
    pbx.over(call)
    pbx.clock.advance(OWED_S + 1)
    assert pbx.talks.match(record) is None
    assert not pbx.talks._owed and not pbx.talks._order


@pytest.mark.parametrize(("late_s", "step_s", "told"), [(0.5, 1.0, None), (5.0, 1.0, 30.0), (20.0, 6.0, 33.0)])
def test_the_length_of_a_talk_by_a_late_record(pbx: Pbx, late_s: float, step_s: float, told: float | None) -> None:
    call = pbx.talk(A, 30.0)
    record = pbx.own(call, duration_step_s=step_s)
    pbx.clock.advance(late_s)
    assert pbx.talks.match(record) == Match(call, True, True, told)


@pytest.mark.parametrize("known", [True, False])
def test_records_without_a_number_that_all_come_forty_seconds_late(known: bool) -> None:
    """Our ports know when their calls ended, and so how late the records are: those of agents' telephones then find
    the talk that was over, and not the one under way."""
    pbx = Pbx(resolution_s=1, known=False)
    late_s, due = 40.0, list[tuple[float, SmdrRecord]]()

    def printed(start_s: float, end_s: float, extension: str) -> None:
        due.append((end_s + late_s, pbx.record(start_s, end_s, extension, None, trunk=None)))

    def passes(seconds: float) -> list[object]:
        found, until = list[object](), pbx.clock.seconds() + seconds
        while due and due[0][0] <= until:
            at_s, record = due.pop(0)
            pbx.clock.advance(at_s - pbx.clock.seconds())
            assert record.end is not None
            pbx.pbx.heard(record.end, 1)
            found.append(pbx.talks.match(record))
        pbx.clock.advance(until - pbx.clock.seconds())
        return found

    if known:
        for vru_s in (11.0, 19.0, 15.0, 25.0, 31.0):  # callers whom nobody answered
            call = pbx.call()
            began_s = pbx.clock.seconds()
            passes(vru_s)
            assert pbx.talks.owe("2001", call) is None
            printed(began_s, pbx.clock.seconds(), "2001")
            passes(30.0)
        passes(60.0)
        assert pbx.pbx.late_s == pytest.approx(late_s, abs=1.0)
    calls = []
    for _ in range(2):
        call = pbx.call()
        began_s = call.flashed_s = call.talk_s = pbx.clock.seconds()
        pbx.talks.begin("8001", call)
        found = passes(30.0)
        printed(began_s, pbx.clock.seconds(), "8001")
        found += passes(5.0)
        calls.append(call)
        if call is calls[0]:
            pbx.over(call)
    freed = [one for one in found if isinstance(one, Match) and one.ends_talk]
    assert freed == [] and (not known or [one.call for one in found if isinstance(one, Match)] == [calls[0]])
    pbx.talks.close()


def test_a_talk_whose_end_was_guessed_was_over_when_the_telephone_had_another_call(pbx: Pbx) -> None:
    """A record of a call that is not ours, an hour later, is not of it; one from before is."""
    first = pbx.talk(None, 1500.0)
    assert pbx.talks.end("8001", first)
    pbx.talks.owe("8001", first, agents=True, guessed=True)
    pbx.clock.advance(60.0)
    second = pbx.talk(B, 30.0)
    assert pbx.talks.match(pbx.own(second)) == Match(second, True)
    assert pbx.talks.end("8001", second)
    pbx.clock.advance(1800.0)
    now = pbx.clock.seconds()
    assert pbx.talks.match(replace(pbx.record(now, now, number=A), duration_s=None)) is None
    ended = first.talk_s + 1520.0 if first.talk_s is not None else 0.0
    match = pbx.talks.match(replace(pbx.record(ended, ended, number=A), duration_s=None))
    assert isinstance(match, Match) and match.call is first


def test_out_of_a_buffer_the_end_of_the_talk_after_a_guess_is_not_of_the_one_before_it() -> None:
    """Whose end a limit guessed; the next talk began at once, and its caller's number, which the record names, came on
    the line that was out."""
    pbx = Pbx(resolution_s=1)
    first = pbx.talk(None, 1530.0)
    assert pbx.talks.end("8001", first)
    pbx.talks.owe("8001", first, agents=True, guessed=True)
    second = pbx.talk(None, 25.0, vru_s=5.0)
    ended = pbx.clock.seconds()
    pbx.clock.advance(200.0)
    release = replace(pbx.record(ended, ended, number=B), duration_s=None)
    match = pbx.talks.match(release, alone=False)
    assert isinstance(match, Match) and match.call is second and match.ends_talk
    pbx.talks.close()


def test_a_record_that_names_nobody_and_waited_is_doubtful(pbx: Pbx) -> None:
    """It may be of a call that is not ours; not where the trunk is the same."""
    calls, records = [], []
    for trunk in (None, "01"):
        call = pbx.talk(None, 200.0)
        call.trunk = trunk
        pbx.over(call)
        calls.append(call)
        records.append(pbx.own(call))
        pbx.clock.advance(300.0)
    pbx.clock.advance(900.0)
    first, second = (pbx.talks.match(one, alone=False) for one in records)
    assert isinstance(first, Match) and first.call is calls[0] and first.doubt == WAITED
    assert isinstance(second, Match) and second.call is calls[1] and second.doubt is None


@pytest.mark.parametrize(("resolution_s", "ago_s", "gone"), [(1, 0.0, True), (1, 60.0, False), (60, 0.0, False)])
def test_who_hangs_up_as_another_call_ends_is_gone(resolution_s: int, ago_s: float, gone: bool) -> None:
    """Both records come in one breath, and name nobody. Out of a buffer come such, too: of calls that ended before."""
    pbx = Pbx(resolution_s=resolution_s)
    pbx.clock.advance(60.0)
    call = pbx.call(None)
    pbx.clock.advance(16.0)
    pbx.talks.match(pbx.record(pbx.clock.seconds() - 30.0, pbx.clock.seconds(), "8002", None), True)
    end_s = pbx.clock.seconds() - ago_s
    pbx.talks.match(pbx.record(end_s - 16.0, end_s, "2001", None), False)
    assert pbx.talks.gone_already("2001", call) is gone


@pytest.mark.parametrize(("lasts_s", "ago_s", "gone"), [(175.0, 0.0, True), (175.0, 180.0, False), (10.0, 0.0, False)])
def test_a_port_has_one_call_at_a_time(lasts_s: float, ago_s: float, gone: bool) -> None:
    """Printed to the minute, in one breath with another's, naming nobody: but as printed the record's call was over
    after ours was answered, so it is none from before, though it may have waited in a buffer."""
    pbx = Pbx()
    pbx.clock.advance(300.0)
    call = pbx.call(None)
    pbx.talks._on_port = lambda extension: call
    pbx.clock.advance(lasts_s)
    end_s = pbx.clock.seconds() - ago_s
    pbx.talks.match(pbx.record(end_s - 61.0, end_s, "8002", None, trunk=None), True)
    assert pbx.talks.match(pbx.record(end_s - lasts_s, end_s, "2001", None, trunk=None), False) is None
    pbx.clock.advance(1.4)
    assert pbx.talks.gone_already("2001", call) is gone
    assert (pbx.talks.owe("2001", call) is not None) is gone
    pbx.talks.close()


@pytest.mark.parametrize(("rest", "gone"), [(f"00 {A} 7", True), (f"0{A}", True), (B, False), (A[-6:], False)])
def test_the_callers_number_in_a_column_that_nobody_explained(pbx: Pbx, rest: str, gone: bool) -> None:
    """Which column is the caller's is not known, nor that the printed time is the beginning: as the end it is of a call
    that was over long before. The digits stand there all the same."""
    for _ in range(20):
        pbx.pbx.lateness.came([0.5])
    pbx.clock.advance(300.0)
    call = pbx.call()
    pbx.talks._on_port = lambda extension: call
    pbx.clock.advance(175.0)
    began_s = pbx.clock.seconds() - 175.0
    printed = pbx.record(began_s - 175.0, began_s, "2001", None, trunk=None, fields={"rest": rest})
    assert pbx.talks.match(printed) is None
    assert pbx.talks.gone_already("2001", call) is gone
    assert (pbx.talks.owe("2001", call) is not None) is gone
    pbx.talks.close()


@pytest.mark.parametrize(("rest", "ends"), [(A, True), (B, False)])
def test_a_date_of_stars_in_one_breath_with_another_and_the_callers_number_anywhere(
    pbx: Pbx, rest: str, ends: bool
) -> None:
    call = pbx.talk(A, 30.0)
    undated: dict[str, Any] = {"start": None, "end": None, "duration_s": 30.0, "trunk": None, "fields": {"rest": rest}}
    match = pbx.talks.match(pbx.record(0.0, 30.0, number=None, **undated), False)
    assert match == (Match(call, True) if ends else None)


@pytest.mark.parametrize(("lasts_s", "gone"), [(175.0, True), (100.0, False)])
def test_while_others_wait_as_if_all_were_late_none_is_late_by_as_long_as_this_call(
    pbx: Pbx, lasts_s: float, gone: bool
) -> None:
    """Undated, and another talk is without its record: one of a call before on this port would have come long ago."""
    call = pbx.call(None)
    pbx.talks._on_port = lambda extension: call
    pbx.clock.advance(lasts_s - 60.0)
    other = pbx.talk(B, 30.0, vru_s=0.0)
    pbx.over(other)
    pbx.clock.advance(30.0)
    undated: dict[str, Any] = {"start": None, "end": None, "duration_s": lasts_s, "trunk": None}
    assert not isinstance(pbx.talks.match(pbx.record(0.0, 1.0, "2001", None, **undated)), Match)
    assert pbx.talks.gone_already("2001", call) is gone
    assert (pbx.talks.owe("2001", call) is not None) is gone


def test_a_number_of_many_does_not_win_over_the_time() -> None:
    """Two callers of one company; the first one's record was lost, the second one's number was not told."""
    pbx = Pbx(resolution_s=1)
    for _ in range(20):
        pbx.pbx.lateness.came([0.5])
    first = pbx.call(A)
    pbx.clock.advance(20.0)
    pbx.talks.owe("2001", first, completes=False)
    pbx.clock.advance(42.0)
    second = pbx.call(None)
    pbx.clock.advance(19.0)
    pbx.talks.owe("2001", second)
    now = pbx.clock.seconds()
    matched = pbx.talks.match(pbx.record(now - 19.0, now, "2001"))
    assert isinstance(matched, Match) and matched.call is second
    pbx.talks.close()


def test_the_first_of_two_of_one_number_has_its_late_record() -> None:
    """Nobody else was there at that time for so long."""
    pbx = Pbx(resolution_s=1)
    first = pbx.call(A)
    pbx.clock.advance(20.0)
    pbx.talks.owe("2001", first, completes=False)
    pbx.clock.advance(42.0)
    second = pbx.call(None)
    pbx.clock.advance(50.0)
    pbx.talks.owe("2001", second)
    now = pbx.clock.seconds()
    matched = pbx.talks.match(pbx.record(now - 20.0, now, "2001"))
    assert isinstance(matched, Match) and matched.call is first
    pbx.talks.close()


@pytest.mark.parametrize("known", [True, False])
def test_of_one_number_the_call_that_has_just_left_our_port_has_the_record_that_comes_at_once(known: bool) -> None:
    """Another one was as long, shortly before, and its own record was damaged; where records come late, this may
    be that one's."""
    pbx = Pbx()
    pbx.clock.advance(30.0)  # a printed minute says the same of both
    for _ in range(20 if known else 0):
        pbx.pbx.lateness.came([0.5])
    calls = []
    for vru_s, since_s in (12.0, 5.0), (12.9, 0.1):
        calls.append(pbx.call(A))
        pbx.clock.advance(vru_s)
        pbx.talks.owe("2001", calls[-1], completes=False)
        pbx.clock.advance(since_s)
    now = pbx.clock.seconds()
    matched = pbx.talks.match(pbx.record(now - 12.9, now, "2001"))
    assert isinstance(matched, Match) and matched.call is calls[known]
    pbx.talks.close()


@pytest.mark.parametrize("since_s, freed", [(5.0, True), (300.0, False)])
def test_out_of_a_buffer_the_end_of_a_call_before_the_talk_frees_nobody(since_s: float, freed: bool) -> None:
    """The telephone had a call that is not ours, until just before; a release without a length, at once or later."""
    pbx = Pbx(resolution_s=1)
    before_s = pbx.clock.seconds() + 10.0
    call = pbx.talk(None, since_s)
    assert call.talk_s is not None and call.talk_s > before_s
    match = pbx.talks.match(replace(pbx.record(before_s, before_s, number=B), duration_s=None))
    assert (isinstance(match, Match) and match.ends_talk) is freed
    pbx.talks.close()

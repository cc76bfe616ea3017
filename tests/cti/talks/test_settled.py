"""What records settle in a whole centre: lengths of talks, calls without a record, lines that cannot be read, guesses
that a busy tone disproves, callers lost in a transfer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cti.acd.truths import Limits
from cti.call import Call
from cti.pbx.smdr import SmdrUnknown
from cti.sides.pbx_side import SerialWire
from cti.switch.interface import Caller, Transfer
from cti.talks.stamps import MISREAD
from cti.talks.talks import RECORD_S
from tests.cti.centre_bench import A, B, CentreBench

SLOW = timedelta(seconds=420)


def silent(protocol: Any) -> None:
    """The opener of a line on which nothing comes."""
    protocol.makeConnection(SimpleNamespace(write=lambda data: None, loseConnection=lambda: None))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[CentreBench]:
    made = CentreBench(tmp_path)
    yield made
    made.stop()
    assert made.faults() == []


def now(bench: CentreBench, resolution_s: int = 60) -> datetime:
    """What the PBX's clock shows: seven minutes slow, the minute only."""
    local = bench.clock.now().astimezone(bench.site.zone).replace(tzinfo=None) - SLOW
    return local.replace(second=0 if resolution_s == 60 else local.second, microsecond=0)


def printed(bench: CentreBench, seconds: float, resolution_s: int = 60, **more: Any) -> None:
    """A record of a talk that ends now."""
    end = now(bench, resolution_s)
    begun = end - timedelta(seconds=int(seconds))
    bench.record(start=begun, end=end, duration_s=float(int(seconds)), resolution_s=resolution_s, **more)


def warmed(bench: CentreBench, resolution_s: int = 60) -> None:
    """The PBX's clock is known from calls that are not ours."""
    for _ in range(6):
        bench.run(50.0)
        printed(bench, 20.0, resolution_s, extension="8009", number="13300000000")


def kinds(bench: CentreBench, call: Call, kind: str) -> list[dict[str, Any]]:
    return list(bench.records.of(call.id, kind))


def test_a_talk_is_as_long_as_its_record_says_when_that_came_late(bench: CentreBench) -> None:
    call = bench.talking()
    bench.run(40.0)
    bench.record(duration_s=30.0)
    assert kinds(bench, call, "talk_ended")[0]["seconds"] == 30.0 and bench.agent()[1] == "idle"


def test_after_the_desks_word_a_late_record_mends_the_length(bench: CentreBench) -> None:
    call = bench.talking()
    bench.run(45.0)
    bench.centre.acd.call_ended("1001")
    bench.run(20.0)
    bench.record(duration_s=40.0)
    (smdr,) = kinds(bench, call, "smdr")
    assert smdr["talk_s"] == 40.0 and smdr["instead_of"] == pytest.approx(45.0, abs=0.1)
    assert bench.outcome(call) == ("answered", "call_ended") and 9 in call.steps


def test_a_call_whose_record_can_be_anothers_says_so(tmp_path: Path) -> None:
    bench = CentreBench(tmp_path, wires={"smdr": SerialWire(silent)})
    call = bench.talking()
    bench.run(40.0)
    bench.record(duration_s=None, doubt="pulses holds '('")
    assert call.state == "talking"
    bench.centre.acd.call_ended("1001")
    bench.run(RECORD_S + 1)
    assert [one["why"] for one in kinds(bench, call, "unrecorded")] == ["one came that can be of another call as well"]
    bench.stop()


def test_a_call_without_a_record_is_marked(tmp_path: Path) -> None:
    bench = CentreBench(tmp_path, wires={"smdr": SerialWire(silent)})
    call = bench.talking()
    bench.run(30.0)
    bench.centre.acd.call_ended("1001")
    bench.run(RECORD_S - 1)
    assert kinds(bench, call, "unrecorded") == []
    bench.run(2)
    assert [one["why"] for one in kinds(bench, call, "unrecorded")] == ["none came"]
    bench.stop()


def test_calls_that_wait_for_their_record_when_the_server_stops_are_marked(tmp_path: Path) -> None:
    bench = CentreBench(tmp_path, wires={"smdr": SerialWire(silent)})
    call = bench.talking()
    bench.run(30.0)
    bench.centre.acd.call_ended("1001")
    bench.stop()
    assert [one["why"] for one in kinds(bench, call, "unrecorded")] == ["the server stops"]


def test_a_silent_line_while_calls_end_on_our_ports_is_an_alarm(tmp_path: Path) -> None:
    """No agent says anything, and no talk ends that we know of: the line is silent all the same."""
    bench = CentreBench(tmp_path, wires={"smdr": SerialWire(silent)})
    bench.talking()
    bench.run(299.0)
    assert "smdr_silent" not in bench.centre.alarms
    bench.run(2.0)
    assert "smdr_silent" in bench.centre.alarms
    bench.centre.acd.call_ended("1001")
    bench.stop()


def test_a_line_that_cannot_be_read_is_kept_with_its_reason(bench: CentreBench) -> None:
    bench.pbx.settled.take(SmdrUnknown("01/0?/26 rubbish", 7, "fits no form of the dialect"))
    (kept,) = bench.records.of(None, "smdr_unread")
    assert (kept["raw"], kept["line"], kept["reason"]) == ("01/0?/26 rubbish", 7, "fits no form of the dialect")


def test_a_buffer_emptied_after_a_reconnection_writes_history(bench: CentreBench) -> None:
    warmed(bench)
    bench.run(1800.0)
    call = bench.talking()
    bench.run(31.0)
    for ago in range(1700, 40, -50):
        end = now(bench) - timedelta(seconds=ago)
        for number in (A, None) if ago > 140 else (B, None):  # the same caller and length in the same minute: who knows
            bench.record(start=end - timedelta(seconds=60), end=end, duration_s=60.0, number=number)
    assert call.state == "talking" and bench.agent()[1] == "talking"
    bench.run(2.0)
    printed(bench, 33.0)
    assert bench.outcome(call) == ("answered", "smdr")


def test_out_of_a_buffer_records_whose_times_are_misread_are_doubtful(bench: CentreBench) -> None:
    """The PBX prints when its calls began, the dialect says that it is the end: neither frees the agent who talks now,
    though the misread time fits, nor is anybody's for certain."""

    def misread(seconds: float, **more: Any) -> None:
        begun = now(bench, 1) - timedelta(seconds=seconds)
        length = timedelta(seconds=seconds)
        bench.record(start=begun - length, end=begun, duration_s=seconds, resolution_s=1, **more)

    for lasted in (20.0, 200.0, 40.0, 160.0, 60.0, 120.0, 80.0, 180.0, 30.0, 140.0, 100.0, 50.0):
        bench.run(lasted)
        misread(lasted, extension="8009", number="13300000000")
    assert "smdr_stamp" in bench.centre.alarms
    before = bench.talking()
    bench.run(50.0)
    bench.centre.acd.call_ended("1001")
    bench.run(60.0)
    misread(100.0, extension="8009", number="13300000000")
    misread(110.0)
    assert [one["doubt"] for one in kinds(bench, before, "smdr")] == [MISREAD]


def test_a_clock_that_jumps_is_told(bench: CentreBench) -> None:
    global SLOW
    warmed(bench)
    before, SLOW = SLOW, SLOW + timedelta(minutes=30)
    try:
        warmed(bench)
    finally:
        SLOW = before
    (alarm,) = [one for one in bench.records.of(None, "alarm") if one["what"] == "pbx_clock"]
    assert "went back by 30 min" in alarm["text"] and "38 min slow" in alarm["text"]


def test_who_is_asked_at_the_limit_and_says_nothing_is_freed_with_its_cause(bench: CentreBench) -> None:
    call = bench.talking()
    bench.run(bench.site.limits.talk_s + 0.1)
    assert bench.desks.sent[-1] == ("1001", "ask", {"call": call.id}) and call.state == "talking"
    bench.run(Limits().ask_s - 1)
    assert bench.agent()[1] == "unknown"
    bench.run(1.1)
    assert bench.agent()[1] == "idle" and bench.outcome(call) == ("answered", "talk_limit")


def test_a_busy_tone_disproves_the_guess_and_the_record_comes_at_last(bench: CentreBench) -> None:
    warmed(bench, 1)
    bench.centre.acd.not_ready("1002", "test")
    first = bench.talking(A)
    began_s = bench.clock.seconds()
    bench.run(bench.site.limits.talk_s + Limits().ask_s + 1)
    assert first.ended
    second = bench.transferring(B, 1)
    bench.switch.ends(Transfer.BUSY, Caller.WITH_US, "busy")
    assert second.state == "queued" and bench.agent()[1] == "unknown"
    (told,) = kinds(bench, first, "alarm")
    assert told["what"] == "still_busy"
    bench.run(25.0)
    printed(bench, bench.clock.seconds() - began_s, resolution_s=1)
    assert 9 in first.steps and bench.outcome(first) == ("answered", "talk_limit")
    assert second.state == "transferring", "the telephone is free now: the caller need not wait for busy_s"
    (smdr,) = kinds(bench, first, "smdr")
    assert "talk_s" not in smdr, "longer than what was measured, the limit being a guess"


@pytest.mark.parametrize("order", ["vru late", "agent after all"])
def test_a_caller_lost_in_a_transfer_is_found_out_by_late_records(bench: CentreBench, order: str) -> None:
    """The desk ended it first; our port's record says that the call ended there, unless the agent's own comes."""
    call = bench.talking()
    bench.run(5.0)
    bench.centre.acd.call_ended("1001")
    assert bench.outcome(call)[0] == "answered"
    bench.record("2001", duration_s=1.0)
    assert [one["outcome"] for one in kinds(bench, call, "outcome")] == ["answered", "lost_in_transfer"]
    if order == "agent after all":
        bench.record("8001", duration_s=5.0)
        assert [one["outcome"] for one in kinds(bench, call, "outcome")][2:] == ["answered"]
    bench.calls.clear()  # told more than once


def test_a_ring_that_was_printed_long_ago_tells_of_nobody(bench: CentreBench) -> None:
    """Norstar and HiPath print a line at the ring; after a disconnection those of many calls come at once."""
    warmed(bench, 1)
    told: list[Any] = []
    bench.pbx.callers.record_at_ring = told.append  # type: ignore[method-assign, assignment]
    for late_s, known in ((60.0, 0), (1.0, 1)):
        at = now(bench, 1) - timedelta(seconds=late_s)
        bench.record(extension="2001", event="ring", answered=None, resolution_s=1, start=at, end=at)
        assert len(told) == known

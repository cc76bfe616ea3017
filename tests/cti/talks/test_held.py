"""Records of two lines, of which the second says who called: matched when both have come, doubtful where the second was
damaged, and as they are where none comes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cti.pbx.dialect import load_dialect
from cti.pbx.smdr import SmdrDecoder, SmdrRecord, SmdrUnknown
from cti.talks.held import LOST_LINE
from tests.cti.centre_bench import A, B, CentreBench
from tests.cti.talks.test_settled import kinds

TALK = "E 069 000000 T011      8001      01/05 09:05:03 00:00:20.0                                 \r\n"


def second(number: str) -> str:
    return f" &{number:<37}6886688\r\n"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[CentreBench]:
    made = CentreBench(tmp_path)
    made.decoder = SmdrDecoder(load_dialect("toshiba-ctx"), made.pbx.settled.pbx.now)  # type: ignore[attr-defined]
    yield made
    made.stop()
    assert made.faults() == []


def printed(bench: CentreBench, text: str) -> None:
    for item in bench.decoder.feed(text.encode()):  # type: ignore[attr-defined]
        bench.pbx.settled.take(item)


def test_the_second_line_says_who_called(bench: CentreBench) -> None:
    call = bench.talking()
    bench.run(20.0)
    printed(bench, TALK)
    assert call.state == "talking", "not known yet who called"
    printed(bench, second(A))
    assert bench.outcome(call) == ("answered", "smdr") and bench.agent()[1] == "idle"
    (smdr,) = kinds(bench, call, "smdr")
    assert (smdr["fields"]["number"], smdr["fields"]["dnis"], smdr.get("doubt")) == (A, "6886688", None)
    assert smdr["raw"].startswith("E 069") and smdr["raw"].count("\n") == 1
    assert bench.records.of(None, "smdr") == [], "one record, not two"


def test_the_record_of_another_caller_ends_nobodys_talk(bench: CentreBench) -> None:
    call = bench.talking()
    bench.run(20.0)
    printed(bench, TALK + second(B))
    assert call.state == "talking" and bench.agent()[1] == "talking"
    assert [one["fields"]["number"] for one in bench.records.of(None, "smdr")] == [B]
    bench.centre.acd.call_ended("1001")


def test_without_a_second_line_it_counts_a_breath_later(bench: CentreBench) -> None:
    call = bench.talking()
    bench.run(20.0)
    printed(bench, TALK)
    bench.run(0.4)
    assert call.state == "talking"
    bench.run(1.0)
    assert bench.outcome(call) == ("answered", "smdr")
    assert [one.get("doubt") for one in kinds(bench, call, "smdr")] == [None]


def test_a_damaged_second_line_makes_the_record_doubtful(bench: CentreBench) -> None:
    call = bench.talking()
    bench.run(20.0)
    printed(bench, TALK + second(A).replace("&", "$"))
    assert bench.outcome(call) == ("answered", "smdr")
    assert [one["doubt"] for one in kinds(bench, call, "smdr")] == [LOST_LINE]
    assert len(bench.records.of(None, "smdr_unread")) == 1


def test_the_first_line_of_the_next_record_is_no_second_line(bench: CentreBench) -> None:
    call = bench.talking()
    bench.run(20.0)
    printed(bench, TALK)
    printed(bench, TALK.replace("8001", "8009"))
    assert call.state == "talking", "as out of a buffer: nobody knows when it was, nor whose"
    printed(bench, second(B))
    bench.run(2.0)
    assert [one["fields"]["number"] for one in bench.records.of(None, "smdr")] == [None, B]
    bench.centre.acd.call_ended("1001")


def test_a_second_line_alone_belongs_to_nobody(bench: CentreBench) -> None:
    call = bench.talking()
    bench.run(20.0)
    printed(bench, second(A))
    bench.run(2.0)
    assert call.state == "talking" and len(bench.records.of(None, "smdr")) == 1
    bench.centre.acd.call_ended("1001")


def test_the_decoder_says_which_line_is_which(bench: CentreBench) -> None:
    first, behind = bench.decoder.feed((TALK + second(A)).encode())  # type: ignore[attr-defined]
    assert isinstance(first, SmdrRecord) and isinstance(behind, SmdrRecord)
    assert (first.continued, first.continues, first.number) == (True, False, None)
    assert (behind.continued, behind.continues, behind.number) == (False, True, A)
    (old,) = bench.decoder.feed(b"N 025 00 T010 016 6101    05/09 07:47 00:00:20\r\n")  # type: ignore[attr-defined]
    assert not isinstance(old, SmdrUnknown) and not old.continued, "the old format has one line"

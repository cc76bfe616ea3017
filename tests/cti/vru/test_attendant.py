"""What the VRU says and does for a call: queue, message, and why a wait ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cti.vru.attendant import ENDINGS
from drivers import events as ev
from tests.cti.centre_bench import A, B, CentreBench


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    made = CentreBench(tmp_path, agents=1, max_queue=2)
    made.centre.acd.not_ready("1001", "test")
    yield made
    made.stop()
    assert not made.faults(), made.faults()


def played(bench: CentreBench, port: int = 0) -> list[str]:
    """Keys of what was said."""
    said = [entry for entry in bench.ports[port].log if entry[0] in ("play", "collect")]
    return [str(key) for entry in said for key in entry[1:]]


def test_the_language_is_known_as_soon_as_it_is_chosen(bench: CentreBench) -> None:
    call = bench.arrives()
    bench.press("8")
    assert call.language == "en"
    bench.port.tell(ev.LoopDrop)


def test_a_full_queue(tmp_path: Path) -> None:
    bench = CentreBench(tmp_path, agents=1, max_queue=1)
    bench.centre.acd.not_ready("1001", "test")
    first, second = bench.queued(A), bench.queued(B, 1)
    bench.run(1.1)
    assert first.state == "queued" and "queue_full" in played(bench, 1)
    assert bench.outcome(second)[0] == "queue_full"
    bench.stop()


def test_the_longest_wait(tmp_path: Path) -> None:
    bench = CentreBench(tmp_path, agents=1, max_wait_s=20.0)
    bench.centre.acd.not_ready("1001", "test")
    call = bench.queued()
    bench.run(22.0)
    assert "waited_too_long" in played(bench) and bench.outcome(call)[0] == "overdue"
    bench.stop()


def test_every_end_of_waiting_has_its_words(bench: CentreBench) -> None:
    assert set(ENDINGS) == {"message", "go", "overdue", "queue_full"}
    call = bench.queued()
    ended = bench.centre.attendant.ended(call)
    assert (ended.outcome, ended.farewell) == ("failed", "out_of_service") and ended.cause


def test_the_path_and_length_of_a_message(bench: CentreBench, tmp_path: Path) -> None:
    call = bench.to_message(A)
    assert bench.centre.attendant.recording(call) is not None
    bench.port.tell(ev.DigitEnd, digit="#", ms=80)
    bench.run(0.1)
    assert bench.centre.attendant.recording(call) is None and call.message_s == 5.0
    (message,) = bench.records.of(call.id, "message")
    assert message["path"] == str(tmp_path / "messages" / f"{call.id}.wav") and message["seconds"] == 5.0
    bench.run(2.0)
    assert bench.outcome(call)[0] == "message" and played(bench)[-1] == "message_saved"


@pytest.mark.parametrize("at_s", [0.0, 0.5, 1.0, 1.5, 2.1, 2.5])
def test_hanging_up_at_any_moment_of_a_message(bench: CentreBench, at_s: float) -> None:
    call = bench.queued()
    bench.run(1.1)
    bench.press("2")
    bench.run(at_s)
    bench.port.tell(ev.LoopDrop)
    bench.run(0.1)
    assert bench.outcome(call)[0] == ("message" if at_s > 2.0 else "abandoned_queue")
    assert bench.centre.attendant.recording(call) is None and bench.line.state == "guard"


def test_hanging_up_into_the_thanks(bench: CentreBench) -> None:
    call = bench.to_message(A)
    bench.port.tell(ev.DigitEnd, digit="#", ms=80)
    bench.run(0.5)
    bench.port.tell(ev.LoopDrop)
    assert bench.outcome(call)[0] == "message"


def test_signs_of_the_end_twice_during_a_message(bench: CentreBench) -> None:
    call = bench.to_message(A)
    bench.port.tell(ev.LoopDrop)
    bench.port.tell(ev.Alarm, alarms=("red",))
    bench.run(0.1)
    assert bench.outcome(call)[0] == "message" and bench.line.state == "alarm"


def test_the_next_caller_may_come_before_the_message_is_closed(bench: CentreBench) -> None:
    call = bench.to_message(A)
    bench.port.tell(ev.Alarm, alarms=("red",))
    bench.port.tell(ev.Alarm, alarms=())
    bench.port.ring()
    bench.says(B)
    bench.run(0.1)
    assert bench.outcome(call)[0] == "message"
    assert bench.calls[1].state == "menu" and bench.line.state == "busy"

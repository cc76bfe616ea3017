"""Conversations on our own cards are recorded: who is on which side, for how long, and that the index knows them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from drivers import wav
from simulators.people.codes import WINDOW, measure
from tests.cti.switch.card_bench import CardBench

Bench = Callable[..., CardBench]
STAFF = "".join(f"setup | agent 100{n} | sales 800{n} answers after 2 talks 60\n" for n in (1, 2))
CALL = "4.0 | caller 1 | 13800138000 by fsk: choose 1 after 1.5; talk 8\n"
TWO = CALL + "6.0 | caller 2 | 01062345678 by fsk: choose 1 after 1.5; talk 12\n"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made: list[CardBench] = []

    def make(text: str, **recording: object) -> CardBench:
        made.append(
            CardBench(
                text, tmp_path / str(len(made)), lambda site: site.update(recording=recording) if recording else None
            )
        )
        return made[-1]

    yield make
    for one in made:
        if not one.stopped:
            one.until(lambda: not one.centre.calls, 120)  # noqa: B023
            one.run(5.0)
        one.stop()
        assert not one.faults(), one.faults()


def speaks(world: CardBench, samples: array[int]) -> set[str]:
    """Who is heard in most of it."""
    assert world.world.voices is not None
    codes = world.world.voices.codes.of
    counts = dict.fromkeys(codes, 0)
    windows = range(0, len(samples) - WINDOW, WINDOW)
    for at in windows:
        heard = measure(samples[at : at + WINDOW], codes.values())
        for party, hz in codes.items():
            counts[party] += heard.heard(hz)
    return {party for party, count in counts.items() if count > 0.6 * len(windows)}


def test_each_conversation_is_one_file(bench: Bench) -> None:
    world = bench(STAFF + TWO)
    world.until(lambda: len(world.side.recordings.under_way) == 2)
    world.run(0.1)
    open_files = list((world.site.recordings / "open").iterdir())
    assert len(open_files) == 2
    world.until(lambda: not world.centre.calls and world.clock.seconds() > 10, 120)
    world.run(2.0)
    assert not world.side.recordings.under_way and not list((world.site.recordings / "open").iterdir())
    world.stop()
    found = world.server.store.recordings()
    assert {(row.ani, row.agents, row.why) for row in found} == {
        ("13800138000", ("1001",), "stopped"),
        ("01062345678", ("1002",), "stopped"),
    }
    for row in found:
        call = next(call for call in world.rows if call.id == row.call)
        assert row.seconds is not None and call.talk_s is not None
        assert 8.0 < row.seconds < call.talk_s + 0.3  # the agent hangs up after the caller
        assert call.connected_at is not None and abs(row.began_at - call.connected_at) < timedelta(seconds=0.3)
        left, right = wav.read(world.site.recordings / row.file).channels
        assert len(left) / 8000 == pytest.approx(row.seconds, abs=0.05)
        number = 1 if row.ani == "13800138000" else 2
        assert speaks(world, left[4000:-4000]) == {f"caller {number}"}
        assert speaks(world, right[4000:-4000]) == {f"phone 800{number}"}
    assert [row.call for row in world.server.store.recordings(agents=["1002"])] == [
        row.call for row in found if row.agents == ("1002",)
    ]
    assert len(world.server.store.recordings(ani="+86 138 0013 8000")) == 1
    assert world.server.store.rebuild() and world.server.store.recordings() == found


def test_none_is_recorded_where_none_is_wanted(bench: Bench) -> None:
    world = bench(STAFF + CALL, calls="none")
    world.talking()
    world.run(3.0)
    assert not world.side.recordings.under_way and not world.site.recordings.exists()


def test_a_full_disk_is_told_once_and_calls_go_on(bench: Bench) -> None:
    world = bench(STAFF + TWO, min_free_gb=10_000)
    world.until(lambda: not world.centre.calls and world.clock.seconds() > 10, 120)
    raised = [data for _, kind, data in world.events if kind == "alarm" and data.get("what") == "recording_disk"]
    assert len(raised) == 1 and "min_free_gb is 10000" in raised[0]["text"]
    assert not list((world.site.recordings / "open").iterdir())


def test_a_file_that_cannot_be_written_is_told_and_calls_go_on(bench: Bench) -> None:
    world = bench(STAFF + CALL)
    (world.site.recordings / "open").rmdir()
    world.talking()
    world.run(2.0)
    assert "No such file" in world.centre.alarms["recording_failed"]
    assert any(call.state == "talking" for call in world.centre.calls.values())


def test_the_server_stops_in_the_middle(bench: Bench) -> None:
    world = bench(STAFF + CALL)
    world.talking()
    world.run(3.0)
    world.stop()
    world.run(8.0)
    (row,) = world.server.store.recordings()
    assert row.why == "stopped" and row.seconds == pytest.approx(3.0, abs=0.3)
    assert (world.site.recordings / row.file).is_file()

"""The facade: events, call ids, look-ups that never fail, calls that a stopped server left open."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from cti.errors import OutsideError, StoreError
from cti.outside import SteppedOutside, ThreadedOutside
from cti.records.forwarder import Forwarder
from cti.records.journal import Journal, read
from cti.records.journal_read import files
from cti.records.records import PROBE_S, CustomerCard, Records, unfinished
from cti.records.store import Store
from drivers.clock import SteppedClock
from tests.cti.records.calls import ANSWERED, entries
from tests.cti.records.conftest import START

Open = Callable[..., Journal]


@pytest.fixture
def records(open_journal: Open, sqlite_store: Store, clock: SteppedClock) -> Records:
    return Records(clock, open_journal(), sqlite_store, SteppedOutside(clock))


def card(records: Records, clock: SteppedClock, *args: Any, **kw: Any) -> CustomerCard:
    found: list[CustomerCard] = []
    Deferred.fromCoroutine(records.lookup(*args, **kw)).addCallback(found.append)
    clock.advance(0.1)
    return found[0]


def test_an_event_is_written_with_its_data(records: Records, clock: SteppedClock) -> None:
    call = records.new_call_id()
    assert (call, records.new_call_id()) == ("1-000001", "1-000002")
    clock.advance(2)
    serial = records.event(call, "offered", "acd", agent="1001", extension="8001")
    (entry,) = read(records.journal.path)
    assert entry.serial == serial and entry.event.t == clock.now() and entry.event.agent == "1001"
    assert entry.event.data == {"extension": "8001"} and entry.seconds == 2
    records.event(call, "step", "port", t=START, n=1)
    clock.advance(0.1)


def test_who_is_calling(records: Records, clock: SteppedClock, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("number,name\n13800138000,王先生\n021-65551234,A\n010-65551234,B\n", encoding="utf-8")
    records.store.import_customers(file)
    records.store.forward(entries())
    records.store.forward(entries(ANSWERED[:5], call="1-000002", first=records.store.position() + 1))
    found = card(records, clock, "+86 13800138000", call="1-000002")
    assert found.customer is not None and found.customer.name == "王先生" and found.confirmed
    assert [row.id for row in found.last_calls] == ["1-000001"]  # not the call itself
    cut = card(records, clock, "38000", truncated=True)
    assert (cut.customer, cut.candidates) == (None, ())
    cut = card(records, clock, "0138000", truncated=True)
    assert cut.customer is not None and not cut.confirmed and len(cut.candidates) == 1
    two = card(records, clock, "5551234", truncated=True)
    assert two.customer is None and {one.name for one in two.candidates} == {"A", "B"} and not two.confirmed
    assert card(records, clock, None) == card(records, clock, "13911111111") == CustomerCard()


def test_a_database_that_fails_gives_an_empty_card_and_one_alarm(
    records: Records, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    alarms: list[tuple[str, bool]] = []
    records._on_alarm = lambda name, raised, text: alarms.append((name, raised))

    def fails(*_: object, **__: object) -> None:
        raise StoreError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(records.store, "last_calls", fails)
        assert card(records, clock, "13800138000").unknown == "gone"
        assert card(records, clock, "13800138000").unknown == "gone"
    assert card(records, clock, "13800138000").unknown == ""
    assert not clock.getDelayedCalls()
    assert alarms == [("lookup_failed", True), ("lookup_failed", False)]


def test_the_alarm_goes_when_the_database_is_back_though_nobody_calls(
    records: Records, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    alarms: list[tuple[str, bool]] = []
    records._on_alarm = lambda name, raised, text: alarms.append((name, raised))

    def fails(*_: object, **__: object) -> None:
        raise StoreError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(records.store, "last_calls", fails)
        patch.setattr(records.store, "position", fails)
        card(records, clock, "13800138000")
        clock.advance(3 * PROBE_S)
        assert alarms == [("lookup_failed", True)]
    clock.advance(PROBE_S + 1)
    assert alarms == [("lookup_failed", True), ("lookup_failed", False)]
    assert not clock.getDelayedCalls()
    with monkeypatch.context() as patch:
        patch.setattr(records.store, "last_calls", fails)
        card(records, clock, "13800138000")
    records.stop()
    assert not clock.getDelayedCalls()


def test_calls_that_a_stopped_server_left_open_are_ended(open_journal: Open, sqlite_store: Store) -> None:
    journal = open_journal(file_bytes=3000)
    for entry in entries(ANSWERED[:10], call="1-000001") + entries(call="1-000002"):
        journal.append(entry.event)
    Forwarder(sqlite_store, journal.path).forward_once()
    talking = next(n for n, entry in enumerate(entries()) if entry.event.kind == "connected") + 1
    for entry in (
        entries(call="1-000003") + entries(ANSWERED[:12], call="1-000004") + entries(call="1-000005")[:talking]
    ):
        journal.append(entry.event)
    journal.close()
    clock = SteppedClock(START)
    journal = Journal(clock, journal.path, "none", boot_after=sqlite_store.last_boot())
    records = Records(clock, journal, sqlite_store, SteppedOutside(clock))
    assert sqlite_store.open_calls(journal.boot) == ["1-000001"]  # too long ago for the newest files, but stored
    assert records.recover(sqlite_store.open_calls(journal.boot)) == ["1-000001", "1-000004", "1-000005"]
    journal.close()
    Forwarder(sqlite_store, journal.path).forward_once()
    rows = {row.id: row for row in sqlite_store.calls()}
    assert {id: row.outcome for id, row in rows.items()} == {
        "1-000001": "failed",
        "1-000002": "answered",
        "1-000003": "answered",
        "1-000004": "failed",
        "1-000005": "answered",  # and goes on talking to the agent behind the PBX
    }
    assert {rows[id].cause for id in ("1-000004", "1-000005")} == {"the server stopped during the call"}
    assert unfinished(journal.path, 99) == [] and sqlite_store.open_calls(99) == []


def test_calls_that_ended_while_the_database_was_away_for_many_files_keep_their_outcome(
    open_journal: Open, sqlite_store: Store, clock: SteppedClock
) -> None:
    journal = open_journal(file_bytes=2000)
    for entry in entries()[:6]:
        journal.append(entry.event)
    Forwarder(sqlite_store, journal.path).forward_once()
    for entry in entries()[6:]:  # from here on the database is away
        journal.append(entry.event)
    for entry in entries(call="1-000002")[:6]:
        journal.append(entry.event)
    for n in range(3, 8):
        for entry in entries(call=f"1-{n:06d}"):
            journal.append(entry.event)
    assert len(files(journal.path)) > 6
    journal.close()
    again = open_journal()
    records = Records(clock, again, sqlite_store, SteppedOutside(clock))
    assert records.recover(sqlite_store.open_calls(again.boot), sqlite_store.position()) == ["1-000002"]


class Threads:
    """Stands for the reactor: what threads post runs in the test's own thread."""

    def __init__(self) -> None:
        self.posted: list[tuple[Any, ...]] = []
        self.arrived = threading.Semaphore(0)

    def __call__(self, *call: Any) -> None:
        self.posted.append(call)
        self.arrived.release()

    def run(self) -> None:
        assert self.arrived.acquire(timeout=60)
        function, *arguments = self.posted.pop(0)
        function(*arguments)


def results(deferred: Deferred[Any]) -> list[Any]:
    found: list[Any] = []
    deferred.addBoth(found.append)
    return found


def test_questions_run_in_threads_and_are_answered_in_ours(clock: SteppedClock) -> None:
    threads = Threads()
    outside = ThreadedOutside(clock, threads)
    name = results(outside.ask(lambda: threading.current_thread().name))
    assert name == []
    threads.run()
    assert name[0].startswith("outside-")
    error = results(outside.ask(divmod, 1, 0))
    threads.run()
    assert isinstance(error[0].value, ZeroDivisionError)
    outside.close()


def test_a_late_answer_is_an_error_and_too_many_questions_are_refused(clock: SteppedClock) -> None:
    threads = Threads()
    outside = ThreadedOutside(clock, threads, waiting=1)
    hold = threading.Event()
    late = results(outside.ask(hold.wait, 5))
    refused = results(outside.ask(len, "x"))
    assert isinstance(refused[0].value, OutsideError)
    clock.advance(2.1)
    assert isinstance(late[0].value, OutsideError) and "2 s" in str(late[0].value)
    hold.set()
    threads.run()  # the answer is thrown away
    assert len(late) == 1
    again = results(outside.ask(len, "x"))
    threads.run()
    assert again == [1] and (outside.asked, outside.late, outside.refused) == (3, 1, 1)
    outside.close()


def test_what_hangs_apart_holds_up_nobody(clock: SteppedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = Threads()
    outside = ThreadedOutside(clock, threads)
    disk = outside.apart(5.0)
    hold = threading.Event()
    late = [results(disk.ask(hold.wait, 5)) for _ in range(10)]
    answer = results(outside.ask(len, "xx"))
    threads.run()
    assert answer == [2]
    clock.advance(5.1)
    assert all(isinstance(one[0].value, OutsideError) for one in late)
    monkeypatch.setattr("cti.outside.CLOSES_S", 0.0)
    outside.close()  # does not wait for it
    hold.set()


def test_a_cancelled_question_leaves_nothing(clock: SteppedClock) -> None:
    """No timer, no answer to nobody, and no place among those that wait."""

    def cancelled(answer: Deferred[Any]) -> bool:
        told = results(answer)
        answer.cancel()
        assert clock.getDelayedCalls() == []
        return [type(failure.value) for failure in told] == [CancelledError]

    assert cancelled(SteppedOutside(clock).ask(len, "x"))
    threads = Threads()
    outside = ThreadedOutside(clock, threads, waiting=1)
    assert cancelled(outside.ask(len, "x"))
    threads.run()  # its thread comes all the same
    assert outside.late == outside.refused == 0
    next_one = results(outside.ask(len, "xy"))
    threads.run()
    assert next_one == [2], "the one before does not count among those that wait"
    outside.close()


def test_a_stepped_answer_takes_its_line_time(clock: SteppedClock) -> None:
    answer = results(SteppedOutside(clock, 0.1).ask(len, "xx"))
    clock.advance(0.08)
    assert answer == []
    clock.advance(0.02)
    assert answer == [2]

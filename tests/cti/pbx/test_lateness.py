"""How late records come is what all of them have in common, whatever each of them could be of."""

from __future__ import annotations

from random import Random

import pytest

from cti.pbx.lateness import FIRST, WINDOW, Lateness


@pytest.mark.parametrize("late_s", [7.0, 40.0, 100.0])
def test_what_every_record_may_be_is_what_they_are(late_s: float) -> None:
    """Calls follow each other on a port at random; one of those before is the record's own."""
    random, found = Random(1), Lateness()
    for _ in range(2 * WINDOW):
        found.came([random.uniform(0.0, 120.0) for _ in range(6)] + [late_s + random.uniform(-2.0, 2.0)])
    assert found.late_s == pytest.approx(late_s, abs=3.0) and not found.at_once


def test_records_that_come_at_once() -> None:
    found = Lateness()
    for others in ([], [13.7], [41.0, 20.2], [61.3]):
        assert not found.at_once
        found.came([0.3, *others])
        if len(found._records) == FIRST:
            break
    assert found.at_once and found.late_s == 0.0


def test_nothing_is_known_where_two_are_spoken_for_alike() -> None:
    found = Lateness()
    for _ in range(10):
        found.came([0.2, 40.0])
    assert not found.at_once and found.late_s == 0.0


def test_nothing_is_known_without_a_rule() -> None:
    random, found = Random(2), Lateness()
    for _ in range(2 * WINDOW):
        found.came([random.uniform(0.0, 120.0) for _ in range(4)])
        assert not found.at_once and found.late_s == 0.0


def test_a_spooler_that_is_taken_away() -> None:
    found = Lateness()
    for _ in range(WINDOW):
        found.came([40.0])
    assert found.late_s == 40.0
    for _ in range(WINDOW):
        found.came([])  # of no call that we know
    assert found.late_s == 40.0
    for _ in range(WINDOW):
        found.came([0.5])
    assert found.late_s == 0.0 and found.at_once

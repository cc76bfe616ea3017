"""How long a serial line is not believed, and when that is told."""

from __future__ import annotations

from cti.arrivals.trust import FEW, SOUND, LineTrust, RecentDamage


def test_a_line_with_parity_is_believed_until_it_shows_damage() -> None:
    told: list[bool] = []
    line = LineTrust("smdi", True, lambda raised, text: told.append(raised))
    believed = []
    for sound, damaged in (1, 2), (SOUND - 1, 1), (SOUND - 1, 0), (1, 0):
        for _ in range(sound):
            line.sound()
        for _ in range(damaged):
            line.damaged()
        believed.append((line.believed, tuple(told)))
    assert believed == [(False, (True,)), (False, (True,)), (False, (True,)), (True, (True, False))], "in a row"


def test_a_line_without_parity_earns_it_without_an_alarm() -> None:
    told: list[bool] = []
    line = LineTrust("mci", False, lambda raised, text: told.append(raised))
    believed = [line.believed]
    for _ in range(SOUND):
        line.sound()
    believed.append(line.believed)
    assert believed == [False, True] and told == []


def test_damage_of_records_is_told_when_it_is_seen_again_until_it_is_seen_no_more() -> None:
    told: list[tuple[bool, str]] = []
    line = RecentDamage(lambda raised, text: told.append((raised, text)))
    for damaged in (True, *[False] * FEW, True):
        line.line(damaged)
    assert told == [], "one line in sixteen is an accident"
    line.line(True)
    assert [raised for raised, _ in told] == [True] and "2 of the last 16 lines" in told[0][1]
    for damaged in (True, *[False] * (FEW - 1)):
        line.line(damaged)
    assert len(told) == 1, "once, and as long as one of the last lines was damaged"
    line.line(False)
    assert [raised for raised, _ in told] == [True, False]

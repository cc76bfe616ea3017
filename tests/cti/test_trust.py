"""How long a serial line is not believed, and when that is told."""

from __future__ import annotations

from cti.trust import SOUND, LineTrust


def test_a_line_with_parity_is_believed_until_it_shows_damage() -> None:
    told: list[bool] = []
    line = LineTrust("smdi", True, lambda raised, text: told.append(raised))
    line.sound()
    assert line.believed
    line.damaged()
    line.damaged()
    assert not line.believed and told == [True]
    for _ in range(SOUND - 1):
        line.sound()
    line.damaged()
    for _ in range(SOUND - 1):
        line.sound()
    assert not line.believed, "whole ones in a row"
    line.sound()
    assert line.believed and told == [True, False]


def test_a_line_without_parity_earns_it_without_an_alarm() -> None:
    told: list[bool] = []
    line = LineTrust("mci", False, lambda raised, text: told.append(raised))
    assert not line.believed
    for _ in range(SOUND):
        line.sound()
    assert line.believed and told == []

"""Frequencies by which parties are told apart, and how they are measured."""

from __future__ import annotations

import math
from array import array
from pathlib import Path

import pytest

from drivers.clock import SteppedClock
from simulators.people.codes import CODES, LEVEL_DBM0, PEAK_0DBM0, WINDOW, Codes, NoMoreCodes, measure
from simulators.people.hearing import Voices


def sines(*waves: tuple[float, float]) -> array[int]:
    """(Hz, dBm0) each."""
    return array(
        "h",
        (
            round(
                sum(PEAK_0DBM0 * 10 ** (dbm0 / 20) * math.sin(2 * math.pi * hz * at / 8000 + hz) for hz, dbm0 in waves)
            )
            for at in range(WINDOW)
        ),
    )


def test_each_code_is_measured_beside_all_others() -> None:
    spoken = CODES[::9]
    window = measure(sines(*((hz, -20.0 - index) for index, hz in enumerate(spoken))), CODES[::-1])
    for index, hz in enumerate(spoken):
        assert window.levels[hz] == pytest.approx(-20.0 - index, abs=0.1)
    assert max(level for hz, level in window.levels.items() if hz not in spoken) < -55.0
    assert window.other_dbm0 < -50.0


def test_speech_and_music_are_what_is_left() -> None:
    window = measure(sines((1000, -16.0), (311, -20.0)), [1000, 450])
    assert window.levels[1000] == pytest.approx(-16.0, abs=0.3)
    assert window.levels[450] < -35.0
    assert window.other_dbm0 == pytest.approx(-20.0, abs=0.7)


def test_silence() -> None:
    window = measure(array("h", bytes(2 * WINDOW)), [1000])
    assert window.levels == {1000: -60.0} and window.other_dbm0 == -60.0 and not window.heard(1000)


def test_codes_keep_away_from_tones_and_keys() -> None:
    for other in (450, 950, 1400, 697, 770, 852, 941, 1209, 1336, 1477, 1633):
        assert all(abs(hz - other) > 30 for hz in CODES)


def test_every_party_has_its_own() -> None:
    codes = Codes()
    given = [codes[f"phone {number}"] for number in range(len(CODES))]
    assert sorted(given) == sorted(CODES) and codes["phone 3"] == given[3]
    assert codes.tone("phone 3").level_dbm0 == LEVEL_DBM0
    with pytest.raises(NoMoreCodes):
        codes["one more"]


def test_people_who_have_gone_hand_their_codes_on() -> None:
    codes = Codes()
    phones = [codes[f"phone {number}"] for number in range(10)]
    callers = [codes[f"caller {number}"] for number in range(300)]
    apart = len(CODES) - 10
    assert not set(phones) & set(callers)
    assert all(len(set(callers[at : at + apart])) == apart for at in range(300 - apart))
    assert [codes[f"phone {number}"] for number in range(10)] == phones


def test_who_speaks_keeps_the_code() -> None:
    codes = Codes()
    mine = codes.speaks("subscriber 66880001")
    others = set()
    for number in range(300):
        others.add(codes.speaks(f"caller {number}"))
        codes.rests(f"caller {number}")
    assert mine not in others and codes.speaks("subscriber 66880001") == mine


def test_whose_code_is_anothers_by_now_has_a_new_one() -> None:
    """Else two would speak with one code, and nobody could tell who of them is heard."""
    codes = Codes()
    mine = codes.speaks("subscriber 66880001")
    codes.rests("subscriber 66880001")
    whose = {codes.speaks(f"caller {number}"): f"caller {number}" for number in range(len(CODES))}
    assert mine in whose
    with pytest.raises(NoMoreCodes):
        codes.speaks("subscriber 66880001")
    codes.rests("caller 20")
    assert whose[codes.speaks("subscriber 66880001")] == "caller 20"


def test_what_is_heard_is_the_code_of_that_time(tmp_path: Path) -> None:
    clock = SteppedClock()
    voices = Voices(clock, tmp_path)
    voices.begins("subscriber 66880001")
    old = voices.codes["subscriber 66880001"]
    clock.advance(1.0)
    voices.ends("subscriber 66880001")
    clock.advance(1.0)
    for number in range(len(CODES)):
        voices.begins(f"caller {number}")
    clock.advance(2.0)
    voices.ends("caller 0")
    voices.begins("subscriber 66880001")
    new = voices.codes["subscriber 66880001"]
    heir = next(party for party, hz in voices.codes.of.items() if hz == old)
    clock.advance(2.0)
    assert new != old
    assert voices.moment("phone 8001", 0.5, sines((old, -14.0))).words == {"subscriber 66880001"}
    assert voices.moment("phone 8001", 3.0, sines((old, -14.0))).words == {heir}
    assert voices.moment("phone 8001", 5.0, sines((new, -14.0))).words == {"subscriber 66880001"}
    spoke = [voices.spoke("subscriber 66880001", *when) for when in ((0.5, 2.0), (1.5, 3.0), (3.0, None))]
    assert spoke == [old, None, new]


def test_what_comes_back_weaker_of_what_was_sent_is_an_echo(tmp_path: Path) -> None:
    """-24 dBm0 of -14.6 was seen at a usual hybrid, -20.7 of -14.5 at one of 8 dB; a voice is as loud as others."""
    usual, bad = Voices(SteppedClock(), tmp_path), Voices(SteppedClock(), tmp_path, return_loss_db=8.0)
    assert usual.is_echo(-24.0, -14.6) and not usual.is_echo(-20.7, -14.5)
    assert bad.is_echo(-20.7, -14.5) and not bad.is_echo(-16.0, -14.5)


def test_a_frequency_off_the_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="no multiple"):
        measure(sines((1000, -10.0)), [1010])

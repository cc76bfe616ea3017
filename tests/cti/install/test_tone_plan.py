"""Tones measured from samples: frequency, cadence and level as they were made, and nothing where there is no tone."""

from __future__ import annotations

import random
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.install.tone_plan import recognised, site_tones
from drivers.cadence import measure
from drivers.items import Silence, Tone
from drivers.listener import render


def sound(f1: int, f2: int = 0, cadence: tuple[int, ...] = (), ms: int = 9000, level: float = -10.0) -> array[int]:
    return render([Silence(310), Tone(f1, f2, level, cadence, ms)])


def noisy(samples: array[int], sigma: float) -> array[int]:
    source = random.Random(1)
    return array("h", (max(-32768, min(32767, round(value + source.gauss(0, sigma)))) for value in samples))


def test_two_frequencies() -> None:
    found = measure(sound(350, 440, level=-13.0))
    assert found.kind == "continuous" and (found.f1_hz, found.f2_hz) == (350, 440)
    assert found.level_dbm0 == pytest.approx(-13.0, abs=0.5)


@pytest.mark.parametrize(
    ("cadence", "ms"),
    [((350, 350), 6000), ((100, 100, 100, 100, 100, 100, 400, 400), 7000), ((400, 400, 400, 2800), 12000)],
)
def test_cadences_begin_after_their_longest_silence(cadence: tuple[int, ...], ms: int) -> None:
    found = measure(noisy(sound(450, cadence=cadence, ms=ms), 60))
    assert found.cadence_ms == cadence and abs(found.f1_hz - 450) <= 1 and found.cycles >= 2


@settings(max_examples=25, deadline=None)
@given(st.integers(300, 1000), st.integers(10, 80), st.integers(10, 80), st.floats(-35, 0))
def test_any_tone_in_any_cadence(hertz: int, on: int, off: int, level: float) -> None:
    found = measure(sound(hertz, cadence=(10 * on, 10 * off), ms=6 * 10 * (on + off), level=level))
    assert found.kind == "cadence" and abs(found.f1_hz - hertz) <= 2
    assert all(abs(a - b) <= 10 for a, b in zip(found.cadence_ms, (10 * on, 10 * off), strict=True))
    assert found.level_dbm0 == pytest.approx(level, abs=0.7)


def test_silence_noise_and_sound_without_a_pattern() -> None:
    assert measure(array("h")).kind == "silence"
    assert measure(noisy(array("h", bytes(16000)), 20)).kind == "silence"
    odd: list[Tone | Silence] = []
    for on, off in ((200, 700), (900, 150), (60, 300), (500, 80)):
        odd += [Tone(500, 0, -10.0, (), on), Silence(off)]
    assert measure(render(odd)).kind == "irregular"


def test_a_plan_of_a_country_stays_where_it_fits() -> None:
    found = site_tones("cn", {"dial": sound(450), "busy": sound(450, cadence=(350, 350))})
    assert not found.changes and not found.unsure


def test_a_plan_that_nobody_knows_is_heard_with_what_was_measured() -> None:
    recordings = {
        "dial": sound(620, ms=3000),
        "ringback": sound(620, cadence=(1400, 5600), ms=20000),
        "busy": sound(620, cadence=(490, 490), ms=7000),
    }
    found = site_tones("cn", recordings)
    assert found.changes["dial"] == {"f1_hz": 620}
    assert found.changes["ringback"] == {"f1_hz": 620, "cadence_ms": (1400, 5600)}
    assert found.changes["busy"] == {"f1_hz": 620, "cadence_ms": (490, 490)}
    assert found.changes["info"] == {"f1_hz": 620}
    assert any(text.startswith("info: not measured") for text in found.unsure)
    for name, samples in recordings.items():
        assert recognised(found.plan, samples) == [name]


def test_what_it_is_unsure_of() -> None:
    found = site_tones(
        "cn",
        {"dial": array("h", bytes(48000)), "busy": sound(450), "info": sound(450, cadence=(350, 350))},
    )
    assert [text.split(":")[0] for text in found.unsure[:2]] == ["dial", "busy"]
    alike = site_tones("cn", {"busy": sound(450, cadence=(480, 450)), "info": sound(450, cadence=(480, 450))})
    assert alike.changes == {"busy": {"cadence_ms": (480, 450)}}
    assert alike.unsure[0].startswith("info: sounds like busy")

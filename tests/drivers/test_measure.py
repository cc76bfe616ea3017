"""Levels, frequencies, cadences and return loss of sounds whose figures are known by construction."""

from __future__ import annotations

import math
from array import array
from random import Random

import pytest

from drivers import measure
from drivers.errors import ArgumentError
from drivers.measure import level, listen_to, noise, return_loss


def sine(hz: float, dbm0: float, seconds: float = 1.0) -> array[int]:
    peak = 32767 * 10 ** ((dbm0 - 3.14) / 20)
    return array("h", (round(peak * math.sin(2 * math.pi * hz * n / 8000)) for n in range(int(8000 * seconds))))


def mixed(*sounds: array[int]) -> array[int]:
    return array("h", map(sum, zip(*sounds, strict=True)))


@pytest.mark.parametrize("dbm0", [3.0, -10.0, -35.0])
@pytest.mark.parametrize("hz", [400.0, 447.3, 950.0])
def test_a_steady_tone(hz: float, dbm0: float) -> None:
    heard = listen_to(sine(hz, dbm0))
    assert heard.dbm0 == pytest.approx(dbm0, abs=0.1)
    assert [partial.hz for partial in heard.partials] == pytest.approx([hz], abs=0.5)
    assert heard.is_tone(hz) and not heard.is_tone(hz + 40) and not heard.is_tone(hz, 2 * hz)


def test_two_frequencies() -> None:
    heard = listen_to(mixed(sine(350, -13), sine(440, -13)))
    assert sorted(partial.hz for partial in heard.partials) == pytest.approx([350, 440], abs=1)
    assert heard.is_tone(440, 350) and not heard.is_tone(350)


def test_noise_and_silence_are_no_tones() -> None:
    assert listen_to(noise(1.0, -20.0)).purity < 0.3
    silence = listen_to(array("h", bytes(16000)))
    assert silence.partials == () and silence.dbm0 == measure.SILENCE_DBM0 and silence.purity == 0


def test_noise_has_its_level() -> None:
    assert level(noise(1.0, -13.0)) == pytest.approx(-13.0, abs=0.1)


@pytest.mark.parametrize("loss_db", [3.0, 12.0, 24.0])
def test_return_loss_under_a_dial_tone(loss_db: float) -> None:
    sent, received = noise(), sine(450, -10, measure.NOISE_S)
    random = Random(2)
    for n in range(len(received)):
        back = sent[n - 700] * 0.8 - sent[n - 706] * 0.6 if n >= 706 else 0.0  # power 0.64 + 0.36 of what was sent
        received[n] += round(10 ** (-loss_db / 20) * back + random.gauss(0, 20))
    echo = return_loss(sent, received)
    assert echo.loss_db == pytest.approx(loss_db, abs=1.0)
    assert echo.delay_ms == pytest.approx(700 / 8, abs=0.2)


def test_no_reflection_is_told_as_a_bound() -> None:
    echo = return_loss(noise(), noise(dbm0=-40, seed=7))
    assert echo.loss_db is None and echo.over_db > 20


def test_too_short_a_sound_for_return_loss() -> None:
    with pytest.raises(ArgumentError):
        return_loss(noise(0.5), noise(0.5))

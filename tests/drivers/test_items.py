"""What the player is given, as the commands the engine gets; and tone plans."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from drivers import items
from drivers.errors import ArgumentError
from drivers.items import CallerIdBurst, Digits, PlayItem, Samples, Silence, Sound, Tone, duration_ms, encode
from drivers.tones import Tone as PlanTone
from drivers.tones import TonePlan, load

TONES = Path(__file__).parents[2] / "conf" / "tones"


def parsed(name: str) -> Any:
    return YAML(typ="safe").load((TONES / f"{name}.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("item", "a", "side"),
    [
        (Sound("/p/x.wav", gain_db=-6.5), (1, 0, -650, 0), b"/p/x.wav"),
        (Sound("音乐.wav", repeat=True, start_ms=1500), (1, 1500, 0, 1), "音乐.wav".encode()),
        (Tone(450), (2, 450, 0, -1000, 0), b""),
        (Tone(440, 480, -13, (2000, 4000), 6000), (2, 440, 480, -1300, 6000), struct.pack("=2i", 2000, 4000)),
        (Digits("8001,#"), (3, 100, 100, -900, -700, 500), b"8001,#"),
        (Digits("12", kind="r2f", on_ms=70, off_ms=60, level_dbm0=-8), (5, 70, 60, -800), b"12"),
        (CallerIdBurst(b"\x80\x01\x00\x7f"), (7, 0, 0, -1350), b"\x80\x01\x00\x7f"),
        (Silence(200), (8, 200), b""),
        (Samples(b"\x01\x02"), (9,), b"\x01\x02"),
    ],
)
def test_commands(item: PlayItem, a: tuple[int, ...], side: bytes) -> None:
    assert list(encode(item)) == [(a, side)]


@pytest.mark.parametrize(
    "item",
    [
        Sound(""),
        Sound("x" * 5000),
        Tone(0),
        Tone(4000),
        Tone(450, cadence_ms=(-1, 5)),
        Digits("12X"),
        Digits("1", on_ms=0),
        Digits("1" * 300),
        CallerIdBurst(b""),
        CallerIdBurst(bytes(300)),
        Samples(b"\x01"),
    ],
)
def test_what_cannot_be_played(item: PlayItem) -> None:
    with pytest.raises(ArgumentError):
        list(encode(item))


def test_nothing_to_play_is_no_command() -> None:
    assert [list(encode(item)) for item in (Digits(""), Silence(0), Samples(b""), Tone(450, ms=0))] == [[]] * 4


def test_long_samples_are_cut_to_fit_the_side_ring() -> None:
    data = bytes(range(256)) * 40
    pieces = [side for _, side in encode(Samples(data))]
    assert b"".join(pieces) == data and max(map(len, pieces)) <= items.SIDE_MAX


def test_durations() -> None:
    assert duration_ms(Digits("12,3")) == 1100
    assert duration_ms(Samples(bytes(320))) == 20
    assert duration_ms(Tone(450)) is None
    burst = duration_ms(CallerIdBurst(bytes(25)))
    assert burst is not None and 600 <= burst <= 720  # KX-TG4763 manual: 575 ms without a name, 718 with


@pytest.mark.parametrize("country", ["cn", "us", "uk", "de", "jp"])
def test_country_plans_load(country: str) -> None:
    plan = load(parsed(country))
    assert plan.name == country
    assert {"dial", "ringback", "busy"} <= set(plan.names)
    assert plan.tone("ringback").watch_overdue
    dial = plan.tone("dial")
    assert dial.cadence_ms == () and dial.min_ms >= 850
    for tone in plan.without("ringback").tones:
        if (tone.f1_hz, tone.f2_hz) == (dial.f1_hz, dial.f2_hz):
            assert tone.longest_on_ms * 1.2 <= dial.min_ms, f"a burst of {tone.name} would be taken for dial tone"


@pytest.mark.parametrize("country", ["cn", "us", "uk", "de", "jp"])
def test_no_two_tones_of_a_plan_look_alike(country: str) -> None:
    plan = load(parsed(country))
    seen: dict[tuple[object, ...], str] = {}
    for tone in plan.tones:
        key = (tone.f1_hz, tone.f2_hz, tone.cadence_ms)
        assert key not in seen, f"{tone.name} and {seen.get(key)}"
        seen[key] = tone.name


def test_china_is_the_standards() -> None:
    plan = load(parsed("cn"))
    assert {tone.f1_hz for tone in plan.tones} == {450, 950}
    assert plan.tone("busy").cadence_ms == (350, 350)
    assert plan.tone("congestion").cadence_ms == (700, 700)
    assert plan.tone("ringback").cadence_ms == plan.ring_cadence_ms == (1000, 4000)


def test_a_site_lays_its_own_values_over() -> None:
    plan = load(parsed("cn"), {"busy": {"cadence_ms": [480, 450]}, "confirm": {"f1_hz": 450, "cadence_ms": [200, 200]}})
    assert plan.tone("busy").cadence_ms == (480, 450) and plan.tone("busy").min_cycles == 3
    assert plan.tone("confirm").cadence_ms == (200, 200)


def test_a_pbx_that_sends_everything_at_400_hz() -> None:
    plan = load(parsed("cn")).retuned({450: 400}, tolerance_hz=20)
    assert {(tone.f1_hz, tone.tolerance_hz) for tone in plan.tones} == {(400, 20), (950, 20)}
    assert plan.with_tone("dial", f1_hz=420).tone("dial").f1_hz == 420


def test_a_plans_tone_as_an_item() -> None:
    assert load(parsed("us")).item("busy", -12, 3000) == Tone(480, 620, -12, (500, 500), 3000)


@pytest.mark.parametrize(
    "text",
    [
        {},
        {"name": "x", "tones": {"dial": {}}},
        {"name": "x", "tones": {"dial": {"f1_hz": 450, "colour": 3}}},
        {"name": "x", "tones": {"dial": {"f1_hz": 50}}},
        {"name": "x", "tones": {"busy": {"f1_hz": 450, "cadence_ms": [350]}}},
        {"name": "x", "tones": {"busy": {"f1_hz": 450, "cadence_ms": "350/350"}}},
        {"name": "x", "tones": {"busy": {"f1_hz": 450, "cadence_ms": [350, 0]}}},
        {"name": "x", "tones": {str(n): {"f1_hz": 450} for n in range(17)}},
        {"name": "x", "tunes": {}},
    ],
)
def test_faulty_plans_are_refused(text: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        load(text)


def test_an_unknown_name_is_told_with_those_there_are() -> None:
    plan = TonePlan("small", (PlanTone("dial", 450),))
    with pytest.raises(ArgumentError, match="dial"):
        plan.index("busy")
    assert "dial" in plan and "busy" not in plan

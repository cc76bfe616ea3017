"""Keys and strings: what a PBX sends after the answer chooses nothing, whatever a person presses does (steps 4, 5)."""

from __future__ import annotations

import pytest

from cti.vru.keys import PACE_S, STRING_S, Keys
from cti.vru.menu import run_menu
from drivers.items import Digits
from drivers.operations import quietly

from .conftest import World


def sends(world: World, after_s: float, digits: str, on_ms: int = 80, off_ms: int = 80) -> None:
    """The far end sends them, as a PBX or a telephone does."""
    item = Digits(digits, on_ms=on_ms, off_ms=off_ms)
    world.clock.callLater(after_s, lambda: quietly(world.caller.play(item)))


def screened(world: World) -> Keys:
    return Keys(world.port, world.clock, world.clock.seconds() + STRING_S)


@pytest.mark.parametrize("digits", ["#6103", "1,3", "***3******700*3", "11"])
@pytest.mark.parametrize("off_ms", [80, 160])
def test_a_string_chooses_nothing_and_the_callers_key_does(world: World, digits: str, off_ms: int) -> None:
    if "," in digits:
        digits = "12,345"  # half a second's pause is part of it
    sends(world, 0.5, digits, 80, off_ms)
    world.press(0.5 + 0.25 * len(digits) + 2.0, "2")
    assert world.run(run_menu(screened(world), world.flow, world.prompts, "zh")).group == "service"
    assert not world.port.typed_ahead


@pytest.mark.parametrize("at_s", [0.3, 2.0, 4.5])
def test_a_single_key_counts_a_moment_later(world: World, at_s: float) -> None:
    world.press(at_s, "3")
    began = world.clock.seconds()
    assert world.run(run_menu(screened(world), world.flow, world.prompts, "zh")).group == "complaints"
    assert world.clock.seconds() - began < at_s + PACE_S + 0.3


def test_two_keys_of_a_person(world: World) -> None:
    """The second one is typed ahead."""
    sends(world, 0.3, "13", 120, 350)
    result = world.run(run_menu(screened(world), world.flow, world.prompts, "zh"))
    assert result.group == "sales"
    world.stepper.run_for(0.6)
    assert list(world.port.typed_ahead) == ["3"]


def test_later_in_the_call_every_key_counts_at_once(world: World) -> None:
    keys = screened(world)
    world.stepper.run_for(STRING_S)
    sends(world, 0.3, "12", 80, 80)
    assert world.run(run_menu(keys, world.flow, world.prompts, "zh")).group == "sales"


def test_the_caller_hears_the_greeting_again(world: World, saying) -> None:  # type: ignore[no-untyped-def]
    sends(world, 0.4, "#6103")
    world.press(4.0, "1")
    world.run(run_menu(screened(world), world.flow, world.prompts, "zh"))
    assert saying().count("greeting/zh") == 1, "made once"
    assert world.flow.menu.tries > 0
